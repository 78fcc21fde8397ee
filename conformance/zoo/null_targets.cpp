#include "conformance/zoo/null_targets.hpp"

#include "conformance/zoo/loopback.hpp"

#include <random>

namespace agentmesh::conformance::zoo {

namespace {

struct served final : target {
    explicit served(loopback_server::handler serve) : server{std::move(serve)} {}
    [[nodiscard]] std::string url() const override { return server.url(); }
    loopback_server server;
};

struct nobody final : target {
    /// A port that was free a moment ago and that nobody listens on.
    nobody() : port{loopback_server{[](socket_handle&) {}}.port()} {}
    [[nodiscard]] std::string url() const override { return "ws://127.0.0.1:" + std::to_string(port) + "/"; }
    std::uint16_t port = 0;
};

template <class Serve>
std::unique_ptr<target> serve(Serve body) {
    return std::make_unique<served>(std::move(body));
}

void swallow(const socket_handle& peer) {
    while (!peer.read_some().empty()) {}
}

/// Upgrades, then answers every text frame with `answer(frame text)`.
template <class Answer>
void talk(const socket_handle& peer, Answer answer) {
    std::string rest;
    const auto head = read_head(peer, rest);
    if (!head || !answer_upgrade(peer, *head)) return;
    while (const auto frame = read_frame(peer, rest)) {
        if (frame->opcode == 8) return void(peer.write(server_frame(8, frame->payload)));
        if (frame->opcode == 9 && !peer.write(server_frame(10, frame->payload))) return;
        if (frame->opcode > 2) continue;
        if (!peer.write(answer(frame->payload))) return;
    }
}

constexpr std::string_view one_error = R"({"type":"error","code":"INVALID_MESSAGE","message":"no"})";

constexpr std::string_view connected =
    R"({"type":"connected","session_id":"3b241101-e2bb-4255-8caf-4136c566a962","pending_messages":0})";

}  // namespace

const std::vector<null_target>& null_targets() {
    static const std::vector<null_target> all{
        {"closed-port", "nobody listens", [] { return std::unique_ptr<target>{std::make_unique<nobody>()}; }},
        {"black-hole", "accepts, reads, never answers", [] { return serve([](socket_handle& p) { swallow(p); }); }},
        {"instant-close", "accepts and ends the connection", [] { return serve([](socket_handle&) {}); }},
        {"reset", "accepts and resets the connection", [] { return serve([](socket_handle& p) { p.reset(); }); }},
        {"echo", "sends every byte back",
         [] {
             return serve([](socket_handle& p) {
                 for (auto bytes = p.read_some(); !bytes.empty() && p.write(bytes);) bytes = p.read_some();
             });
         }},
        {"random-bytes", "answers with noise",
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
        {"hello-then-hang-up", "upgrades, says connected, hangs up at the next frame",
         [] {
             return serve([](socket_handle& p) {
                 std::string rest;
                 const auto head = read_head(p, rest);
                 if (!head || !answer_upgrade(p, *head)) return;
                 if (!read_frame(p, rest) || !p.write(server_frame(1, connected))) return;
                 (void)read_frame(p, rest);
             });
         }},
        {"always-connected", "answers every frame with connected",
         [] { return serve([](socket_handle& p) { talk(p, [](std::string_view) { return server_frame(1, connected); }); }); }},
        {"constant-404", "an HTTP server that knows nothing",
         [] {
             return serve([](socket_handle& p) {
                 std::string rest;
                 while (read_head(p, rest) && p.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")) {}
             });
         }},
        {"constant-error", "upgrades and answers every frame with one error",
         [] {
             return serve([](socket_handle& p) {
                 talk(p, [](std::string_view) { return server_frame(1, one_error); });
             });
         }},
        {"frame-mirror", "upgrades and sends every frame back unchanged",
         [] { return serve([](socket_handle& p) { talk(p, [](std::string_view t) { return server_frame(1, t); }); }); }},
        {"connected-then-errors", "says connected once, then one constant error",
         [] {
             return serve([](socket_handle& p) {
                 bool first = true;
                 talk(p, [&](std::string_view) {
                     return server_frame(1, std::exchange(first, false) ? connected : one_error);
                 });
             });
         }},
    };
    return all;
}

}  // namespace agentmesh::conformance::zoo
