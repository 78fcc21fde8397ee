#include "conformance/shims/cpp/broken.hpp"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

namespace agentmesh::shim {
namespace {

/// Another last digit of a hexadecimal text.
void spoil_last(json& text) {
    auto changed = text.get<std::string>();
    changed.back() = changed.back() == '0' ? '1' : '0';
    text = std::move(changed);
}

/// By which clauses a lie of a registry is refused: who does not look takes what they refuse.
bool refused_for(const json& reply, std::initializer_list<std::string_view> clauses) {
    const auto detail = reply.contains("reject") ? reply["reject"].value("detail", "") : std::string{};
    return std::ranges::any_of(clauses, [&](std::string_view id) { return detail.find(id) != std::string::npos; });
}

}  // namespace

const std::vector<std::string>& breakage::ways() {
    static const std::vector<std::string> all{
        "parse",      "version",  "auth",           "replay",      "order",         "crypto",        "limit",
        "policy",     "state",    "unsupported",    "value",       "truncate",      "fickle",        "miscount",
        "crash",      "hang",     "status",         "roots",       "bundles",       "spent",         "feed",
        "knocks",     "answers",  "talk",           "envelopes",   "lie-name",      "lie-exchange",  "lie-prekey",
        "lie-bundle", "lie-tier", "lie-revocation", "lie-silence", "lie-statement", "lie-successor", "lie-did"};
    return all;
}

bool breakage::takes_all(const std::string& op) const {
    return (way_ == "bundles" && op == "kex.agree") || (way_ == "spent" && op == "kex.accept") ||
           (way_ == "knocks" && op == "knock.hear") || (way_ == "answers" && op == "knock.conclude") ||
           (way_ == "envelopes" && op == "envelope.open");
}

void breakage::fall_for_lie(const json& question, json& reply) const {
    const auto of = question.value("of", "");
    const bool taken = (way_ == "lie-name" && refused_for(reply, {"AM-FND-001"})) ||
                       (way_ == "lie-exchange" && refused_for(reply, {"AM-FND-002", "AM-FND-003", "AM-KEX-006"})) ||
                       (way_ == "lie-prekey" && of == "prekeys" &&
                        refused_for(reply, {"AM-KEX-011", "AM-KEX-015", "AM-KEX-016", "AM-KEX-020", "AM-KEX-045"})) ||
                       (way_ == "lie-bundle" && refused_for(reply, {"AM-FND-004", "AM-FND-006", "AM-KEX-013"})) ||
                       (way_ == "lie-revocation" && refused_for(reply, {"AM-FND-008"})) ||
                       (way_ == "lie-silence" && refused_for(reply, {"AM-FND-009"})) ||
                       (way_ == "lie-statement" && of == "statement") ||
                       (way_ == "lie-successor" && refused_for(reply, {"AM-FND-011"})) ||
                       (way_ == "lie-did" && of == "did");
    if (taken && reply.contains("reject")) {
        reply.erase("reject");
        reply["ok"] = json::object();
        return;
    }
    if (!reply.contains("ok") || of != "lookup") return;
    const auto& told = question["reply"];
    if (way_ == "lie-tier") reply["ok"]["tier"] = told["tier"];
    if (way_ == "lie-revocation") reply["ok"]["revoked"] = told.value("revoked", false);
    if (way_ == "lie-successor" && told.contains("successor")) reply["ok"]["successor"] = told["successor"];
}

bool breakage::spoil(const std::string& op, const json& line, json& reply) {
    if (way_.empty()) return true;
    const bool of_protocol = op == "hello" || op == "flush" || op == "bye";
    if (reply.contains("reject") && reply["reject"]["class"] == way_) {
        reply.erase("reject");
        reply["ok"] = json::object();
        return true;
    }
    if (op == "registry.believe" && line.contains("in")) fall_for_lie(line["in"], reply);
    if (takes_all(op) && reply.contains("reject")) {
        reply.erase("reject");
        reply["ok"] = json::object();
        return true;
    }
    if (way_ == "talk" && op == "knock.say" && reply.contains("ok")) spoil_last(reply["ok"]["frame"]);
    if (way_ == "envelopes" && op == "envelope.sign" && reply.contains("ok")) spoil_last(reply["ok"]["text"]);
    if (way_ == "roots" && op.starts_with("kex.a") && reply.contains("ok")) spoil_last(reply["ok"]["root"]);
    if (way_ == "miscount" && op == "bye") reply["ok"]["replies"] = reply["ok"]["replies"].get<std::uint64_t>() + 1;
    if (of_protocol) return true;
    ++asked_;
    if (way_ == "unsupported" && reply.contains("unsupported")) {
        reply.erase("unsupported");
        reply["ok"] = json::object();
    }
    if (way_ == "value" && reply.contains("ok")) {
        for (auto& one : reply["ok"])
            if (one.is_string()) one = one.get<std::string>() + "0";
    }
    if (way_ == "fickle" && seen_[op + line.value("in", json{}).dump()]++ != 0) {
        reply = {{"id", line["id"]}, {"reject", {{"class", "parse"}}}};
    }
    if (asked_ % 5 != 0) return true;
    if (way_ == "crash") std::abort();
    if (way_ == "hang") ::pause();
    return way_ != "truncate";
}

}  // namespace agentmesh::shim
