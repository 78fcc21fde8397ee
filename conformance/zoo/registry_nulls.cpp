// Targets that implement nothing of a registry.
#include "conformance/zoo/loopback.hpp"
#include "conformance/zoo/null_targets.hpp"

#include <atomic>
#include <memory>
#include <random>

namespace agentmesh::conformance::zoo {

namespace {

struct served final : target {
    explicit served(loopback_server::handler serve) : server{std::move(serve)} {}
    [[nodiscard]] std::string url() const override { return server.http_url(); }
    loopback_server server;
};

struct nobody final : target {
    /// A port that was free a moment ago and that nobody listens on.
    nobody() : port{loopback_server{[](socket_handle&) {}}.port()} {}
    [[nodiscard]] std::string url() const override { return "http://127.0.0.1:" + std::to_string(port); }
    std::uint16_t port = 0;
};

template <class Serve>
std::unique_ptr<target> serve(Serve body) {
    return std::make_unique<served>(std::move(body));
}

std::string answer_of(std::string_view status, std::string_view body) {
    return "HTTP/1.1 " + std::string{status} + "\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

/// What a client sent, as far as anybody who implements nothing cares.
struct heard {
    std::string head;
    std::string body;
};

/// Answers every request with `answer(request)`.
template <class Answer>
void talk(const socket_handle& peer, Answer answer) {
    std::string rest;
    while (const auto head = read_head(peer, rest)) {
        heard of{*head, {}};
        if (const auto at = head->find("Content-Length: "); at != std::string::npos) {
            const auto size = std::min<unsigned long>(std::strtoul(head->c_str() + at + 16, nullptr, 10), 1U << 20);
            while (rest.size() < size) {
                const auto more = peer.read_some();
                if (more.empty()) return;
                rest += more;
            }
            of.body = rest.substr(0, size);
            rest.erase(0, size);
        }
        if (!peer.write(answer(of))) return;
    }
}

template <class Answer>
std::unique_ptr<target> talker(Answer answer) {
    return serve([answer](socket_handle& peer) { talk(peer, answer); });
}

constexpr std::string_view healthy = R"({"status":"healthy","version":"agentmesh/0.2","agents_registered":1,"agents_online":1})";
constexpr std::string_view refusal =
    R"({"success":false,"error":"invalid_request","message":"no","clause":"AM-REG-002"})";

}  // namespace

const std::vector<null_target>& registry_nulls() {
    static const std::vector<null_target> all{
        {"registry_closed-port", "nobody listens",
         [] { return std::unique_ptr<target>{std::make_unique<nobody>()}; }},
        {"registry_black-hole", "accepts, reads, never answers",
         [] { return serve([](socket_handle& p) { while (!p.read_some().empty()) {} }); }},
        {"registry_instant-close", "accepts and ends the connection", [] { return serve([](socket_handle&) {}); }},
        {"registry_reset", "accepts and resets the connection", [] { return serve([](socket_handle& p) { p.reset(); }); }},
        {"registry_echo", "sends every byte back",
         [] {
             return serve([](socket_handle& p) {
                 for (auto bytes = p.read_some(); !bytes.empty() && p.write(bytes);) bytes = p.read_some();
             });
         }},
        {"registry_random-bytes", "answers with noise",
         [] {
             return serve([](socket_handle& p) {
                 std::mt19937 noise{1};
                 while (!p.read_some().empty()) {
                     std::string bytes(64, '\0');
                     for (auto& byte : bytes) byte = static_cast<char>(noise());
                     if (!p.write(bytes)) return;
                 }
             });
         }},
        {"registry_hello-then-hang-up", "is healthy once, then ends every connection at the first request",
         [] {
             const auto greeted = std::make_shared<std::atomic<bool>>(false);
             return serve([greeted](socket_handle& p) {
                 std::string rest;
                 if (read_head(p, rest) && !greeted->exchange(true)) p.write(answer_of("200 OK", healthy));
             });
         }},
        {"registry_healthy-then-hang-up", "is healthy, and ends the connection at any other request",
         [] {
             return serve([](socket_handle& p) {
                 std::string rest;
                 for (auto head = read_head(p, rest); head && head->find("health ") != std::string::npos;
                      head = read_head(p, rest))
                     if (!p.write(answer_of("200 OK", healthy))) return;
             });
         }},
        {"registry_always-empty", "answers every request with 200 and {}",
         [] { return talker([](const heard&) { return answer_of("200 OK", "{}"); }); }},
        {"registry_always-success", "answers every request with 201 and success",
         [] { return talker([](const heard&) { return answer_of("201 Created", R"({"success":true})"); }); }},
        {"registry_constant-404", "an HTTP server that knows nothing",
         [] { return talker([](const heard&) { return answer_of("404 Not Found", R"({"error":"not_found"})"); }); }},
        {"registry_constant-error", "refuses every request in the right words",
         [] { return talker([](const heard&) { return answer_of("400 Bad Request", refusal); }); }},
        {"registry_healthy-constant-error", "is healthy, and refuses every other request in the right words",
         [] {
             return talker([](const heard& of) {
                 return of.head.find("health ") != std::string::npos ? answer_of("200 OK", healthy)
                                                                     : answer_of("400 Bad Request", refusal);
             });
         }},
        {"registry_mirror", "answers with 200 and the body of the request",
         [] {
             return talker([](const heard& of) {
                 return answer_of("200 OK", of.body.empty() ? std::string_view{"{}"} : std::string_view{of.body});
             });
         }},
    };
    return all;
}

}  // namespace agentmesh::conformance::zoo
