// The numbers of the envelopes of each session: the next one to send, and those that came.
#pragma once

#include <agentmesh/core/state.hpp>
#include <agentmesh/message/envelope.hpp>
#include <agentmesh/session/session.hpp>

#include <algorithm>
#include <map>
#include <vector>

namespace agentmesh {

/// Sequence numbers by session, in memory and as records `agent/numbers/<session id>` of the saved state:
/// u64 next ‖ received ‖ for each foreign origin 16 bytes of its id ‖ received, where
/// received is u64 due ‖ 128 bytes, bit i of them saying whether number due - 1024 + i came.
///
/// A record is chosen by the session in which a message came, never by what its envelope says: so no peer reaches the
/// numbers of another.
class envelope_ledger {
public:
    /// Envelopes that came in a session, but were written for one that we do not know any more.
    struct foreign {
        session::session_id origin{};
        message::sequence_tracker received{};
    };
    /// A peer that sends again after a loss needs one, or one for each loss in a row.
    static constexpr std::size_t most_foreign = 8;

    struct numbers {
        std::uint64_t next = 0;               ///< of our own next envelope. @spec AM-ENV-005
        message::sequence_tracker received{};  ///< @spec AM-ENV-006
        std::vector<foreign> elsewhere{};

        /// Where the numbers of a foreign origin are kept.
        /// @errors session_limit beyond `most_foreign` of them
        [[nodiscard]] result<message::sequence_tracker*> of_foreign(const session::session_id& origin) {
            for (auto& one : elsewhere)
                if (one.origin == origin) return &one.received;
            if (elsewhere.size() >= most_foreign) return fail(errc::session_limit, "AM-ENV-006");
            return &elsewhere.emplace_back(foreign{.origin = origin}).received;
        }
    };

    static constexpr std::string_view prefix = "agent/numbers/";

    [[nodiscard]] static std::string record_of(const session::session_id& id) {
        return std::string{prefix} + to_hex(id.bytes());
    }

    [[nodiscard]] numbers of(const session::session_id& id) const {
        const auto at = known_.find(id);
        return at == known_.end() ? numbers{} : at->second;
    }
    [[nodiscard]] bool knows(const session::session_id& id) const { return known_.contains(id); }
    [[nodiscard]] std::vector<session::session_id> all() const {
        std::vector<session::session_id> out;
        for (const auto& [id, held] : known_) out.push_back(id);
        return out;
    }
    void set(const session::session_id& id, const numbers& what) { known_.insert_or_assign(id, what); }
    void forget(const session::session_id& id) { known_.erase(id); }

    [[nodiscard]] static buffer save(const numbers& from) {
        buffer out(record_bytes + from.elsewhere.size() * foreign_bytes);
        const std::span all{out};
        put(all.first<8>(), from.next);
        write(all.subspan<8, tracker_bytes>(), from.received);
        for (std::size_t i = 0; i < from.elsewhere.size(); ++i) {
            const auto place = all.subspan(record_bytes + i * foreign_bytes).first<foreign_bytes>();
            std::ranges::copy(from.elsewhere[i].origin.bytes(), place.begin());
            write(place.subspan<id_bytes, tracker_bytes>(), from.elsewhere[i].received);
        }
        return out;
    }

    /// @errors bad_snapshot
    [[nodiscard]] static result<numbers> restore(byte_view bytes) {
        if (bytes.size() < record_bytes || (bytes.size() - record_bytes) % foreign_bytes != 0 ||
            bytes.size() > record_bytes + most_foreign * foreign_bytes)
            return fail(errc::bad_snapshot);
        numbers out{.next = take(bytes.first<8>())};
        AGENTMESH_TRY(own, read(bytes.subspan<8, tracker_bytes>()));
        out.received = own;
        for (auto rest = bytes.subspan(record_bytes); !rest.empty(); rest = rest.subspan(foreign_bytes)) {
            foreign one;
            std::ranges::copy(rest.first<id_bytes>(), one.origin.storage().begin());
            AGENTMESH_TRY(theirs, read(rest.subspan<id_bytes, tracker_bytes>()));
            one.received = theirs;
            out.elsewhere.push_back(one);
        }
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
    static constexpr std::size_t id_bytes = 16;
    static constexpr std::size_t tracker_bytes = 8 + window / 8;
    static constexpr std::size_t record_bytes = 8 + tracker_bytes;  // without foreign origins
    static constexpr std::size_t foreign_bytes = id_bytes + tracker_bytes;

    static void write(std::span<std::uint8_t, tracker_bytes> out, const message::sequence_tracker& from) {
        const std::uint64_t due = from.due();
        put(out.first<8>(), due);
        for (std::uint64_t i = 0; i < window; ++i)
            if (due + i >= window && from.look(due + i - window) == message::sequence_news::duplicate)
                out[8 + i / 8] |= static_cast<std::uint8_t>(1u << i % 8);
    }
    static result<message::sequence_tracker> read(std::span<const std::uint8_t, tracker_bytes> in) {
        message::sequence_tracker out;
        const std::uint64_t due = take(in.first<8>());
        for (std::uint64_t i = 0; i < window; ++i)
            if ((in[8 + i / 8] >> i % 8 & 1) != 0 && (due + i < window || !out.accept(due + i - window)))
                return fail(errc::bad_snapshot);
        if (out.due() != due) return fail(errc::bad_snapshot);
        return out;
    }
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
