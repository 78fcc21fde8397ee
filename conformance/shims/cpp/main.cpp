// agentmesh-shim: this library, held against the protocol by `amconf shim --exec agentmesh-shim`.
//
// --broken WORD breaks it on purpose in one way; `--broken list` names the ways. The harness must catch each.
#include "conformance/shims/cpp/broken.hpp"
#include "conformance/shims/cpp/feed.hpp"

#include <agentmesh/crypto/sodium.hpp>
#include <agentmesh/version.hpp>

#include <algorithm>
#include <iostream>

namespace agentmesh::shim {
namespace {

const std::vector<std::string> areas{"id", "enc", "kex", "ratchet", "knock", "policy", "envelope", "registry"};

json hello(const json& line) {
    if (line.value("proto", 0) != 1) return {{"reject", {{"class", "version"}}}};
    return {{"ok",
             {{"name", "agentmesh"},
              {"ver", library_version},
              {"areas", areas},
              {"suites", {"am1", "wire10", "wire10-legacy", "v02"}},
              {"features", {"rng.feed"}}}}};
}

json answer_of(const operation& op, const json& line) {
    try {
        const auto found = op(arguments{line.at("in"), line.contains("now") ? &line["now"] : nullptr});
        if (found) return {{"ok", *found}};
        return {{"reject", {{"class", class_of(found.error().code)}, {"detail", to_string(found.error())}}}};
    } catch (const refused_by_shim& why) {
        return {{"reject", {{"class", why.refusal}}}};
    } catch (const not_supported&) {
        return {{"unsupported", true}};
    } catch (const std::exception& e) {  // a question that is not as the protocol has it
        return {{"fault", e.what()}};
    }
}

int serve(std::istream& in, std::ostream& out, breakage broken) {
    operations known;
    const auto random = std::make_shared<fed_random>();
    known["rng.feed"] = [random, forgets = broken.forgets_feed()](const arguments& what) {
        return forgets ? answer{json{{"left", 0}}} : random->feed(what);
    };
    add_encodings(known);
    add_identity(known);
    add_certificates(known);
    add_agreement(known);
    add_ratchet(known, random);
    add_live_agreement(known, random);
    add_live_knock(known, random);
    add_knock(known);
    add_policy(known);
    add_envelope(known);
    add_registry(known);
    std::uint64_t replies = 0;
    for (std::string text; std::getline(in, text);) {
        const auto line = json::parse(text, nullptr, false);
        if (!line.is_object() || !line.contains("id") || !line.contains("op") || !line["op"].is_string()) {
            std::cerr << "not a request\n";
            return 1;
        }
        const std::string op = line["op"];
        json reply;
        if (op == "hello")
            reply = hello(line);
        else if (op == "flush")
            reply = {{"ok", json::object()}};
        else if (op == "bye")
            reply = {{"ok", {{"replies", replies + 1}}}};
        else if (const auto found = known.find(op); found != known.end())
            reply = answer_of(found->second, line);
        else
            reply = {{"unsupported", true}};
        reply["id"] = line["id"];
        if (!broken.spoil(op, line, reply)) continue;
        ++replies;
        out << reply.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
        if (op == "hello" || op == "flush" || op == "bye") out.flush();
        if (op == "bye") return broken.last_status();
    }
    return 0;
}

}  // namespace
}  // namespace agentmesh::shim

int main(int argc, char** argv) {
    using namespace agentmesh::shim;
    const std::vector<std::string> words{argv + 1, argv + argc};
    std::string way;
    if (words.size() == 2 && words[0] == "--broken")
        way = words[1];
    else if (!words.empty()) {
        std::cerr << "usage: agentmesh-shim [--broken WORD]\n";
        return 2;
    }
    if (way == "list") {
        for (const auto& name : breakage::ways()) std::cout << name << "\n";
        return 0;
    }
    const auto& ways = breakage::ways();
    if (!way.empty() && std::ranges::find(ways, way) == ways.end()) {
        std::cerr << "agentmesh-shim: no such way to break: " << way << "\n";
        return 2;
    }
    std::ios::sync_with_stdio(false);
    return serve(std::cin, std::cout, breakage{way});
}
