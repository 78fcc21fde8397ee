// Reading and canonicalising JSON, against simdjson's validating DOM: goals J1 and J2. Prints one JSON object.
//
// The two sides are measured in turns, so that a drift of the machine meets both. simdjson checks less: it takes
// duplicate names and any depth below its own limit, and leaves what a frame means to its user.
#include <agentmesh/core/json.hpp>
#include <agentmesh/core/json_canonical.hpp>
#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/wire/client_writer.hpp>
#include <agentmesh/wire/frame.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>

namespace {

using namespace agentmesh;

[[noreturn]] void give_up(const char* what) {
    std::cerr << "bench_json: " << what << '\n';
    std::exit(1);
}

/// Keeps a result from being optimised away.
template <class T>
void use(const T& value) {
    asm volatile("" : : "r"(&value) : "memory");
}

/// CPU time, so that other programs on the machine count less.
double cpu_now() {
    timespec at{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) * 1e9 + static_cast<double>(at.tv_nsec);
}

template <class Work>
double nanoseconds(Work&& work, int rounds) {
    const double start = cpu_now();
    for (int i = 0; i < rounds; ++i) work();
    return (cpu_now() - start) / rounds;
}

struct spread {
    double low, median, high;  ///< quartiles
};
spread quartiles(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto at = [&](double q) {
        return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
    };
    return {at(0.25), at(0.5), at(0.75)};
}

/// Measures both in turns and prints medians and the ratio's quartiles.
template <class Ours, class Theirs>
void compare(const char* name, Ours&& ours, Theirs&& theirs) {
    constexpr int turns = 15, rounds = 20'000;
    std::vector<double> a, b, ratio;
    for (int i = 0; i < turns; ++i) {
        a.push_back(nanoseconds(ours, rounds));
        b.push_back(nanoseconds(theirs, rounds));
        ratio.push_back(a.back() / b.back());
    }
    const auto r = quartiles(ratio);
    std::cout << "\"" << name << "\":{\"ours_ns\":" << quartiles(a).median << ",\"simdjson_ns\":" << quartiles(b).median
              << ",\"ratio\":[" << r.low << "," << r.median << "," << r.high << "]}";
}

void append_string(std::string& out, std::string_view text) {
    out.push_back('"');
    for (const char c : text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    out.push_back('"');
}

/// What one would write on top of a DOM: sort the names, write again. Enough for the text below.
void append_sorted(std::string& out, const simdjson::dom::element& value) {
    switch (value.type()) {
        case simdjson::dom::element_type::OBJECT: {
            std::vector<simdjson::dom::key_value_pair> members;
            for (const auto member : simdjson::dom::object{value}) members.push_back(member);
            std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
            out.push_back('{');
            for (std::size_t i = 0; i < members.size(); ++i) {
                if (i > 0) out.push_back(',');
                append_string(out, members[i].key);
                out.push_back(':');
                append_sorted(out, members[i].value);
            }
            out.push_back('}');
            return;
        }
        case simdjson::dom::element_type::ARRAY: {
            out.push_back('[');
            bool first = true;
            for (const auto item : simdjson::dom::array{value}) {
                if (!std::exchange(first, false)) out.push_back(',');
                append_sorted(out, item);
            }
            out.push_back(']');
            return;
        }
        case simdjson::dom::element_type::STRING: return append_string(out, std::string_view{value});
        case simdjson::dom::element_type::BOOL: out.append(bool{value} ? "true" : "false"); return;
        case simdjson::dom::element_type::NULL_VALUE: out.append("null"); return;
        default: out.append(std::to_string(std::int64_t{value})); return;
    }
}

constexpr std::string_view knock =
    R"({"from":"jZ6CK1dpcZD4oPYScUJvifP7BtJ","to":"3vQB7B6MrGQZaxCuFg4oh1Tq8pYk","timestamp":"2026-11-21T12:00:00.123456+00:00",)"
    R"("intent":{"category":"travel","subcategory":"flights","action":"search","urgency":"normal"},)"
    R"("session_request":{"type":"streaming","ttl_seconds":300,"max_messages":100,"capabilities":["text/plain","application/json"]},)"
    R"("sender":{"framework":"agentmesh-cpp","framework_version":"0.1.0","tier":2,"reputation":null},)"
    R"("nonce":"00112233445566778899aabbccddeeff","protocol_version":"agentmesh/0.2",)"
    R"("public_key":"wf/dtFozyn5zE2dS06RTvpK8cWHbIpkeXwYVrimqtXY=","resume":false})";

}  // namespace

int main() {
    std::string envelope = wire::send_text("jZ6CK1dpcZD4oPYScUJvifP7BtJ", "", wire::message_type::message);
    const auto missing = 681 - envelope.size();
    envelope = wire::send_text("jZ6CK1dpcZD4oPYScUJvifP7BtJ", std::string(missing, 'Q'), wire::message_type::message);

    wire::client_frame_parser frames;
    const auto route_ours = [&] {
        const auto frame = frames.parse(envelope, {});
        if (!frame || !std::holds_alternative<wire::send_frame>(*frame)) give_up("the envelope was refused");
        use(std::get<wire::send_frame>(*frame).to);
    };
    simdjson::dom::parser dom;
    const simdjson::padded_string padded_envelope{envelope};
    const auto route_theirs = [&] {
        const simdjson::dom::element frame = dom.parse(padded_envelope);
        const std::string_view type = frame["type"], to = frame["to"], payload = frame["encrypted_payload"],
                               kind = frame["message_type"];
        if (type != "send" || payload.empty() || kind.empty()) give_up("simdjson reads it otherwise");
        use(to);
    };

    const auto canonical_ours = [] {
        const auto text = json::canonicalize(knock);
        if (!text) give_up("the KNOCK was refused");
        use(*text);
    };
    const simdjson::padded_string padded_knock{knock};
    std::string sorted;
    const auto canonical_theirs = [&] {
        std::string text;
        append_sorted(text, dom.parse(padded_knock));
        use(text);
        sorted = std::move(text);
    };
    canonical_theirs();
    if (json::canonicalize(knock).value() != sorted) give_up("the two canonical forms differ");

    std::cout << "{\"envelope_bytes\":" << envelope.size() << ",\"knock_bytes\":" << knock.size() << ",";
    compare("route", route_ours, route_theirs);
    std::cout << ",";
    compare("canonical", canonical_ours, canonical_theirs);
    std::cout << "}\n";
}
