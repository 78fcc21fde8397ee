#include "conformance/report/tests/sample.hpp"

#include "conformance/engine/ws.hpp"

#include <utility>

namespace agentmesh::conformance::report {
namespace {

constexpr std::array<std::uint8_t, 4> mask{0x37, 0xfa, 0x21, 0x3d};

std::string from_client(std::string payload) {
    ws_frame frame;
    frame.payload = std::move(payload);
    return encode(frame, mask);
}

std::string from_relay(std::string payload, opcode op = opcode::text) {
    ws_frame frame;
    frame.masked = false;
    frame.op = op;
    frame.payload = std::move(payload);
    return encode(frame, mask);
}

/// Puts a run together case by case.
class maker {
public:
    maker() {
        run_.report.suite = {"0.9.0", "relay-hardened@1.0",
                             "59d5e0db72dbebc0e328536ea6fed8bbe766f11ff19f36762f1734ba7da8ae58", "1.0", "7f3a19c4"};
        run_.report.target.url = "wss://relay.example/v1";
        run_.report.duration_ms = 21'640;
        run_.report.rtt_p50_us = 38'200;
        run_.report.rtt_p99_us = 61'900;
        run_.report.spki_sha256 = "a17c5e02b4d86f0193c7e2aa51f4d90be86c3b7210fd5948e1c6a7d2b3f08e94";
        run_.report.evidence_root = "sha256:0c4f77ab21c3d94e5f60718293a4b5c6d7e8f90123456789abcdef0123456789";
        run_.recorded.header.suite_version = "0.9.0";
        run_.recorded.header.url = run_.report.target.url;
    }

    /// A case whose checks are added by `check`.
    maker& begin(std::string id, std::string title, std::int64_t duration_ms = 40) {
        case_result result;
        result.id = id;
        result.title = std::move(title);
        result.duration_ms = duration_ms;
        run_.report.cases.push_back(std::move(result));
        run_.recorded.cases.emplace_back(std::move(id), "sha256:00");
        return *this;
    }
    std::uint64_t out(std::string_view bytes, std::string_view layer = "ws", int conn = 1) {
        return run_.recorded.cases.back().add(0, conn, direction::out, layer, bytes);
    }
    std::uint64_t in(std::string_view bytes, std::string_view layer = "ws", int conn = 2) {
        return run_.recorded.cases.back().add(0, conn, direction::in, layer, bytes);
    }
    maker& check(std::string requirement, verdict outcome, std::string why, std::vector<std::uint64_t> evidence,
                 std::string sentence, keyword level = keyword::must, int line = 600, std::string choice = {}) {
        check_result result;
        result.requirement = std::move(requirement);
        result.level = level;
        result.outcome = outcome;
        result.evidence = std::move(evidence);
        result.why = std::move(why);
        result.choice = std::move(choice);
        result.sentence = std::move(sentence);
        result.line = line;
        auto& of = run_.report.cases.back();
        of.outcome = worse(of.outcome == verdict::untested && of.checks.empty() ? outcome : of.outcome, outcome);
        of.checks.push_back(std::move(result));
        return *this;
    }
    /// A case with one passing check.
    maker& pass(std::string id, std::string title, std::string requirement, std::string sentence, int line = 400) {
        begin(std::move(id), std::move(title));
        const auto sent = out(from_client(R"({"type":"ping","timestamp":"2026-01-02T03:04:05Z"})"));
        const auto seen = in(from_relay(R"({"type":"pong","timestamp":"2026-01-02T03:04:05Z"})"));
        return check(std::move(requirement), verdict::pass, "seen as demanded", {sent, seen}, std::move(sentence),
                     keyword::must, line);
    }

    sample take() {
        settle(run_.report);
        return std::move(run_);
    }

private:
    sample run_;
};

void add_passes(maker& m) {
    m.pass("WSK-OPEN-001", "a correct upgrade is answered with 101 and the right accept value", "AM-WSK-001",
           "A server MUST accept a correct upgrade with status 101 and the `Sec-WebSocket-Accept` value of RFC 6455 section 4.2.2.", 397);
    m.pass("WSK-FRAME-001", "a frame without a mask ends the connection", "AM-WSK-020",
           "A server MUST fail a connection on which it receives a frame that is not masked.", 450);
    m.pass("WSK-FRAME-002", "a reserved opcode ends the connection", "AM-WSK-022",
           "An endpoint MUST fail a connection on which it receives a reserved opcode.", 456);
    m.pass("AUT-CONNECT-001", "a valid CONNECT is answered with connected", "AM-AUT-001",
           "A relay MUST accept a valid CONNECT as the first frame and answer it with `connected`.", 238);
    m.pass("AUT-CONNECT-002", "a CONNECT signed by another key is refused", "AM-AUT-005",
           "A relay MUST reject a CONNECT whose signature does not verify over its `timestamp` under its `public_key`.", 251);
    m.pass("AUT-CONNECT-003", "each login has a session id of its own", "AM-AUT-028",
           "A relay MUST produce a `session_id` that is a UUID and differs for each login.", 320);
    m.pass("RLY-SEND-001", "a message to a connected agent arrives there once, from the authenticated sender, unchanged",
           "AM-RLY-001", "A relay MUST produce a `receive` at the recipient for each `send` it takes for a connected recipient.", 558);
    m.pass("RLY-STORE-001", "stored messages follow connected, oldest first", "AM-RLY-020",
           "A relay MUST produce the messages that it stored for an absent agent after that agent's `connected`.", 599);
    m.pass("RLY-PRESENCE-001", "a connected agent is online", "AM-RLY-050",
           "A relay MUST produce a `presence_response` with status `online` for a connected agent that has set no other.", 679);
    m.pass("LIM-SIZE-001", "a payload of 65,536 bytes is taken", "AM-LIM-001",
           "A relay MUST accept an `encrypted_payload` of 65,536 bytes.", 777);
    m.pass("ERR-CODE-001", "text that is not JSON is answered with INVALID_MESSAGE", "AM-ERR-001",
           "A relay MUST reject a text message that is not a JSON object with the error code `INVALID_MESSAGE`.", 840);
    m.pass("PRV-PRESENCE-001", "an absent agent and one that never was look alike", "AM-PRV-001",
           "A relay MUST NOT tell in a `presence_response` whether an agent that is not connected has ever been.", 697);
}

void add_failures(maker& m) {
    m.begin("RLY-STORE-007", "a repeated message id reaches the recipient once", 412);
    const auto send = from_client(R"({"type":"send","to":"4vJ9","encrypted_payload":"aGVsbG8=","message_type":"message","id":"m-1"})");
    const auto receive = from_relay(R"({"type":"receive","from":"2NEp","encrypted_payload":"aGVsbG8=","message_type":"message","id":"m-1"})");
    const std::vector<std::uint64_t> twice{m.out(send), m.in(receive), m.out(send), m.in(receive)};
    m.check("AM-RLY-042", verdict::fail, "a second receive with the same id came before the fence", twice,
            "A relay with feature `receipts` MUST NOT deliver a message twice that was sent twice with one `id` by one sender to one recipient.",
            keyword::must_not, 653);
    m.check("AM-RLY-043", verdict::pass, "one id from two senders arrived twice", {twice[0], twice[1]},
            "A relay with feature `receipts` MUST accept one `id` from two senders or for two recipients as different messages.",
            keyword::must, 656);

    m.begin("ERR-ECHO-001", "an error repeats no bytes of the frame it refuses", 61);
    const std::vector<std::uint64_t> echoed{m.out(from_client("<script>alert(1)</script>")), m.in(from_relay(hostile_text()))};
    m.check("AM-ERR-013", verdict::fail, "the message of the error holds bytes of the refused frame", echoed,
            "A relay MUST NOT repeat bytes that a peer chose in the `message` of an error.", keyword::must_not, 873);

    m.begin("LIM-FRAG-001", "a message of more than 1,024 fragments ends the connection with 1009", 2'310);
    ws_frame piece;
    piece.op = opcode::continuation;
    piece.fin = false;
    piece.rsv = 4;
    piece.form = length_form::eight_bytes;
    std::string pieces;
    for (int i = 0; i < 900; ++i) pieces += encode(piece, mask);
    const std::vector<std::uint64_t> fragments{m.out(pieces, "raw"), m.in("", "tcp"), m.in("reset", "tcp")};
    m.check("AM-LIM-005", verdict::crash, "the target takes no new connections", fragments,
            "A relay MUST fail a connection on which it receives a message of more than 1,024 fragments, with code 1009.", keyword::must, 789);
    m.begin("LIM-SLOW-001", "a reader that stops does not delay others", 8'000);
    m.check("AM-RLY-075", verdict::hang, "the bystander's message did not arrive", {m.out("waited", "timer")},
            "A relay MUST NOT let one recipient that stops reading delay or lose the messages of others.", keyword::must_not, 745);
}

void add_others(maker& m) {
    m.begin("RLY-LIFE-004", "GET /health answers 200 and a JSON object", 22);
    const std::vector<std::uint64_t> health{m.out("GET /health HTTP/1.1\r\nHost: relay.example\r\n\r\n", "http"),
                                            m.in("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "http")};
    m.check("AM-RLY-077", verdict::deviation, "status 404", health,
            "A relay SHOULD answer `GET /health` with status 200 and a JSON object.", keyword::should, 751);
    m.begin("RLY-LIFE-005", "the same on a second listener", 20);
    m.check("AM-RLY-077", verdict::waived, "status 404; waived: served by the load balancer", {m.in("HTTP/1.1 404 Not Found\r\n\r\n", "http")},
            "A relay SHOULD answer `GET /health` with status 200 and a JSON object.", keyword::should, 751);
    m.begin("RLY-STORE-030", "a message older than 72 hours is not delivered", 0);
    m.check("AM-RLY-030", verdict::untested, "needs --slow or a declared message_ttl_ms", {},
            "A relay MUST NOT deliver a stored message more than 72 hours after it took it.", keyword::must_not, 625);
    m.begin("RLY-ICE-001", "an offer reaches its recipient with sdp and candidates unchanged", 251);
    m.check("AM-RLY-060", verdict::inconclusive, "control failed: the second agent could not log in", {m.in("fin", "tcp")},
            "A relay MUST produce an `ice_offer` at its recipient with `sdp` and `candidates` unchanged and `to` naming the sender.", keyword::must, 705);
    m.begin("RLY-PRESENCE-002", "presence set by an agent is reported", 99);
    m.check("AM-RLY-052", verdict::flaky, "two runs disagreed", {m.in(from_relay(R"({"type":"presence_response","status":"away"})"))},
            "A relay MUST produce the status that a connected agent has set with `presence`.", keyword::must, 685);
    m.begin("AUT-CHALLENGE-001", "the nonce of each challenge is new", 88);
    m.check("AM-AUT-043", verdict::not_offered, "a login that offers challenge is answered without it", {m.in(from_relay(R"({"type":"connected"})"))},
            "A relay with feature `challenge` MUST produce a nonce of 32 bytes that differs for each challenge.", keyword::must, 368);
    m.begin("AUT-CONNECT-018", "protocol agentmesh/0.1", 41);
    m.check("AM-AUT-018", verdict::chose, "connected", {m.in(from_relay(R"({"type":"connected"})"))},
            "A relay MAY accept the older `protocol` value `agentmesh/0.1`.", keyword::may, 290, "accepts");
}

}  // namespace

std::string hostile_text() {
    using namespace std::string_literals;  // the text holds a zero byte
    return "{\"type\":\"error\",\"message\":\"</pre></details><script>alert(1)</script><img src=x onerror=alert(2)>"
           "\x1b[2J\xe2\x80\xaegnp.exe\0 ]]> | `code` [link](javascript:alert(3)) @someone \xff\xc0\x80\"}"s;
}

sample sample_run() {
    maker m;
    add_passes(m);
    add_failures(m);
    add_others(m);
    auto made = m.take();
    made.report.waivers = {{"AM-RLY-077", "served by the load balancer", "ops@relay.example", "2027-01-01"}};
    return made;
}

sample clean_run() {
    maker m;
    add_passes(m);
    return m.take();
}

}  // namespace agentmesh::conformance::report
