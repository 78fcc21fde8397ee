#include "conformance/engine/evidence.hpp"

#include "conformance/engine/encoding.hpp"

#include <algorithm>
#include <stdexcept>

namespace agentmesh::conformance {
namespace {

using sorted_json = nlohmann::json;  // members by name: canonical for the ASCII text and integers used here

[[noreturn]] void wrong(std::size_t line, std::string_view what) {
    throw std::runtime_error("evidence line " + std::to_string(line) + ": " + std::string{what});
}

std::string leaf_hash(std::string_view line) { return sha256(std::string(1, '\0').append(line)); }

/// Of leaves that are hashed already.
std::string merkle_of_hashes(const std::string* first, std::size_t count) {
    if (count == 0) return sha256("");
    if (count == 1) return *first;
    std::size_t left = 1;
    while (left * 2 < count) left *= 2;
    return sha256(std::string(1, '\1') + merkle_of_hashes(first, left) + merkle_of_hashes(first + left, count - left));
}

evidence_record bare_record(std::string_view layer, std::string bytes, std::string prev) {
    evidence_record out;
    out.layer = layer;
    out.bytes = std::move(bytes);
    out.prev = std::move(prev);
    return out;
}

direction read_direction(const std::string& word) {
    return word == "in" ? direction::in : word == "out" ? direction::out : direction::none;
}

}  // namespace

std::string_view to_string(direction d) noexcept {
    return d == direction::in ? "in" : d == direction::out ? "out" : "none";
}

std::string evidence_record::line() const {
    sorted_json out{{"seq", seq}, {"t", t}, {"case", case_id}, {"prev", prev}};
    if (is_verdict()) {
        out["req"] = requirement;
        out["outcome"] = outcome;
        out["because"] = because;
    } else {
        out["conn"] = conn;
        out["dir"] = to_string(dir);
        out["layer"] = layer;
        out["bytes"] = to_base64(bytes);
    }
    return out.dump();
}

std::uint64_t ledger::append(evidence_record record) {
    record.seq = records_.size() + 1;
    record.case_id = case_id_;
    records_.push_back(std::move(record));
    return records_.size();
}

void ledger::chain() const {
    for (auto i = leaves_.size(); i < records_.size(); ++i) {
        records_[i].prev = last_hash_;
        const auto line = records_[i].line();
        last_hash_ = sha256_label(line);
        leaves_.push_back(leaf_hash(line));
    }
}

std::uint64_t ledger::add(std::int64_t t, int conn, direction dir, std::string_view layer, std::string_view bytes) {
    auto record = bare_record(layer, std::string{bytes}, {});
    record.t = t;
    record.conn = conn;
    record.dir = dir;
    return append(std::move(record));
}

std::uint64_t ledger::add_verdict(std::int64_t t, const check_result& check) {
    evidence_record record;
    record.t = t;
    record.requirement = check.requirement;
    record.outcome = to_string(check.outcome);
    record.because = check.evidence;
    return append(std::move(record));
}

bool ledger::inbound(std::uint64_t seq) const noexcept {
    return seq >= 1 && seq <= records_.size() && records_[seq - 1].dir == direction::in;
}

std::string ledger::root() const {
    chain();
    return "sha256:" + to_hex(merkle_of_hashes(leaves_.data(), leaves_.size()));
}

std::string run_header::text() const {
    return sorted_json{{"suite", suite_version}, {"set", set}, {"seed", seed}, {"salt", salt}, {"url", url},
                       {"spec", spec_digest}, {"deadline_us", deadline_us}, {"patience_us", patience_us},
                       {"timings_ms", timings_ms},
                       {"waits", granted_waits}}
        .dump();
}

run_header run_header::parse(std::string_view text) {
    const auto in = sorted_json::parse(text, nullptr, false);
    try {
        run_header out;
        out.suite_version = in.at("suite");
        out.set = in.at("set");
        out.seed = in.at("seed");
        out.salt = in.at("salt");
        out.url = in.at("url");
        out.spec_digest = in.at("spec");
        out.deadline_us = in.at("deadline_us");
        out.patience_us = in.at("patience_us");
        out.timings_ms = in.at("timings_ms").get<std::map<std::string, std::int64_t>>();
        out.granted_waits = in.at("waits").get<std::vector<std::string>>();
        return out;
    } catch (const sorted_json::exception&) {
        throw std::runtime_error("the first record does not describe a run");
    }
}

std::string evidence::genesis() const { return sha256_label(bare_record("run", header.text(), "").line()); }

std::string evidence::root() const {
    std::vector<std::string> roots;
    for (const auto& c : cases) roots.push_back(c.root());
    return "sha256:" + to_hex(merkle_root(roots));
}

std::string evidence::text() const {
    std::string out = bare_record("run", header.text(), "").line() + "\n";
    auto last = genesis();
    sorted_json roots = sorted_json::object();
    for (const auto& c : cases) {
        for (const auto& r : c.records()) out += r.line() + "\n";
        if (!c.records().empty()) last = sha256_label(c.records().back().line());
        roots[c.case_id()] = c.root();
    }
    return out + bare_record("roots", sorted_json{{"cases", roots}, {"root", root()}}.dump(), last).line() + "\n";
}

const ledger* evidence::find(std::string_view case_id) const noexcept {
    for (const auto& c : cases)
        if (c.case_id() == case_id) return &c;
    return nullptr;
}

evidence read_evidence(std::string_view text) {
    const auto whole = text;
    evidence out;
    bool complete = false;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = text.find('\n');
        const std::string line{text.substr(0, end)};
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (complete) wrong(number, "stands after the roots");
        const auto in = sorted_json::parse(line, nullptr, false);
        evidence_record record;
        try {
            record.seq = in.at("seq");
            record.t = in.at("t");
            record.case_id = in.at("case");
            record.prev = in.at("prev");
            if (in.contains("req")) {
                record.requirement = in.at("req");
                record.outcome = in.at("outcome");
                record.because = in.at("because").get<std::vector<std::uint64_t>>();
            } else {
                record.conn = in.at("conn");
                record.dir = read_direction(in.at("dir"));
                record.layer = in.at("layer");
                const auto bytes = from_base64(in.at("bytes").get<std::string>());
                if (!bytes) wrong(number, "its bytes are not base64");
                record.bytes = *bytes;
            }
        } catch (const sorted_json::exception&) {
            wrong(number, "is not an evidence record");
        }
        if (record.line() != line) wrong(number, "is not in canonical form");

        if (number == 1) {
            if (record.layer != "run") wrong(number, "does not describe a run");
            out.header = run_header::parse(record.bytes);
        } else if (record.layer == "roots") {
            complete = true;
        } else {
            if (out.cases.empty() || out.cases.back().case_id() != record.case_id)
                out.cases.emplace_back(record.case_id, out.genesis());
            auto& into = out.cases.back();
            check_result verdict_part;
            if (record.is_verdict()) {
                verdict_part.requirement = record.requirement;
                const auto word = verdict_of(record.outcome);
                if (!word) wrong(number, "its outcome is no verdict");
                verdict_part.outcome = *word;
                verdict_part.evidence = record.because;
                into.add_verdict(record.t, verdict_part);
            } else {
                into.add(record.t, record.conn, record.dir, record.layer, record.bytes);
            }
            if (into.records().back().line() != line) wrong(number, "the chain is broken");
        }
    }
    if (!complete) throw std::runtime_error("the evidence ends before its roots: it is truncated");
    if (out.text() != whole) wrong(number, "the roots are not those of the records");
    return out;
}

std::string merkle_root(const std::vector<std::string>& leaves) {
    std::vector<std::string> hashes;
    for (const auto& l : leaves) hashes.push_back(leaf_hash(l));
    return merkle_of_hashes(hashes.data(), hashes.size());
}

}  // namespace agentmesh::conformance
