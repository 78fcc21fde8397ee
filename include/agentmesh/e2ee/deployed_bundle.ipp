// Bodies of e2ee/deployed_bundle.hpp.
#pragma once

namespace agentmesh::e2ee {

/// Whether a member is null, which is then read.
inline bool read_null(json::reader& in) {
    if (in.peek() != json::kind::null) return false;
    in.null();
    return true;
}

/// An object of an id and a key.
inline std::optional<deployed_one_time> read_deployed_one_time(json::reader& in, bundle_members& read,
                                                               std::string_view id_name, std::string_view key_name) {
    std::optional<std::uint32_t> id;
    std::optional<exchange_public_key> key;
    in.begin_object();
    while (const auto member = in.next_member()) {
        if (*member == id_name) id = read.id();
        else if (*member == key_name) key = read.exchange_key();
    }
    if (!id || !key) return read.refuse(errc::missing_member);
    return deployed_one_time{*id, *key};
}

inline result<deployed_bundle> parse_v02_bundle(std::string_view text) {
    std::optional<exchange_public_key> identity, signed_key;
    std::optional<std::uint32_t> signed_id;
    std::optional<signature> proof;
    std::optional<deployed_one_time> one_time, first_of_list;
    json::reader in{text, {.bytes = deployed_bundle_max_text}};
    bundle_members read{in, base64_form::standard_padded, {}};
    in.begin_object();
    while (const auto member = in.next_member()) {
        if (*member == "identity_key") identity = read.exchange_key();
        else if (*member == "signed_prekey") signed_key = read.exchange_key();
        else if (*member == "signed_prekey_signature") proof = read.bytes<signature>();
        else if (*member == "signed_prekey_id") signed_id = read.id();
        else if (*member == "one_time_prekey") {
            if (!read_null(in)) one_time = read_deployed_one_time(in, read, "id", "key");
        } else if (*member == "one_time_prekeys") {
            if (read_null(in)) continue;
            in.begin_array();
            if (in.next_element()) {
                first_of_list = read_deployed_one_time(in, read, "id", "key");
                while (in.next_element()) in.skip();
            }
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!identity || !signed_key || !signed_id || !proof) return fail(errc::missing_member);
    return deployed_bundle{*identity, std::nullopt, *signed_id, *signed_key, *proof,
                           one_time ? one_time : first_of_list};
}

inline result<deployed_bundle> parse_wire10_bundle(std::string_view text) {
    std::optional<exchange_public_key> identity;
    std::optional<signing_public_key> signing;
    std::optional<deployed_one_time> signed_key, one_time;
    std::optional<signature> proof;
    json::reader in{text, {.bytes = deployed_bundle_max_text}};
    bundle_members read{in, base64_form::wire10_lenient, {}};
    in.begin_object();
    while (const auto member = in.next_member()) {
        if (*member == "identity_key") identity = read.exchange_key();
        else if (*member == "identity_key_ed") {
            if (!read_null(in)) signing = read.signing_key();
        } else if (*member == "signed_pre_key") {
            std::optional<std::uint32_t> id;
            std::optional<exchange_public_key> key;
            in.begin_object();
            while (const auto part = in.next_member()) {
                if (*part == "key_id") id = read.id();
                else if (*part == "public_key") key = read.exchange_key();
                else if (*part == "signature") proof = read.bytes<signature>();
            }
            if (id && key) signed_key = deployed_one_time{*id, *key};
        } else if (*member == "one_time_pre_key") {
            if (!read_null(in)) one_time = read_deployed_one_time(in, read, "key_id", "public_key");
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!identity || !signed_key || !proof) return fail(errc::missing_member);
    return deployed_bundle{*identity, signing, signed_key->id, signed_key->key, *proof, one_time};
}

inline result<key_binding> check_v02_bundle(const deployed_bundle& bundle, const signing_public_key& owner) {
    if (!crypto::verify(owner, bundle.signed_key.bytes(), bundle.proof)) return fail(errc::bad_bundle, "AM-KEX-045");
    return key_binding::unbound;
}

inline result<key_binding> check_wire10_bundle(const deployed_bundle& bundle, std::string_view expected) {
    if (!bundle.signing || !crypto::verify(*bundle.signing, bundle.signed_key.bytes(), bundle.proof))
        return fail(errc::bad_bundle, "AM-KEX-045");
    AGENTMESH_TRY(exchange, crypto::to_x25519(*bundle.signing));
    if (exchange != bundle.identity) return fail(errc::bad_bundle);
    return mesh_did::of(*bundle.signing).text() == expected ? key_binding::bound : key_binding::unbound;
}

inline std::string write_v02_bundle(const deployed_bundle& bundle) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("identity_key", identity::to_text(bundle.identity));
    to.member("signed_prekey", identity::to_text(bundle.signed_key));
    to.member("signed_prekey_signature", to_base64(bundle.proof.bytes(), base64_form::standard_padded));
    to.member("signed_prekey_id", bundle.signed_id);
    if (bundle.one_time) {
        to.name("one_time_prekey").begin_object().member("id", bundle.one_time->id);
        to.member("key", identity::to_text(bundle.one_time->key)).end_object();
    }
    to.end_object();
    return out;
}

inline std::string write_wire10_bundle(const deployed_bundle& bundle) {
    std::string out;
    json::writer to{out};
    const auto text = [](byte_view bytes) { return to_base64(bytes, base64_form::url_unpadded); };
    to.begin_object().member("identity_key", text(bundle.identity.bytes()));
    to.name("identity_key_ed");
    if (bundle.signing)
        to.value(text(bundle.signing->bytes()));
    else
        to.null();
    to.name("signed_pre_key").begin_object().member("key_id", bundle.signed_id);
    to.member("public_key", text(bundle.signed_key.bytes()));
    to.member("signature", text(bundle.proof.bytes())).end_object();
    to.name("one_time_pre_key");
    if (bundle.one_time) {
        to.begin_object().member("key_id", bundle.one_time->id);
        to.member("public_key", text(bundle.one_time->key.bytes())).end_object();
    } else {
        to.null();
    }
    to.end_object();
    return out;
}

}  // namespace agentmesh::e2ee
