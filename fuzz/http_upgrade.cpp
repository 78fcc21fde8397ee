// Property, server: a request is decided the same whole and byte by byte; written out anew from what was understood, it
// is decided the same again, so no second reader can understand something else; an upgrade is answered with what our
// own client accepts, and never with an extension. Client: an answer is judged the same whole and byte by byte, and
// believed only with the accept value in it. Input: one byte of set-up, then the head.
#include "fuzz/fuzz.hpp"

#include <agentmesh/ws/upgrade.hpp>

AM_FUZZ(AM_WSK_005, AM_WSK_006, AM_WSK_007, AM_WSK_008, AM_WSK_014, AM_WSK_015);

using namespace agentmesh;

namespace {

/// A decision without its views.
struct outcome {
    std::size_t kind = 0;
    std::uint16_t status = 0;
    std::string path;
    std::string answer;

    friend bool operator==(const outcome&, const outcome&) = default;
};

std::optional<outcome> flat(const std::optional<ws::upgrade_decision>& decision) {
    if (!decision) return std::nullopt;
    outcome out;
    out.kind = decision->index();
    if (const auto* accepted = std::get_if<ws::upgrade_accepted>(&*decision)) {
        out.path = accepted->path;
        out.answer = accepted->answer;
    } else if (const auto* plain = std::get_if<ws::plain_request>(&*decision)) {
        out.path = plain->path;
    } else {
        out.status = std::get<ws::upgrade_refused>(*decision).status;
        out.answer = std::get<ws::upgrade_refused>(*decision).answer;
    }
    return out;
}

std::string rewritten(const ws::http_request& request) {
    std::string out{request.method};
    out.append(" ").append(request.path);
    if (!request.query.empty()) out.append("?").append(request.query);
    out.append(" HTTP/1.").append(std::to_string(request.minor_version)).append("\r\n");
    for (const auto& [name, value] : request.fields) out.append(name).append(":").append(value).append("\r\n");
    return out.append("\r\n");
}

void check_shape(const outcome& decided) {
    switch (decided.kind) {
        case 0:
            REQUIRE_FUZZ(decided.answer.starts_with("HTTP/1.1 101 "));
            REQUIRE_FUZZ(decided.answer.find("Extensions") == std::string::npos);
            [[fallthrough]];
        case 1:
            REQUIRE_FUZZ(decided.path.starts_with('/') && decided.path != "/ws");
            REQUIRE_FUZZ(decided.path.find_first_of(" \r\n?") == std::string::npos);
            break;
        default:
            REQUIRE_FUZZ(decided.status >= 400 && decided.status < 500);
            REQUIRE_FUZZ(decided.answer.find("\r\nConnection: close\r\n") != std::string::npos);
    }
}

void serve(byte_view input, const ws::upgrade_options& options) {
    ws::server_handshake whole{options};
    const auto at_once = flat(whole.feed(input));
    if (at_once) check_shape(*at_once);

    ws::server_handshake dribble{options};
    std::optional<outcome> bytewise;
    std::size_t used = 0;
    while (!bytewise && used < input.size()) bytewise = flat(dribble.feed(input.subspan(used++, 1)));
    REQUIRE_FUZZ(bytewise.has_value() == at_once.has_value());
    // Bytes behind the head are seen only where they come with it.
    if (used == input.size()) REQUIRE_FUZZ(bytewise == at_once);

    const std::string_view head = as_text(input.first(used));
    const auto request = ws::parse_request(head);
    if (!bytewise || !request) return;
    const std::string again = rewritten(*request);
    REQUIRE_FUZZ(again.size() <= head.size());
    ws::server_handshake second{options};
    REQUIRE_FUZZ(flat(second.feed(as_bytes(again))) == bytewise);
}

void connect(byte_view input, std::string_view offered) {
    std::array<std::uint8_t, 16> nonce;
    constexpr std::string_view sample = "the sample nonce";
    std::copy(sample.begin(), sample.end(), nonce.begin());
    const auto fresh = [&] { return *ws::client_handshake::begin({.host = "a", .subprotocols = offered}, nonce); };

    auto whole = fresh();
    auto rest = input;
    const auto at_once = whole.feed(rest);
    auto dribble = fresh();
    result<bool> bytewise = false;
    std::size_t used = 0;
    while (bytewise && !*bytewise && used < input.size()) {
        auto one = input.subspan(used++, 1);
        bytewise = dribble.feed(one);
    }
    REQUIRE_FUZZ(bytewise == at_once);
    if (!at_once || !*at_once) return;
    REQUIRE_FUZZ(rest.size() == input.size() - used && whole.status() == 101);
    REQUIRE_FUZZ(as_text(input).find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string_view::npos);
    REQUIRE_FUZZ(whole.subprotocol().empty() || offered.find(whole.subprotocol()) != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const byte_view input{data + 1, size - 1};
    ws::upgrade_options options;
    if ((data[0] & 2) != 0) options.allowed_origins = {"https://app.example"};
    if ((data[0] & 4) != 0) options.subprotocols = {"v2", "v1"};
    if ((data[0] & 8) != 0) options.limits = {.head_bytes = 300, .line_bytes = 80, .fields = 8};
    if ((data[0] & 1) != 0) {
        connect(input, (data[0] & 4) != 0 ? "v1, v2" : "");
    } else {
        serve(input, options);
    }
    return 0;
}
