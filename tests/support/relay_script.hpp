// Plays the conversations of vectors/relay on the relay machine and compares what it puts out.
#pragma once

#include <agentmesh/relay/server.hpp>

#include "tests/support/vectors.hpp"

#include <deque>

namespace vectors {

/// Nonces from a list where 32 bytes are wanted, else a running number: no two draws are equal.
class listed_random {
public:
    explicit listed_random(std::deque<buffer> nonces = {}) : nonces_{std::move(nonces)} {}

    [[nodiscard]] result<void> fill(std::span<std::uint8_t> out) {
        if (out.size() == 32 && !nonces_.empty()) {
            std::copy(nonces_.front().begin(), nonces_.front().end(), out.begin());
            nonces_.pop_front();
            return {};
        }
        ++draws_;
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(draws_ >> (8 * (i % 4)));
        return {};
    }

private:
    std::deque<buffer> nonces_;
    std::uint32_t draws_ = 0;
};

/// What the machine did in one step, connection by connection; Pings apart.
struct recorded_actions {
    std::map<int, std::vector<json>> out;
    std::vector<std::pair<int, buffer>> pings;

    agentmesh::relay::send_result send_text(agentmesh::relay::connection_id to,
                                            std::span<const std::string_view> pieces) {
        std::string text;
        for (const auto piece : pieces) text.append(piece);
        INFO(text);
        REQUIRE(json::accept(text));
        if (on_frame) on_frame(text);
        out[static_cast<int>(to)].push_back({{"frame", json::parse(text)}});
        return agentmesh::relay::send_result::taken;
    }
    void send_ping(agentmesh::relay::connection_id to, agentmesh::byte_view payload) {
        pings.emplace_back(static_cast<int>(to), buffer{payload.begin(), payload.end()});
    }
    void close(agentmesh::relay::connection_id to, std::uint16_t code, std::string_view) {
        out[static_cast<int>(to)].push_back({{"close", code}});
    }

    std::function<void(const std::string&)> on_frame;
};

/// Compares values with those of a vector, in which a text in angle brackets stands for what SPEC.md leaves open.
class placeholder_match {
public:
    bool operator()(const json& expected, const json& found) {
        if (expected.is_string()) {
            const auto& text = expected.get_ref<const std::string&>();
            if (text.starts_with('<')) return open(text, found);
        }
        if (expected.is_object() && found.is_object()) {
            for (const auto& [name, value] : expected.items()) {
                const bool optional = value.is_string() && value.get<std::string>().starts_with("<optional");
                if (found.contains(name) ? !(*this)(value, found[name]) : !optional) return false;
            }
            return std::all_of(found.items().begin(), found.items().end(),
                               [&](const auto& member) { return expected.contains(member.key()); });
        }
        if (expected.is_array() && found.is_array())
            return expected.size() == found.size() &&
                   std::equal(expected.begin(), expected.end(), found.begin(), std::ref(*this));
        return expected == found;
    }

private:
    bool open(const std::string& what, const json& found) {
        if (what == "<any>" || what == "<any-code>") return true;
        if (what == "<text>") return found.is_string() && !found.get<std::string>().empty();
        if (what == "<code>" || what == "<perhaps>") return found.is_number_unsigned();
        if (what == "<uuid>") return found.is_string() && is_uuid(found) && sessions_.insert(found).second;
        if (what == "<retry>") return found.is_number_unsigned() && found >= 1 && found <= 60;
        if (what == "<relay-id>") return found.is_string() && found.get<std::string>().starts_with('~');
        if (what == "<optional-time>") return found.is_string() && agentmesh::parse_time(found.get<std::string>());
        if (what.starts_with("<same-instant:"))
            return found.is_string() && agentmesh::parse_time(found.get<std::string>()) ==
                                            agentmesh::parse_time(what.substr(14, what.size() - 15));
        return false;
    }
    static bool is_uuid(const std::string& text) {
        if (text.size() != 36) return false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
            if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
        }
        return true;
    }

    std::set<std::string> sessions_;  // no two logins get one session_id
};

/// Plays one conversation. `on_frame` sees each text that the relay sends.
class relay_conversation {
public:
    using machine = agentmesh::relay::server<agentmesh::relay::memory_mailbox, listed_random>;

    relay_conversation(fields& input, const std::string& now, std::function<void(const std::string&)> on_frame = {}) {
        using namespace std::chrono_literals;
        agentmesh::relay::options chosen;
        chosen.name = input.text("relay");
        chosen.first_start = input["first_start"].get<bool>();
        chosen.accept_01 = true;
        std::deque<buffer> nonces;
        for (const json& nonce : input.value("random", json::array()))
            nonces.push_back(*agentmesh::from_hex(nonce.get<std::string>()));
        begin_.wall = time_of(now);
        begin_.steady = agentmesh::steady_point{1h};
        const agentmesh::moment started{agentmesh::steady_point{}, time_of(input.text("started"))};
        relay_.emplace(chosen, started, agentmesh::relay::memory_mailbox{chosen.mailbox},
                       listed_random{std::move(nonces)});
        sink_.on_frame = std::move(on_frame);
        steps_ = input["steps"];
    }

    /// @param expected  `steps` of a row's output
    void play(const json& expected) {
        REQUIRE(steps_.size() == expected.size());
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            fields step{steps_[i]};
            INFO("step " << i << " of " << steps_.size());
            perform(step);
            compare(expected[i]);
            sink_.out.clear();
        }
    }

    /// Plays it without comparing anything, for a caller who looks at the frames itself.
    void run() {
        for (const json& each : steps_) {
            fields step{each};
            perform(step);
        }
    }

private:
    [[nodiscard]] agentmesh::moment now() const { return {begin_.steady + at_, begin_.wall + at_ + jumped_}; }

    void perform(fields& step) {
        const auto at = std::chrono::milliseconds{step["at"].get<std::int64_t>()};
        const auto what = step.text("do");
        const int conn = step.value("conn", -1);
        const auto id = static_cast<agentmesh::relay::connection_id>(conn);
        if (what == "wait") return wait(at, step.value("silent", std::vector<int>{}));
        at_ = at;
        if (what == "open")
            relay_->on_opened(id, now(), sink_);
        else if (what == "text")
            relay_->on_text(id, text_of(step["text"]), now(), sink_);
        else if (what == "binary")
            relay_->on_binary(id, now(), sink_);
        else if (what == "closed")
            relay_->on_closed(id, now(), sink_), forget_pings(conn);
        else if (what == "stop")
            relay_->on_stop(now(), sink_);
        else if (what == "wall")
            jumped_ += std::chrono::milliseconds{step["by"].get<std::int64_t>()};
        else
            FAIL("step " << what);
    }

    /// Ticks whenever the machine asks for it; Pings are answered at once, those of earlier steps first.
    void wait(agentmesh::duration until, const std::vector<int>& silent) {
        answer_pings(silent);
        std::size_t ticks = 0;
        while (true) {
            const auto wanted = relay_->next_deadline();
            if (!wanted || *wanted > begin_.steady + until) break;
            at_ = std::max(at_, *wanted - begin_.steady);
            relay_->on_tick(now(), sink_);
            answer_pings(silent);
            REQUIRE(++ticks < 100'000);  // a deadline that does not move
        }
        at_ = until;
        relay_->on_tick(now(), sink_);
        answer_pings(silent);
    }

    void answer_pings(const std::vector<int>& silent) {
        const auto pings = std::move(sink_.pings);
        sink_.pings.clear();
        for (const auto& [conn, payload] : pings)
            if (std::find(silent.begin(), silent.end(), conn) == silent.end())
                relay_->on_pong(static_cast<agentmesh::relay::connection_id>(conn), payload, now(), sink_);
    }

    void forget_pings(int conn) {
        std::erase_if(sink_.pings, [&](const auto& ping) { return ping.first == conn; });
    }

    static std::string text_of(const json& text) {
        if (text.is_string()) return text.get<std::string>();
        fields parts{text};
        std::string out = parts.text("head");
        const auto repeat = parts.text("repeat");
        for (auto left = parts["times"].get<std::size_t>(); left > 0; --left) out += repeat;
        return out + parts.text("tail");
    }

    void compare(const json& entries) {
        std::map<int, std::vector<json>> expected;
        for (const json& entry : entries) {
            const int conn = entry.at("conn").get<int>();
            // "<perhaps>": the relay may close here.
            if (entry.value("close", json{}) == "<perhaps>" && sink_.out[conn].size() == expected[conn].size())
                continue;
            json rest = entry;
            rest.erase("conn");
            expected[conn].push_back(rest);
        }
        std::set<int> conns;
        for (const auto& [conn, list] : expected) conns.insert(conn);
        for (const auto& [conn, list] : sink_.out) conns.insert(conn);
        for (const int conn : conns) {
            INFO("connection " << conn << " expected " << json(expected[conn]) << " found " << json(sink_.out[conn]));
            CHECK(match_(json(expected[conn]), json(sink_.out[conn])));
        }
    }

    std::optional<machine> relay_;
    recorded_actions sink_;
    placeholder_match match_;
    json steps_;
    agentmesh::moment begin_;
    agentmesh::duration at_{};
    agentmesh::duration jumped_{};
};

}  // namespace vectors
