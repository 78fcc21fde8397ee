// Bodies of e2ee/ratchet.hpp.
#pragma once

namespace agentmesh::e2ee {

// --- beginnings -----------------------------------------------------------------------------------------------

template <RatchetSuite S>
result<double_ratchet<S>> double_ratchet<S>::initiate(root_key root, exchange_key_pair own,
                                                      const exchange_public_key& remote) {
    double_ratchet out{std::move(root), shared(std::move(own)), true};
    if constexpr (S::start == start_up::at_once) {
        AGENTMESH_TRY(agreed, out.own_->agree_with(remote));
        auto made = kdf_rk<S>(out.root_, agreed);
        out.root_ = std::move(made.root);
        out.sending_ = chain{std::move(made.chain)};
    }
    out.remote_ = remote;
    return out;
}

template <RatchetSuite S>
double_ratchet<S> double_ratchet<S>::respond(root_key root, exchange_key_pair own) {
    return double_ratchet{std::move(root), shared(std::move(own)), false};
}

template <RatchetSuite S>
double_ratchet<S> double_ratchet<S>::respond(root_key root, exchange_key_pair own, const exchange_public_key& remote)
    requires(S::start == start_up::on_use)
{
    double_ratchet out{std::move(root), shared(std::move(own)), false};
    out.remote_ = remote;
    return out;
}

template <RatchetSuite S>
result<double_ratchet<S>> double_ratchet<S>::respond(root_key root, const exchange_key_pair& signed_prekey,
                                                     const exchange_public_key& remote, exchange_key_pair own)
    requires(S::start == start_up::at_once)
{
    AGENTMESH_TRY(received, signed_prekey.agree_with(remote));
    auto receiving = kdf_rk<S>(root, received);
    AGENTMESH_TRY(sent, own.agree_with(remote));
    auto sending = kdf_rk<S>(receiving.root, sent);
    double_ratchet out{std::move(sending.root), shared(std::move(own)), false};
    out.remote_ = remote;
    out.receiving_ = chain{std::move(receiving.chain)};
    out.sending_ = chain{std::move(sending.chain)};
    out.turns_ = 1;
    return out;
}

template <RatchetSuite S>
double_ratchet<S> double_ratchet<S>::fork() const {
    double_ratchet out{root_.fork(), own_, initiator_};
    out.remote_ = remote_;
    if (sending_) out.sending_ = sending_->fork();
    if (receiving_) out.receiving_ = receiving_->fork();
    out.previous_ = previous_;
    out.turns_ = turns_;
    out.skipped_ = skipped_.fork();
    out.retired_ = retired_;
    return out;
}

// --- turns ----------------------------------------------------------------------------------------------------

template <RatchetSuite S>
void double_ratchet<S>::skip(chain& along, std::uint32_t n, const exchange_public_key& dh, skipped_batch& kept) {
    while (along.next < n) {
        kept.push_back({dh, along.next, along.step().message.fork()});
        along.advance();
    }
}

/// The second half of a turn: a new pair of our own, and the chain with which the peer will meet it.
template <RatchetSuite S>
result<void> double_ratchet<S>::send_half(turn& made, const exchange_public_key& remote,
                                          exchange_secret_key scalar) const {
    made.own = shared(exchange_key_pair{std::move(scalar)});
    AGENTMESH_TRY(agreed, made.own->agree_with(remote));
    auto stepped = kdf_rk<S>(made.root, agreed);
    made.root = std::move(stepped.root);
    made.sending = chain{std::move(stepped.chain)};
    return {};
}

/// Keeps a finished turn. The skipped keys' room was made before.
template <RatchetSuite S>
void double_ratchet<S>::commit(turn made, const exchange_public_key& remote) noexcept {
    root_ = std::move(made.root);
    if (made.own) {
        if (receiving_) retired_.add(*remote_);
        previous_ = sending_ ? sending_->next : 0;
        own_ = std::move(made.own);
        sending_ = std::move(made.sending);
    }
    receiving_ = std::move(made.receiving);
    remote_ = remote;
    skipped_.add(std::move(made.skipped));
    ++turns_;
}

template <RatchetSuite S>
result<void> double_ratchet<S>::step(const exchange_public_key& remote, RandomSource auto& random)
    requires(S::start == start_up::at_once)
{
    if (receiving_) {
        if (*remote_ == remote) return {};
        return fail(errc::duplicate);
    }
    AGENTMESH_TRY(scalar, exchange_secret_key::generate(random));
    AGENTMESH_TRY(agreed, own_->agree_with(remote));
    auto stepped = kdf_rk<S>(root_, agreed);
    turn made{std::move(stepped.root), chain{std::move(stepped.chain)}};
    AGENTMESH_CHECK(send_half(made, remote, std::move(scalar)));
    commit(std::move(made), remote);
    return {};
}

// --- messages -------------------------------------------------------------------------------------------------

template <RatchetSuite S>
template <class Allocator>
result<ratchet_header> double_ratchet<S>::seal(std::vector<std::uint8_t, Allocator>& out, byte_view ad_prefix,
                                               byte_view plain, RandomSource auto& random) {
    if (!can_send())
        return sending_ ? fail(errc::counter_exhausted, "AM-RAT-018") : fail(errc::ratchet_not_ready, "AM-RAT-011");
    AGENTMESH_TRY(nonce, draw_nonce<S>(random));
    if (!sending_) {  // the first send of a suite that starts on use; kept at once, since nothing can fail after it
        AGENTMESH_TRY(agreed, own_->agree_with(*remote_));
        out.reserve(out.size() + plain.size() + overhead<S>);
        auto made = kdf_rk<S>(root_, agreed);
        root_ = std::move(made.root);
        sending_ = chain{std::move(made.chain)};
    }
    const auto header = next_header();
    const associated_data ad{ad_prefix, header};
    const std::size_t before = out.size();
    out.resize(before + plain.size() + overhead<S>);

    const auto& step = sending_->step();
    const auto sealed = std::span{out}.subspan(before);
    if constexpr (S::nonce == nonce_rule::derived) {
        chain_step after;
        seal_message<S>(sealed, expand<S>(step.message, after, step.next), ad.bytes(), plain);
        sending_->advance(std::move(after));
    } else {
        seal_message<S>(sealed, step.message, nonce, ad.bytes(), plain);
        sending_->advance();
    }
    return header;
}

template <RatchetSuite S>
template <class Allocator>
result<void> double_ratchet<S>::open(std::vector<std::uint8_t, Allocator>& out, const ratchet_header& header,
                                     byte_view ad_prefix, byte_view sealed, RandomSource auto& random) {
    if (sealed.size() < overhead<S>) return fail(errc::bad_tag, "AM-RAT-009");
    if (header.n >= S::chain_length) return fail(errc::too_far, "AM-RAT-018");
    // Nothing authenticates this key: in another form it would open the same message, and the next one, in the true
    // form, would then look like that of a new chain.
    if constexpr (!S::binds_header)
        if (!is_canonical(header.dh)) return fail(errc::bad_tag);

    const associated_data ad{ad_prefix, header};
    const std::size_t before = out.size();
    out.resize(before + sealed.size() - overhead<S>);
    const auto text = std::span{out}.subspan(before);

    const auto opened = [&]() -> result<void> {
        const bool current = receiving_ && *remote_ == header.dh;
        if (current && header.n >= receiving_->next) return open_next(text, header, ad.bytes(), sealed);
        if (const auto* kept = skipped_.find(header.dh, header.n)) return open_kept(text, *kept, ad.bytes(), sealed);
        if (current || is_over(header.dh)) return fail(errc::duplicate, "AM-RAT-014");
        return open_turn(text, header, ad.bytes(), sealed, random);
    }();
    if (!opened) out.resize(before);
    return opened;
}

/// A message that was overtaken: its key is kept until it has opened it.
template <RatchetSuite S>
result<void> double_ratchet<S>::open_kept(std::span<std::uint8_t> text, const skipped_key& kept, byte_view ad,
                                          byte_view sealed) {
    AGENTMESH_CHECK(open_message<S>(text, kept.key, ad, sealed));
    skipped_.erase(&kept);
    return {};
}

/// The usual case: the chain's next message, or one of the next few.
template <RatchetSuite S>
result<void> double_ratchet<S>::open_next(std::span<std::uint8_t> text, const ratchet_header& header, byte_view ad,
                                          byte_view sealed) {
    const std::uint32_t gap = header.n - receiving_->next;
    if (gap == 0) {
        const auto& step = receiving_->step();
        if constexpr (S::nonce == nonce_rule::derived) {
            chain_step after;
            AGENTMESH_CHECK(open_message<S>(text, expand<S>(step.message, after, step.next), ad, sealed));
            receiving_->advance(std::move(after));
        } else {
            AGENTMESH_CHECK(open_message<S>(text, step.message, ad, sealed));
            receiving_->advance();
        }
        return {};
    }
    if (gap > S::max_skip) return fail(errc::too_far, "AM-RAT-016");
    auto along = receiving_->fork();
    skipped_batch passed;
    passed.reserve(gap);
    skip(along, header.n, header.dh, passed);
    skipped_.reserve(gap);
    AGENTMESH_CHECK(open_message<S>(text, along.step().message, ad, sealed));
    skipped_.add(std::move(passed));
    along.advance();
    receiving_ = std::move(along);
    return {};
}

/// A message under a key of the peer that has no chain yet. All that can fail is done before anything is kept, and
/// what a forger could make us do for nothing is done last.
template <RatchetSuite S>
result<void> double_ratchet<S>::open_turn(std::span<std::uint8_t> text, const ratchet_header& header, byte_view ad,
                                          byte_view sealed, RandomSource auto& random) {
    const bool known = remote_ && *remote_ == header.dh;
    if (known && S::start == start_up::at_once) return fail(errc::bad_tag);  // the peer never sends under this key
    const std::uint32_t left = receiving_ && header.pn > receiving_->next ? header.pn - receiving_->next : 0;
    if (left > S::max_skip || header.n > S::max_skip || header.pn > S::chain_length)
        return fail(errc::too_far, "AM-RAT-016");
    if (turns_ >= S::turns) return fail(errc::too_far, "AM-RAT-021");

    AGENTMESH_TRY(agreed, own_->agree_with(header.dh));
    AGENTMESH_TRY(scalar, exchange_secret_key::generate(random));
    auto stepped = kdf_rk<S>(root_, agreed);
    turn made{std::move(stepped.root), chain{std::move(stepped.chain)}};
    made.skipped.reserve(left + header.n);
    skip(made.receiving, header.n, header.dh, made.skipped);
    AGENTMESH_CHECK(open_message<S>(text, made.receiving.step().message, ad, sealed));
    made.receiving.advance();
    if (left > 0) {
        auto old = receiving_->fork();
        skip(old, header.pn, *remote_, made.skipped);
        // Older chain, older keys: they are the first to go.
        std::rotate(made.skipped.begin(), made.skipped.begin() + header.n, made.skipped.end());
    }
    skipped_.reserve(made.skipped.size());
    if (!known)
        if (auto half = send_half(made, header.dh, std::move(scalar)); !half) {
            std::fill(text.begin(), text.end(), std::uint8_t{0});
            return half;
        }
    commit(std::move(made), header.dh);
    return {};
}

}  // namespace agentmesh::e2ee
