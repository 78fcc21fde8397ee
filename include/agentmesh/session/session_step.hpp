// What the steps of a session have in common and what needs no engine: a glance at an envelope, its id, and the place
// of a frame in its session. Internal to session/.
#pragma once

#include <agentmesh/session/session_state.hpp>

namespace agentmesh::session {

/// What an engine reads of an envelope; the rest is none of its business.
struct envelope_peek {
    std::string type{};
    std::optional<session_id> written_for{};
    std::optional<std::uint64_t> next{};  ///< of an acknowledgement
};

[[nodiscard]] inline std::optional<envelope_peek> peek_envelope(byte_view envelope) {
    envelope_peek out;
    json::reader in{as_text(envelope)};
    in.begin_object();
    while (const auto name = in.next_member()) {
        if (*name == "type" && in.peek() == json::kind::string) {
            out.type = in.string().text();
        } else if (*name == "session_id" && in.peek() == json::kind::string) {
            session_id id;
            if (decode_hex(in.string().text(), id.storage())) out.written_for = id;
        } else if (*name == "next" && in.peek() == json::kind::number) {
            const auto value = in.number().integer();
            if (value && *value >= 0) out.next = static_cast<std::uint64_t>(*value);
        }
    }
    if (!in.finish() || out.type.empty()) return std::nullopt;
    return out;
}

[[nodiscard]] inline message_id message_id_of(byte_view envelope) {
    message_id out;
    const auto hash = crypto::sha256(envelope);
    std::copy_n(hash.bytes().begin(), out.bytes().size(), out.storage().begin());
    return out;
}

inline constexpr std::uint64_t early_frames = 8;          ///< that a responder holds before it has decided
inline constexpr std::uint32_t early_frame_bytes = 65'536;

/// A copy of what a step changes.
[[nodiscard]] inline session_draft draft_of(const session_state& held) {
    session_draft out{.core = held.core};
    if (held.ratchet) out.ratchet = held.ratchet->fork();
    return out;
}

/// What a session remembers of a frame that it opened: the end of its tag. Enough to know a copy; a forger of one gains
/// an acknowledgement.
[[nodiscard]] inline std::uint64_t frame_mark(byte_view frame) noexcept {
    std::uint64_t out = 0;
    for (const auto byte : frame.last(std::min<std::size_t>(frame.size(), 8))) out = out << 8 | byte;
    return out;
}
inline constexpr std::size_t remembered_frames = 32;

/// Under which a delivered envelope is remembered: nobody can use up the id of another's.
[[nodiscard]] inline message_id seen_key(const amid& peer, const message_id& id) {
    std::array<std::uint8_t, amid::raw::size + message_id::size> both;
    std::copy(id.bytes().begin(), id.bytes().end(),
              std::copy(peer.bytes().bytes().begin(), peer.bytes().bytes().end(), both.begin()));
    return message_id_of(both);
}

/// What the associated data of every message of a session begins with. Made once.
[[nodiscard]] inline byte_view context_of(session_core& core) {
    if (!core.context)
        core.context = std::make_shared<const buffer>(session_context(core.initiator_card(), core.responder_card()));
    return *core.context;
}

struct frame_place {
    std::uint64_t index = 0;
    bool begins_chain = false;
};

/// Which frame of the whole session a header stands for, if it is genuine. Nothing if no chain could hold it.
[[nodiscard]] inline std::optional<frame_place> place_of(const session_core& core, const e2ee::ratchet_header& header) {
    for (std::size_t i = 0; i < core.chains.size(); ++i) {
        if (core.chains[i].key != header.dh) continue;
        const std::uint64_t index = core.chains[i].base + header.n;
        if (i + 1 < core.chains.size() && index >= core.chains[i + 1].base) return std::nullopt;
        return frame_place{index, false};
    }
    if (core.chains.empty()) return std::nullopt;
    return frame_place{core.chains.back().base + header.pn + header.n, true};
}

/// Notes the arrival of a frame, and forgets the chains that are complete.
inline void arrive(session_core& core, std::uint64_t index) {
    core.ahead.insert(std::lower_bound(core.ahead.begin(), core.ahead.end(), index), index);
    std::size_t joined = 0;
    while (joined < core.ahead.size() && core.ahead[joined] == core.next_in) ++joined, ++core.next_in;
    core.ahead.erase(core.ahead.begin(), core.ahead.begin() + static_cast<std::ptrdiff_t>(joined));
    while (core.chains.size() > 1 && core.chains[1].base <= core.next_in) core.chains.erase(core.chains.begin());
}

}  // namespace agentmesh::session
