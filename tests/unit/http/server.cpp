#include <agentmesh/http/server.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::http;
using namespace std::chrono_literals;

namespace {

moment at(duration since) { return moment{} + since; }

/// A connection whose answers are gathered, fed in pieces of a chosen size.
struct talk {
    http::limits limits{};
    server_connection link{limits, at(0s)};
    std::string sent{};
    std::vector<request> seen{};
    std::optional<error> refused{};

    explicit talk(http::limits within = {}) : limits{within} {}

    void feed(std::string_view text, std::size_t piece = 1'000'000, bool answer = true, duration since = 0s) {
        while (!text.empty() && !refused && !link.ended()) {
            byte_view part = as_bytes(text.substr(0, piece));
            const auto before = part.size();
            auto got = link.feed(part, sent, at(since));
            text.remove_prefix(before - part.size());
            if (!got) {
                refused = got.error();
                link.refuse(sent, *refused);
            } else if (*got) {
                seen.push_back(**std::move(got));
                if (!answer) return;
                link.answer(sent, response::json(200, R"({"n":)" + std::to_string(seen.size()) + "}"), at(since));
            }
        }
    }
    errc why() const {
        REQUIRE(refused);
        return refused->code;
    }
};

const std::string get = "GET /v1/health?x=1 HTTP/1.1\r\nHost: a\r\n\r\n";
std::string post(std::string_view extra, std::string_view body) {
    return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string{extra} + "\r\n" + std::string{body};
}

}  // namespace

TEST_CASE("requests come out whole however the bytes were cut", "[unit][http][AM-HTP-001][AM-HTP-002]") {
    const auto text = get + "\r\n" + post("Content-Length: 5\r\n", "hello") +
                      post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0a\r\n0123456789\r\n0\r\nX-Sum: 5\r\n\r\n") +
                      get;
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
        talk t;
        t.feed(text, piece);
        REQUIRE(t.seen.size() == 4);
        CHECK_FALSE(t.refused);
        CHECK(t.seen[0].method == "GET");
        CHECK(t.seen[0].path == "/v1/health");
        CHECK(t.seen[0].query == "x=1");
        CHECK(t.seen[1].body == "hello");
        CHECK(t.seen[2].body == "abc0123456789");
        CHECK_FALSE(t.seen[2].fields.only("X-Sum"));  // a trailer is not a field
        CHECK(t.sent.find("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                          "7\r\n\r\n{\"n\":1}HTTP/1.1 200") == 0);
        CHECK_FALSE(t.link.ended());
    }
}

TEST_CASE("a request waits until the one before it is answered", "[unit][http]") {
    talk t;
    const auto two = get + get;
    byte_view input = as_bytes(two);
    REQUIRE(*t.link.feed(input, t.sent, at(0s)));
    CHECK(input.size() == get.size());
    CHECK_FALSE(*t.link.feed(input, t.sent, at(0s)));
    CHECK(input.size() == get.size());
    t.link.answer(t.sent, {}, at(0s));
    CHECK(*t.link.feed(input, t.sent, at(0s)));
    CHECK(input.empty());
}

TEST_CASE("what two parsers could read in two ways is refused", "[unit][http][AM-HTP-001][AM-HTP-002]") {
    for (const auto& bad : {
             post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
             post("Content-Length: 5, 5\r\n", "hello"),
             post("Content-Length: +5\r\n", "hello"),
             post("Content-Length: 0x5\r\n", "hello"),
             post("Content-Length:\r\n", "hello"),
             post("Content-Length: -1\r\n", ""),
             post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
             post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
             post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
             post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\n", "0x1\r\na\r\n0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\n", "1;a=b\r\na\r\n0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\n", "1\na\r\n0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\n", "\r\n"),
             post("Transfer-Encoding: chunked\r\n", "123456789\r\n"),
             std::string{"POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
             "\r\n\r\n" + get,
             "\rX" + get,
             std::string{"GET /a HTTP/1.1\nHost: a\n\n"},
             std::string{"GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
             std::string{"GET /a HTTP/1.1\r\n\r\n"},
         }) {
        INFO(bad);
        talk t;
        t.feed(bad);
        CHECK(t.why() == errc::http_malformed);
        CHECK(t.seen.empty());
        CHECK(t.sent.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        CHECK(t.sent.find("Connection: close") != std::string::npos);
        CHECK(t.link.ended());
    }
}

TEST_CASE("a body costs no more than allowed", "[unit][http][AM-HTP-003]") {
    http::limits small;
    small.body_bytes = 10;
    talk fits{small};
    fits.link = server_connection{small, at(0s)};
    fits.feed(post("Content-Length: 10\r\n", "0123456789"));
    CHECK(fits.seen.size() == 1);
    for (const auto& large : {post("Content-Length: 11\r\n", ""), post("Content-Length: 999999999999999999\r\n", ""),
                              post("Transfer-Encoding: chunked\r\n", "9\r\n012345678\r\n2\r\n"),
                              post("Transfer-Encoding: chunked\r\n", "ffffffff\r\n")}) {
        talk t{small};
        t.link = server_connection{small, at(0s)};
        t.feed(large);
        CHECK(t.why() == errc::too_large);
        CHECK(t.sent.starts_with("HTTP/1.1 413 "));
    }
    talk trailers;
    trailers.feed(post("Transfer-Encoding: chunked\r\n", "0\r\n" + std::string(9'000, 'x')));
    CHECK(trailers.why() == errc::http_too_large);
}

TEST_CASE("a slow request is told so, and an idle connection just ends", "[unit][http][AM-HTP-004]") {
    talk t;
    CHECK(t.link.next_deadline() == at(10s).steady);
    t.feed("POST /p HTTP/1.1\r\n", 1'000, true, 5s);
    CHECK(t.link.next_deadline() == at(15s).steady);
    t.feed("Host: a\r\nContent-Length: 5\r\n\r\n", 1'000, true, 14s);
    CHECK(t.link.next_deadline() == at(34s).steady);
    t.feed("h", 1, true, 33s);
    CHECK(t.link.next_deadline() == at(34s).steady);  // a byte now and then buys no time
    t.link.on_deadline(t.sent);
    CHECK(t.sent.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(t.link.ended());

    talk idle;
    idle.feed(get, 1'000, true, 1s);
    CHECK(idle.link.next_deadline() == at(31s).steady);
    idle.sent.clear();
    idle.link.on_deadline(idle.sent);
    CHECK(idle.sent.empty());
    CHECK(idle.link.ended());
}

TEST_CASE("a connection ends when either side says so, or has had enough", "[unit][http][AM-HTP-005]") {
    talk asked;
    asked.feed("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n");
    CHECK(asked.link.ended());
    CHECK(asked.sent.find("Connection: close\r\n") != std::string::npos);
    talk old;
    old.feed("GET / HTTP/1.0\r\n\r\n");
    CHECK(old.link.ended());
    talk stopping;
    stopping.link.end_after_answer();
    stopping.feed(get);
    CHECK(stopping.link.ended());
    http::limits few;
    few.requests = 2;
    talk much{few};
    much.link = server_connection{few, at(0s)};
    much.feed(get + get + get);
    CHECK(much.seen.size() == 2);
    CHECK(much.link.ended());
}

TEST_CASE("answers are framed by what they are", "[unit][http]") {
    talk head;
    head.feed("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(head.sent.find("Content-Length: 7\r\n\r\n") != std::string::npos);
    CHECK(head.sent.ends_with("\r\n\r\n"));
    talk empty;
    empty.feed(get, 1'000, false);
    empty.link.answer(empty.sent, {.status = 204}, at(0s));
    CHECK(empty.sent == "HTTP/1.1 204 No Content\r\n\r\n");
    talk waits;
    waits.feed("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    CHECK(waits.sent == "HTTP/1.1 100 Continue\r\n\r\n");
    waits.feed("ok");
    CHECK(waits.seen.size() == 1);
}

TEST_CASE("paths and queries are resolved strictly", "[unit][http][AM-HTP-006]") {
    CHECK(decode_segment("a%20b").value() == "a b");
    CHECK(decode_segment("a+b").value() == "a+b");
    CHECK(decode_query("a+b%2Fc").value() == "a b/c");
    CHECK(decode_segment("did%3Amesh%3Ax").value() == "did:mesh:x");
    for (const std::string_view bad : {"%", "%2", "%zz", "%2f", "%2F", "%00", "%0a", "%7f", "%ff", "%c3"})
        CHECK_FALSE(decode_segment(bad));
    CHECK(parse_query("a=1&b=&c&&d=x%26y=z").value() ==
          std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", ""}, {"c", ""}, {"d", "x&y=z"}});
    CHECK(parse_query("").value().empty());
    std::string many;
    for (int i = 0; i < 33; ++i) many += "a&";
    CHECK(parse_query(many).error().code == errc::too_large);
    CHECK(encode_component("a b/ü~") == "a%20b%2F%C3%BC~");
    CHECK(decode_query(encode_component("+%&=")).value() == "+%&=");
}
