#include "conformance/tests/fake_relay.hpp"

#include <cstdio>

namespace agentmesh::conformance::test {
namespace {

constexpr std::uint8_t text = 1, binary = 2, close = 8, ping = 9, pong = 10;

void tell(zoo::socket_handle& peer, const nlohmann::json& frame) { peer.write(zoo::server_frame(text, frame.dump())); }

void tell_error(zoo::socket_handle& peer, const char* code) {
    tell(peer, {{"type", "error"}, {"code", code}, {"message", "no"}});
}

}  // namespace

fake_relay::fake_relay(fake_options how) : how_{how}, server_{[this](zoo::socket_handle& peer) { serve(peer); }} {}

fake_relay::~fake_relay() = default;

void fake_relay::die() {
    dead_ = true;
    const std::lock_guard lock{mutex_};
    for (auto& [amid, peer] : online_) peer->reset();
    online_.clear();
}

void fake_relay::serve(zoo::socket_handle& peer) {
    if (dead_) return peer.reset();
    std::string rest;
    const auto head = zoo::read_head(peer, rest);
    if (!head) return;
    if (head->find("pgrade: websocket") == std::string::npos) {
        peer.write(how_.health ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    if (!zoo::answer_upgrade(peer, *head)) return;
    std::string amid;
    while (const auto frame = zoo::read_frame(peer, rest)) {
        if (frame->opcode == ping) {
            const std::lock_guard lock{mutex_};
            peer.write(zoo::server_frame(pong, frame->payload));
        } else if (frame->opcode == close) {
            const std::lock_guard lock{mutex_};
            peer.write(zoo::server_frame(close, frame->payload));
            break;
        } else if (frame->opcode == binary && how_.dies_of_binary) {
            die();
            return;
        } else if (how_.answers_connect) {
            const auto parsed = nlohmann::json::parse(frame->payload, nullptr, false);
            const std::lock_guard lock{mutex_};
            if (!parsed.is_object()) tell_error(peer, "INVALID_MESSAGE");
            else if (amid.empty()) connect(parsed, peer, amid);
            else answer(parsed, peer, amid);
            if (amid.empty()) break;
        }
    }
    const std::lock_guard lock{mutex_};
    online_.erase(amid);
}

void fake_relay::connect(const nlohmann::json& frame, zoo::socket_handle& peer, std::string& amid) {
    if (frame.value("type", "") != "connect" || frame.value("protocol", "") != "agentmesh/0.2") {
        tell_error(peer, "PROTOCOL_MISMATCH");
        peer.write(zoo::server_frame(close, std::string{"\x03\xe8", 2}));
        return;
    }
    amid = frame.value("amid", "");
    online_[amid] = &peer;
    char session[40];
    std::snprintf(session, sizeof session, "00000000-0000-4000-8000-%012d", ++sessions_);
    nlohmann::json answer{{"type", "connected"}, {"session_id", session}, {"pending_messages", 0}};
    if (how_.receipts && frame.contains("features")) answer["features"] = {"receipts"};
    tell(peer, answer);
}

void fake_relay::answer(const nlohmann::json& frame, zoo::socket_handle& peer, const std::string& amid) {
    const auto type = frame.value("type", "");
    if (type == "ping") {
        tell(peer, {{"type", "pong"}, {"timestamp", frame.at("timestamp")}});
    } else if (type == "send") {
        const auto to = online_.find(frame.value("to", ""));
        if (to == online_.end()) return;
        const nlohmann::json out{{"type", "receive"}, {"from", amid}, {"encrypted_payload", frame.at("encrypted_payload")},
                                 {"message_type", frame.at("message_type")}, {"timestamp", "2026-01-01T00:00:00Z"}};
        for (int i = 0; i < (how_.delivers_twice ? 2 : 1); ++i) tell(*to->second, out);
    } else {
        tell_error(peer, "INVALID_MESSAGE");
    }
}

}  // namespace agentmesh::conformance::test
