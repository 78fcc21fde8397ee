// The double ratchet: a key for every message, forgotten once used, and fresh randomness with every turn.
//
//     auto mine = *double_ratchet<am1>::initiate(std::move(root), std::move(own), peer_key);
//     auto header = *mine.seal(frame, ad_prefix, text, random);          // appends to `frame`
//     AGENTMESH_CHECK(theirs.open(text, header, ad_prefix, sealed, random));
//
// Saving what was received before it is believed: open on a fork, save the fork, and keep it once that is durable.
//
//     auto next = ratchet.fork();
//     AGENTMESH_CHECK(next.open(text, header, ad_prefix, sealed, random));
//     AGENTMESH_CHECK(persist(save(next)));      // on failure `ratchet` is as before; the message may come again
//     ratchet = std::move(next);
//
// Sending likewise: seal on a fork, save the fork together with the frame, and only then let the frame leave. If that
// fails, fork and frame are dropped together, and `ratchet` is as before: the next text is sealed under the same key
// and number. That is safe because nobody has seen the dropped frame, and nobody may: no copy of it leaves the owner.
#pragma once

#include <agentmesh/e2ee/chain.hpp>
#include <agentmesh/e2ee/skipped_keys.hpp>

#include <memory>
#include <optional>

namespace agentmesh::e2ee {

/// The last few of the peer's ratchet keys that were replaced, oldest first. A message under one of them whose key is
/// not kept is a duplicate, and is refused without a key agreement.
class retired_keys {
public:
    static constexpr std::size_t bound = 8;

    [[nodiscard]] std::span<const exchange_public_key> all() const noexcept { return {keys_.data(), count_}; }
    [[nodiscard]] bool contains(const exchange_public_key& key) const noexcept {
        return std::find(all().begin(), all().end(), key) != all().end();
    }
    void add(const exchange_public_key& key) noexcept {
        if (count_ == bound) std::shift_left(keys_.begin(), keys_.end(), 1), --count_;
        keys_[count_++] = key;
    }

private:
    std::array<exchange_public_key, bound> keys_{};
    std::size_t count_ = 0;
};

/// One side of a session. Owns no clock, random source or storage; used from one thread.
///
/// The associated data of every message is `ad_prefix`, which the caller gives and which both sides must know, and then
/// the 40 bytes of the header. A suite that does not bind the header authenticates neither.
/// @state  nothing changes unless the call succeeds
template <RatchetSuite S>
class double_ratchet {
public:
    using suite = S;

    /// The side that speaks first.
    /// @param  own     the first ratchet pair
    /// @param  remote  the peer's first ratchet key; for `am1` and `wire10` its signed prekey
    /// @errors zero_shared_secret
    [[nodiscard]] static result<double_ratchet> initiate(root_key root, exchange_key_pair own,
                                                         const exchange_public_key& remote);

    /// The side that waits for the first message.
    /// @param  own  the pair whose public half the initiator took for `remote`
    [[nodiscard]] static double_ratchet respond(root_key root, exchange_key_pair own);

    /// The same where the peer's first key is known beforehand: in `v02` the ephemeral key of its key agreement.
    [[nodiscard]] static double_ratchet respond(root_key root, exchange_key_pair own,
                                                const exchange_public_key& remote)
        requires(S::start == start_up::on_use);

    /// Both may speak at once: takes the initiator's step and then one of its own.
    /// @param  signed_prekey  the pair whose public half the initiator took for `remote`
    /// @param  own            the pair with which this side begins to send
    /// @spec   AM-RAT-010
    /// @errors zero_shared_secret
    [[nodiscard]] static result<double_ratchet> respond(root_key root, const exchange_key_pair& signed_prekey,
                                                        const exchange_public_key& remote, exchange_key_pair own)
        requires(S::start == start_up::at_once);

    /// The initiator's step on learning the responder's first key otherwise than from a message, as from an ACCEPT.
    /// Taking the same key again changes nothing.
    /// @errors zero_shared_secret, duplicate if a key of the peer was taken before, those of the source
    [[nodiscard]] result<void> step(const exchange_public_key& remote, RandomSource auto& random)
        requires(S::start == start_up::at_once);

    /// Whether `seal` has a chain: false for a responder that has opened nothing yet, and at the end of a chain.
    /// @spec AM-RAT-011
    [[nodiscard]] bool can_send() const noexcept {
        return sending_ ? sending_->next < S::chain_length : starts_on_use();
    }

    /// The header that the next `seal` returns, for a caller that writes it before the ciphertext.
    /// @pre can_send()
    [[nodiscard]] ratchet_header next_header() const noexcept {
        return {own_->public_key(), previous_, sending_ ? sending_->next : 0};
    }

    /// Appends `plain.size() + overhead<S>` bytes to `out`.
    /// @param  plain  not a view of `out`
    /// @spec   AM-RAT-018, AM-RAT-020, AM-RAT-022
    /// @errors ratchet_not_ready, counter_exhausted, zero_shared_secret, those of the source
    template <class Allocator>
    [[nodiscard]] result<ratchet_header> seal(std::vector<std::uint8_t, Allocator>& out, byte_view ad_prefix,
                                              byte_view plain, RandomSource auto& random);

    /// Appends the text to `out`, which is as before on any error.
    /// @param  sealed  not a view of `out`
    /// @spec   AM-RAT-012, AM-RAT-013, AM-RAT-014, AM-RAT-015, AM-RAT-019
    /// @errors bad_tag; duplicate: opened before, or older than what is kept; too_far: more keys to skip, a higher
    ///         number or more turns than the suite allows; zero_shared_secret; those of the source
    template <class Allocator>
    [[nodiscard]] result<void> open(std::vector<std::uint8_t, Allocator>& out, const ratchet_header& header,
                                    byte_view ad_prefix, byte_view sealed, RandomSource auto& random);

    /// A second copy that goes its own way. Of the two one must be dropped before either seals again, or a key would
    /// be used twice. Without skipped keys it costs a copy of about 700 bytes.
    [[nodiscard]] double_ratchet fork() const;

    [[nodiscard]] const exchange_public_key& public_key() const noexcept { return own_->public_key(); }
    /// The peer's ratchet key, once known.
    [[nodiscard]] const std::optional<exchange_public_key>& remote() const noexcept { return remote_; }
    [[nodiscard]] std::size_t skipped() const noexcept { return skipped_.size(); }
    /// Root steps made on receiving a new key of the peer.
    [[nodiscard]] std::uint32_t turns() const noexcept { return turns_; }

private:
    friend struct snapshot_access;

    /// Beside its key a chain may hold the step from it, made early: while one message waits for its own hashes, the
    /// next one's cost nothing. That step is never saved, and goes with its key.
    struct chain {
        chain_key key;
        std::uint32_t next = 0;
        std::optional<chain_step> ahead{};

        [[nodiscard]] chain fork() const {
            chain out{key.fork(), next};
            if (ahead) out.ahead.emplace(chain_step{ahead->message.fork(), ahead->next.fork()});
            return out;
        }
        [[nodiscard]] const chain_step& step() noexcept { return ahead ? *ahead : ahead.emplace(kdf_ck(key)); }
        /// Leaves message `next` behind.
        /// @pre step() was called since the last change
        void advance() noexcept {
            key = std::move(ahead->next);
            ++next;
            ahead.reset();
        }
        /// The same where the step after it is known already.
        void advance(chain_step&& after) noexcept {
            key = std::move(ahead->next);
            ++next;
            *ahead = std::move(after);
        }
    };

    /// What a receive from a new key changes, complete before any of it is kept.
    struct turn {
        root_key root;
        chain receiving;
        skipped_batch skipped{};
        std::shared_ptr<const exchange_key_pair> own{};  // null: the peer's key is not new
        std::optional<chain> sending{};
    };

    double_ratchet(root_key root, std::shared_ptr<const exchange_key_pair> own, bool initiator)
        : root_{std::move(root)}, own_{std::move(own)}, initiator_{initiator} {}

    [[nodiscard]] static std::shared_ptr<const exchange_key_pair> shared(exchange_key_pair own) {
        return std::make_shared<const exchange_key_pair>(std::move(own));
    }

    [[nodiscard]] bool starts_on_use() const noexcept {
        return S::start == start_up::on_use && remote_ && (initiator_ || receiving_);
    }

    /// Whether this key of the peer had a chain that another has followed.
    [[nodiscard]] bool is_over(const exchange_public_key& dh) const noexcept {
        return retired_.contains(dh) || skipped_.knows(dh);
    }

    [[nodiscard]] result<void> open_kept(std::span<std::uint8_t> text, const skipped_key& kept, byte_view ad,
                                         byte_view sealed);
    [[nodiscard]] result<void> open_next(std::span<std::uint8_t> text, const ratchet_header& header, byte_view ad,
                                         byte_view sealed);
    [[nodiscard]] result<void> open_turn(std::span<std::uint8_t> text, const ratchet_header& header, byte_view ad,
                                         byte_view sealed, RandomSource auto& random);
    [[nodiscard]] result<void> send_half(turn& made, const exchange_public_key& remote,
                                         exchange_secret_key scalar) const;
    void commit(turn made, const exchange_public_key& remote) noexcept;

    /// Moves a chain forward to message `n` and keeps the keys it passes.
    static void skip(chain& along, std::uint32_t n, const exchange_public_key& dh, skipped_batch& kept);

    root_key root_;
    std::shared_ptr<const exchange_key_pair> own_;  // never changed, so forks share it
    std::optional<exchange_public_key> remote_{};
    std::optional<chain> sending_{}, receiving_{};
    std::uint32_t previous_ = 0;  // messages of the sending chain before this one
    std::uint32_t turns_ = 0;
    bool initiator_;
    skipped_keys skipped_{};
    retired_keys retired_{};
};

}  // namespace agentmesh::e2ee

#include <agentmesh/e2ee/ratchet.ipp>
