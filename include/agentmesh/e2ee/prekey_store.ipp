// Bodies of e2ee/prekey_store.hpp.
#pragma once

namespace agentmesh::e2ee {

// Saved records. Every one begins with a version byte, 1.
//   prekeys/signed           next signed id u32, next one-time id u32, count u8, then of each signed prekey, oldest
//                            first: id u32, scalar 32, not_before u64, not_after u64, signature 64, made u64
//                            (microseconds since 1970, two's complement)
//   prekeys/batch/<first>    first id u32, count u32, signature 64, then the public keys
//   prekeys/one-time/<id>    id u32, scalar 32; there while the key is unspent
inline constexpr std::string_view signed_record = "prekeys/signed";
inline constexpr std::string_view batch_records = "prekeys/batch/";
inline constexpr std::string_view one_time_records = "prekeys/one-time/";

/// A name that sorts by the id.
inline std::string numbered_record(std::string_view prefix, std::uint32_t id) {
    std::string digits = std::to_string(id);
    digits.insert(0, 10 - digits.size(), '0');
    return std::string{prefix} + digits;
}

/// Bytes from a store, wiped when they are given back.
struct loaded_record {
    buffer bytes;

    explicit loaded_record(buffer&& from) noexcept : bytes{std::move(from)} {}
    loaded_record(const loaded_record&) = delete;
    loaded_record& operator=(const loaded_record&) = delete;
    ~loaded_record() { sodium_memzero(bytes.data(), bytes.size()); }
};

/// Reads a scalar and makes the pair.
inline prekey_pair read_prekey_pair(std::uint32_t id, byte_cursor& in) {
    exchange_secret_key scalar;
    const byte_view bytes = in.take(exchange_secret_key::size);
    std::copy(bytes.begin(), bytes.end(), scalar.reveal_storage().begin());
    return {id, exchange_key_pair{std::move(scalar)}};
}

inline crypto::secret_buffer save_one_time(const prekey_pair& key) {
    crypto::secret_buffer out{1};
    out.reserve(1 + 4 + 32);
    append_u32be(out, key.id);
    append(out, key.pair.secret_key().reveal());
    return out;
}

inline buffer save_batch(const prekey_batch& batch) {
    buffer out{1};
    append_u32be(out, batch.first_id());
    append_u32be(out, static_cast<std::uint32_t>(batch.keys().size()));
    append(out, batch.proof().bytes());
    for (const auto& key : batch.keys()) append(out, key.bytes());
    return out;
}

inline crypto::secret_buffer prekey_store::save_signed(std::size_t skip, const signed_entry* added,
                                                       std::uint32_t next_one_time) const {
    crypto::secret_buffer out{1};
    const auto one = [&](const signed_entry& entry) {
        append_u32be(out, entry.key.id);
        append(out, entry.key.pair.secret_key().reveal());
        append_u64be(out, static_cast<std::uint64_t>(entry.published.not_before));
        append_u64be(out, static_cast<std::uint64_t>(entry.published.not_after));
        append(out, entry.published.proof.bytes());
        append_u64be(out, static_cast<std::uint64_t>(entry.made.time_since_epoch().count()));
    };
    append_u32be(out, added ? added->key.id + 1 : next_signed_);
    append_u32be(out, next_one_time);
    out.push_back(static_cast<std::uint8_t>(signed_.size() - skip + (added ? 1 : 0)));
    for (std::size_t i = skip; i < signed_.size(); ++i) one(signed_[i]);
    if (added) one(*added);
    return out;
}

// --- reading back -----------------------------------------------------------------------------------------------

inline result<void> prekey_store::restore_signed(byte_view bytes, const local_identity& owner) {
    byte_cursor in{bytes};
    const std::uint8_t version = in.u8();
    next_signed_ = in.u32be();
    next_one_time_ = in.u32be();
    const std::size_t count = in.u8();
    if (version != 1 || count == 0 || count > signed_kept || next_signed_ == 0 || next_one_time_ == 0)
        return fail(errc::bad_snapshot);
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        const std::uint32_t id = in.u32be();
        prekey_pair key = read_prekey_pair(id, in);
        signed_prekey published{id, key.pair.public_key(), static_cast<std::int64_t>(in.u64be()),
                                static_cast<std::int64_t>(in.u64be()), {}};
        published.proof = in.fixed<signature>();
        const time_point made{duration{static_cast<std::int64_t>(in.u64be())}};
        if (id >= next_signed_ || (!signed_.empty() && id <= signed_.back().key.id)) return fail(errc::bad_snapshot);
        if (made < earliest_time || made > latest_time) return fail(errc::bad_snapshot);
        if (!verify_in(owner.signing().public_key(), signing_context::signed_prekey,
                       signed_prekey_content(owner.name(), published), published.proof))
            return fail(errc::bad_snapshot);
        signed_.push_back({std::move(key), published, made});
    }
    if (!in.finished()) return fail(errc::bad_snapshot);
    return {};
}

inline result<void> prekey_store::restore_batch(byte_view bytes, const local_identity& owner) {
    byte_cursor in{bytes};
    const std::uint8_t version = in.u8();
    const std::uint32_t first = in.u32be();
    const std::uint32_t count = in.u32be();
    const auto proof = in.fixed<signature>();
    if (version != 1 || first == 0 || count == 0 || count > batch_max || first >= next_one_time_ ||
        next_one_time_ - first < count || (!batches_.empty() && batches_.back().contains(first)) ||
        in.left() != std::size_t{count} * exchange_public_key::size)
        return fail(errc::bad_snapshot);
    std::vector<exchange_public_key> keys;
    for (std::uint32_t i = 0; i < count; ++i) keys.push_back(in.fixed<exchange_public_key>());
    prekey_batch batch{first, std::move(keys), proof};
    if (!verify_in(owner.signing().public_key(), signing_context::one_time_prekeys,
                   batch_content(owner.name(), first, count, batch.root()), proof))
        return fail(errc::bad_snapshot);
    batches_.push_back(std::move(batch));
    return {};
}

inline result<void> prekey_store::restore_one_time(std::string name, byte_view bytes) {
    byte_cursor in{bytes};
    const std::uint8_t version = in.u8();
    const std::uint32_t id = in.u32be();
    prekey_pair key = read_prekey_pair(id, in);
    const prekey_batch* const batch = batch_of(id);
    if (version != 1 || !in.finished() || name != numbered_record(one_time_records, id) || !batch ||
        batch->keys()[id - batch->first_id()] != key.pair.public_key())
        return fail(errc::bad_snapshot);
    one_time_.emplace(id, one_time_entry{std::move(key), std::move(name)});
    return {};
}

template <StateStore Store>
result<void> prekey_store::restore(Store& from, const local_identity& owner) {
    prekey_store fresh{rules_};
    const auto read = [&](std::string_view name, auto&& take) -> result<void> {
        AGENTMESH_TRY(found, from.load(name));
        if (!found) return fail(errc::bad_snapshot);
        const loaded_record record{std::move(*found)};
        return take(byte_view{record.bytes});
    };
    const auto batches = from.names(batch_records);
    const auto keys = from.names(one_time_records);
    if (from.names(signed_record).empty()) {
        if (!batches.empty() || !keys.empty()) return fail(errc::bad_snapshot);
    } else {
        AGENTMESH_CHECK(read(signed_record, [&](byte_view bytes) { return fresh.restore_signed(bytes, owner); }));
    }
    for (const auto& name : batches)
        AGENTMESH_CHECK(read(name, [&](byte_view bytes) { return fresh.restore_batch(bytes, owner); }));
    for (const auto& name : keys)
        AGENTMESH_CHECK(read(name, [&](byte_view bytes) { return fresh.restore_one_time(name, bytes); }));
    *this = std::move(fresh);
    return {};
}

// --- upkeep -----------------------------------------------------------------------------------------------------

inline bool prekey_store::needs_signed(time_point now) const noexcept {
    if (signed_.empty()) return true;
    const signed_entry& present = signed_.back();
    // A clock that was set back leaves a key that no peer accepts yet.
    const bool early = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() <
                       present.published.not_before;
    return early || now >= present.made + rules_.rotation;
}

/// How many of the oldest entries are replaced for longer than the grace.
inline std::size_t prekey_store::signed_over(time_point now) const noexcept {
    std::size_t out = 0;
    while (out + 1 < signed_.size() && now > signed_[out + 1].made + rules_.grace) ++out;
    return out;
}

inline bool prekey_store::is_due(time_point now) const noexcept {
    return needs_signed(now) || is_low() || signed_over(now) != 0;
}

inline std::optional<time_point> prekey_store::next_due() const noexcept {
    if (signed_.empty()) return std::nullopt;
    time_point out = signed_.back().made + rules_.rotation;
    if (signed_.size() > 1) out = std::min(out, signed_[1].made + rules_.grace + duration{1});
    return out;
}

template <StateStore Store>
result<prekey_upkeep> prekey_store::maintain(const local_identity& owner, Store& to, RandomSource auto& random,
                                             time_point now) {
    prekey_upkeep out{.remaining = one_time_.size()};
    if (!is_due(now)) return out;

    // All that is new is made beside what is there, and joins it once it is saved.
    std::optional<signed_entry> present;
    std::size_t over = signed_over(now);
    if (needs_signed(now)) {
        if (next_signed_ == no_prekey) return fail(errc::counter_exhausted, "AM-KEX-034");
        AGENTMESH_TRY(pair, exchange_key_pair::generate(random));
        const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch();
        const std::int64_t not_before = std::max<std::int64_t>((second - rules_.lead).count(), 0);
        const auto published = signed_prekey::make(owner, next_signed_, pair.public_key(), not_before,
                                                   not_before + rules_.validity.count());
        present.emplace(signed_entry{{next_signed_, std::move(pair)}, published, now});
        over = std::max(over, signed_.size() + 1 > signed_kept ? signed_.size() + 1 - signed_kept : 0);
        out.rotated = true;
    }
    std::vector<one_time_entry> added;
    std::optional<prekey_batch> batch;
    if (is_low()) {
        const auto count = rules_.one_time_full - static_cast<std::uint32_t>(one_time_.size());
        if (no_prekey - next_one_time_ < count) return fail(errc::counter_exhausted, "AM-KEX-034");
        std::vector<exchange_public_key> keys;
        for (std::uint32_t id = next_one_time_; added.size() < count; ++id) {
            AGENTMESH_TRY(pair, exchange_key_pair::generate(random));
            keys.push_back(pair.public_key());
            added.push_back({{id, std::move(pair)}, numbered_record(one_time_records, id)});
        }
        if (count != 0) batch = prekey_batch::make(owner, next_one_time_, std::move(keys));
        out.added = count;
    }
    const auto is_spent = [&](const prekey_batch& old) {
        const auto first = one_time_.lower_bound(old.first_id());
        return first == one_time_.end() || !old.contains(first->first);
    };

    std::vector<record_change> changes;
    const auto signed_bytes = save_signed(over, present ? &*present : nullptr, next_one_time_ + out.added);
    changes.push_back({signed_record, signed_bytes});
    std::vector<crypto::secret_buffer> key_bytes;
    key_bytes.reserve(added.size());
    for (const auto& entry : added)
        changes.push_back({entry.record, key_bytes.emplace_back(save_one_time(entry.key))});
    buffer batch_bytes;
    std::vector<std::string> batch_names;
    batch_names.reserve(batches_.size() + 1);
    if (batch) {
        batch_bytes = save_batch(*batch);
        changes.push_back({batch_names.emplace_back(numbered_record(batch_records, batch->first_id())), batch_bytes});
    }
    for (const auto& old : batches_)
        if (is_spent(old))
            changes.push_back({batch_names.emplace_back(numbered_record(batch_records, old.first_id())), {}});
    AGENTMESH_CHECK(to.commit(changes));

    std::erase_if(batches_, is_spent);
    signed_.erase(signed_.begin(), signed_.begin() + static_cast<std::ptrdiff_t>(over));
    if (present) {
        next_signed_ = present->key.id + 1;
        signed_.push_back(std::move(*present));
    }
    if (batch) batches_.push_back(std::move(*batch));
    for (auto& entry : added) {
        const std::uint32_t id = entry.key.id;
        one_time_.emplace(id, std::move(entry));
    }
    next_one_time_ += out.added;
    return out;
}

// --- use --------------------------------------------------------------------------------------------------------

inline const prekey_batch* prekey_store::batch_of(std::uint32_t id) const noexcept {
    for (const auto& batch : batches_)
        if (batch.contains(id)) return &batch;
    return nullptr;
}

inline result<const prekey_pair*> prekey_store::find_signed(std::uint32_t id, time_point now) const {
    if (id == 0 || id >= next_signed_) return fail(errc::unknown_prekey, "AM-KEX-033");
    const auto over = signed_.begin() + static_cast<std::ptrdiff_t>(signed_over(now));
    const auto found = std::find_if(over, signed_.end(), [&](const auto& entry) { return entry.key.id == id; });
    if (found == signed_.end()) return fail(errc::stale_prekey, "AM-KEX-033");
    const bool present = found + 1 == signed_.end();
    if (present && now > time_point{std::chrono::seconds{found->published.not_after}})
        return fail(errc::stale_prekey, "AM-KEX-013");
    return &found->key;
}

inline result<const prekey_pair*> prekey_store::find_one_time(std::uint32_t id) const {
    const auto found = one_time_.find(id);
    if (found == one_time_.end()) return fail(errc::unknown_prekey, "AM-KEX-035");
    return &found->second.key;
}

inline result<record_change> prekey_store::spend(std::uint32_t id) const {
    const auto found = one_time_.find(id);
    if (found == one_time_.end()) return fail(errc::unknown_prekey, "AM-KEX-035");
    return record_change{found->second.record, std::nullopt};
}

inline bool prekey_store::forget(std::uint32_t id) {
    one_time_.erase(id);
    return is_low();
}

inline result<prekey_publication> prekey_store::publication(const identity_card& card) const {
    if (signed_.empty()) return fail(errc::unknown_prekey, "AM-KEX-036");
    prekey_publication out{card, signed_.back().published};
    for (const auto& [id, entry] : one_time_) out.one_time.push_back(batch_of(id)->prekey(id));
    return out;
}

inline result<prekey_bundle> prekey_store::bundle(const identity_card& card,
                                                  std::optional<std::uint32_t> one_time) const {
    if (signed_.empty()) return fail(errc::unknown_prekey, "AM-KEX-036");
    prekey_bundle out{card, signed_.back().published};
    if (one_time) {
        if (!one_time_.contains(*one_time)) return fail(errc::unknown_prekey, "AM-KEX-035");
        out.one_time = batch_of(*one_time)->prekey(*one_time);
    }
    return out;
}

}  // namespace agentmesh::e2ee
