// Bodies of e2ee/snapshot.hpp.
#pragma once

namespace agentmesh::e2ee {

inline constexpr std::array<std::uint8_t, 4> snapshot_magic = {'A', 'M', 'R', 1};

/// The only door to a ratchet's inside.
struct snapshot_access {
    static constexpr unsigned initiator = 0x01, has_remote = 0x02, has_sending = 0x04, has_receiving = 0x08;

    // --- writing ------------------------------------------------------------------------------------------------

    static void put(crypto::secret_buffer& out, byte_view bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
    static void put_number(crypto::secret_buffer& out, std::size_t number, std::size_t width) {
        for (std::size_t i = width; i-- > 0;) out.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
    }
    static void put_chain(crypto::secret_buffer& out, const auto& chain) {
        if (!chain) return;
        put(out, chain->key.reveal());
        put_number(out, chain->next, 4);
    }

    template <RatchetSuite S>
    static crypto::secret_buffer save(const double_ratchet<S>& from) {
        crypto::secret_buffer out;
        out.reserve(6 + 64 + 8 + 32 + 2 * 36 + 3 + 32 * retired_keys::bound + 68 * from.skipped_.size());
        put(out, snapshot_magic);
        out.push_back(static_cast<std::uint8_t>(S::id));
        const unsigned flags = (from.initiator_ ? initiator : 0u) | (from.remote_ ? has_remote : 0u) |
                               (from.sending_ ? has_sending : 0u) | (from.receiving_ ? has_receiving : 0u);
        out.push_back(static_cast<std::uint8_t>(flags));
        put(out, from.root_.reveal());
        put(out, from.own_->secret_key().reveal());
        put_number(out, from.previous_, 4);
        put_number(out, from.turns_, 4);
        if (from.remote_) put(out, from.remote_->bytes());
        put_chain(out, from.sending_);
        put_chain(out, from.receiving_);
        put_number(out, from.retired_.all().size(), 1);
        for (const auto& key : from.retired_.all()) put(out, key.bytes());
        put_number(out, from.skipped_.size(), 2);
        for (const auto& one : from.skipped_.all()) {
            put(out, one.dh.bytes());
            put_number(out, one.n, 4);
            put(out, one.key.reveal());
        }
        return out;
    }

    // --- reading ------------------------------------------------------------------------------------------------

    /// Takes pieces off the front; past the end it gives zeros and remembers that it did.
    struct source {
        byte_view left;
        bool whole = true;

        byte_view take(std::size_t count) noexcept {
            static constexpr std::array<std::uint8_t, 32> none{};
            if (left.size() < count) {
                whole = false;
                left = {};
                return byte_view{none}.first(count);
            }
            const auto out = left.first(count);
            left = left.subspan(count);
            return out;
        }
        std::uint32_t number(std::size_t width) noexcept {
            std::uint32_t out = 0;
            for (const auto byte : take(width)) out = out << 8 | byte;
            return out;
        }
        template <class Value>
        Value value() {
            Value out;
            const auto bytes = take(Value::size);
            if constexpr (requires { out.storage(); })
                std::copy(bytes.begin(), bytes.end(), out.storage().begin());
            else
                std::copy(bytes.begin(), bytes.end(), out.reveal_storage().begin());
            return out;
        }
    };

    template <RatchetSuite S>
    static result<double_ratchet<S>> restore(byte_view bytes) {
        using chain = typename double_ratchet<S>::chain;
        const auto refused = [] { return fail(errc::bad_snapshot, "AM-RAT-031"); };

        AGENTMESH_TRY(suite, suite_of_snapshot(bytes));
        if (suite != S::id) return refused();
        source from{bytes.subspan(snapshot_magic.size() + 1)};
        const auto flags = from.number(1);
        auto root = from.value<root_key>();
        auto scalar = from.value<exchange_secret_key>();
        const auto previous = from.number(4), turns = from.number(4);
        if (!from.whole || (flags & ~0x0fu) != 0 || previous > S::chain_length || turns > S::turns)
            return refused();
        // A receiving chain belongs to a key of the peer, and a sending chain was made with one.
        if ((flags & (has_sending | has_receiving)) != 0 && (flags & has_remote) == 0) return refused();

        double_ratchet<S> out{std::move(root), double_ratchet<S>::shared(exchange_key_pair{std::move(scalar)}),
                              (flags & initiator) != 0};
        out.previous_ = previous;
        out.turns_ = turns;
        if ((flags & has_remote) != 0) out.remote_ = from.value<exchange_public_key>();
        if ((flags & has_sending) != 0) out.sending_ = chain{from.value<chain_key>(), from.number(4)};
        if ((flags & has_receiving) != 0) out.receiving_ = chain{from.value<chain_key>(), from.number(4)};
        if (out.sending_ && out.sending_->next > S::chain_length) return refused();
        if (out.receiving_ && out.receiving_->next > S::chain_length) return refused();

        const auto retired = from.number(1);
        if (retired > retired_keys::bound) return refused();
        for (std::uint32_t i = 0; i < retired; ++i) {
            const auto key = from.value<exchange_public_key>();
            if (key == out.remote_ || out.retired_.contains(key)) return refused();
            out.retired_.add(key);
        }

        const auto count = from.number(2);
        // Looked at before anything is allocated: a short text that claims many keys costs nothing.
        if (!from.whole || count > limits::skipped_keys_stored || from.left.size() != std::size_t{count} * 68)
            return refused();
        skipped_batch kept;
        kept.reserve(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            skipped_key one{from.value<exchange_public_key>(), from.number(4), from.value<message_key>()};
            if (one.n >= S::chain_length) return refused();
            // Of the chain that is being received, only numbers that it has passed were skipped.
            if (one.dh == out.remote_ && (!out.receiving_ || one.n >= out.receiving_->next)) return refused();
            kept.push_back(std::move(one));
        }
        if (names_one_twice(kept)) return refused();
        out.skipped_.reserve(kept.size());
        out.skipped_.add(std::move(kept));
        return out;
    }

    static bool names_one_twice(const skipped_batch& kept) {
        std::vector<std::pair<exchange_public_key, std::uint32_t>> names;
        names.reserve(kept.size());
        for (const auto& one : kept) names.emplace_back(one.dh, one.n);
        std::sort(names.begin(), names.end());
        return std::adjacent_find(names.begin(), names.end()) != names.end();
    }
};

template <RatchetSuite S>
crypto::secret_buffer save(const double_ratchet<S>& ratchet) {
    return snapshot_access::save(ratchet);
}

template <RatchetSuite S>
result<double_ratchet<S>> restore(byte_view bytes) {
    return snapshot_access::restore<S>(bytes);
}

inline result<suite_id> suite_of_snapshot(byte_view bytes) {
    const std::size_t at = snapshot_magic.size();
    if (bytes.size() <= at || !std::equal(snapshot_magic.begin(), snapshot_magic.end(), bytes.begin()) ||
        bytes[at] < 1 || bytes[at] > suite_names.size())
        return fail(errc::bad_snapshot, "AM-RAT-031");
    return static_cast<suite_id>(bytes[at]);
}

// --- at rest ------------------------------------------------------------------------------------------------

inline constexpr std::uint8_t at_rest_version = 1;
inline constexpr std::size_t at_rest_salt = 32;

inline storage_key storage_key_of(const local_identity& self) {
    crypto::secret<64, struct storage_material_tag> material;
    const auto seed = self.signing().seed();
    const auto half = std::copy(seed.reveal().begin(), seed.reveal().end(), material.reveal_storage().begin());
    const auto scalar = self.exchange().secret_key().reveal();
    std::copy(scalar.begin(), scalar.end(), half);
    storage_key out;
    // 32 bytes are one block: never more than HKDF can give.
    (void)crypto::hkdf_sha256(out.reveal_storage(), {}, material.reveal(), as_bytes("AgentMesh-v1:storage"));
    return out;
}

/// The key of one record, from the random bytes that stand before it.
inline crypto::chacha20poly1305_ietf::key record_key(const storage_key& key, byte_view salt) {
    constexpr std::array<std::uint8_t, 1> first = {0x01};  // HKDF-Expand's first block, and the only one
    crypto::chacha20poly1305_ietf::key out;
    crypto::hmac_sha256_stream{key.reveal()}
        .update(as_bytes("AgentMesh-v1:storage:record"))
        .update(salt)
        .update(first)
        .finish(out.reveal_storage());
    return out;
}

inline buffer record_binding(std::string_view name) {
    buffer out(1 + name.size(), at_rest_version);
    std::copy(name.begin(), name.end(), out.begin() + 1);
    return out;
}

inline result<buffer> seal_at_rest(const storage_key& key, std::string_view name, byte_view plain,
                                   RandomSource auto& random) {
    using aead = crypto::chacha20poly1305_ietf;
    buffer out(1 + at_rest_salt + plain.size() + aead::tag_size);
    out[0] = at_rest_version;
    const auto salt = std::span{out}.subspan(1, at_rest_salt);
    AGENTMESH_CHECK(random.fill(salt));
    aead::seal(std::span{out}.subspan(1 + at_rest_salt), record_key(key, salt), aead::nonce{}, record_binding(name),
               plain);
    return out;
}

inline result<crypto::secret_buffer> open_at_rest(const storage_key& key, std::string_view name, byte_view sealed) {
    using aead = crypto::chacha20poly1305_ietf;
    if (sealed.size() < 1 + at_rest_salt + aead::tag_size || sealed[0] != at_rest_version)
        return fail(errc::bad_snapshot);
    const auto salt = sealed.subspan(1, at_rest_salt);
    const auto body = sealed.subspan(1 + at_rest_salt);
    crypto::secret_buffer out(body.size() - aead::tag_size);
    if (!aead::open(out, record_key(key, salt), aead::nonce{}, record_binding(name), body))
        return fail(errc::bad_snapshot);
    return out;
}

}  // namespace agentmesh::e2ee
