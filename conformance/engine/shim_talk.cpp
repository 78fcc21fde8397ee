#include "conformance/engine/shim_talk.hpp"

#include <algorithm>
#include <utility>

namespace agentmesh::conformance {
namespace {

constexpr std::size_t questions_per_burst = 32;
constexpr std::size_t bytes_per_burst = 262'144;

std::string dump(const shim_json& value) { return value.dump(-1, ' ', false, shim_json::error_handler_t::replace); }

std::optional<std::uint64_t> id_of(const shim_json& line) {
    if (!line.is_object() || !line.contains("id") || !line["id"].is_number_unsigned()) return std::nullopt;
    return line["id"].get<std::uint64_t>();
}

std::optional<std::uint64_t> id_of(const std::string& line) { return id_of(shim_json::parse(line, nullptr, false)); }

/// A set of texts; nullopt if it is something else.
std::optional<std::set<std::string>> texts_of(const shim_json& value) {
    if (!value.is_array()) return std::nullopt;
    std::set<std::string> out;
    for (const auto& one : value) {
        if (!one.is_string()) return std::nullopt;
        out.insert(one.get<std::string>());
    }
    return out;
}

class process_link final : public shim_link {
public:
    process_link(const std::string& command, shim_pace& pace, std::chrono::steady_clock::time_point start)
        : process_{command}, pace_{pace}, start_{start} {}

    shim_stop exchange(const std::vector<std::string>& out, std::vector<std::string>& in,
                       const std::function<bool(const std::string&)>& last, std::size_t work) override {
        std::string text;
        for (const auto& line : out) text += line + "\n";
        const auto of = std::exchange(greeted_, true) ? shim_pace::phase::work : shim_pace::phase::life;
        const auto stop = process_.converse(text, in, last, {pace_.allowed(of, work), pace_.longest()});
        if (stop == shim_stop::none) pace_.note(of, work, process_.silence());
        return stop;
    }
    std::string finish(std::vector<std::string>& in) override {
        return process_.finish(in, {pace_.allowed(shim_pace::phase::life, 1), pace_.longest()});
    }
    std::string errors() const override { return process_.errors(); }
    std::int64_t now() const override {
        return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    shim_process process_;
    shim_pace& pace_;
    std::chrono::steady_clock::time_point start_;
    bool greeted_ = false;
};

class record_link final : public shim_link {
public:
    explicit record_link(const ledger& records) : records_{records.records()} {}

    shim_stop exchange(const std::vector<std::string>& out, std::vector<std::string>& in,
                       const std::function<bool(const std::string&)>& last, std::size_t) override {
        for (const auto& line : out) {
            const auto* record = here();
            if (record == nullptr || record->dir != direction::out || record->bytes != line)
                throw shim_diverged{at_ + 1, "another question was asked"};
            ++at_;
        }
        while (take_line(in))
            if (last(in.back())) return shim_stop::none;
        const auto* record = here();
        if (record == nullptr || record->is_verdict()) throw shim_diverged{at_ + 1, "the records end too early"};
        const auto layer = record->layer;
        if (layer == "timer") ++at_;
        return layer == "timer" ? shim_stop::deadline : layer == "overlong" ? shim_stop::overlong : shim_stop::ended;
    }
    std::string finish(std::vector<std::string>& in) override {
        if (const auto* r = here(); r != nullptr && r->layer == "overlong") ++at_;
        while (take_line(in)) {
        }
        errors_.clear();
        if (const auto* r = here(); r != nullptr && r->layer == "stderr") errors_ = records_[at_++].bytes;
        const auto* record = here();
        if (record == nullptr || record->layer != "exit")
            throw shim_diverged{at_ + 1, "how the shim ended is not recorded"};
        ++at_;
        return record->bytes;
    }
    std::string errors() const override { return errors_; }
    std::int64_t now() const override { return 0; }

private:
    [[nodiscard]] const evidence_record* here() const { return at_ < records_.size() ? &records_[at_] : nullptr; }
    bool take_line(std::vector<std::string>& in) {
        const auto* record = here();
        if (record == nullptr || record->is_verdict() || record->dir != direction::in || record->layer != "line")
            return false;
        in.push_back(record->bytes);
        ++at_;
        return true;
    }

    const std::vector<evidence_record>& records_;
    std::size_t at_ = 0;
    std::string errors_;
};

}  // namespace

void shim_talk::breach(std::string clause, std::string why, std::vector<std::uint64_t> evidence) {
    const auto same = [&](const protocol_breach& b) { return b.clause == clause; };
    if (std::ranges::none_of(breaches_, same))
        breaches_.push_back({std::move(clause), std::move(why), std::move(evidence)});
}

shim_talk::sent_line shim_talk::put(const shim_question& question, std::vector<std::string>& out) {
    auto line = question.members;
    line["id"] = next_id_;
    line["op"] = question.op;
    out.push_back(dump(line));
    return {next_id_++, log_.add(link_.now(), 1, direction::out, "line", out.back())};
}

shim_reply shim_talk::read(const std::string& line, const sent_line& to, std::uint64_t seq) {
    shim_reply out;
    out.asked = to.seq;
    const auto value = shim_json::parse(line, nullptr, false);
    if (id_of(value) != to.id || value.size() != 2) {
        breach("AM-SHM-002", "a line is not one reply with the id of its question", {to.seq, seq});
        return out;
    }
    if (value.contains("ok")) {
        out.kind = reply_kind::ok;
        out.value = value["ok"];
    } else if (value.contains("reject")) {
        const auto& refusal = value["reject"];
        const bool named = refusal.is_object() && refusal.contains("class") && refusal["class"].is_string();
        out.refusal = named ? refusal["class"].get<std::string>() : "";
        if (std::ranges::find(reject_classes, out.refusal) == reject_classes.end()) {
            breach("AM-SHM-003", "a refusal names none of the nine classes", {to.seq, seq});
            return out;
        }
        out.kind = reply_kind::reject;
    } else if (value.contains("unsupported")) {
        out.kind = reply_kind::unsupported;
    } else if (value.contains("fault")) {
        out.kind = reply_kind::fault;
    } else {
        breach("AM-SHM-002", "a reply is none of ok, reject, unsupported and fault", {to.seq, seq});
        return out;
    }
    out.seq = seq;
    return out;
}

void shim_talk::stopped(shim_stop why) {
    if (why == shim_stop::none || death_) return;
    if (why == shim_stop::deadline) log_.add(link_.now(), 1, direction::none, "timer", "timeout");
    if (why == shim_stop::overlong) {
        const auto seq = log_.add(link_.now(), 1, direction::none, "overlong", "more than the limits allow");
        breach("AM-SHM-002", "a line is longer than 1048576 bytes, or lines come without end", {last_in_, seq});
    }
    death_ = why == shim_stop::deadline ? verdict::hang : verdict::crash;
    end_of_process();
}

void shim_talk::end_of_process() {
    if (std::exchange(over_, true)) return;
    std::vector<std::string> late;
    const auto how = link_.finish(late);
    for (const auto& line : late) last_in_ = log_.add(link_.now(), 1, direction::in, "line", line);
    if (!late.empty() && !death_) breach("AM-SHM-002", "lines came that no question asked for", {last_in_});
    if (const auto errors = link_.errors(); !errors.empty()) log_.add(link_.now(), 1, direction::in, "stderr", errors);
    const auto seq = log_.add(link_.now(), 1, direction::in, "exit", how);
    if (death_ == verdict::hang) return breach("AM-SHM-009", "the shim stopped answering", {seq});
    if (death_) return breach("AM-SHM-009", "the shim ended before it was told to", {seq});
    if (how == "running")
        breach("AM-SHM-008", "the shim does not end after bye", {seq});
    else if (how != "exit 0")
        breach("AM-SHM-008", "after bye the shim ends with another status than 0", {seq});
}

void shim_talk::burst(std::span<const shim_question> questions, std::vector<shim_reply>& into) {
    std::vector<std::string> out, in;
    std::vector<sent_line> sent;
    for (const auto& one : questions) sent.push_back(put(one, out));
    const auto flush = put({"flush"}, out);
    std::size_t work = 1;
    for (const auto& one : questions) work += work_of(one.members);
    const auto stop = link_.exchange(out, in, [&](const std::string& line) { return id_of(line) == flush.id; }, work);

    // Replies come in the order of the questions; a gap before `flush` is an answer that was left out.
    std::size_t next = 0;
    bool flushed = false;
    for (const auto& line : in) {
        const auto seq = last_in_ = log_.add(link_.now(), 1, direction::in, "line", line);
        ++replies_;
        const auto id = id_of(line);
        if (id == flush.id) {
            flushed = true;
            if (read(line, flush, seq).kind != reply_kind::ok)
                breach("AM-SHM-006", "flush is not answered ok", {flush.seq, seq});
            break;
        }
        const auto at = std::ranges::find_if(sent.begin() + static_cast<std::ptrdiff_t>(next), sent.end(),
                                             [&](const sent_line& s) { return s.id == id; });
        if (at == sent.end()) {
            breach("AM-SHM-002", "a line is not one reply with the id of its question", {seq});
            continue;
        }
        const auto found = static_cast<std::size_t>(at - sent.begin());
        for (; next < found; ++next) into.push_back({reply_kind::missing, {}, {}, sent[next].seq, 0});
        into.push_back(read(line, sent[next++], seq));
    }
    const bool gap =
        std::ranges::any_of(into.end() - static_cast<std::ptrdiff_t>(next), into.end(),
                            [](const shim_reply& r) { return r.kind == reply_kind::missing && r.seq == 0; });
    if (flushed && (gap || next < sent.size()) && breaches_.empty())
        breach("AM-SHM-006", "flush is answered before every question is", {flush.seq, last_in_});
    for (; next < sent.size(); ++next) into.push_back({reply_kind::missing, {}, {}, sent[next].seq, 0});
    stopped(stop);
}

std::vector<shim_reply> shim_talk::ask(std::span<const shim_question> questions) {
    std::vector<shim_reply> out;
    while (out.size() < questions.size()) {
        if (over_) {
            out.emplace_back();
            continue;
        }
        std::size_t count = 0, bytes = 0;
        const auto left = questions.subspan(out.size());
        while (count < left.size() && count < questions_per_burst && (count == 0 || bytes < bytes_per_burst))
            bytes += dump(left[count++].members).size();
        burst(left.first(count), out);
    }
    return out;
}

std::optional<shim_hello> shim_talk::hello(std::string_view suite) {
    const auto reply = ask({"hello", {{"proto", 1}, {"suite", suite}}});
    const auto refused = [&](std::string why) {
        breach("AM-SHM-001", std::move(why), {reply.asked, reply.seq});
        return std::nullopt;
    };
    if (reply.kind == reply_kind::missing) return refused("hello is not answered");
    if (reply.kind != reply_kind::ok || !reply.value.is_object()) return refused("hello is not answered ok");
    shim_hello out;
    const auto& said = reply.value;
    for (auto [member, into] : {std::pair{"name", &out.name}, {"ver", &out.version}}) {
        if (!said.contains(member) || !said[member].is_string()) return refused("hello lacks a name or a version");
        *into = said[member].get<std::string>();
    }
    for (auto [member, into] : {std::pair{"areas", &out.areas}, {"suites", &out.suites}, {"features", &out.features}}) {
        if (!said.contains(member) && into == &out.features) continue;
        const auto found = said.contains(member) ? texts_of(said[member]) : std::nullopt;
        if (!found) return refused("hello lacks areas or suites, or they are not lists of texts");
        *into = *found;
    }
    return out;
}

void shim_talk::bye() {
    if (over_) return;
    std::vector<std::string> out, in;
    const auto sent = put({"bye"}, out);
    const auto stop = link_.exchange(out, in, [&](const std::string& line) { return id_of(line) == sent.id; }, 1);
    shim_reply reply;
    for (const auto& line : in) {
        last_in_ = log_.add(link_.now(), 1, direction::in, "line", line);
        ++replies_;
        reply = read(line, sent, last_in_);
    }
    if (stop == shim_stop::deadline) return stopped(stop);
    const bool counted = reply.kind == reply_kind::ok && reply.value.is_object() && reply.value.contains("replies") &&
                         reply.value["replies"].is_number_unsigned();
    if (!counted)
        breach("AM-SHM-007", "bye is not answered with the number of replies", {sent.seq, last_in_});
    else if (reply.value["replies"].get<std::uint64_t>() != replies_)
        breach("AM-SHM-007", "bye counts other replies than were received: the answers are truncated",
               {sent.seq, last_in_});
    end_of_process();
}

std::size_t work_of(const shim_json& line) {
    if (!line.contains("in") || !line["in"].is_object()) return 1;
    const auto steps = line["in"].find("steps");
    if (steps == line["in"].end() || !steps->is_array()) return 1;
    constexpr std::size_t prekeys_of_upkeep = 100;
    std::size_t work = 1;
    for (const auto& one : *steps) {
        if (!one.is_object()) continue;
        const bool upkeep = one.value("do", shim_json{}) == "maintain";
        work += 1 + (upkeep ? prekeys_of_upkeep : 0);
        const auto count = one.find("count");
        if (count != one.end() && count->is_number_integer() && *count > 0)
            work += std::min<std::size_t>(count->get<std::size_t>(), 10'000);
    }
    return work;
}

std::unique_ptr<shim_link> live_shim(const std::string& command, shim_pace& pace,
                                     std::chrono::steady_clock::time_point start) {
    return std::make_unique<process_link>(command, pace, start);
}

std::unique_ptr<shim_link> recorded_shim(const ledger& records) { return std::make_unique<record_link>(records); }

}  // namespace agentmesh::conformance
