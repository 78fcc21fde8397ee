// Bodies of identity/did.hpp.
#pragma once

namespace agentmesh::identity {

inline constexpr std::string_view did_method = "did:agentmesh:";
inline constexpr std::string_view signing_fragment = "#signing-key";
inline constexpr std::string_view exchange_fragment = "#key-agreement-key";
inline constexpr std::string_view signing_method_type = "Ed25519VerificationKey2020";
inline constexpr std::string_view exchange_method_type = "X25519KeyAgreementKey2020";

// Multicodec codes 0xed and 0xec as unsigned varints.
inline constexpr std::array<std::uint8_t, 2> signing_codec{0xED, 0x01};
inline constexpr std::array<std::uint8_t, 2> exchange_codec{0xEC, 0x01};

inline std::string to_did(const amid& name) { return std::string{did_method}.append(name.text()); }

inline result<amid> parse_did(std::string_view text) {
    if (!text.starts_with(did_method)) return fail(errc::bad_did, "AM-ID-002");
    const auto name = amid::parse(text.substr(did_method.size()));
    if (!name) return fail(errc::bad_did, name.error().clause);
    return *name;
}

inline std::string multibase_text(std::span<const std::uint8_t, 2> codec, std::span<const std::uint8_t, 32> key) {
    std::array<std::uint8_t, 34> bytes;
    std::copy(codec.begin(), codec.end(), bytes.begin());
    std::copy(key.begin(), key.end(), bytes.begin() + 2);
    return "z" + to_base58(bytes);
}

template <class Key>
result<Key> parse_multibase(std::string_view text, std::span<const std::uint8_t, 2> codec) {
    std::array<std::uint8_t, 34> bytes;
    if (!text.starts_with('z') || !decode_base58(text.substr(1), bytes) ||
        !std::equal(codec.begin(), codec.end(), bytes.begin()))
        return fail(errc::bad_did, "AM-ID-021");
    return Key::from(std::span{bytes}.subspan(2));
}

inline std::string to_multibase(const signing_public_key& key) { return multibase_text(signing_codec, key.bytes()); }
inline std::string to_multibase(const exchange_public_key& key) { return multibase_text(exchange_codec, key.bytes()); }

inline result<signing_public_key> parse_signing_multibase(std::string_view text) {
    return parse_multibase<signing_public_key>(text, signing_codec);
}
inline result<exchange_public_key> parse_exchange_multibase(std::string_view text) {
    return parse_multibase<exchange_public_key>(text, exchange_codec);
}

inline std::string write_did_document(const did_document& document) {
    assert(amid::of(document.signing_key) == document.subject);
    const std::string did = to_did(document.subject);
    const auto absolute = [&](std::string_view fragment) { return std::string{did}.append(fragment); };
    std::string out;
    json::writer to{out};
    const auto method = [&](std::string_view fragment, std::string_view type, const std::string& key) {
        to.begin_object().member("id", absolute(fragment)).member("type", type);
        to.member("controller", did).member("publicKeyMultibase", key).end_object();
    };

    to.begin_object().name("@context").begin_array();
    to.value("https://www.w3.org/ns/did/v1");
    to.value("https://w3id.org/security/suites/ed25519-2020/v1");
    to.value("https://w3id.org/security/suites/x25519-2020/v1").end_array();
    to.member("id", did).member("controller", did);
    to.name("verificationMethod").begin_array();
    method(signing_fragment, signing_method_type, to_multibase(document.signing_key));
    method(exchange_fragment, exchange_method_type, to_multibase(document.exchange_key));
    to.end_array();
    to.name("authentication").begin_array().value(absolute(signing_fragment)).end_array();
    to.name("keyAgreement").begin_array().value(absolute(exchange_fragment)).end_array();
    if (!document.services.empty()) {
        to.name("service").begin_array();
        for (const did_service& service : document.services) {
            to.begin_object().member("id", absolute("#" + service.fragment)).member("type", service.type);
            to.member("serviceEndpoint", service.endpoint).end_object();
        }
        to.end_array();
    }
    if (document.created) to.member("created", format_time(*document.created));
    if (document.updated) to.member("updated", format_time(*document.updated));
    to.end_object();
    return out;
}

/// What a document says, before any of it is judged: the subject may stand behind what refers to it.
class did_document_scan {
public:
    explicit did_document_scan(std::string_view text) : in_{text, {.bytes = limits::did_document_bytes}} {}

    result<did_document> run() {
        in_.begin_object("AM-ID-021");
        while (const auto name = in_.next_member()) {
            if (*name == "id")
                did_ = string();
            else if (*name == "verificationMethod")
                objects([this] { method(); });
            else if (*name == "authentication")
                authentication_ = strings();
            else if (*name == "keyAgreement")
                key_agreement_ = strings();
            else if (*name == "service")
                objects([this] { service(); });
            else if (*name == "created")
                created_ = string();
            else if (*name == "updated")
                updated_ = string();
        }
        AGENTMESH_CHECK(in_.finish());
        return judge();
    }

private:
    struct key_method {
        std::string id, type, controller, key;
    };

    std::string string() { return in_.string("AM-ID-021").text(); }

    std::vector<std::string> strings() {
        std::vector<std::string> out;
        in_.begin_array("AM-ID-021");
        while (in_.next_element()) out.push_back(string());
        return out;
    }

    template <class Each>
    void objects(Each each) {
        in_.begin_array("AM-ID-021");
        while (in_.next_element()) {
            in_.begin_object("AM-ID-021");
            each();
        }
    }

    void method() {
        key_method found;
        while (const auto name = in_.next_member()) {
            if (*name == "id")
                found.id = string();
            else if (*name == "type")
                found.type = string();
            else if (*name == "controller")
                found.controller = string();
            else if (*name == "publicKeyMultibase")
                found.key = string();
        }
        methods_.push_back(std::move(found));
    }

    void service() {
        did_service found;
        bool simple = false;
        while (const auto name = in_.next_member()) {
            if (*name == "id")
                found.fragment = string();
            else if (*name == "type")
                found.type = string();
            else if (*name == "serviceEndpoint" && in_.peek() == json::kind::string)
                found.endpoint = string(), simple = true;
        }
        if (simple) services_.push_back(std::move(found));
    }

    // A reference without the document's own DID in front: "#signing-key".
    [[nodiscard]] std::string_view relative(std::string_view reference) const {
        if (reference.starts_with(did_)) reference.remove_prefix(did_.size());
        return reference;
    }

    [[nodiscard]] result<std::string> key_text(std::string_view fragment, std::string_view type) const {
        const key_method* found = nullptr;
        for (const key_method& candidate : methods_) {
            if (relative(candidate.id) != fragment) continue;
            if (found) return fail(errc::bad_did, "AM-ID-021");
            found = &candidate;
        }
        if (!found || found->type != type || found->controller != did_) return fail(errc::bad_did, "AM-ID-021");
        return found->key;
    }

    [[nodiscard]] bool refers(const std::vector<std::string>& list, std::string_view fragment) const {
        return std::any_of(list.begin(), list.end(), [&](const auto& item) { return relative(item) == fragment; });
    }

    result<did_document> judge() {
        AGENTMESH_TRY(subject, parse_did(did_));
        AGENTMESH_TRY(signing_text, key_text(signing_fragment, signing_method_type));
        AGENTMESH_TRY(exchange_text, key_text(exchange_fragment, exchange_method_type));
        if (!refers(authentication_, signing_fragment) || !refers(key_agreement_, exchange_fragment))
            return fail(errc::bad_did, "AM-ID-021");
        AGENTMESH_TRY(signing_key, parse_signing_multibase(signing_text));
        AGENTMESH_TRY(exchange_key, parse_exchange_multibase(exchange_text));
        AGENTMESH_CHECK(check_amid(subject, signing_key));

        did_document out{subject, signing_key, exchange_key, std::move(services_), {}, {}};
        for (did_service& service : out.services) {
            const std::string_view fragment = relative(service.fragment);
            if (!fragment.starts_with('#')) return fail(errc::bad_did, "AM-ID-021");
            service.fragment = std::string{fragment.substr(1)};
        }
        if (created_) {
            AGENTMESH_TRY(at, parse_time(*created_));
            out.created = at;
        }
        if (updated_) {
            AGENTMESH_TRY(at, parse_time(*updated_));
            out.updated = at;
        }
        return out;
    }

    json::reader in_;
    std::string did_;
    std::vector<key_method> methods_;
    std::vector<std::string> authentication_, key_agreement_;
    std::vector<did_service> services_;
    std::optional<std::string> created_, updated_;
};

inline result<did_document> parse_did_document(std::string_view text) { return did_document_scan{text}.run(); }

}  // namespace agentmesh::identity
