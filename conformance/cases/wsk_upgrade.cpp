// The opening handshake: what a server answers, and whom it turns away.
#include "conformance/cases/support.hpp"

namespace agentmesh::conformance {
namespace {

/// Any visible answer but 101: another status, or the end of the connection.
matcher no_upgrade() {
    return match::where("a refused upgrade", [](const observation& o) {
        return (o.is(observation::kind::http) && o.code != 101) || o.is(observation::kind::fin) ||
               o.is(observation::kind::reset);
    });
}

/// Sends a bent request on a connection of its own.
finding refused_upgrade(context& t, const http_request& bent) {
    auto c = t.dial_tcp();
    c.send_request(bent);
    return c.expect(no_upgrade());
}

/// A correct upgrade under other circumstances: holds if it is answered 101 and a login on it works.
finding upgraded(context& t, const http_request& request) {
    auto c = t.dial_tcp();
    c.send_request(request);
    const auto answer = c.expect(match::http(101));
    if (!answer) return answer;
    c.send(t.connect_frame(t.fresh()));
    return all({answer, c.expect(match::frame("connected")), answers(t, c)});
}

AM_CASE("WSK-OPEN-001") {
    .title = "a correct upgrade is answered 101 with the accept value that belongs to its key",
    .proves = {req::AM_WSK_001},
    .cost = rtt(6),
    .run = [](context& t) {
        const auto request = t.upgrade_request();
        auto c = t.dial_tcp();
        c.send_request(request);
        const auto answer = c.expect(match::http(101));
        const auto right =
            t.that(answer->field("sec-websocket-accept") == accept_value(request.field("Sec-WebSocket-Key")),
                   "Sec-WebSocket-Accept belongs to the key", answer);
        c.send(t.connect_frame(t.fresh()));
        t.accepted(req::AM_WSK_001, all({answer, right, c.expect(match::frame("connected")), answers(t, c)}));
    },
};

AM_CASE("WSK-OPEN-002") {
    .title = "field names and tokens of an upgrade may be written in any case and in lists",
    .proves = {req::AM_WSK_001},
    .cost = rtt(12),
    .run = [](context& t) {
        auto loud = t.upgrade_request();
        loud.set("Upgrade", "WebSocket").set("Connection", "keep-alive, Upgrade").add("X-Empty", "");
        auto quiet = t.upgrade_request();
        for (auto& [name, value] : quiet.fields)
            for (auto& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
        t.accepted(req::AM_WSK_001, all({upgraded(t, loud), upgraded(t, quiet)}));
    },
};

AM_CASE("WSK-OPEN-003") {
    .title = "an answer names no extension and no subprotocol that was not offered",
    .proves = {req::AM_WSK_011},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial_tcp();
        c.send_request(t.upgrade_request());
        const auto answer = c.expect(match::http(101));
        t.absent(
            req::AM_WSK_011,
            all({answer, t.that(answer->field("sec-websocket-extensions").empty(), "no extension is named", answer),
                 t.that(answer->field("sec-websocket-protocol").empty(), "no subprotocol is named", answer)}));
    },
};

AM_CASE("WSK-OPEN-004") {
    .title = "permessage-deflate is declined",
    .proves = {req::AM_WSK_012},
    .cost = rtt(15),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto offering = t.upgrade_request();
        offering.add("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
        auto c = t.dial_tcp();
        c.send_request(offering);
        const auto answer = c.expect(match::http(101));
        c.send(t.connect_frame(t.fresh()));
        t.absent(req::AM_WSK_012,
                 all({answer,
                      t.that(answer->field("sec-websocket-extensions").find("deflate") == std::string::npos,
                             "permessage-deflate is not agreed to", answer),
                      c.expect(match::frame("connected")), answers(t, c)}));
    },
};

AM_CASE("WSK-OPEN-005") {
    .title = "an offered subprotocol is taken or left, and no other is named",
    .proves = {req::AM_WSK_011},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto offering = t.upgrade_request();
        offering.add("Sec-WebSocket-Protocol", "chat.example");
        auto c = t.dial_tcp();
        c.send_request(offering);
        const auto answer = c.expect(match::http(101) | match::http_refusal());
        const auto named = answer->field("sec-websocket-protocol");
        t.absent(req::AM_WSK_011, all({answer, t.that(named.empty() || named == "chat.example",
                                                      "no other subprotocol is named", answer)}));
    },
};

// -- refused -------------------------------------------------------------------------------------------------------

AM_CASE("WSK-REFUSE-001") {
    .title = "an upgrade without a key is refused",
    .proves = {req::AM_WSK_002},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto bent = t.upgrade_request();
        bent.drop("Sec-WebSocket-Key");
        t.refused(req::AM_WSK_002, refused_upgrade(t, bent));
    },
};

AM_CASE("WSK-REFUSE-002") {
    .title = "a key that is not the base64 form of 16 bytes is refused",
    .proves = {req::AM_WSK_002},
    .cost = rtt(18),
    .run = [](context& t) {
        (void)sound_pair(t);
        every refused;
        for (const auto& key :
             {std::string{"no key"}, to_base64(std::string(15, 'k')), to_base64(std::string(17, 'k'))}) {
            auto bent = t.upgrade_request();
            bent.set("Sec-WebSocket-Key", key);
            refused += refused_upgrade(t, bent);
        }
        t.refused(req::AM_WSK_002, refused);
    },
};

AM_CASE("WSK-REFUSE-003") {
    .title = "a version other than 13 is refused, and the answer names 13",
    .proves = {req::AM_WSK_003, req::AM_WSK_004},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto bent = t.upgrade_request();
        bent.set("Sec-WebSocket-Version", "12");
        const auto answer = refused_upgrade(t, bent);
        t.refused(req::AM_WSK_003, answer);
        t.produced(req::AM_WSK_004,
                   all({answer, t.that(answer->is(observation::kind::http) && answer->code == 426 &&
                                           answer->field("sec-websocket-version") == "13",
                                       "status 426 with Sec-WebSocket-Version: 13", answer)}));
    },
};

AM_CASE("WSK-REFUSE-004") {
    .title = "an upgrade without a version is refused",
    .proves = {req::AM_WSK_003},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto bent = t.upgrade_request();
        bent.drop("Sec-WebSocket-Version");
        t.refused(req::AM_WSK_003, refused_upgrade(t, bent));
    },
};

AM_CASE("WSK-REFUSE-005") {
    .title = "an upgrade by another method than GET is refused",
    .proves = {req::AM_WSK_016},
    .cost = rtt(14),
    .run = [](context& t) {
        (void)sound_pair(t);
        every refused;
        for (const auto* method : {"POST", "PUT"}) {
            auto bent = t.upgrade_request();
            bent.method = method;
            bent.add("Content-Length", "0");
            refused += refused_upgrade(t, bent);
        }
        t.refused(req::AM_WSK_016, refused);
    },
};

AM_CASE("WSK-REFUSE-006") {
    .title = "a request without Upgrade: websocket gets no WebSocket",
    .proves = {req::AM_WSK_016},
    .cost = rtt(14),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto without = t.upgrade_request();
        without.drop("Upgrade").set("Connection", "close");
        auto other = t.upgrade_request();
        other.set("Upgrade", "h2c");
        t.refused(req::AM_WSK_016, all({refused_upgrade(t, without), refused_upgrade(t, other)}));
    },
};

AM_CASE("WSK-REFUSE-007") {
    .title = "an upgrade with two Host fields is refused",
    .proves = {req::AM_WSK_005},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto bent = t.upgrade_request();
        bent.add("Host", "elsewhere.example");
        t.refused(req::AM_WSK_005, refused_upgrade(t, bent));
    },
};

AM_CASE("WSK-REFUSE-008") {
    .title = "a request with both Content-Length and Transfer-Encoding is refused",
    .proves = {req::AM_WSK_006},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto bent = t.upgrade_request();
        bent.add("Content-Length", "5").add("Transfer-Encoding", "chunked");
        bent.body = "0\r\n\r\n";
        t.refused(req::AM_WSK_006, refused_upgrade(t, bent));
    },
};

AM_CASE("WSK-REFUSE-009") {
    .title = "a request head with a bare line feed is refused",
    .proves = {req::AM_WSK_007},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto text = t.upgrade_request().text();
        text.erase(text.find("\r\n"), 1);
        auto c = t.dial_tcp();
        c.send_raw(text);
        t.refused(req::AM_WSK_007, c.expect(no_upgrade()));
    },
};

AM_CASE("WSK-REFUSE-010") {
    .title = "a request head with a bare carriage return is refused",
    .proves = {req::AM_WSK_007},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto bent = t.upgrade_request();
        bent.add("X-Note", "one\rtwo");
        t.refused(req::AM_WSK_007, refused_upgrade(t, bent));
    },
};

AM_CASE("WSK-REFUSE-011") {
    .title = "a request head of more than 16 KiB is refused",
    .proves = {req::AM_WSK_008},
    .cost = rtt(12),
    .run = [](context& t) {
        (void)sound_pair(t);
        auto bent = t.upgrade_request();
        bent.add("X-Long", std::string(17 * 1024, 'x'));
        t.refused(req::AM_WSK_008, refused_upgrade(t, bent));
    },
};

AM_CASE("WSK-REFUSE-012") {
    .title = "a request head of more than 100 fields is refused, one of 100 is not",
    .proves = {req::AM_WSK_008},
    .cost = rtt(18),
    .run = [](context& t) {
        auto full = t.upgrade_request();
        while (full.fields.size() < 100) full.add("X-" + std::to_string(full.fields.size()), "1");
        t.control(upgraded(t, full));
        auto over = t.upgrade_request();
        while (over.fields.size() < 101) over.add("X-" + std::to_string(over.fields.size()), "1");
        t.refused(req::AM_WSK_008, refused_upgrade(t, over));
    },
};

AM_CASE("WSK-REFUSE-013") {
    .title = "bytes behind a refused upgrade are not read as frames",
    .proves = {req::AM_WSK_009},
    .cost = rtt(16),
    .run = [](context& t) {
        auto p = sound_pair(t);
        const auto ghost = t.fresh();
        auto bent = t.upgrade_request();
        bent.set("Sec-WebSocket-Version", "12");
        const auto smuggled = t.payload();
        auto c = t.dial_tcp();
        c.send_raw(bent.text() + masked(t.connect_frame(ghost)) + masked(frame::send(p.b.amid(), smuggled)));
        const auto refused = c.expect(no_upgrade());
        const auto nobody = presence_of(p.a, ghost.amid());
        t.absent(req::AM_WSK_009,
                 all({refused, t.that(nobody->str("status") == "offline", "nobody was logged in", nobody),
                      t.nothing_before(t.fence_message(p.a, p.b), match::receive(smuggled))}));
    },
};

AM_CASE("WSK-REFUSE-016") {
    .title = "an upgrade that bytes follow before its answer is refused, be they frames or a request",
    .proves = {req::AM_WSK_017},
    .cost = rtt(18),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every refused;
        for (const auto& behind : {masked(t.connect_frame(t.fresh())), t.upgrade_request().text()}) {
            auto c = t.dial_tcp();
            c.send_raw(t.upgrade_request().text() + behind);
            refused += c.expect(no_upgrade());
        }
        t.refused(req::AM_WSK_017, all({refused, t.alive(p)}));
    },
};

AM_CASE("WSK-REFUSE-014") {
    .title = "a page of a foreign origin gets status 403",
    .proves = {req::AM_WSK_010},
    .cost = rtt(14),
    .run = [](context& t) {
        (void)sound_pair(t);
        every refused;
        for (const auto* origin : {"https://elsewhere.example", "null"}) {
            auto bent = t.upgrade_request();
            bent.add("Origin", origin);
            auto c = t.dial_tcp();
            c.send_request(bent);
            refused += c.expect(match::http(403));
        }
        t.refused(req::AM_WSK_010, refused);
    },
};

AM_CASE("WSK-REFUSE-015") {
    .title = "a flood of refused upgrades leaves the relay in service",
    .proves = {req::AM_RLY_012},
    .cost = rtt(24),
    .run = [](context& t) {
        auto p = sound_pair(t);
        every refused;
        for (int i = 0; i < 6; ++i) {
            auto bent = t.upgrade_request();
            bent.drop("Sec-WebSocket-Key");
            refused += refused_upgrade(t, bent);
        }
        t.absent(req::AM_RLY_012, all({refused, t.alive(p)}));
    },
};

// -- slow ----------------------------------------------------------------------------------------------------------

AM_CASE("WSK-SLOW-001") {
    .title = "a request head that never ends is cut off",
    .proves = {req::AM_WSK_013},
    .cost = rtt(12),
    .wait = waits::head,
    .run = [](context& t) {
        (void)sound_pair(t);
        auto c = t.dial_tcp();
        c.send_raw("GET / HTTP/1.1\r\nHost: relay\r\nX-Slow: ");
        for (int quarter = 0; quarter < 5; ++quarter) {
            c.send_raw("x");
            t.wait(t.timing().head / 4);
        }
        t.produced(req::AM_WSK_013, c.seek(match::tcp_end(), 2 * t.deadline()));
    },
};

}  // namespace
}  // namespace agentmesh::conformance
