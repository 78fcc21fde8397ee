#include "conformance/shims/cpp/broken.hpp"

#include <cstdlib>

#include <unistd.h>

namespace agentmesh::shim {

const std::vector<std::string>& breakage::ways() {
    static const std::vector<std::string> all{"parse",  "version",  "auth",  "replay",      "order", "crypto",
                                              "limit",  "policy",   "state", "unsupported", "value", "truncate",
                                              "fickle", "miscount", "crash", "hang",        "status"};
    return all;
}

bool breakage::spoil(const std::string& op, const json& line, json& reply) {
    if (way_.empty()) return true;
    const bool of_protocol = op == "hello" || op == "flush" || op == "bye";
    if (reply.contains("reject") && reply["reject"]["class"] == way_) {
        reply.erase("reject");
        reply["ok"] = json::object();
        return true;
    }
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
