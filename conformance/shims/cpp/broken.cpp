#include "conformance/shims/cpp/broken.hpp"

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

}  // namespace

const std::vector<std::string>& breakage::ways() {
    static const std::vector<std::string> all{
        "parse",       "version", "auth",     "replay", "order",    "crypto", "limit",    "policy", "state",
        "unsupported", "value",   "truncate", "fickle", "miscount", "crash",  "hang",     "status", "roots",
        "bundles",     "spent",   "feed",     "knocks", "answers",  "talk",   "envelopes"};
    return all;
}

bool breakage::takes_all(const std::string& op) const {
    return (way_ == "bundles" && op == "kex.agree") || (way_ == "spent" && op == "kex.accept") ||
           (way_ == "knocks" && op == "knock.hear") || (way_ == "answers" && op == "knock.conclude") ||
           (way_ == "envelopes" && op == "envelope.open");
}

bool breakage::spoil(const std::string& op, const json& line, json& reply) {
    if (way_.empty()) return true;
    const bool of_protocol = op == "hello" || op == "flush" || op == "bye";
    if (reply.contains("reject") && reply["reject"]["class"] == way_) {
        reply.erase("reject");
        reply["ok"] = json::object();
        return true;
    }
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
