#include <agentmesh/ws/http.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;

namespace {

/// Reads one head, whole and byte by byte, and checks that both agree.
result<std::string> read_head(std::string_view stream, const ws::http_limits& limits = {}) {
    ws::head_reader whole{limits};
    auto rest = as_bytes(stream);
    const auto complete = whole.feed(rest);

    ws::head_reader dribble{limits};
    result<bool> bytewise = false;
    std::size_t used = 0;
    while (bytewise && !*bytewise && used < stream.size()) {
        auto one = as_bytes(stream).subspan(used++, 1);
        bytewise = dribble.feed(one);
    }
    CHECK(bytewise == complete);
    if (!complete) return fail(complete.error());
    CHECK(whole.text() == dribble.text());
    if (!*complete) return std::string{};
    CHECK(rest.size() == stream.size() - used);
    return std::string{whole.text()};
}

errc parse_error(std::string_view head) {
    const auto request = ws::parse_request(head);
    INFO(head);
    REQUIRE_FALSE(request);
    return request.error().code;
}

}  // namespace

TEST_CASE("a head ends at its empty line, and what follows is left alone", "[unit][ws]") {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    CHECK(read_head(head + "\x81\x05") == head);
    CHECK(read_head(head.substr(0, head.size() - 1)) == std::string{});
}

TEST_CASE("bare line ends and control characters are refused where they stand", "[unit][ws][AM-WSK-007]") {
    for (const std::string_view head :
         {"GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\rb", "GET / HTTP/1.1\r\nHost: a\n", "\r\rGET",
          "GET / HTTP/1.1\r\n\n", "\x16\x03\x01", "GET /\x7F", "\r\n"}) {
        const auto read = read_head(head);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::http_malformed);
    }
    CHECK_FALSE(read_head(std::string_view{"GET /\0", 6}));
}

TEST_CASE("a head is bounded in bytes, line length and number of fields", "[unit][ws][AM-WSK-008]") {
    const std::string start = "GET / HTTP/1.1\r\n";
    const auto fields = [](int n) {
        std::string out;
        for (int i = 0; i < n; ++i) out += "a: b\r\n";
        return out;
    };
    CHECK(read_head(start + fields(100) + "\r\n"));
    CHECK(read_head(start + fields(101)).error() == error{errc::http_too_large, "AM-WSK-008"});

    CHECK(read_head(start + "a:" + std::string(8190, 'b') + "\r\n\r\n"));
    CHECK(read_head(start + "a:" + std::string(8191, 'b')).error().code == errc::http_too_large);

    const std::string lines = start + "a:" + std::string(8000, 'b') + "\r\nc:" + std::string(8000, 'd') + "\r\n";
    const std::string last = "e:" + std::string(16384 - lines.size() - 6, 'f') + "\r\n\r\n";
    CHECK((lines + last).size() == 16384);
    CHECK(read_head(lines + last) == lines + last);
    CHECK(read_head(lines + "e" + last).error().code == errc::http_too_large);
}

TEST_CASE("a request is parsed into method, path, query and fields", "[unit][ws]") {
    const auto request =
        ws::parse_request("GET /v1/x?a=b?c HTTP/1.1\r\nHOST:  relay.example:80 \r\nX-A: \r\nx-a: 1,2\r\n\r\n");
    REQUIRE(request);
    CHECK(request->method == "GET");
    CHECK(request->path == "/v1/x");
    CHECK(request->query == "a=b?c");
    CHECK(request->minor_version == 1);
    CHECK(request->fields.size() == 3);
    CHECK(request->fields.only("host") == "relay.example:80");
    CHECK(request->fields.count("X-a") == 2);
    CHECK_FALSE(request->fields.only("X-a"));
    CHECK(request->fields.lists("x-A", "2"));
    CHECK_FALSE(request->fields.lists("x-A", "1,2"));
}

TEST_CASE("a target may be in absolute form, as a proxy would send it", "[unit][ws]") {
    const auto request = ws::parse_request("GET HTTP://relay.example/v1?q HTTP/1.1\r\nHost: relay.example\r\n\r\n");
    REQUIRE(request);
    CHECK(request->path == "/v1");
    CHECK(request->query == "q");
}

TEST_CASE("HTTP/1.0 needs no Host", "[unit][ws]") {
    const auto request = ws::parse_request("GET /health HTTP/1.0\r\n\r\n");
    REQUIRE(request);
    CHECK(request->minor_version == 0);
}

TEST_CASE("what RFC 9112 does not allow is refused", "[unit][ws][AM-WSK-007]") {
    for (const std::string_view line :
         {"GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET /", "GET / HTTP/2.0", "GET / http/1.1",
          "GET / HTTP/1.x", "GET / HTTP/1.11", "G\xC3\x89T / HTTP/1.1", "G@T / HTTP/1.1", "GET * HTTP/1.1",
          "GET a.example:80 HTTP/1.1", "GET http:// HTTP/1.1", "GET http:///x HTTP/1.1", "GET /a#b HTTP/1.1",
          "GET /\xC3\xBC HTTP/1.1", "GET /\"x\" HTTP/1.1", ""}) {
        CHECK(parse_error(std::string{line} + "\r\nHost: a\r\n\r\n") == errc::http_malformed);
    }
    for (const std::string_view field :
         {"Name : value", " folded", "\tfolded", "no colon", ": no name", "N\xC3\xA4me: v", "Na me: v", "Name(: v",
          "Name: a\x01", "Name: a\rb", "Name: a\nb"}) {
        CHECK(parse_error("GET / HTTP/1.1\r\nHost: a\r\n" + std::string{field} + "\r\n\r\n") == errc::http_malformed);
    }
    CHECK(parse_error("GET / HTTP/1.1\r\nHost: a\r\n") == errc::http_malformed);
    CHECK(parse_error("GET / HTTP/1.1\r\nHost: a\r\n\r\nx") == errc::http_malformed);
    CHECK(parse_error("") == errc::http_malformed);
}

TEST_CASE("there is exactly one Host, and it looks like one", "[unit][ws][AM-WSK-005]") {
    CHECK(parse_error("GET / HTTP/1.1\r\nA: b\r\n\r\n") == errc::http_malformed);
    CHECK(ws::parse_request("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n").error() ==
          error{errc::http_malformed, "AM-WSK-005"});
    for (const std::string_view host : {"", "a b", "a, b", "a/b", "u@a", "\xC3\xBC"}) {
        CHECK(parse_error("GET / HTTP/1.1\r\nHost: " + std::string{host} + "\r\n\r\n") == errc::http_malformed);
    }
    CHECK(ws::parse_request("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"));
}

TEST_CASE("whatever speaks of a body is refused, two lengths above all", "[unit][ws][AM-WSK-006]") {
    const auto with = [](std::string_view fields) {
        return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n\r\n";
    };
    CHECK(ws::parse_request(with("Content-Length: 0\r\nTransfer-Encoding: chunked")).error() ==
          error{errc::http_malformed, "AM-WSK-006"});
    CHECK(parse_error(with("Transfer-Encoding: chunked")) == errc::http_malformed);
    CHECK(parse_error(with("Content-Length: 1")) == errc::http_malformed);
    CHECK(parse_error(with("Content-Length: 0\r\nContent-Length: 0")) == errc::http_malformed);
    CHECK(parse_error(with("Content-Length: 00")) == errc::http_malformed);
    CHECK(ws::parse_request(with("Content-Length: 0")));
}

TEST_CASE("an answer's head is parsed into status and fields", "[unit][ws]") {
    const auto answer = ws::parse_response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    REQUIRE(answer);
    CHECK(answer->status == 101);
    CHECK(answer->fields.only("upgrade") == "websocket");
    CHECK(ws::parse_response("HTTP/1.1 101\r\n\r\n"));
    for (const std::string_view head :
         {"HTTP/1.1 10\r\n\r\n", "HTTP/1.0 101 x\r\n\r\n", "HTTP/1.1 1010\r\n\r\n", "HTTP/1.1  101 x\r\n\r\n",
          "HTTP/1.1 101 x\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.1 101 x\r\n a: b\r\n\r\n", "HTTP/1.1 101 \x01\r\n\r\n"}) {
        CHECK_FALSE(ws::parse_response(head));
    }
}

TEST_CASE("an answer announces its length and the end of the connection", "[unit][ws]") {
    std::string out;
    ws::append_response(out, 200, {{"Content-Type", "application/json"}}, "{}\n");
    CHECK(out ==
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\nConnection: close\r\n\r\n{}\n");
    buffer head;
    ws::append_response(head, 200, {}, "{}\n", true);
    CHECK(as_text(head) == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
}
