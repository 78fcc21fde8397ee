// What a WebSocket connection says about a stream of bytes, in a form that can be compared and printed.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/ws/connection.hpp>

#include <ostream>

namespace ws_test {

using namespace agentmesh;

/// An event that owns its bytes.
struct heard {
    ws::event_kind kind{};
    ws::close_code code = 0;
    std::string payload;
    error why{};

    friend bool operator==(const heard&, const heard&) = default;
    friend std::ostream& operator<<(std::ostream& out, const heard& h) {
        static constexpr const char* names[] = {"text", "binary", "ping", "pong", "closed", "failed"};
        return out << names[static_cast<int>(h.kind)] << ' ' << h.code << " \"" << h.payload.substr(0, 80) << "\" "
                   << (h.kind == ws::event_kind::failed ? to_string(h.why) : "");
    }
};

struct transcript {
    std::vector<heard> events;
    std::string output;

    friend bool operator==(const transcript&, const transcript&) = default;
    friend std::ostream& operator<<(std::ostream& out, const transcript& t) {
        for (const heard& h : t.events) out << h << "; ";
        return out << "output " << to_hex(as_bytes(t.output));
    }
};

/// Gives `input` to `peer` in one piece.
inline void feed(ws::connection& peer, transcript& out, byte_view input) {
    buffer copy{input.begin(), input.end()};  // unmasking overwrites it
    std::span<std::uint8_t> rest = copy;
    while (const auto event = peer.next(rest, out.output)) {
        out.events.push_back({event->kind, event->code, std::string{event->text()}, event->why});
    }
}

/// Gives `input` to `peer` in pieces whose sizes `size()` yields.
template <class Sizes>
transcript converse(ws::connection peer, byte_view input, Sizes&& size) {
    transcript out;
    while (!input.empty()) {
        const std::size_t take = std::min<std::size_t>(size(), input.size());
        feed(peer, out, input.first(take));
        input = input.subspan(take);
    }
    return out;
}

inline transcript converse(ws::connection peer, byte_view input) {
    return converse(std::move(peer), input, [] { return SIZE_MAX; });
}
inline transcript converse_bytewise(ws::connection peer, byte_view input) {
    return converse(std::move(peer), input, [] { return std::size_t{1}; });
}

/// A frame as the peer sends it; `header.length` is taken from the payload.
inline std::string frame(ws::frame_header header, std::string_view payload) {
    header.length = payload.size();
    std::string out{as_text(ws::encode_header(header).view())};
    out.append(payload);
    if (header.masked) {
        auto* data = reinterpret_cast<std::uint8_t*>(out.data() + (out.size() - payload.size()));
        ws::apply_mask({data, payload.size()}, header.key);
    }
    return out;
}

/// A frame of a client, masked with a fixed key.
inline std::string masked(ws::opcode op, std::string_view payload, bool fin = true) {
    return frame({.fin = fin, .op = op, .masked = true, .key = {0x37, 0xFA, 0x21, 0x3D}}, payload);
}
/// A frame of a server.
inline std::string plain(ws::opcode op, std::string_view payload, bool fin = true) {
    return frame({.fin = fin, .op = op}, payload);
}

}  // namespace ws_test
