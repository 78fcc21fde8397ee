// Bodies of e2ee/prekey.hpp.
#pragma once

namespace agentmesh::e2ee {

/// What the signature of a signed prekey covers.
inline buffer signed_prekey_content(const amid& owner, const signed_prekey& key) {
    buffer out;
    append(out, owner.bytes().bytes());
    append_u32be(out, key.id);
    append(out, key.key.bytes());
    append_u64be(out, static_cast<std::uint64_t>(key.not_before));
    append_u64be(out, static_cast<std::uint64_t>(key.not_after));
    return out;
}

/// What the signature of a batch covers.
inline buffer batch_content(const amid& owner, std::uint32_t first_id, std::uint32_t count,
                            const crypto::sha256_digest& root) {
    buffer out;
    append(out, owner.bytes().bytes());
    append_u32be(out, first_id);
    append_u32be(out, count);
    append(out, root.bytes());
    return out;
}

inline std::vector<crypto::sha256_digest> batch_leaves(std::uint32_t first_id,
                                                       std::span<const exchange_public_key> keys) {
    std::vector<crypto::sha256_digest> out;
    out.reserve(keys.size());
    for (const auto& key : keys) out.push_back(prekey_leaf(first_id + static_cast<std::uint32_t>(out.size()), key));
    return out;
}

inline signed_prekey signed_prekey::make(const local_identity& owner, std::uint32_t id, const exchange_public_key& key,
                                         std::int64_t not_before, std::int64_t not_after) {
    assert(not_before >= 0 && not_before < not_after && not_after - not_before <= prekey_validity_max);
    signed_prekey out{id, key, not_before, not_after, {}};
    out.proof = sign_in(owner.signing(), signing_context::signed_prekey, signed_prekey_content(owner.name(), out));
    return out;
}

inline prekey_batch prekey_batch::make(const local_identity& owner, std::uint32_t first_id,
                                       std::vector<exchange_public_key> keys) {
    prekey_batch out{first_id, std::move(keys), {}};
    out.proof_ = sign_in(
        owner.signing(), signing_context::one_time_prekeys,
        batch_content(owner.name(), first_id, static_cast<std::uint32_t>(out.keys_.size()), out.tree_.root()));
    return out;
}

inline prekey_batch::prekey_batch(std::uint32_t first_id, std::vector<exchange_public_key> keys,
                                  const signature& proof)
    : first_id_{first_id}, keys_{std::move(keys)}, tree_{batch_leaves(first_id_, keys_)}, proof_{proof} {
    assert(keys_.size() <= batch_max && keys_.size() <= no_prekey - first_id_);
}

inline one_time_prekey prekey_batch::prekey(std::uint32_t id) const {
    assert(contains(id));
    return {id, keys_[id - first_id_], first_id_, static_cast<std::uint32_t>(keys_.size()), tree_.path(id - first_id_),
            proof_};
}

inline result<void> check_signed_prekey(const signed_prekey& key, const identity_card& owner, time_point now) {
    if (key.not_before < 0 || key.not_after <= key.not_before || key.not_after - key.not_before > prekey_validity_max)
        return fail(errc::bad_bundle, "AM-KEX-012");
    if (!verify_in(owner.signing, signing_context::signed_prekey, signed_prekey_content(owner.name, key), key.proof))
        return fail(errc::bad_bundle, "AM-KEX-011");
    // Compared in whole seconds, because a time_point cannot hold every number of seconds.
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    const std::int64_t present = second.time_since_epoch().count();
    const bool over = present > key.not_after || (present == key.not_after && now != time_point{second});
    if (present < key.not_before || over) return fail(errc::stale_prekey, "AM-KEX-013");
    return {};
}

inline result<void> check_one_time_prekey(const one_time_prekey& key, const identity_card& owner) {
    if (key.count == 0 || key.count > batch_max || key.id < key.first_id || key.id - key.first_id >= key.count ||
        key.id == no_prekey)
        return fail(errc::bad_bundle, "AM-KEX-017");
    const auto root = merkle_root(prekey_leaf(key.id, key.key), key.id - key.first_id, key.count, key.path);
    if (!root) return fail(errc::bad_bundle, "AM-KEX-015");
    // A path that leads elsewhere and a signature over something else look the same from here.
    if (!verify_in(owner.signing, signing_context::one_time_prekeys,
                   batch_content(owner.name, key.first_id, key.count, *root), key.proof))
        return fail(errc::bad_bundle, "AM-KEX-016");
    return {};
}

inline result<void> check_bundle(const prekey_bundle& bundle, const amid& expected, time_point now) {
    if (bundle.card.name != expected) return fail(errc::bad_bundle, "AM-KEX-020");
    AGENTMESH_CHECK(bundle.card.check());
    AGENTMESH_CHECK(check_signed_prekey(bundle.signed_key, bundle.card, now));
    if (bundle.one_time) AGENTMESH_CHECK(check_one_time_prekey(*bundle.one_time, bundle.card));
    return {};
}

/// The value of member `signed_prekey` of a bundle.
inline void write_signed_prekey(json::writer& to, const signed_prekey& key) {
    const auto bytes = [](byte_view value) { return to_base64(value, base64_form::url_unpadded); };
    to.begin_object().member("id", key.id).member("key", bytes(key.key.bytes()));
    to.member("not_before", key.not_before).member("not_after", key.not_after);
    to.member("signature", bytes(key.proof.bytes())).end_object();
}

/// The value of member `one_time_prekey` of a bundle.
inline void write_one_time_prekey(json::writer& to, const one_time_prekey& key) {
    const auto bytes = [](byte_view value) { return to_base64(value, base64_form::url_unpadded); };
    to.begin_object().member("id", key.id).member("key", bytes(key.key.bytes()));
    to.member("first_id", key.first_id).member("count", key.count);
    to.name("path").begin_array();
    for (const auto& neighbour : key.path) to.value(bytes(neighbour.bytes()));
    to.end_array().member("signature", bytes(key.proof.bytes())).end_object();
}

inline std::string write_bundle(const prekey_bundle& bundle) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("card", to_base64(bundle.card.bytes(), base64_form::url_unpadded));
    write_signed_prekey(to.name("signed_prekey"), bundle.signed_key);
    if (bundle.one_time) write_one_time_prekey(to.name("one_time_prekey"), *bundle.one_time);
    to.end_object();
    return out;
}

/// Reads the members of a bundle that hold a number or bytes; what is wrong sticks to the reader.
class bundle_members {
public:
    bundle_members(json::reader& in, base64_form form, clause_id clause) noexcept
        : in_{in}, form_{form}, clause_{clause} {}

    std::optional<std::uint32_t> id() {
        const std::int64_t value = in_.integer(clause_);
        if (value < 0 || value > 0xffff'ffff) return refuse(errc::wrong_member);
        return static_cast<std::uint32_t>(value);
    }
    std::optional<std::int64_t> seconds() {
        const std::int64_t value = in_.integer(clause_);
        if (value < 0) return refuse(errc::wrong_member);
        return value;
    }
    template <class Fixed>
    std::optional<Fixed> bytes() {
        const auto decoded = from_base64_exact<Fixed>(in_.string(clause_).text(), form_);
        if (!decoded) return refuse(decoded.error().code);
        return *decoded;
    }
    /// A key, bare or with the one prefix that names its kind.
    std::optional<exchange_public_key> exchange_key() {
        const auto key = identity::parse_exchange_key(in_.string(clause_).text(), form_);
        if (!key) return refuse(key.error().code);
        return *key;
    }
    std::optional<signing_public_key> signing_key() {
        const auto key = identity::parse_signing_key(in_.string(clause_).text(), form_);
        if (!key) return refuse(key.error().code);
        return *key;
    }
    std::nullopt_t refuse(errc code) {
        in_.refuse(code, clause_);
        return std::nullopt;
    }

private:
    json::reader& in_;
    base64_form form_;
    clause_id clause_;
};

inline constexpr clause_id bundle_text_clause = "AM-KEX-022";

inline std::optional<signed_prekey> read_signed_prekey(json::reader& in, bundle_members& read) {
    std::optional<std::uint32_t> id;
    std::optional<exchange_public_key> key;
    std::optional<std::int64_t> not_before, not_after;
    std::optional<signature> proof;
    in.begin_object(bundle_text_clause);
    while (const auto member = in.next_member()) {
        if (*member == "id") id = read.id();
        else if (*member == "key") key = read.bytes<exchange_public_key>();
        else if (*member == "not_before") not_before = read.seconds();
        else if (*member == "not_after") not_after = read.seconds();
        else if (*member == "signature") proof = read.bytes<signature>();
    }
    if (!id || !key || !not_before || !not_after || !proof) return read.refuse(errc::missing_member);
    return signed_prekey{*id, *key, *not_before, *not_after, *proof};
}

inline std::optional<one_time_prekey> read_one_time_prekey(json::reader& in, bundle_members& read) {
    std::optional<std::uint32_t> id, first_id, count;
    std::optional<exchange_public_key> key;
    std::optional<std::vector<crypto::sha256_digest>> path;
    std::optional<signature> proof;
    in.begin_object(bundle_text_clause);
    while (const auto member = in.next_member()) {
        if (*member == "id") id = read.id();
        else if (*member == "key") key = read.bytes<exchange_public_key>();
        else if (*member == "first_id") first_id = read.id();
        else if (*member == "count") count = read.id();
        else if (*member == "signature") proof = read.bytes<signature>();
        else if (*member == "path") {
            path.emplace();
            in.begin_array(bundle_text_clause);
            while (in.next_element()) {
                const auto neighbour = read.bytes<crypto::sha256_digest>();
                if (path->size() == batch_path_max) read.refuse(errc::too_large);
                if (neighbour) path->push_back(*neighbour);
            }
        }
    }
    if (!id || !key || !first_id || !count || !path || !proof) return read.refuse(errc::missing_member);
    return one_time_prekey{*id, *key, *first_id, *count, std::move(*path), *proof};
}

inline result<prekey_bundle> parse_bundle(std::string_view text) {
    std::optional<fixed_bytes<identity_card::size, struct card_bytes_tag>> card;
    std::optional<signed_prekey> signed_key;
    std::optional<one_time_prekey> one_time;
    json::reader in{text, {.bytes = bundle_max_text}};
    bundle_members read{in, base64_form::url_unpadded, bundle_text_clause};
    in.begin_object(bundle_text_clause);
    while (const auto member = in.next_member()) {
        if (*member == "card") card = read.bytes<fixed_bytes<identity_card::size, struct card_bytes_tag>>();
        else if (*member == "signed_prekey") signed_key = read_signed_prekey(in, read);
        else if (*member == "one_time_prekey") one_time = read_one_time_prekey(in, read);
    }
    AGENTMESH_CHECK(in.finish());
    if (!card || !signed_key) return fail(errc::missing_member, bundle_text_clause);
    AGENTMESH_TRY(owner, decode_card(card->bytes()));
    return prekey_bundle{owner, *signed_key, std::move(one_time)};
}

}  // namespace agentmesh::e2ee
