// HTP: HTTP itself. What smuggles one request in another stands in a file of its own.
#include "conformance/cases/registry/support.hpp"

namespace agentmesh::conformance::registry_cases {
namespace {

/// The request with its body in these chunks, each already with its size line.
std::string in_chunks(http_request request, std::string_view body) {
    request.drop("Content-Length").drop("Connection").set("Transfer-Encoding", "chunked");
    request.body = body;
    return request.text();
}

std::string chunk(std::string_view data) {
    std::string size;
    for (auto left = data.size(); left != 0 || size.empty(); left /= 16) size.insert(0, 1, "0123456789abcdef"[left % 16]);
    return size + "\r\n" + std::string{data} + "\r\n";
}

}  // namespace

AM_CASE("HTP-ORDER-001") {
    .title = "requests of one connection are answered in their order",
    .proves = {req::AM_HTP_005},
    .cost = rtt(6),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled(), b = t.enrolled();
        auto c = t.dial_tcp();
        bool closed = false;
        std::string all;
        for (const auto* one : {&a, &b, &a, &b}) all += t.lookup(one->amid()).text();
        c.send_raw(all);
        every right;
        for (const auto* one : {&a, &b, &a, &b}) {
            const auto seen = t.answer(c);
            if (closed && seen.ends()) break;  // a server may end a connection behind any answer, if it says so
            closed = seen.field("connection") == "close";
            right += t.answered(seen) & t.that(seen.str("amid") == one->amid(), "the answer to the request in its turn", seen);
        }
        c.hang_up();
        t.produced(req::AM_HTP_005, right);
    },
};

AM_CASE("HTP-ORDER-002") {
    .title = "a change and the question behind it on one connection are answered in their order",
    .proves = {req::AM_HTP_005},
    .cost = rtt(7),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        auto c = t.dial_tcp();
        c.send_raw(t.change(status_path, status_of(a, "away"), a.who).text() + t.lookup(a.amid()).text() +
                   t.change(status_path, status_of(a, "dnd"), a.who).text() + t.lookup(a.amid()).text());
        const auto first = t.answer(c), away = t.answer(c), second = t.answer(c), dnd = t.answer(c);
        c.hang_up();
        // A server may end a connection behind any answer, if it says so.
        if (first.field("connection") == "close" && away.ends())
            return t.produced(req::AM_HTP_005, t.saw(first, match::http(200)));
        t.produced(req::AM_HTP_005, t.saw(first, match::http(200)) & t.saw(second, match::http(200)) &
                                        t.that(away.str("status") == "away", "what the change before has set", away) &
                                        t.that(dnd.str("status") == "dnd", "what the change before has set", dnd));
    },
};

AM_CASE("HTP-CHUNK-001") {
    .title = "a body in chunks is the body that they make up",
    .proves = {req::AM_HTP_007},
    .cost = rtt(5),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto request = t.change(status_path, status_of(a, "away"), a.who);
        const auto half = request.body.size() / 2;
        const auto body = chunk(request.body.substr(0, half)) + chunk(request.body.substr(half)) + "0\r\n\r\n";
        const auto whole = t.ask_raw(in_chunks(request, body));
        const auto seen = t.must_find(a);
        t.accepted(req::AM_HTP_007, t.saw(whole, match::http(200)) & t.that(seen.str("status") == "away", "the status that was set", seen));
    },
};

AM_CASE("HTP-CHUNK-002") {
    .title = "chunks without a right size, or without an end where it was announced, are refused",
    .proves = {req::AM_HTP_002},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must(t.change(status_path, status_of(a, "away"), a.who));
        every all;
        const auto refuse = [&](auto&& body_of) {
            const auto request = t.change(status_path, status_of(a, "dnd"), a.who);
            all += t.cut_off(t.ask_raw(in_chunks(request, body_of(request.body))));
        };
        refuse([](const std::string& b) { return "0x" + chunk(b) + "0\r\n\r\n"; });
        refuse([](const std::string& b) { return "-" + chunk(b) + "0\r\n\r\n"; });
        refuse([](const std::string& b) { return "+" + chunk(b) + "0\r\n\r\n"; });
        refuse([](const std::string& b) { return "\r\n" + chunk(b) + "0\r\n\r\n"; });
        refuse([](const std::string& b) { return "ffffffffffffffff0\r\n" + b + "\r\n0\r\n\r\n"; });
        refuse([](const std::string& b) { return "zz\r\n" + b + "\r\n0\r\n\r\n"; });
        refuse([](const std::string& b) { return "5\r\n" + b + "\r\n0\r\n\r\n"; });
        const auto seen = t.must_find(a);
        all += t.that(seen.str("status") == "away", "the status as it was", seen);
        t.refused(req::AM_HTP_002, all);
    },
};

AM_CASE("HTP-PIECES-001") {
    .title = "a request that arrives in pieces is read as a whole",
    .proves = {req::AM_HTP_007},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        every all;
        auto text = t.change(status_path, status_of(a, "away"), a.who).text();
        std::vector<std::string> pieces;
        for (std::size_t at = 0; at < text.size(); at += 61) pieces.push_back(text.substr(at, 61));
        all += t.saw(t.ask_pieces(pieces), match::http(200));
        text = t.lookup(a.amid()).text();
        const auto end = text.find("\r\n\r\n");
        const auto seen = t.ask_pieces({text.substr(0, end + 1), text.substr(end + 1, 2), text.substr(end + 3)});
        all += t.answered(seen) & t.that(seen.str("status") == "away", "the status that was set", seen);
        t.accepted(req::AM_HTP_007, all);
    },
};

AM_CASE("HTP-KEEP-001") {
    .title = "a connection serves many requests, and ends behind the one that asks for it",
    .proves = {req::AM_HTP_007},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        auto c = t.dial_tcp();
        every all;
        for (int i = 0; i < 5; ++i) {
            const auto seen = t.ask(c, t.lookup(a.amid()));
            if (i > 0 && seen.ends()) break;  // a server may end a connection whenever it likes
            all += t.answered(seen) & t.that(seen.str("amid") == a.amid(), "the agent that was asked for", seen);
            if (seen.field("connection") == "close") break;
        }
        c.hang_up();
        auto d = t.dial_tcp();
        auto last = t.lookup(a.amid());
        last.add("Connection", "close");
        const auto seen = t.ask(d, last);
        const auto end = d.next();
        d.hang_up();
        all += t.answered(seen) & t.saw(end, match::tcp_end());
        t.accepted(req::AM_HTP_007, all);
    },
};

}  // namespace agentmesh::conformance::registry_cases
