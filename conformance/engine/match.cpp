#include "conformance/engine/match.hpp"

namespace agentmesh::conformance {

matcher operator|(matcher a, matcher b) {
    auto words = a.words + " or " + b.words;
    return {std::move(words), [a = std::move(a), b = std::move(b)](const observation& o) { return a(o) || b(o); }};
}

matcher operator&(matcher a, matcher b) {
    auto words = a.words + " and " + b.words;
    return {std::move(words), [a = std::move(a), b = std::move(b)](const observation& o) { return a(o) && b(o); }};
}

matcher operator!(matcher a) {
    auto words = "anything but " + a.words;
    return {std::move(words), [a = std::move(a)](const observation& o) { return o.inbound() && !a(o); }};
}

namespace match {
namespace {

matcher of_kind(std::string words, observation::kind k) {
    return {std::move(words), [k](const observation& o) { return o.is(k); }};
}

}  // namespace

matcher frame(std::string type) {
    auto words = "a " + type;
    return {std::move(words), [type = std::move(type)](const observation& o) { return o.is_frame(type); }};
}

matcher receive(std::string payload) {
    return {"the message", [payload = std::move(payload)](const observation& o) {
                return o.is_frame("receive") && o.str("encrypted_payload") == payload;
            }};
}

matcher error() { return {"an error frame", [](const observation& o) { return o.is_error(); }}; }

matcher error(std::string code) {
    auto words = "error " + code;
    return {std::move(words), [code = std::move(code)](const observation& o) { return o.is_error(code); }};
}

matcher close() { return of_kind("a Close", observation::kind::close); }

matcher close(std::uint16_t code) {
    return {"close " + std::to_string(code),
            [code](const observation& o) { return o.is(observation::kind::close) && o.code == code; }};
}

matcher tcp_end() {
    return {"the end of the connection",
            [](const observation& o) { return o.is(observation::kind::fin) || o.is(observation::kind::reset); }};
}

matcher ended() {
    return {"the end of the connection", [](const observation& o) {
                return o.is(observation::kind::close) || o.is(observation::kind::fin) || o.is(observation::kind::reset);
            }};
}

matcher refusal() { return {"a refusal", (error() | ended()).test}; }

matcher pong(std::string payload) {
    return {"the Pong", [payload = std::move(payload)](const observation& o) {
                return o.is(observation::kind::pong) && o.payload == payload;
            }};
}

matcher ping() { return of_kind("a WebSocket Ping", observation::kind::ping); }

matcher http(std::uint16_t status) {
    return {"HTTP status " + std::to_string(status),
            [status](const observation& o) { return o.is(observation::kind::http) && o.code == status; }};
}

matcher http_refusal() {
    return {"an HTTP error status",
            [](const observation& o) { return o.is(observation::kind::http) && o.code >= 400 && o.code < 600; }};
}

matcher http_success() {
    return {"a status of success",
            [](const observation& o) { return o.is(observation::kind::http) && o.code >= 200 && o.code < 300; }};
}

matcher http_client_error() {
    return {"a status from 400 to 499",
            [](const observation& o) { return o.is(observation::kind::http) && o.code >= 400 && o.code < 500; }};
}

matcher http_any(std::vector<std::uint16_t> statuses) {
    std::string words = "HTTP status";
    for (std::size_t i = 0; i < statuses.size(); ++i) words += (i == 0 ? " " : " or ") + std::to_string(statuses[i]);
    return {std::move(words), [statuses = std::move(statuses)](const observation& o) {
                if (!o.is(observation::kind::http)) return false;
                for (const auto one : statuses)
                    if (o.code == one) return true;
                return false;
            }};
}

matcher http_error(std::uint16_t status, std::string word) {
    auto words = "HTTP status " + std::to_string(status) + " with error " + word;
    return {std::move(words), [status, word = std::move(word)](const observation& o) {
                return o.is(observation::kind::http) && o.code == status && o.str("error") == word;
            }};
}

matcher data() {
    return {"a data message",
            [](const observation& o) { return o.is(observation::kind::text) || o.is(observation::kind::binary); }};
}

matcher where(std::string words, std::function<bool(const observation&)> test) { return {std::move(words), std::move(test)}; }

}  // namespace match
}  // namespace agentmesh::conformance
