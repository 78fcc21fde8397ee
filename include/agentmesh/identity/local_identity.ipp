// Bodies of identity/local_identity.hpp.
#pragma once

namespace agentmesh::identity {

inline crypto::secret_buffer write_identity(const local_identity& self) {
    crypto::secret_buffer out;
    const auto text = [&](std::string_view part) { out.insert(out.end(), part.begin(), part.end()); };
    const auto member = [&](std::string_view name, std::string_view value) {
        std::string quoted;
        json::append_quoted(quoted, value);
        text("  \""), text(name), text("\": "), text(quoted), text(",\n");
    };
    const auto private_key = [&](std::string_view name, std::string_view prefix, byte_view key) {
        std::array<char, base64_size(32, base64_form::standard_padded)> digits;
        encode_base64(digits, key, base64_form::standard_padded);
        text("  \""), text(name), text("\": \""), text(prefix), text({digits.data(), digits.size()}), text("\",\n");
        sodium_memzero(digits.data(), digits.size());
    };

    text("{\n");
    member("amid", self.name().text());
    const signing_seed seed = self.signing().seed();
    private_key("signing_private_key", signing_prefix, seed.reveal());
    member("signing_public_key", to_text(self.signing().public_key(), key_prefix::named));
    private_key("exchange_private_key", exchange_prefix, self.exchange().secret_key().reveal());
    member("exchange_public_key", to_text(self.exchange().public_key(), key_prefix::named));
    member("created_at", format_time(self.created_at()));
    member("framework", framework_name);
    member("framework_version", library_version);
    out.resize(out.size() - 2);  // the last comma
    text("\n}\n");
    return out;
}

/// A 32-byte private key from its text. An escaped text is refused, so that no copy of the key is made.
template <class Secret>
result<Secret> parse_private_key(const json::string_token& token, std::string_view prefix) {
    const auto bare = without_prefix(token.raw, prefix);
    Secret out;
    if (token.escaped || !bare || !decode_base64(*bare, base64_form::standard_padded, out.reveal_storage()))
        return fail(errc::bad_identity_file, "AM-ID-011");
    return out;
}

inline result<local_identity> parse_identity(std::string_view text) {
    json::string_token name, signing_private, signing_public, exchange_private, exchange_public, created;
    json::reader in{text, {.bytes = limits::identity_file_bytes}};
    in.begin_object("AM-ID-011");
    while (const auto member = in.next_member()) {
        if (*member == "amid")
            name = in.string("AM-ID-011");
        else if (*member == "signing_private_key")
            signing_private = in.string("AM-ID-011");
        else if (*member == "signing_public_key")
            signing_public = in.string("AM-ID-011");
        else if (*member == "exchange_private_key")
            exchange_private = in.string("AM-ID-011");
        else if (*member == "exchange_public_key")
            exchange_public = in.string("AM-ID-011");
        else if (*member == "created_at")
            created = in.string("AM-ID-011");
    }
    AGENTMESH_CHECK(in.finish());

    AGENTMESH_TRY(seed, parse_private_key<signing_seed>(signing_private, signing_prefix));
    AGENTMESH_TRY(scalar, parse_private_key<exchange_secret_key>(exchange_private, exchange_prefix));
    signing_key_pair signing{seed};
    exchange_key_pair exchange{std::move(scalar)};
    const auto stored_signing = parse_signing_key(signing_public.text());
    const auto stored_exchange = parse_exchange_key(exchange_public.text());
    if (!stored_signing || *stored_signing != signing.public_key() || !stored_exchange ||
        *stored_exchange != exchange.public_key())
        return fail(errc::bad_identity_file, "AM-ID-011");

    time_point created_at{};
    if (!created.raw.empty()) {
        AGENTMESH_TRY(at, parse_time(created.text()));
        created_at = at;
    }
    local_identity out{std::move(signing), std::move(exchange), created_at};
    if (!name.is(out.name().text())) return fail(errc::amid_mismatch, "AM-ID-011");
    return out;
}

}  // namespace agentmesh::identity
