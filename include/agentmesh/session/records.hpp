// Sessions as saved records: their names, their bytes, and batches of changes.
//
//     session/<id>/state           a session with its ratchet; erased when nothing of it is needed any more
//     session/<id>/skip/<chain><n> skipped keys of one chain from number n on, 32 at most
//     session/<id>/generation      u64, written with every state: a state older than this is a rollback
//     session/<id>/out/<slot>      a frame that is not acknowledged, or an envelope that waits
//     session/<id>/in/<index>      an envelope that the application has not taken
//     knock/<hash>                 sender, nonce and reply of a KNOCK that was settled
//     epochs                       the highest epoch of each peer's card, of peers that we asked
//     callers                      likewise, of peers that asked us
//     cards                        cards of ours that were replaced lately, with their private halves
//     seen/<key>                   u64 count, peer: an envelope that was delivered
//
// Integers are big-endian; every record begins with a version byte.
#pragma once

#include <agentmesh/core/state.hpp>
#include <agentmesh/e2ee/snapshot.hpp>
#include <agentmesh/e2ee/transcript.hpp>
#include <agentmesh/session/session_state.hpp>

#include <bit>
#include <list>

namespace agentmesh::session {

/// Changes that become durable together. Owns names and bytes; the bytes are wiped.
class record_batch {
public:
    void put(std::string name, crypto::secret_buffer bytes) {
        const auto& kept = bytes_.emplace_back(std::move(bytes));
        changes_.push_back({names_.emplace_back(std::move(name)), byte_view{kept}});
    }
    void erase(std::string name) { changes_.push_back({names_.emplace_back(std::move(name)), std::nullopt}); }

    /// For whoever adds changes with views of its own, which must outlive the batch.
    [[nodiscard]] std::vector<record_change>& changes() noexcept { return changes_; }
    [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }

private:
    std::list<std::string> names_;
    std::list<crypto::secret_buffer> bytes_;
    std::vector<record_change> changes_;
};

namespace record {

[[nodiscard]] std::string state_name(const session_id& id);
[[nodiscard]] std::string generation_name(const session_id& id);
[[nodiscard]] std::string out_name(const session_id& id, std::uint64_t slot);
[[nodiscard]] std::string skip_name(const session_id& id, const skipped_block& block);
[[nodiscard]] std::string in_name(const session_id& id, std::uint64_t index);
[[nodiscard]] std::string knock_name(const sha256_digest& hash);
inline constexpr std::string_view epochs_name = "epochs";
inline constexpr std::string_view callers_name = "callers";
inline constexpr std::string_view cards_name = "cards";
[[nodiscard]] std::string seen_name(const message_id& id);

/// @param name  from after `skip/`; only what names need is known then
/// @errors bad_snapshot
[[nodiscard]] result<skipped_block> parse_skip_name(std::string_view name);

/// Notes in `core` which skipped keys there are, and adds the records of those blocks that have changed.
/// @secret
void write_skipped(session_core& core, const std::optional<am1_ratchet>& ratchet, record_batch& batch);

/// All but the skipped keys, which `core.skipped` names.
/// @secret all of them hold keys or what was said
[[nodiscard]] crypto::secret_buffer write_state(const session_core& core, const std::vector<std::string>& suites,
                                                const std::optional<am1_ratchet>& ratchet,
                                                const std::optional<e2ee::reply_key>& reply_key);
/// A ratchet with skipped keys is left in `saved_ratchet`; see join_skipped.
/// @errors bad_snapshot
[[nodiscard]] result<session_state> read_state(byte_view bytes);
/// @param keys  of `core.skipped`, one after the other
/// @errors bad_snapshot
[[nodiscard]] result<am1_ratchet> join_skipped(byte_view ratchet, const std::vector<skipped_block>& blocks,
                                               byte_view keys);
[[nodiscard]] result<crypto::secret_buffer> read_skipped(const skipped_block& block, byte_view bytes);
[[nodiscard]] crypto::secret_buffer write_outgoing(const outgoing& one);
[[nodiscard]] result<outgoing> read_outgoing(byte_view bytes);
[[nodiscard]] crypto::secret_buffer write_arrived(const arrived& one);
[[nodiscard]] result<arrived> read_arrived(byte_view bytes);
[[nodiscard]] crypto::secret_buffer write_knock(const known_knock& one);
[[nodiscard]] result<known_knock> read_knock(byte_view bytes);
[[nodiscard]] crypto::secret_buffer write_cards(const std::vector<former_card>& cards);
[[nodiscard]] result<std::vector<former_card>> read_cards(byte_view bytes);
struct seen_record {
    std::uint64_t count = 0;
    amid peer;
};
[[nodiscard]] crypto::secret_buffer write_seen(const seen_record& one);
[[nodiscard]] result<seen_record> read_seen(byte_view bytes);
[[nodiscard]] crypto::secret_buffer write_number(std::uint64_t value);
[[nodiscard]] result<std::uint64_t> read_number(byte_view bytes);

}  // namespace record
}  // namespace agentmesh::session

#include <agentmesh/session/records.ipp>
#include <agentmesh/session/records_skipped.ipp>
