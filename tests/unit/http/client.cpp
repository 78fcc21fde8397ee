#include <agentmesh/http/client.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::http;
using namespace std::chrono_literals;

namespace {

moment at(duration since) { return moment{} + since; }
const request get{.method = "GET", .path = "/v1/health"};

/// A connection that has asked once, fed in pieces of a chosen size.
struct talk {
    client_connection link;
    std::string sent{};
    std::vector<response> seen{};
    std::optional<error> refused{};

    explicit talk(const request& first = get, client_limits within = {}) : link{"registry.example", within} {
        ask(first);
    }

    void ask(const request& what) { REQUIRE(link.send(sent, what, at(0s))); }
    void feed(std::string_view text, std::size_t piece = 1'000'000) {
        while (!text.empty() && !refused && !link.ended()) {
            auto part = as_bytes(text.substr(0, piece));
            const auto before = part.size();
            auto got = link.feed(part);
            text.remove_prefix(before - part.size());
            if (!got)
                refused = got.error();
            else if (*got)
                seen.push_back(**std::move(got));
        }
    }
    errc why() const {
        REQUIRE(refused);
        CHECK(link.ended());
        return refused->code;
    }
};

std::string answer(std::string_view extra, std::string_view body, std::string_view line = "HTTP/1.1 200 OK") {
    return std::string{line} + "\r\n" + std::string{extra} + "\r\n" + std::string{body};
}

}  // namespace

TEST_CASE("answers come out whole however the bytes were cut", "[unit][http][AM-HTP-010]") {
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
        talk t;
        t.feed(answer("Content-Length: 5\r\nETag: \"x\"\r\n", "hello"), piece);
        t.ask(get);
        t.feed("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
                   answer("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0a\r\n0123456789\r\n0\r\nX-Sum: 5\r\n\r\n",
                          "HTTP/1.1 404 Not Found"),
               piece);
        t.ask(get);
        t.feed(answer("", "", "HTTP/1.1 204 No Content"), piece);
        REQUIRE(t.seen.size() == 3);
        CHECK_FALSE(t.refused);
        CHECK(t.seen[0] == response{200, {{"Content-Length", "5"}, {"ETag", "\"x\""}}, "hello"});
        CHECK(t.seen[1].status == 404);
        CHECK(t.seen[1].body == "abc0123456789");
        CHECK_FALSE(t.seen[1].fields.only("X-Sum"));  // a trailer is not a field
        CHECK_FALSE(t.seen[1].fields.only("Link"));   // nor is what an interim answer said
        CHECK(t.seen[2] == response{204, {}, ""});
        CHECK(t.link.ready());
    }
}

TEST_CASE("a server reads the request that was sent", "[unit][http][AM-HTP-014]") {
    const request post{
        "POST", "/v1/agents/a%20b", "x=1&y=%2F", {{"Content-Type", "application/json"}, {"X", ""}}, "{}"};
    client_connection link{"registry.example:8443"};
    std::string sent, nothing;
    REQUIRE(link.send(sent, post, at(0s)));
    CHECK(sent ==
          "POST /v1/agents/a%20b?x=1&y=%2F HTTP/1.1\r\nHost: registry.example:8443\r\n"
          "Content-Type: application/json\r\nX: \r\nContent-Length: 2\r\n\r\n{}");
    server_connection server{limits{}, at(0s)};
    byte_view input = as_bytes(sent);
    const auto got = server.feed(input, nothing, at(0s));
    REQUIRE((got && *got));
    CHECK((*got)->method == post.method);
    CHECK((*got)->path == post.path);
    CHECK((*got)->query == post.query);
    CHECK((*got)->fields.only("Content-Type") == "application/json");
    CHECK((*got)->body == post.body);

    talk plain;
    CHECK(plain.sent == "GET /v1/health HTTP/1.1\r\nHost: registry.example\r\n\r\n");
    talk empty{{.method = "POST", .path = "/"}};
    CHECK(empty.sent.find("Content-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("a request that would be read as another is not sent", "[unit][http][AM-HTP-014]") {
    for (const request& bad : {
             request{.method = "", .path = "/"},
             request{.method = "G ET", .path = "/"},
             request{.method = "GET", .path = ""},
             request{.method = "GET", .path = "x"},
             request{.method = "GET", .path = "/a b"},
             request{.method = "GET", .path = "/a\r\nX: y"},
             request{.method = "GET", .path = "/a?b"},
             request{.method = "GET", .path = "/a#b"},
             request{.method = "GET", .path = "/", .query = "a b"},
             request{.method = "GET", .path = "/\xC3\xBC"},
             request{.method = "GET", .path = "/", .fields = {{"A", "b\r\nC: d"}}},
             request{.method = "GET", .path = "/", .fields = {{"A", "b\n"}}},
             request{.method = "GET", .path = "/", .fields = {{"A", " b"}}},
             request{.method = "GET", .path = "/", .fields = {{"A:", "b"}}},
             request{.method = "GET", .path = "/", .fields = {{"", "b"}}},
             request{.method = "GET", .path = "/", .fields = {{"host", "b"}}},
             request{.method = "GET", .path = "/", .fields = {{"content-length", "1"}}},
             request{.method = "GET", .path = "/", .fields = {{"Transfer-Encoding", "chunked"}}},
         }) {
        INFO(bad.method << ' ' << bad.path);
        client_connection link{"a"};
        std::string sent;
        CHECK(link.send(sent, bad, at(0s)).error() == error{errc::http_malformed, "AM-HTP-014"});
        CHECK(sent.empty());
        CHECK(link.ready());
    }
    for (const auto* host : {"", "a b", "a\r\n", "a/b"}) {
        client_connection link{host};
        std::string sent;
        CHECK_FALSE(link.send(sent, get, at(0s)));
    }
}

TEST_CASE("an answer whose end two readers could see in two places is refused", "[unit][http][AM-HTP-010]") {
    for (const auto& bad : {
             answer("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
             answer("Content-Length: 5, 5\r\n", "hello"),
             answer("Content-Length: +5\r\n", "hello"),
             answer("Content-Length:\r\n", "hello"),
             answer("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
             answer("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
             answer("Transfer-Encoding: identity\r\n", ""),
             answer("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "HTTP/1.0 200 OK"),
             answer("Transfer-Encoding: chunked\r\n", "0x1\r\na\r\n0\r\n\r\n"),
             answer("Transfer-Encoding: chunked\r\n", "1;a=b\r\na\r\n0\r\n\r\n"),
             answer("Transfer-Encoding: chunked\r\n", "1\na\r\n0\r\n\r\n"),
             answer("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n"),
             answer("Transfer-Encoding: chunked\r\n", "\r\n"),
             answer("", "", "HTTP/1.1 101 Switching Protocols"),
             answer("", "", "HTTP/1.1 099 Low"),
             answer("", "", "HTTP/1.1 600 High"),
             answer("", "", "HTTP/2 200"),
             answer("", "", "HTTP/1.1 20"),
             answer("", "", "ICY 200 OK"),
             answer("Content-Length : 5\r\n", "hello"),
             answer(" folded\r\n", ""),
             std::string{"HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
         }) {
        INFO(bad);
        talk t;
        t.feed(bad);
        CHECK(t.why() == errc::http_malformed);
        CHECK(t.seen.empty());
    }
    talk chatty;
    for (int i = 0; i < 9; ++i) chatty.feed("HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(chatty.why() == errc::http_malformed);
}

TEST_CASE("an answer costs no more than allowed", "[unit][http][AM-HTP-011]") {
    client_limits small;
    small.body_bytes = 10;
    for (const auto& fits : {answer("Content-Length: 10\r\n", "0123456789"),
                             answer("Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n0\r\n\r\n")}) {
        talk t{get, small};
        t.feed(fits);
        REQUIRE(t.seen.size() == 1);
        CHECK(t.seen[0].body.size() == 10);
    }
    for (const auto& large :
         {answer("Content-Length: 11\r\n", ""), answer("Content-Length: 999999999999999999\r\n", ""),
          answer("Transfer-Encoding: chunked\r\n", "9\r\n012345678\r\n2\r\n"),
          answer("Transfer-Encoding: chunked\r\n", "ffffffff\r\n"), answer("", "01234567890")}) {
        talk t{get, small};
        t.feed(large);
        CHECK(t.why() == errc::too_large);
        CHECK(t.refused->clause == "AM-HTP-011");
    }
    talk trailers;
    trailers.feed(answer("Transfer-Encoding: chunked\r\n", "0\r\n" + std::string(9'000, 'x')));
    CHECK(trailers.why() == errc::http_too_large);
    talk head;
    head.feed(answer("A: " + std::string(9'000, 'x'), ""));
    CHECK(head.why() == errc::http_too_large);
}

TEST_CASE("what ends early is no answer, and what has no length ends with the connection", "[unit][http][AM-HTP-012]") {
    for (const auto& part :
         {std::string{}, std::string{"HTTP/1.1 200 OK\r\n"}, answer("Content-Length: 5\r\n", "hell"),
          answer("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"), answer("Transfer-Encoding: chunked\r\n", "0\r\n"),
          std::string{"HTTP/1.1 100 Continue\r\n\r\n"}}) {
        INFO(part);
        talk t;
        t.feed(part);
        CHECK(t.seen.empty());
        CHECK(t.link.answer_began() == !part.empty());
        CHECK(t.link.on_end().error() == error{errc::io_failed, "AM-HTP-012"});
        CHECK(t.link.ended());
    }
    for (const auto* line : {"HTTP/1.1 200 OK", "HTTP/1.0 200 OK"}) {
        talk t;
        t.feed(answer("", "to the end", line));
        CHECK(t.seen.empty());
        const auto got = t.link.on_end();
        REQUIRE((got && *got));
        CHECK((*got)->body == "to the end");
        CHECK(t.link.ended());
    }
    talk idle;
    idle.feed(answer("Content-Length: 0\r\n", ""));
    CHECK(idle.link.on_end().value() == std::nullopt);
    CHECK(idle.link.ended());
}

TEST_CASE("a connection on which a server spoke unasked carries no further request", "[unit][http][AM-HTP-013]") {
    const auto one = answer("Content-Length: 2\r\n", "ok");
    talk together;
    together.feed(one + one);
    REQUIRE(together.seen.size() == 1);
    CHECK(together.seen[0].body == "ok");
    CHECK(together.link.ended());
    CHECK(together.link.send(together.sent, get, at(0s)).error().code == errc::ws_closed);
    talk later;
    later.feed(one);
    CHECK(later.link.ready());
    later.feed("H");
    CHECK(later.why() == errc::http_malformed);
    client_connection before{"a"};
    byte_view input = as_bytes("HTTP/1.1 200 OK\r\n");
    CHECK(before.feed(input).error().clause == "AM-HTP-013");
}

TEST_CASE("a connection is used again unless one side said otherwise", "[unit][http]") {
    for (const auto& last : {answer("Content-Length: 0\r\nConnection: keep-alive, Close\r\n", ""),
                             answer("Content-Length: 0\r\n", "", "HTTP/1.0 200 OK")}) {
        talk t;
        t.feed(last);
        CHECK(t.seen.size() == 1);
        CHECK(t.link.ended());
    }
    talk head{{.method = "HEAD", .path = "/"}};
    head.feed(answer("Content-Length: 99999999\r\n", ""));
    REQUIRE(head.seen.size() == 1);
    CHECK(head.seen[0].body.empty());
    CHECK(head.link.ready());
    talk waits;
    CHECK(waits.link.send(waits.sent, get, at(0s)).error().code == errc::ws_closed);  // one at a time
    CHECK(waits.link.next_deadline() == at(30s).steady);
    waits.feed(answer("Content-Length: 0\r\n", ""));
    CHECK_FALSE(waits.link.next_deadline());
}
