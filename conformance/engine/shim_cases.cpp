#include "conformance/engine/shim_cases.hpp"

#include "conformance/engine/encoding.hpp"
#include "conformance_requirements.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace agentmesh::conformance {

using embedded_vector = std::pair<std::string_view, std::string_view>;
extern const embedded_vector* const embedded_vectors;  // written by conformance/shims/embed.py
extern const unsigned long embedded_vector_count;

namespace {

/// Folders of vectors/ whose rows a shim can be asked, and their area.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> folders{{{"encodings", "enc"},
                                                                                {"identity", "id"},
                                                                                {"crypto", "id"},
                                                                                {"kex", "kex"},
                                                                                {"ratchet", "ratchet"},
                                                                                {"knock", "knock"},
                                                                                {"policy", "policy"},
                                                                                {"envelope", "envelope"},
                                                                                {"capability", "envelope"},
                                                                                {"registry", "registry"}}};

bool of_a_shim(std::string_view file) {
    // The other vectors of a registry are for its server, of which a shim has none.
    if (file.starts_with("registry/")) return file == "registry/replies";
    return std::ranges::any_of(folders, [&](const auto& f) { return file.substr(0, file.find('/')) == f.first; });
}

const clause* clause_of(const std::string& id) {
    const auto found = std::ranges::find_if(req::all, [&](const clause* c) { return c->id == id; });
    return found == req::all.end() ? nullptr : *found;
}

/// What a step of a conversation is refused with, as the class that the shim names instead of the word.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> step_classes{{{"bad_tag", "crypto"},
                                                                                     {"zero_shared_secret", "crypto"},
                                                                                     {"duplicate", "replay"},
                                                                                     {"too_far", "limit"},
                                                                                     {"counter_exhausted", "limit"},
                                                                                     {"ratchet_not_ready", "state"}}};

shim_json with_classes(shim_json output) {
    for (auto& step : output.at("results")) {
        if (!step.contains("refused")) continue;
        const auto found =
            std::ranges::find(step_classes, step["refused"].get<std::string>(), [](const auto& c) { return c.first; });
        if (found == step_classes.end()) throw std::runtime_error("no class for a step that is refused");
        step["refused"] = found->second;
    }
    return output;
}

/// Members of the first are in the second with equal values.
bool within_members(const shim_json& wanted, const shim_json& value) {
    if (wanted.empty()) return true;
    if (!value.is_object()) return false;
    return std::ranges::all_of(wanted.items(),
                               [&](const auto& m) { return value.contains(m.key()) && value[m.key()] == m.value(); });
}

vector_row read_row(const shim_json& test, const shim_json& group, const shim_json& notes, const std::string& name) {
    vector_row row;
    row.tc = test.at("tcId");
    row.comment = test.at("comment");
    row.type = group.at("type");
    const auto where = name + " " + std::to_string(row.tc);
    for (const auto& flag : test.at("flags")) {
        for (const std::string id : notes.at(flag.get<std::string>()).at("req")) {
            const auto* c = clause_of(id);
            if (c == nullptr) throw std::runtime_error(where + " proves " + id + ", which SPEC.md does not have");
            if (std::ranges::find(row.proves, c) == row.proves.end()) row.proves.push_back(c);
        }
    }
    auto in = test.at("input");
    const auto shared = group.value("shared", shim_json::object());
    for (const auto& [member, value] : shared.items()) in[in.contains(member) ? "shared_" + member : member] = value;
    if (in.contains("suite") && in["suite"].is_string()) row.suite = in["suite"];
    row.question["in"] = std::move(in);
    if (test.contains("now")) row.question["now"] = test.at("now");
    row.expect = test.at("expect");
    row.output = test.value("output", shim_json::object());
    row.intermediate = test.value("intermediate", shim_json::object());
    row.twin = test.value("twin", std::uint64_t{0});
    return row;
}

}  // namespace

const std::vector<vector_case>& vector_cases() {
    static const std::vector<vector_case> table{
        {"ENC-HEX-001", "enc", "encodings/hex", "hex.decode", "hexadecimal is read as in the vectors"},
        {"ENC-HEX-002", "enc", "encodings/hex", "hex.encode", "hexadecimal is written as in the vectors"},
        {"ENC-BASE64-001", "enc", "encodings/base64", "base64.decode", "base64 is read as in the vectors"},
        {"ENC-BASE64-002", "enc", "encodings/base64", "base64.encode", "base64 is written as in the vectors"},
        {"ENC-BASE58-001", "enc", "encodings/base58", "base58.decode", "base58 is read as in the vectors"},
        {"ENC-BASE58-002", "enc", "encodings/base58", "base58.encode", "base58 is written as in the vectors"},
        {"ENC-JSON-001", "enc", "encodings/json", "json.validate", "JSON is accepted and refused as in the vectors"},
        {"ENC-JSON-002", "enc", "encodings/json", "json.integer", "integers in JSON are read as in the vectors"},
        {"ENC-JSON-003", "enc", "encodings/json", "json.number", "numbers in JSON are read as in the vectors"},
        {"ENC-CANONICAL-001", "enc", "encodings/canonical_json", "json.canonical",
         "the canonical form is that of the vectors"},
        {"ENC-TIME-001", "enc", "encodings/time", "time.read", "times are read as in the vectors"},
        {"ENC-TIME-002", "enc", "encodings/time", "time.write", "times are written as in the vectors"},
        {"ID-AMID-001", "id", "identity/amid", "amid.derive", "an AMID is derived from its key"},
        {"ID-AMID-002", "id", "identity/amid", "amid.read", "AMIDs are read as in the vectors"},
        {"ID-AMID-003", "id", "identity/amid", "amid.match", "an AMID is held against its key"},
        {"ID-KEY-001", "id", "identity/keys", "key.read", "key texts are read as in the vectors"},
        {"ID-DID-001", "id", "identity/did", "multibase.write", "multibase keys are written as in the vectors"},
        {"ID-DID-002", "id", "identity/did", "multibase.read", "multibase keys are read as in the vectors"},
        {"ID-DID-003", "id", "identity/did", "did.read", "DID documents are read as in the vectors"},
        {"ID-TIER-001", "id", "identity/tier", "tier.order", "tiers are ordered as in the vectors"},
        {"ID-TIER-002", "id", "identity/tier", "tier.read", "tiers are read as in the vectors"},
        {"ID-FILE-001",
         "id",
         "identity/file",
         "identity_file.read",
         "identity files are read as in the vectors",
         {},
         true},
        {"ID-FILE-002",
         "id",
         "identity/file",
         "identity_file.create",
         "identity files are created with mode 0600",
         {},
         true},
        {"ID-ED25519-001", "id", "crypto/ed25519", "ed25519.verify", "Ed25519 signatures are judged as in the vectors"},
        {"ID-X25519-001", "id", "crypto/x25519", "x25519", "X25519 agrees as in the vectors"},
        {"ID-CHAIN-001",
         "id",
         "identity/certificates",
         "chain.check",
         "certificate chains are judged as in the vectors",
         {},
         true},
        {"KEX-SIGN-001", "kex", "kex/signatures", "context.sign", "signatures are made in their context", "am1"},
        {"KEX-SIGN-002", "kex", "kex/signatures", "context.verify", "signatures hold in one context alone", "am1"},
        {"KEX-CARD-001", "kex", "kex/card", "card.make", "identity cards are made as in the vectors", "am1"},
        {"KEX-CARD-002", "kex", "kex/card", "card.read", "identity cards are read as in the vectors", "am1"},
        {"KEX-CARD-003", "kex", "kex/card", "card.succeed", "a card of a lower epoch is refused", "am1"},
        {"KEX-PREKEY-001", "kex", "kex/prekeys", "signed_prekey.make", "signed prekeys are made as in the vectors",
         "am1"},
        {"KEX-PREKEY-002", "kex", "kex/prekeys", "batch.make", "batches of one-time prekeys are made as in the vectors",
         "am1"},
        {"KEX-PREKEY-003", "kex", "kex/manager", "prekeys.script",
         "prekeys are kept, replaced and spent as in the vectors", "am1", true},
        {"KEX-BUNDLE-001", "kex", "kex/bundle", "bundle.check", "bundles are checked as in the vectors", "am1"},
        {"KEX-AGREE-001", "kex", "kex/agreement", "agreement.initiator",
         "an initiator agrees on the keys of the vectors"},
        {"KEX-AGREE-002", "kex", "kex/agreement", "agreement.responder",
         "a responder agrees on the keys of the vectors"},
        {"KEX-AGREE-003", "kex", "kex/agreement", "agreement.derive", "keys are derived from known results",
         "wire10 wire10-legacy v02", true},
        {"KEX-DEPLOYED-001", "kex", "kex/deployed", "deployed.v02", "bundles of 0.2 are checked as in the vectors",
         "v02"},
        {"KEX-DEPLOYED-002", "kex", "kex/deployed", "deployed.wire10",
         "bundles of Wire 1.0 are checked as in the vectors", "wire10 wire10-legacy"},
        {"RAT-KEYS-001", "ratchet", "ratchet/keys", "kdf_rk", "root keys are derived as in the vectors", {}, true},
        {"RAT-KEYS-002", "ratchet", "ratchet/keys", "kdf_ck", "chain keys are derived as in the vectors", {}, true},
        {"RAT-KEYS-003", "ratchet", "ratchet/keys", "message_keys", "message keys are expanded as in the vectors",
         "am1", true},
        {"RAT-KEYS-004", "ratchet", "ratchet/keys", "header.write", "headers are written as in the vectors", {}, true},
        {"RAT-KEYS-005", "ratchet", "ratchet/keys", "am1.prefix", "associated data of am1 is that of the vectors",
         "am1", true},
        {"RAT-KEYS-006", "ratchet", "ratchet/keys", "wire10.prefix",
         "associated data of Wire 1.0 is that of the vectors", "wire10 wire10-legacy", true},
        {"RAT-SEALED-001",
         "ratchet",
         "ratchet/sealed",
         "message.seal",
         "messages are sealed as in the vectors",
         {},
         true},
        {"RAT-SEALED-002",
         "ratchet",
         "ratchet/sealed",
         "message.open",
         "messages are opened and refused as in the vectors",
         {},
         true},
        {"RAT-TALK-001",
         "ratchet",
         "ratchet/conversation",
         "ratchet.conversation",
         "conversations go as in the vectors",
         {},
         true},
        {"RAT-TALK-002",
         "ratchet",
         "ratchet/snapshot",
         "ratchet.conversation",
         "saved ratchets are those of the vectors",
         {},
         true},
        {"RAT-SAVED-001",
         "ratchet",
         "ratchet/snapshot",
         "snapshot.restore",
         "saved ratchets are read as in the vectors",
         {},
         true},
        {"KNK-FRAME-001", "knock", "knock/frames", "frame.kind", "kinds of frames are told apart", "am1"},
        {"KNK-FRAME-002", "knock", "knock/frames", "knock.head", "heads of KNOCK frames are read as in the vectors",
         "am1"},
        {"KNK-FRAME-003", "knock", "knock/frames", "knock.seal", "KNOCK frames are sealed as in the vectors", "am1"},
        {"KNK-FRAME-004", "knock", "knock/frames", "knock.open", "KNOCK frames are opened as in the vectors", "am1"},
        {"KNK-TEXT-001", "knock", "knock/texts", "knock.read", "KNOCK texts are read as in the vectors", "am1"},
        {"KNK-REPLY-001", "knock", "knock/replies", "reply.seal", "answers to a KNOCK are sealed as in the vectors",
         "am1"},
        {"KNK-REPLY-002", "knock", "knock/replies", "reply.read", "answers to a KNOCK are read as in the vectors",
         "am1"},
        {"KNK-REPLY-003", "knock", "knock/replies", "transcript", "session id and transcript are those of the vectors",
         "am1"},
        {"KNK-MESSAGE-001", "knock", "knock/messages", "message.frame", "message frames are written as in the vectors",
         "am1"},
        {"KNK-MESSAGE-002", "knock", "knock/messages", "padding.size", "messages are padded as in the vectors", "am1"},
        {"KNK-MESSAGE-003", "knock", "knock/messages", "padding.remove",
         "padding is removed and refused as in the vectors", "am1"},
        {"KNK-NOTICE-001", "knock", "knock/messages", "notice.write",
         "notices of an unknown session are written as in the vectors", "am1"},
        {"KNK-NOTICE-002", "knock", "knock/messages", "notice.verify",
         "notices of an unknown session are verified as in the vectors", "am1"},
        {"KNK-SESSION-001", "knock", "knock/session", "session.conversation", "whole sessions go as in the vectors",
         "am1", true},
        {"KNK-DIALECT-001", "knock", "knock/v02", "v02.signed", "both dialects sign what the vectors sign", "v02"},
        {"KNK-DIALECT-002", "knock", "knock/v02", "v02.write", "KNOCKs of 0.2 are written as in the vectors", "v02"},
        {"KNK-DIALECT-003", "knock", "knock/v02", "v02.read", "KNOCKs of both dialects are read as in the vectors",
         "v02"},
        {"POL-DECIDE-001", "policy", "policy/decisions", "policy.decide",
         "a policy admits and refuses as in the vectors"},
        {"POL-REASON-001", "policy", "policy/decisions", "policy.reason", "a caller is told the reason of the vectors"},
        {"POL-FILE-001", "policy", "policy/file", "policy_file.read", "policy files are read as in the vectors"},
        {"ENV-PROOF-001", "envelope", "envelope/envelope", "envelope.proof_bytes",
         "what an envelope's signature covers is that of the vectors"},
        {"ENV-PROOF-002", "envelope", "envelope/envelope", "envelope.sign", "envelopes are signed as in the vectors"},
        {"ENV-OPEN-001", "envelope", "envelope/envelope", "envelope.open",
         "envelopes are opened and refused as in the vectors"},
        {"ENV-SEQUENCE-001", "envelope", "envelope/sequence", "sequence.accept",
         "sequence numbers are accepted as in the vectors"},
        {"ENV-BODY-001", "envelope", "envelope/bodies", "body.read", "bodies are read as in the vectors"},
        {"ENV-CODE-001", "envelope", "envelope/codes", "code.read", "codes are read as in the vectors"},
        {"CAP-NAME-001", "envelope", "capability/names", "capability.check",
         "capability names are read as in the vectors"},
        {"CAP-NAME-002", "envelope", "capability/names", "schema_name.read", "schema names are read as in the vectors"},
        {"CAP-MATCH-001", "envelope", "capability/matching", "capability.match",
         "capabilities are matched as in the vectors"},
        {"CAP-MATCH-002", "envelope", "capability/matching", "capability.negotiate",
         "capabilities are negotiated as in the vectors"},
        {"CAP-SCHEMA-001", "envelope", "capability/schemas", "schema.check", "schemas are applied as in the vectors"},
        {"CAP-SCHEMA-002", "envelope", "capability/schemas", "schema.judge",
         "modes of validation judge as in the vectors"},
        {"REG-BELIEVE-001", "registry", "registry/replies", "registry.believe",
         "a registry's replies are believed as in the vectors, and its lies are not"},
    };
    return table;
}

const vector_texts& built_in_vectors() {
    static const vector_texts texts = [] {
        vector_texts out;
        for (unsigned long i = 0; i < embedded_vector_count; ++i)
            out.emplace(embedded_vectors[i].first, embedded_vectors[i].second);
        return out;
    }();
    return texts;
}

vector_texts read_vectors(const std::string& directory) {
    namespace fs = std::filesystem;
    vector_texts out;
    for (const auto& [folder, area] : folders) {
        const auto below = fs::path{directory} / folder;
        if (!fs::is_directory(below)) continue;
        for (const auto& entry : fs::directory_iterator(below)) {
            if (entry.path().extension() != ".json") continue;
            std::ifstream file{entry.path(), std::ios::binary};
            std::ostringstream text;
            text << file.rdbuf();
            const auto read = shim_json::parse(text.str(), nullptr, false);
            if (!file || read.is_discarded()) throw std::runtime_error(entry.path().string() + " is no vector file");
            out.emplace(std::string{folder} + "/" + entry.path().stem().string(), read.dump());
        }
    }
    if (out.empty()) throw std::runtime_error("no vector files in " + directory);
    return out;
}

std::string digest_of(const vector_texts& texts) {
    std::string all;
    for (const auto& [name, text] : texts)
        all += length_prefixed(name) + length_prefixed(shim_json::parse(text).dump());
    return to_hex(sha256(all));
}

std::vector<vector_row> rows_of(const std::string& name, const std::string& text) {
    try {
        const auto document = shim_json::parse(text);
        std::vector<vector_row> out;
        for (const auto& group : document.at("groups"))
            for (const auto& test : group.at("tests")) out.push_back(read_row(test, group, document.at("notes"), name));
        return out;
    } catch (const shim_json::exception& e) {
        throw std::runtime_error("vectors " + name + ": " + e.what());
    }
}

std::vector<std::string> uncatalogued(const vector_texts& texts) {
    std::vector<std::string> out;
    for (const auto& [name, text] : texts) {
        if (!of_a_shim(name)) continue;
        for (const auto& group : shim_json::parse(text).at("groups")) {
            const std::string type = group.at("type");
            const bool known = std::ranges::any_of(
                vector_cases(), [&](const vector_case& c) { return c.file == name && c.type == type; });
            if (!known && std::ranges::find(out, name + " " + type) == out.end()) out.push_back(name + " " + type);
        }
    }
    return out;
}

bool within_suites(std::string_view suites, std::string_view suite) {
    const auto listed = " " + std::string{suites} + " ";
    return suites.empty() || listed.find(" " + std::string{suite} + " ") != std::string::npos;
}

bool asked(const vector_case& of, const vector_row& row, std::string_view suite) {
    if (of.type != row.type) return false;
    if (!row.suite.empty() && row.suite != suite) return false;
    // Nanoseconds are for writers that keep them; the clause asks for no more than microseconds.
    if (of.type == "time.write" && row.question["in"].value("nanoseconds", 0) % 1000 != 0) return false;
    return within_suites(of.suites, suite);
}

bool agrees(const vector_row& row, const shim_json& value) {
    auto wanted = row.type == "ratchet.conversation" ? with_classes(row.output) : row.output;
    if (row.type == "time.read" && value.is_object()) {  // digits beyond microseconds may be cut off
        const auto micro = [](const shim_json& of) { return of.value("nanoseconds", std::int64_t{-1'000}) / 1000; };
        if (!value.contains("nanoseconds") || !value["nanoseconds"].is_number_integer() ||
            micro(wanted) != micro(value))
            return false;
        wanted.erase("nanoseconds");
    }
    if (!within_members(wanted, value)) return false;
    // An intermediate value is compared where the shim shows it.
    return std::ranges::all_of(row.intermediate.items(), [&](const auto& m) {
        return !value.is_object() || wanted.contains(m.key()) || !value.contains(m.key()) ||
               value[m.key()] == m.value();
    });
}

}  // namespace agentmesh::conformance
