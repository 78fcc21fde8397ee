// Bodies of session/knock.hpp.
#pragma once

namespace agentmesh::session {

namespace knock_text {

constexpr auto b64 = base64_form::url_unpadded;

inline void write_words(json::writer& to, std::string_view name, const std::vector<std::string>& words) {
    to.name(name).begin_array();
    for (const auto& word : words) to.value(std::string_view{word});
    to.end_array();
}

// The object without its signature is complete in `text` but for the closing brace; both come now.
inline void sign_and_close(std::string& text, json::writer& to, e2ee::signing_context context, byte_view suffix,
                           const signing_key_pair& by) {
    const auto canonical = json::canonicalize(text + '}');
    assert(canonical);  // we wrote it: small integers and well-formed strings only
    buffer covered{canonical->begin(), canonical->end()};
    covered.insert(covered.end(), suffix.begin(), suffix.end());
    to.member("signature", std::string_view{to_base64(e2ee::sign_in(by, context, covered).bytes(), b64)});
    to.end_object();
}

inline result<void> verify(std::string_view text, std::string_view signature_text, e2ee::signing_context context,
                           byte_view suffix, const signing_public_key& by) {
    const auto proof = from_base64_exact<signature>(signature_text, b64);
    if (!proof) return fail(errc::bad_signature);
    AGENTMESH_TRY(canonical, json::canonicalize_without(text, "signature"));
    buffer covered{canonical.begin(), canonical.end()};
    covered.insert(covered.end(), suffix.begin(), suffix.end());
    return e2ee::verify_in(by, context, covered, *proof);
}

// --- members: each reads one value, and lets the reader refuse what is outside its range --------------------------

constexpr clause_id of_knock = "AM-KNK-011";
constexpr clause_id of_reply = "AM-KNK-018";

inline void refuse_value(json::reader& in, clause_id clause) { in.refuse(errc::wrong_member, clause); }

inline std::string word(json::reader& in, clause_id clause, std::size_t longest, bool may_be_empty = false) {
    auto out = in.string(clause).text();
    if (out.size() > longest || (out.empty() && !may_be_empty)) refuse_value(in, clause);
    return out;
}

inline void words(json::reader& in, clause_id clause, std::size_t most, std::vector<std::string>& out) {
    in.begin_array(clause);
    while (in.next_element()) {
        if (out.size() == most) refuse_value(in, clause);
        out.push_back(word(in, clause, wire::feature_list::max_name));
    }
}

inline std::uint32_t limit(json::reader& in, clause_id clause) {
    const auto value = in.integer(clause);
    if (value < 1 || value > knock_largest_limit) refuse_value(in, clause);
    return static_cast<std::uint32_t>(value);
}

inline void name_of_agent(json::reader& in, clause_id clause, std::optional<amid>& out) {
    const auto parsed = amid::parse(in.string(clause).text());
    if (parsed) out = *parsed;
    else refuse_value(in, clause);
}

template <class Fixed>
void base64_value(json::reader& in, clause_id clause, std::optional<Fixed>& out) {
    const auto parsed = from_base64_exact<Fixed>(in.string(clause).text(), b64);
    if (parsed) out = *parsed;
    else refuse_value(in, clause);
}

template <class Fixed>
void hex_value(json::reader& in, clause_id clause, std::optional<Fixed>& out) {
    Fixed value;
    if (decode_hex(in.string(clause).text(), value.storage())) out = value;
    else refuse_value(in, clause);
}

inline void time_text(json::reader& in, clause_id clause, std::string& out) {
    out = in.string(clause).text();
    if (!parse_time(out)) refuse_value(in, clause);
}

inline void read_from(json::reader& in, std::optional<amid>& out) {
    in.begin_object(of_knock);
    while (const auto name = in.next_member())
        if (*name == "amid") name_of_agent(in, of_knock, out);
}

inline void read_intent(json::reader& in, std::optional<intent>& out) {
    intent read;
    in.begin_object(of_knock);
    while (const auto name = in.next_member()) {
        if (*name == "category") read.category = word(in, of_knock, knock_word_length);
        else if (*name == "subcategory") read.subcategory = word(in, of_knock, knock_word_length, true);
        else if (*name == "action") read.action = word(in, of_knock, knock_word_length, true);
        else if (*name == "urgency") {
            if (const auto known = parse_urgency(in.string(of_knock).text())) read.urgency = *known;
            else refuse_value(in, of_knock);
        }
    }
    if (!read.category.empty()) out = std::move(read);
}

inline void read_request(json::reader& in, std::optional<session_request>& out) {
    std::optional<session_kind> kind;
    std::uint32_t ttl = 0, messages = 0;
    in.begin_object(of_knock);
    while (const auto name = in.next_member()) {
        if (*name == "type") {
            kind = parse_session_kind(in.string(of_knock).text());
            if (!kind) refuse_value(in, of_knock);
        } else if (*name == "ttl_seconds") ttl = limit(in, of_knock);
        else if (*name == "expected_messages") messages = limit(in, of_knock);
    }
    if (kind && ttl > 0 && messages > 0) out = session_request{*kind, ttl, messages};
}

inline void read_constraints(json::reader& in, std::optional<constraints>& out) {
    constraints read{0, 0, 0};
    in.begin_object(of_reply);
    while (const auto name = in.next_member()) {
        if (*name == "max_message_size_bytes") read.max_message_size_bytes = limit(in, of_reply);
        else if (*name == "max_messages") read.max_messages = limit(in, of_reply);
        else if (*name == "ttl_seconds") read.ttl_seconds = limit(in, of_reply);
    }
    if (read.max_message_size_bytes > 0 && read.max_messages > 0 && read.ttl_seconds > 0) out = read;
}

inline bool type_is(json::reader& in, clause_id clause, std::string_view expected) {
    const bool same = in.string(clause).is(expected);
    if (!same) refuse_value(in, clause);
    return same;
}

}  // namespace knock_text

inline std::string write_knock(const knock_content& content, const sha256_digest& context, const signing_key_pair& by) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("type", "knock").member("protocol_version", knock_protocol);
    to.name("from").begin_object().member("amid", content.from.text()).end_object().member("to", content.to.text());
    to.name("intent").begin_object().member("category", std::string_view{content.what.category});
    if (!content.what.subcategory.empty()) to.member("subcategory", std::string_view{content.what.subcategory});
    if (!content.what.action.empty()) to.member("action", std::string_view{content.what.action});
    to.member("urgency", to_text(content.what.urgency)).end_object();
    to.name("session_request").begin_object().member("type", to_text(content.asked.kind));
    to.member("expected_messages", content.asked.expected_messages).member("ttl_seconds", content.asked.ttl_seconds);
    to.end_object();
    knock_text::write_words(to, "suites", content.suites);
    knock_text::write_words(to, "features", content.features);
    to.member("nonce", std::string_view{to_hex(content.nonce.bytes())});
    to.member("timestamp", std::string_view{content.timestamp});
    knock_text::sign_and_close(out, to, e2ee::signing_context::knock, context.bytes(), by);
    return out;
}

inline std::string write_accept(const accept_content& content, const signing_key_pair& by) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("type", "accept").member("session_id", std::string_view{to_hex(content.session.bytes())});
    to.member("knock", std::string_view{to_base64(content.knock.bytes(), knock_text::b64)});
    to.member("from", content.from.text()).member("to", content.to.text());
    to.member("suite", std::string_view{content.suite});
    knock_text::write_words(to, "features", content.features);
    to.member("ratchet_key", std::string_view{to_base64(content.ratchet_key.bytes(), knock_text::b64)});
    to.name("constraints").begin_object();
    to.member("max_message_size_bytes", content.held_to.max_message_size_bytes);
    to.member("max_messages", content.held_to.max_messages).member("ttl_seconds", content.held_to.ttl_seconds);
    to.end_object().member("timestamp", std::string_view{content.timestamp});
    knock_text::sign_and_close(out, to, e2ee::signing_context::accept, {}, by);
    return out;
}

inline std::string write_reject(const reject_content& content, const signing_key_pair& by) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("type", "reject");
    to.member("knock", std::string_view{to_base64(content.knock.bytes(), knock_text::b64)});
    to.member("from", content.from.text()).member("to", content.to.text()).member("reason", to_text(content.reason));
    if (content.retry_after_seconds) to.member("retry_after_seconds", *content.retry_after_seconds);
    to.member("timestamp", std::string_view{content.timestamp});
    knock_text::sign_and_close(out, to, e2ee::signing_context::reject, {}, by);
    return out;
}

inline result<knock_content> parse_knock(std::string_view text, const sha256_digest& context,
                                         const signing_public_key& by) {
    using namespace knock_text;
    std::optional<amid> from, to;
    std::optional<intent> what;
    std::optional<session_request> asked;
    std::optional<knock_nonce> nonce;
    std::vector<std::string> suites, features;
    std::string timestamp, proof;
    bool named = false, listed = false, spoken = false;
    json::reader in{text};
    in.begin_object(of_knock);
    while (const auto name = in.next_member()) {
        if (*name == "type") named = type_is(in, of_knock, "knock");
        else if (*name == "protocol_version") spoken = type_is(in, of_knock, knock_protocol);
        else if (*name == "from") read_from(in, from);
        else if (*name == "to") name_of_agent(in, of_knock, to);
        else if (*name == "intent") read_intent(in, what);
        else if (*name == "session_request") read_request(in, asked);
        else if (*name == "suites") words(in, of_knock, knock_suites, suites);
        else if (*name == "features") words(in, of_knock, knock_features, features), listed = true;
        else if (*name == "nonce") hex_value(in, of_knock, nonce);
        else if (*name == "timestamp") time_text(in, of_knock, timestamp);
        else if (*name == "signature") proof = in.string(of_knock).text();
    }
    AGENTMESH_CHECK(in.finish());
    if (!named || !spoken || !from || !to || !what || !asked || suites.empty() || !listed || !nonce ||
        timestamp.empty() || proof.empty())
        return fail(errc::missing_member, of_knock);
    if (!verify(text, proof, e2ee::signing_context::knock, context.bytes(), by))
        return fail(errc::bad_signature, "AM-KNK-007");
    return knock_content{*from, *to, std::move(*what), *asked, std::move(suites), std::move(features), *nonce,
                         std::move(timestamp)};
}

inline result<accept_content> parse_accept(std::string_view text, const signing_public_key& by) {
    using namespace knock_text;
    std::optional<amid> from, to;
    std::optional<session_id> session;
    std::optional<sha256_digest> knock;
    std::optional<exchange_public_key> key;
    std::optional<constraints> held_to;
    std::vector<std::string> features;
    std::string suite, timestamp, proof;
    bool named = false, listed = false;
    json::reader in{text};
    in.begin_object(of_reply);
    while (const auto name = in.next_member()) {
        if (*name == "type") named = type_is(in, of_reply, "accept");
        else if (*name == "session_id") hex_value(in, of_reply, session);
        else if (*name == "knock") base64_value(in, of_reply, knock);
        else if (*name == "from") name_of_agent(in, of_reply, from);
        else if (*name == "to") name_of_agent(in, of_reply, to);
        else if (*name == "suite") suite = word(in, of_reply, wire::feature_list::max_name);
        else if (*name == "features") words(in, of_reply, knock_features, features), listed = true;
        else if (*name == "ratchet_key") base64_value(in, of_reply, key);
        else if (*name == "constraints") read_constraints(in, held_to);
        else if (*name == "timestamp") time_text(in, of_reply, timestamp);
        else if (*name == "signature") proof = in.string(of_reply).text();
    }
    AGENTMESH_CHECK(in.finish());
    if (!named || !session || !knock || !from || !to || suite.empty() || !listed || !key || !held_to ||
        timestamp.empty() || proof.empty())
        return fail(errc::missing_member, of_reply);
    if (!verify(text, proof, e2ee::signing_context::accept, {}, by)) return fail(errc::bad_signature, of_reply);
    return accept_content{*session, *knock, *from, *to, std::move(suite), std::move(features), *key, *held_to,
                          std::move(timestamp)};
}

inline result<reject_content> parse_reject(std::string_view text, const signing_public_key& by) {
    using namespace knock_text;
    std::optional<amid> from, to;
    std::optional<sha256_digest> knock;
    std::optional<deny_reason> reason;
    std::optional<std::uint32_t> retry;
    std::string timestamp, proof;
    bool named = false;
    json::reader in{text};
    in.begin_object(of_reply);
    while (const auto name = in.next_member()) {
        if (*name == "type") named = type_is(in, of_reply, "reject");
        else if (*name == "knock") base64_value(in, of_reply, knock);
        else if (*name == "from") name_of_agent(in, of_reply, from);
        else if (*name == "to") name_of_agent(in, of_reply, to);
        // A word from a longer list than ours is a refusal all the same.
        else if (*name == "reason")
            reason = parse_deny_reason(word(in, of_reply, knock_word_length)).value_or(deny_reason::rejected);
        else if (*name == "retry_after_seconds") retry = limit(in, of_reply);
        else if (*name == "timestamp") time_text(in, of_reply, timestamp);
        else if (*name == "signature") proof = in.string(of_reply).text();
    }
    AGENTMESH_CHECK(in.finish());
    if (!named || !knock || !from || !to || !reason || timestamp.empty() || proof.empty())
        return fail(errc::missing_member, of_reply);
    if (!verify(text, proof, e2ee::signing_context::reject, {}, by)) return fail(errc::bad_signature, of_reply);
    return reject_content{*knock, *from, *to, *reason, retry, std::move(timestamp)};
}

inline result<time_point> check_knock(const knock_content& content, const amid& card, const amid& self,
                                      time_point now) {
    if (content.from != card || content.to != self) return fail(errc::bad_knock, "AM-KNK-008");
    AGENTMESH_TRY(sent, read_time(content.timestamp));
    if (now - sent.at > limits::proof_max_age || sent.rounded_up() - now > limits::proof_max_lead)
        return fail(errc::knock_stale, "AM-KNK-009");
    return sent.at;
}

inline result<void> check_accept(const accept_content& answer, const sha256_digest& knock, const session_id& session,
                                 const knock_content& asked) {
    if (answer.knock != knock || answer.session != session || answer.from != asked.to || answer.to != asked.from)
        return fail(errc::bad_knock, "AM-KNK-018");
    const auto has = [](const std::vector<std::string>& list, const std::string& one) {
        return std::find(list.begin(), list.end(), one) != list.end();
    };
    if (!has(asked.suites, answer.suite)) return fail(errc::bad_knock, "AM-KNK-020");
    for (const auto& chosen : answer.features)
        if (!has(asked.features, chosen)) return fail(errc::bad_knock, "AM-KNK-020");
    if (answer.held_to.ttl_seconds > asked.asked.ttl_seconds ||
        answer.held_to.max_messages > asked.asked.expected_messages)
        return fail(errc::bad_knock, "AM-KNK-018");
    return {};
}

inline std::vector<std::string> common_features(const std::vector<std::string>& offered,
                                                const std::vector<std::string>& own) {
    std::vector<std::string> out;
    for (const auto& one : offered)
        if (std::find(own.begin(), own.end(), one) != own.end()) out.push_back(one);
    return out;
}

inline constraints narrowed(const constraints& allowed, const session_request& asked) noexcept {
    return {.max_message_size_bytes = allowed.max_message_size_bytes,
            .max_messages = std::min(allowed.max_messages, asked.expected_messages),
            .ttl_seconds = std::min(allowed.ttl_seconds, asked.ttl_seconds)};
}

}  // namespace agentmesh::session
