// Property: how a stream is cut changes nothing; a request that comes out has the length that its head promised; a
// connection that refused or ended takes nothing more; what is taken and what is left is the whole input.
#include "fuzz/fuzz.hpp"

#include <agentmesh/http/server.hpp>

AM_FUZZ(AM_HTP_001, AM_HTP_002, AM_HTP_003, AM_HTP_005, AM_HTP_006);

using namespace agentmesh;

namespace {

struct outcome {
    std::vector<http::request> requests{};
    std::string sent{};
    std::size_t taken = 0;
    bool refused = false;
};

outcome run(byte_view input, std::size_t piece) {
    http::limits small;
    small.body_bytes = 512;
    small.requests = 4;
    http::server_connection link{small, moment{}};
    outcome out;
    std::size_t shown = 0;
    while (!link.ended() && shown < input.size()) {
        // What was not taken is shown again with the next piece, as a driver does.
        shown = std::min(input.size(), std::max(shown, out.taken) + piece);
        auto part = input.subspan(out.taken, shown - out.taken);
        while (true) {
            const auto before = part.size();
            auto got = link.feed(part, out.sent, moment{});
            out.taken += before - part.size();
            if (!got) {
                out.refused = true;
                link.refuse(out.sent, got.error());
                break;
            }
            if (!*got) break;
            REQUIRE_FUZZ((*got)->body.size() <= small.body_bytes);
            out.requests.push_back(**std::move(got));
            link.answer(out.sent, http::response::json(200, "{}"), moment{});
        }
    }
    if (link.ended()) {
        auto rest = input;
        const auto got = link.feed(rest, out.sent, moment{});
        REQUIRE_FUZZ(got && !*got && rest.size() == input.size());
    }
    return out;
}

/// Without the interim answers, which depend on whether a body was there at once.
std::string without_continue(std::string text) {
    constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";
    for (auto at = text.find(interim); at != text.npos; at = text.find(interim, at)) text.erase(at, interim.size());
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input{data, size};
    auto whole = run(input, size + 1), bytes = run(input, 1);
    whole.sent = without_continue(whole.sent);
    bytes.sent = without_continue(bytes.sent);
    REQUIRE_FUZZ(whole.requests == bytes.requests);
    REQUIRE_FUZZ(whole.sent == bytes.sent && whole.refused == bytes.refused);
    for (const auto& one : whole.requests) {
        REQUIRE_FUZZ(one.path.starts_with("/") && !one.method.empty());
        const auto length = one.fields.only("Content-Length");
        if (length)
            REQUIRE_FUZZ(std::to_string(one.body.size()) ==
                         std::string{*length}.substr(std::min(length->find_first_not_of('0') == length->npos
                                                                  ? length->size() - 1
                                                                  : length->find_first_not_of('0'),
                                                              length->size())));
        REQUIRE_FUZZ(!(length && one.fields.count("Transfer-Encoding") > 0));
    }
    const auto text = as_text(input);
    if (const auto read = http::decode_segment(text)) {
        REQUIRE_FUZZ(read->find('\0') == read->npos);
        REQUIRE_FUZZ(http::decode_segment(http::encode_component(*read)).value_or("") == *read ||
                     read->find('/') != read->npos);
    }
    if (const auto members = http::parse_query(text)) REQUIRE_FUZZ(members->size() <= 32);
    return 0;
}
