// The numbers of the envelopes of each session: the next one to send, and those that came.
#pragma once

#include <agentmesh/core/state.hpp>
#include <agentmesh/message/envelope.hpp>
#include <agentmesh/session/session.hpp>

namespace agentmesh {

/// Sequence numbers by session, in memory and as records `agent/numbers/<session id>` of the saved state:
/// u64 next ‖ u64 due ‖ 128 bytes, bit i of them saying whether number due - 1024 + i came.
class envelope_ledger {
public:
    struct numbers {
        std::uint64_t next = 0;               ///< of our own next envelope. @spec AM-ENV-005
        message::sequence_tracker received{};  ///< @spec AM-ENV-006
    };

    static constexpr std::string_view prefix = "agent/numbers/";

    [[nodiscard]] static std::string record_of(const session::session_id& id) {
        return std::string{prefix} + to_hex(id.bytes());
    }

    [[nodiscard]] numbers of(const session::session_id& id) const {
        const auto at = known_.find(id);
        return at == known_.end() ? numbers{} : at->second;
    }
    void set(const session::session_id& id, const numbers& what) { known_.insert_or_assign(id, what); }
    void forget(const session::session_id& id) { known_.erase(id); }

    [[nodiscard]] static buffer save(const numbers& from) {
        buffer out(record_bytes);
        put(std::span{out}.first<8>(), from.next);
        const std::uint64_t due = from.received.due();
        put(std::span{out}.subspan<8, 8>(), due);
        for (std::uint64_t i = 0; i < window; ++i)
            if (due + i >= window && from.received.look(due + i - window) == message::sequence_news::duplicate)
                out[16 + i / 8] |= static_cast<std::uint8_t>(1u << i % 8);
        return out;
    }

    /// @errors bad_snapshot
    [[nodiscard]] static result<numbers> restore(byte_view bytes) {
        if (bytes.size() != record_bytes) return fail(errc::bad_snapshot);
        numbers out{.next = take(bytes.first<8>())};
        const std::uint64_t due = take(bytes.subspan<8, 8>());
        for (std::uint64_t i = 0; i < window; ++i)
            if ((bytes[16 + i / 8] >> i % 8 & 1) != 0 && (due + i < window || !out.received.accept(due + i - window)))
                return fail(errc::bad_snapshot);
        if (out.received.due() != due) return fail(errc::bad_snapshot);
        return out;
    }

    /// Takes up what an earlier run has saved.
    [[nodiscard]] result<void> load(StateStore auto& store) {
        for (const auto& name : store.names(prefix)) {
            session::session_id id;
            AGENTMESH_CHECK(decode_hex(std::string_view{name}.substr(prefix.size()), id.storage()));
            AGENTMESH_TRY(bytes, store.load(name));
            if (!bytes) continue;
            AGENTMESH_TRY(saved, restore(*bytes));
            set(id, saved);
        }
        return {};
    }

private:
    static constexpr std::size_t window = message::sequence_tracker::window;
    static constexpr std::size_t record_bytes = 16 + window / 8;

    static void put(std::span<std::uint8_t, 8> out, std::uint64_t value) noexcept {
        for (std::size_t i = 8; i-- > 0; value >>= 8) out[i] = static_cast<std::uint8_t>(value);
    }
    static std::uint64_t take(std::span<const std::uint8_t, 8> in) noexcept {
        std::uint64_t out = 0;
        for (const std::uint8_t byte : in) out = out << 8 | byte;
        return out;
    }

    std::map<session::session_id, numbers> known_;
};

}  // namespace agentmesh
