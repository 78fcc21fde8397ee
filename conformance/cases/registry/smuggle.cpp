// HTP-SMUGGLE, HTP-HEAD, HTP-SIZE, HTP-SLOW: messages in which two readers find different requests, and ones that cost
// more than they should. Behind each stands a question: whoever answers it has read a request where there was none.
#include "conformance/cases/registry/support.hpp"

#include <algorithm>

namespace agentmesh::conformance::registry_cases {
namespace {

/// What became of bytes that are no request: the answers up to the end of the connection.
struct aftermath {
    std::vector<observation> answers;
    bool ended = false;
};

aftermath after(registry_context& t, std::string_view bytes) {
    aftermath out;
    auto c = t.dial_tcp();
    c.send_raw(bytes);
    while (out.answers.size() < 4) {
        const auto seen = t.answer(c);
        if (seen.is(observation::kind::timeout)) break;
        out.answers.push_back(seen);
        out.ended = seen.ends();
        if (out.ended) break;
    }
    c.hang_up();
    return out;
}

/// What a request that is not complete is told in the end; interim answers are passed over.
observation given_up(registry_context& t, conn& on) {
    auto seen = on.next(t.timing().head);
    for (int i = 0; i < 4 && seen.is(observation::kind::http) && seen.code < 200; ++i) seen = on.next(t.timing().head);
    return seen;
}

/// Refused, and nothing behind it read as a request: no answer is a success, and the connection ends.
finding refused_whole(registry_context& t, std::string_view bytes) {
    const auto seen = after(t, bytes);
    if (seen.answers.empty()) return t.that(false, "a refusal or the end of the connection", seen.answers);
    const bool served = std::any_of(seen.answers.begin(), seen.answers.end(), match::http_success().test);
    return t.that(!served && seen.ended, "a refusal and the end of the connection, and no other answer", seen.answers);
}

/// As HTTP allows it in place of a refusal: one answer to the whole, and the end of the connection.
finding read_as_one(registry_context& t, std::string_view bytes) {
    const auto seen = after(t, bytes);
    const auto answers = std::count_if(seen.answers.begin(), seen.answers.end(),
                                       [](const auto& one) { return one.is(observation::kind::http); });
    return t.that(answers <= 1 && seen.ended, "at most one answer and the end of the connection", seen.answers);
}

/// The head of a change of status with these fields in place of its own length, then `body`, then a question.
std::string message(registry_context& t, const resident& who, std::initializer_list<std::pair<std::string_view, std::string_view>> with,
                    bool chunked, std::string_view version = "HTTP/1.1") {
    auto request = t.change(status_path, status_of(who, "dnd"), who.who);
    const auto body = request.body;
    request.drop("Content-Length").drop("Connection");
    request.version = version;
    for (const auto& [name, value] : with) {
        std::string text{value};
        if (const auto at = text.find("{n}"); at != std::string::npos) text.replace(at, 3, std::to_string(body.size()));
        request.add(std::string{name}, text);
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string size;
    for (auto left = body.size(); left != 0; left /= 16) size.insert(0, 1, digits[left % 16]);
    request.body = chunked ? size + "\r\n" + body + "\r\n0\r\n\r\n" : body;
    return request.text() + t.lookup(who.amid()).text();
}

finding still(registry_context& t, const resident& who, std::string_view status) {
    const auto seen = t.ask(t.lookup(who.amid()));
    return t.answered(seen) & t.that(seen.str("status") == status, "the status as it was", seen);
}

/// An agent whose status is `away`, set with the kind of body that the case then bends.
resident away(registry_context& t) {
    auto a = t.enrolled();
    (void)t.must(t.change(status_path, status_of(a, "away"), a.who));
    return a;
}

/// A question with this line among its fields, or with another change of its head.
std::string question(registry_context& t, const resident& who, std::string_view lines) {
    auto text = t.lookup(who.amid()).text();
    text.insert(text.find("\r\n") + 2, lines);
    return text;
}

}  // namespace

AM_CASE("HTP-SMUGGLE-001") {
    .title = "a request with a length and chunks does not hide another one",
    .proves = {req::AM_HTP_001},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        for (const bool length_first : {true, false}) {
            const auto text = length_first ? message(t, a, {{"Content-Length", "{n}"}, {"Transfer-Encoding", "chunked"}}, true)
                                           : message(t, a, {{"Transfer-Encoding", "chunked"}, {"Content-Length", "4"}}, true);
            all += strict(t) ? refused_whole(t, text) : read_as_one(t, text);
        }
        if (strict(t)) all += still(t, a, "away");
        t.refused(req::AM_HTP_001, all);
    },
};

AM_CASE("HTP-SMUGGLE-002") {
    .title = "a request with two lengths is refused",
    .proves = {req::AM_HTP_001},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        all += refused_whole(t, message(t, a, {{"Content-Length", "{n}"}, {"Content-Length", "0"}}, false));
        all += refused_whole(t, message(t, a, {{"Content-Length", "0"}, {"content-length", "{n}"}}, false));
        // Twice the same may be read as once.
        if (strict(t)) {
            all += refused_whole(t, message(t, a, {{"Content-Length", "{n}"}, {"Content-Length", "{n}"}}, false));
            all += refused_whole(t, message(t, a, {{"Content-Length", "{n}, {n}"}}, false));
        }
        all += still(t, a, "away");
        t.refused(req::AM_HTP_001, all);
    },
};

AM_CASE("HTP-SMUGGLE-003") {
    .title = "a length that is not digits only is refused",
    .proves = {req::AM_HTP_001},
    .cost = rtt(18),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        for (const char* length : {"+{n}", "-{n}", "0x{n}", "{n}.0", "{n}e0", "{n};x", "18446744073709551621", "99999999999999999999999", "{n} 0", "five"})
            all += refused_whole(t, message(t, a, {{"Content-Length", length}}, false));
        all += still(t, a, "away");
        t.refused(req::AM_HTP_001, all);
    },
};

AM_CASE("HTP-SMUGGLE-004") {
    .title = "a transfer coding that does not end in chunks, or that nobody knows, is refused",
    .proves = {req::AM_HTP_001},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        for (const char* coding : {"identity", "xchunked", "chunked, identity", "gzip", "chunked-x", "chunke\td"})
            all += refused_whole(t, message(t, a, {{"Transfer-Encoding", coding}}, true));
        all += refused_whole(t, message(t, a, {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"}}, true));
        all += still(t, a, "away");
        t.refused(req::AM_HTP_001, all);
    },
};

AM_CASE("HTP-SMUGGLE-005") {
    .title = "a transfer coding in HTTP/1.0 does not hide another request",
    .proves = {req::AM_HTP_001},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        const auto text = message(t, a, {{"Transfer-Encoding", "chunked"}}, true, "HTTP/1.0");
        const auto seen = strict(t) ? refused_whole(t, text) & still(t, a, "away") : read_as_one(t, text);
        t.refused(req::AM_HTP_001, seen);
    },
};

AM_CASE("HTP-SMUGGLE-006") {
    .title = "data of a chunk that does not end where it was announced is refused",
    .proves = {req::AM_HTP_002},
    .cost = rtt(12),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        const auto chunks = [&](auto&& body_of) {
            auto request = t.change(status_path, status_of(a, "dnd"), a.who);
            request.drop("Content-Length").drop("Connection").add("Transfer-Encoding", "chunked");
            request.body = body_of(request.body);
            all += refused_whole(t, request.text() + t.lookup(a.amid()).text());
        };
        const auto hex = [](std::size_t n) {
            std::string out;
            for (; n != 0; n /= 16) out.insert(0, 1, "0123456789abcdef"[n % 16]);
            return out;
        };
        chunks([&](const std::string& b) { return hex(b.size()) + "\r\n" + b + "XX\r\n0\r\n\r\n"; });
        chunks([&](const std::string& b) { return hex(b.size()) + "\r\n" + b + "0\r\n\r\n"; });
        chunks([&](const std::string& b) { return hex(b.size()) + "\r\n" + b + "\n0\r\n\r\n"; });
        if (strict(t)) {
            chunks([&](const std::string& b) { return hex(b.size()) + "\n" + b + "\r\n0\r\n\r\n"; });
            chunks([&](const std::string& b) { return "0000000000" + hex(b.size()) + "\r\n" + b + "\r\n0\r\n\r\n"; });
            chunks([&](const std::string& b) { return hex(b.size()) + " \r\n" + b + "\r\n0\r\n\r\n"; });
        }
        all += still(t, a, "away");
        t.refused(req::AM_HTP_002, all);
    },
};

AM_CASE("HTP-SMUGGLE-007") {
    .title = "behind a request that is refused nothing of the same connection is served",
    .proves = {req::AM_HTP_001, req::AM_REG_100},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        const auto bad = message(t, a, {{"Content-Length", "0"}, {"Content-Length", "{n}"}}, false);
        auto c = t.dial_tcp();
        c.send_raw(t.lookup(a.amid()).text() + bad);
        const auto first = t.answer(c), second = t.answer(c), third = t.answer(c);
        c.hang_up();
        t.control(t.answered(first));
        const auto whole = t.saw(second, match::http_client_error() | match::tcp_end()) & t.saw(third, match::tcp_end());
        t.refused(req::AM_HTP_001, whole);
        t.absent(req::AM_REG_100, whole & still(t, a, "away"));
    },
};

AM_CASE("HTP-HEAD-001") {
    .title = "a request with two Hosts, or with none, is refused with status 400",
    .proves = {req::AM_HTP_020},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must_find(a);
        every all;
        auto none = t.lookup(a.amid());
        none.drop("Host");
        all += t.saw(t.ask(none), match::http(400));
        auto two = t.lookup(a.amid());
        two.add("Host", "other.example");
        all += t.saw(t.ask(two), match::http(400));
        two = t.lookup(a.amid());
        two.add("host", two.field("Host"));
        all += t.saw(t.ask(two), match::http(400));
        t.refused(req::AM_HTP_020, all);
    },
};

AM_CASE("HTP-HEAD-002") {
    .title = "white space before the colon of a field is refused with status 400",
    .proves = {req::AM_HTP_020},
    .cost = rtt(9),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        for (const char* name : {"Content-Length ", "Content-Length\t", "Transfer-Encoding "}) {
            auto request = t.change(status_path, status_of(a, "dnd"), a.who);
            const auto length = request.field("Content-Length");
            request.drop("Content-Length").add(name, name[0] == 'T' ? std::string{"chunked"} : length);
            all += t.saw(t.ask(request), match::http(400));
        }
        all += still(t, a, "away");
        t.refused(req::AM_HTP_020, all);
    },
};

AM_CASE("HTP-HEAD-003") {
    .title = "a bare CR, a bare LF, a folded line and a name that is none are refused in a head",
    .proves = {req::AM_HTP_021},
    .cost = rtt(18),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must_find(a);
        every all;
        for (const char* line : {"X-A: b\rX-C: d\r\n", "X-A: b\nX-C: d\r\n", "X-A: b\r\n c\r\n", "X-A: b\r\n\tc\r\n", " X-A: b\r\n", ": b\r\n",
                                 "X A: b\r\n", "X-A\r\n", "X(A): b\r\n", "X-\xc3\xa9: b\r\n"})
            all += t.cut_off(t.ask_raw(question(t, a, line)));
        all += t.cut_off(t.ask_raw(question(t, a, std::string_view{"X-A: b\0c\r\n", 10})));
        // All lines end in LF alone.
        auto text = t.lookup(a.amid()).text();
        std::erase(text, '\r');
        all += t.cut_off(t.ask_raw(text));
        t.refused(req::AM_HTP_021, all);
    },
};

AM_CASE("HTP-HEAD-004") {
    .title = "a head of more than 16 KiB or 100 fields is refused",
    .proves = {req::AM_HTP_022},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        auto large = t.lookup(a.amid());
        large.add("X-Large", std::string(4'000, 'x'));
        t.control(t.answered(t.ask(large)));
        every all;
        large = t.lookup(a.amid());
        for (int i = 0; i < 5; ++i) large.add("X-Large-" + std::to_string(i), std::string(4'000, 'x'));
        all += t.cut_off(t.ask(large));
        large = t.lookup(a.amid());
        large.add("X-Large", std::string(20'000, 'x'));
        all += t.cut_off(t.ask(large));
        auto many = t.lookup(a.amid());
        for (int i = 0; i < 120; ++i) many.add("X-" + std::to_string(i), "y");
        all += t.cut_off(t.ask(many));
        auto target = t.lookup(a.amid());
        target.target += "&x=" + std::string(18'000, 'x');
        all += t.cut_off(t.ask(target));
        t.refused(req::AM_HTP_022, all);
    },
};

AM_CASE("HTP-HEAD-005") {
    .title = "bytes that are no request harm nobody",
    .proves = {req::AM_REG_100},
    .cost = rtt(14),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        every all;
        const std::string hello{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11};
        for (const std::string& bytes : {std::string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, hello + std::string(500, '\x42') + "\r\n\r\n",
                                        std::string{"GET /v1/health\r\n\r\n"}, std::string{"GET  /v1/health  HTTP/1.1\r\nHost: x\r\n\r\n"},
                                        std::string(3'000, '\xff') + "\r\n\r\n", std::string{"{\"amid\":1}\r\n\r\n"}}) {
            const auto seen = after(t, bytes);
            const bool served = std::any_of(seen.answers.begin(), seen.answers.end(), match::http_success().test);
            all += t.that(!served && !seen.answers.empty(), "a refusal or the end of the connection", seen.answers);
        }
        all += still(t, a, "away");
        t.absent(req::AM_REG_100, all);
    },
};

AM_CASE("HTP-SIZE-001") {
    .title = "a body over the limit is refused with status 413, before it is there and however it comes",
    .proves = {req::AM_HTP_003},
    .cost = rtt(10),
    .ask = [](registry_context& t) {
        const auto a = away(t);
        auto body = status_of(a, "away");
        body["note"] = std::string(200'000, 'x');
        t.control(t.saw(t.ask(t.change(status_path, body, a.who)), match::http(200)));
        every all;
        auto announced = t.change(status_path, status_of(a, "dnd"), a.who);
        announced.body.clear();
        for (const char* length : {"262145", "2000000000", "99999999999999"}) {
            announced.set("Content-Length", length);
            all += t.saw(t.ask(announced), match::http(413));
        }
        auto chunks = t.change(status_path, status_of(a, "dnd"), a.who);
        chunks.drop("Content-Length").add("Transfer-Encoding", "chunked");
        chunks.body = "3ffff\r\n" + std::string(0x3ffff, 'x') + "\r\n2\r\n";
        all += t.saw(t.ask(chunks), match::http(413));
        chunks.body = "7fffffff\r\n";
        all += t.saw(t.ask(chunks), match::http(413));
        all += still(t, a, "away");
        t.refused(req::AM_HTP_003, all);
    },
};

AM_CASE("HTP-SIZE-002") {
    .title = "trailers over the limit are refused, and none are believed",
    .proves = {req::AM_HTP_003},
    .cost = rtt(8),
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        const auto with = [&](std::string_view status, std::string_view trailers) {
            auto request = t.change(status_path, status_of(a, status), a.who);
            std::string size;
            for (auto left = request.body.size(); left != 0; left /= 16) size.insert(0, 1, "0123456789abcdef"[left % 16]);
            request.drop("Content-Length").add("Transfer-Encoding", "chunked");
            request.body = size + "\r\n" + request.body + "\r\n0\r\n" + std::string{trailers} + "\r\n";
            return request;
        };
        t.control(t.saw(t.ask(with("away", "X-Note: ignored\r\nContent-Length: 9\r\n")), match::http(200)));
        std::string many;
        for (int i = 0; i < 12; ++i) many += "X-" + std::to_string(i) + ": " + std::string(1'000, 'x') + "\r\n";
        const auto refused = t.cut_off(t.ask(with("dnd", many)));
        t.refused(req::AM_HTP_003, refused & still(t, a, "away"));
    },
};

AM_CASE("HTP-SLOW-001") {
    .title = "a head that comes drop by drop is given up",
    .proves = {req::AM_HTP_004},
    .cost = rtt(6),
    .wait = waits::head,
    .ask = [](registry_context& t) {
        const auto a = t.enrolled();
        (void)t.must_find(a);
        auto c = t.dial_tcp();
        const auto text = t.lookup(a.amid()).text();
        const auto step = t.timing().head / 8;
        for (int i = 0; i < 12; ++i) {
            c.send_raw(text.substr(static_cast<std::size_t>(i), 1));
            t.wait(step);
        }
        const auto seen = given_up(t, c);
        c.hang_up();
        t.refused(req::AM_HTP_004, t.saw(seen, match::http(408) | match::tcp_end()));
    },
};

AM_CASE("HTP-SLOW-002") {
    .title = "a body that comes drop by drop is given up, and others are served meanwhile",
    .proves = {req::AM_HTP_004},
    .cost = rtt(8),
    .wait = waits::head,
    .ask = [](registry_context& t) {
        const auto a = away(t);
        auto c = t.dial_tcp();
        const auto text = t.change(status_path, status_of(a, "dnd"), a.who).text();
        const auto body = text.find("\r\n\r\n") + 4;
        c.send_raw(text.substr(0, body));
        // The body has twice the time of the head.
        const auto step = t.timing().head / 4;
        observation meanwhile;
        for (std::size_t i = 0; i < 11; ++i) {
            c.send_raw(text.substr(body + i, 1));
            t.wait(step);
            if (i == 4) meanwhile = t.ask(t.lookup(a.amid()));
        }
        const auto seen = given_up(t, c);
        c.hang_up();
        t.refused(req::AM_HTP_004, t.saw(seen, match::http(408) | match::tcp_end()) & t.answered(meanwhile) & still(t, a, "away"));
    },
};

}  // namespace agentmesh::conformance::registry_cases
