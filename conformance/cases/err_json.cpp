// Text that is not a frame: how a relay reads JSON.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// Each text is answered with INVALID_MESSAGE; frames that are no errors may come between.
finding invalid(context& t, conn on, const std::vector<std::string>& texts) {
    every refused;
    for (const auto& text : texts) {
        on.send_text(text);
        refused += on.seek(match::error("INVALID_MESSAGE"));
    }
    return all({refused, answers(t, on)});
}

/// A ping frame with this text between its time and its closing brace.
std::string ping_with(context& t, const std::string& more) {
    auto text = frame::ping(t.stamp_now()).dump();
    return text.insert(text.size() - 1, more);
}

AM_CASE("ERR-JSON-001") {
    .title = "text that is not JSON is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_001},
    .cost = rtt(22),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto ping = frame::ping(t.stamp_now()).dump();
        std::vector<std::string> texts{"",
                                       "{",
                                       "hello",
                                       ping.substr(0, ping.size() - 1),
                                       "}" + ping,
                                       R"({'type':'ping'})",
                                       ping_with(t, ","),
                                       ping_with(t, R"(,"x":01)"),
                                       ping_with(t, R"(,"x":"\q")"),
                                       ping_with(t, ",\"x\":\"\n\"")};
        if (strict(t))  // what some parsers let pass
            for (const auto& lenient :
                 {ping + " x", ping + ping, "\xef\xbb\xbf" + ping, ping + " // comment",
                  ping_with(t, R"(,"x":NaN)"), ping_with(t, R"(,"x":+1)"), ping_with(t, R"(,"x":.5)")})
                texts.push_back(lenient);
        t.refused(req::AM_ERR_001, invalid(t, p.a.on, texts));
    },
};

AM_CASE("ERR-JSON-002") {
    .title = "JSON that is not an object is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_001},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto ping = frame::ping(t.stamp_now()).dump();
        t.refused(req::AM_ERR_001, invalid(t, p.a.on, {"[]", "\"ping\"", "1", "null", "true", "[" + ping + "]"}));
    },
};

AM_CASE("ERR-JSON-003") {
    .title =
        "a frame that names a member twice is answered INVALID_MESSAGE, however the name is written and wherever it "
        "stands",
    .proves = {req::AM_ERR_007},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto time = R"(,"timestamp":")" + t.stamp_now() + "\"";
        t.refused(req::AM_ERR_007,
                  invalid(t, p.a.on,
                          {ping_with(t, time), ping_with(t, R"(,"typ\u0065":"ping")"),
                           ping_with(t, R"(,"x":1,"x":1)"), ping_with(t, R"(,"x":{"y":[{"z":1,"z":2}]})")}));
    },
};

AM_CASE("ERR-JSON-004") {
    .title = "a frame nested 65 deep is answered INVALID_MESSAGE, one nested 64 deep is read",
    .proves = {req::AM_ERR_008},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto nested = [&](std::size_t arrays) {
            return ping_with(t, ",\"x\":" + std::string(arrays, '[') + std::string(arrays, ']'));
        };
        p.a.on.send_text(nested(63));  // and the frame itself
        t.control(p.a.on.seek(match::frame("pong")));
        t.refused(req::AM_ERR_008, all({invalid(t, p.a.on, {nested(64), nested(5'000)}), t.alive(p)}));
    },
};

AM_CASE("ERR-JSON-005") {
    .title = "an escape that is half of a surrogate pair is answered INVALID_MESSAGE",
    .proves = {req::AM_ERR_009},
    .cost = rtt(20),
    .run = [](context& t) {
        auto p = sound_pair(t);
        p.a.on.send_text(ping_with(t, R"(,"x":"\ud83d\ude00")"));
        t.control(p.a.on.seek(match::frame("pong")));
        const auto payload =
            R"({"type":"send","to":")" + p.b.amid() + R"(","message_type":"message","encrypted_payload":"\ud800"})";
        t.refused(req::AM_ERR_009,
                  invalid(t, p.a.on,
                          {ping_with(t, R"(,"x":"\ud800")"), ping_with(t, R"(,"x":"\udc00\ud800")"),
                           ping_with(t, R"(,"x":"\ud800\u0041")"), ping_with(t, R"(,"\udfff":1)"), payload}));
    },
};

AM_CASE("ERR-JSON-006") {
    .title = "JSON of any legal look is read: white space, escapes, large numbers, deep members that mean nothing",
    .proves = {req::AM_RLY_013},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every read;
        for (const auto* more : {" \t\r\n", R"( , "x" : [ ] )", R"(,"x":-0.0e+10)", R"(,"x":12345678901234567890)",
                                 R"(,"":null)", R"(,"x":{"type":"send","to":[{}]})", R"(,"\u00e9\n":"\u0000")"}) {
            p.a.on.send_text(ping_with(t, more));
            read += p.a.on.seek(match::frame("pong"));
        }
        t.accepted(req::AM_RLY_013, read);
    },
};

AM_CASE("ERR-JSON-007") {
    .title = "a binary message is answered INVALID_MESSAGE, even if it holds a good frame",
    .proves = {req::AM_ERR_006},
    .cost = rtt(14),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every refused;
        for (const auto& bytes :
             {std::string{"\x00\xff\x80 bytes", 9}, std::string{}, frame::ping(t.stamp_now()).dump()}) {
            p.a.on.send_binary(bytes);
            refused += p.a.on.seek(match::error("INVALID_MESSAGE"));
        }
        t.refused(req::AM_ERR_006, all({refused, answers(t, p.a.on)}));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
