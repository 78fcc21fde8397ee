// Property: how a stream is cut changes no answer; an answer that comes out has the length that its head promised and
// nothing over the limit; one cut short never comes out whole; a connection that ended takes nothing more; and a
// request that is sent at all is read back by a server as the same request.
#include "fuzz/fuzz.hpp"

#include <agentmesh/http/client.hpp>

AM_FUZZ(AM_HTP_010, AM_HTP_011, AM_HTP_012, AM_HTP_013, AM_HTP_014);

using namespace agentmesh;

namespace {

constexpr std::size_t most = 256;

struct outcome {
    std::vector<http::response> answers{};
    bool ready = false;
    bool ended_whole = false;  ///< the end of the stream completed an answer
};

http::request question(bool head_only) { return {.method = head_only ? "HEAD" : "GET", .path = "/"}; }

/// Asks again after each answer, as long as the connection allows.
outcome run(byte_view input, std::size_t piece, bool head_only) {
    http::client_limits small;
    small.body_bytes = most;
    http::client_connection link{"a", small};
    outcome out;
    std::string sent;
    REQUIRE_FUZZ(link.send(sent, question(head_only), moment{}).has_value());
    while (!input.empty() && !link.ended()) {
        auto part = input.first(std::min(piece, input.size()));
        const auto before = part.size();
        const auto got = link.feed(part);
        const auto taken = before - part.size();
        if (!got) {
            REQUIRE_FUZZ(link.ended());
            break;
        }
        REQUIRE_FUZZ(*got || part.empty());  // only an answer stops it before the end of what there is
        input = input.subspan(taken);
        if (!*got) continue;
        REQUIRE_FUZZ(part.empty() || link.ended());
        out.answers.push_back(**got);
    }
    if (link.ended()) {
        auto rest = input;
        const auto got = link.feed(rest);
        REQUIRE_FUZZ(got && !*got && rest.size() == input.size());
        REQUIRE_FUZZ(!link.send(sent, question(false), moment{}));
    }
    out.ready = link.ready();
    const bool awaited = link.awaiting();
    const auto last = link.on_end();
    REQUIRE_FUZZ(link.ended());
    REQUIRE_FUZZ(awaited || (last && !*last));
    REQUIRE_FUZZ(!awaited || !last || *last);  // what is awaited is there, or missing
    if (last && *last) {
        out.answers.push_back(**last);
        out.ended_whole = true;
    }
    return out;
}

/// The length that fields promise, where they promise one.
std::optional<std::string> promised(const http::response& one) {
    const auto length = one.fields.only("Content-Length");
    if (!length) return std::nullopt;
    const auto from = std::min(length->find_first_not_of('0'), length->size() - 1);
    return std::string{length->substr(from)};
}

/// Method, path, query, one field and a body out of the input, separated by the byte 0xFF.
void round_trip(std::string_view text) {
    std::array<std::string, 6> part;
    for (std::size_t i = 0; i < part.size(); ++i) {
        const auto end = i + 1 == part.size() ? text.size() : std::min(text.find('\xFF'), text.size());
        part[i] = text.substr(0, end);
        text.remove_prefix(std::min(text.size(), end + 1));
    }
    http::request sent{part[0], part[1], part[2], {}, part[5]};
    if (!part[3].empty()) sent.fields.add(part[3], part[4]);
    http::client_connection link{"a"};
    std::string bytes, nothing;
    if (const auto written = link.send(bytes, sent, moment{}); !written) {
        REQUIRE_FUZZ(bytes.empty() && link.ready());
        return;
    }
    http::server_connection server{http::limits{}, moment{}};
    auto input = as_bytes(bytes);
    const auto got = server.feed(input, nothing, moment{});
    if (!got) {
        // Only what costs too much: the server's limits are its own.
        REQUIRE_FUZZ(got.error().code == errc::http_too_large || got.error().code == errc::too_large);
        return;
    }
    REQUIRE_FUZZ(*got && input.empty());
    const auto& read = **got;
    REQUIRE_FUZZ(read.method == sent.method && read.path == sent.path && read.query == sent.query);
    REQUIRE_FUZZ(read.body == sent.body && read.fields.only("Host") == "a");
    const std::size_t length = read.fields.count("Content-Length");
    REQUIRE_FUZZ(read.fields.size() == 1 + sent.fields.size() + length);
    for (const auto& one : sent.fields)
        REQUIRE_FUZZ(read.fields.count(one.name) == 1 && read.fields.only(one.name) == one.value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input{data, size};
    round_trip(as_text(input));

    for (const bool head_only : {false, true}) {
        const auto whole = run(input, size + 1, head_only), bytes = run(input, 1, head_only);
        REQUIRE_FUZZ(whole.answers == bytes.answers && whole.ready == bytes.ready);
        REQUIRE_FUZZ(whole.answers.size() <= 1);
        for (const auto& one : whole.answers) {
            REQUIRE_FUZZ(one.status >= 200 && one.status <= 599 && one.body.size() <= most);
            REQUIRE_FUZZ(one.fields.count("Content-Length") <= 1);
            REQUIRE_FUZZ(!(one.fields.count("Content-Length") > 0 && one.fields.count("Transfer-Encoding") > 0));
            const bool bodiless = head_only || one.status == 204 || one.status == 304;
            if (bodiless)
                REQUIRE_FUZZ(one.body.empty());
            else if (const auto length = promised(one))
                REQUIRE_FUZZ(*length == std::to_string(one.body.size()) && !whole.ended_whole);
        }
        // Without its last byte an answer that has a length is not there; where the end of the stream is its end,
        // it is another.
        if (size > 0 && whole.answers.size() == 1 && whole.ready) {
            const auto cut = run(input.first(size - 1), size, head_only);
            REQUIRE_FUZZ(cut.answers.empty());
        }
    }
    return 0;
}
