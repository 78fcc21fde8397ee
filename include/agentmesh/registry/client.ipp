// How replies are read, and helpers of both halves. Bodies of registry/client.hpp.
#pragma once

#include <agentmesh/registry/fault.hpp>

#include <charconv>

namespace agentmesh::registry {

namespace detail {

inline constexpr std::string_view revocation_mark = "am1-revocation:";
inline constexpr std::size_t uploaded_keys = 256;  // so that their proofs stay within what a registry takes

/// What may be shown to people: without control characters, at most `bytes` of it.
[[nodiscard]] inline std::string shown(std::string_view text, std::size_t bytes) {
    std::string out;
    for (const char c : text)
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
    if (out.size() > bytes) {
        while (bytes > 0 && (static_cast<unsigned char>(out[bytes]) & 0xc0) == 0x80) --bytes;
        out.resize(bytes);
    }
    return out;
}

[[nodiscard]] inline std::string in_quotes(std::string_view text) {
    std::string out;
    json::append_quoted(out, text);
    return out;
}
[[nodiscard]] inline std::string in_quotes(std::span<const std::string> all) {
    std::string out;
    json::writer to{out};
    to.begin_array();
    for (const auto& one : all) to.value(one);
    to.end_array();
    return out;
}
[[nodiscard]] inline std::string decimal_ratio(ppm value) {
    std::string out;
    json::append_number(out, value / 1e6);
    return out;
}

/// A whole number of a reply; nothing if it is absent or none.
[[nodiscard]] inline std::optional<std::uint64_t> number_of(const request_members& of, std::string_view name) {
    const auto text = of.json(name);
    if (!text) return std::nullopt;
    std::uint64_t out = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), out);
    if (failed != std::errc{} || end != text->data() + text->size()) return std::nullopt;
    return out;
}
[[nodiscard]] inline std::optional<bool> flag_of(const request_members& of, std::string_view name) {
    const auto text = of.json(name);
    if (!text || (*text != "true" && *text != "false")) return std::nullopt;
    return *text == "true";
}
/// Text that may be absent, or of another kind: then it is empty.
[[nodiscard]] inline std::string text_of(const request_members& of, std::string_view name, std::size_t bytes) {
    const auto text = of.text(name);
    return text ? shown(*text, bytes) : std::string{};
}

[[nodiscard]] inline http::request without_host(http::request of) {
    http::fields kept;
    for (const auto& one : of.fields)
        if (!ws::equals_ignoring_case(one.name, "Host")) kept.add(one.name, one.value);
    of.fields = std::move(kept);
    return of;
}

}  // namespace detail

// --- replies ----------------------------------------------------------------------------------------------------

inline std::optional<registry_refusal> read_refusal(const http::response& from) {
    if (from.status >= 200 && from.status < 300) return std::nullopt;
    registry_refusal out{.status = from.status};
    if (const auto body = request_members::parse(from.body)) {
        out.word = detail::shown(body->optional_text("error").value_or(""), 64);
        out.message = detail::shown(body->optional_text("message").value_or(""), 256);
    }
    if (const auto after = from.fields.only("Retry-After")) {
        unsigned seconds = 0;
        const auto [end, failed] = std::from_chars(after->data(), after->data() + after->size(), seconds);
        if (failed == std::errc{} && end == after->data() + after->size() && seconds <= 86'400)
            out.retry_after = std::chrono::seconds{seconds};
    }
    out.why.code = [&] {
        switch (from.status) {
            case 400:
            case 422: return errc::wrong_member;
            case 401: return errc::bad_signature;
            case 403: return out.word == "revoked" ? errc::certificate_revoked : errc::not_allowed;
            case 404: return out.word == "unknown_endpoint" ? errc::http_not_found : errc::unknown_peer;
            case 409: return errc::duplicate;
            case 413: return errc::too_large;
            case 429: return errc::rate_limited;
            default: return errc::registry_failed;
        }
    }();
    return out;
}

inline std::optional<duration> wait_before_retry(const result<http::response>& outcome, unsigned made,
                                                 const retry_rules& rules) {
    if (made == 0 || made >= rules.attempts) return std::nullopt;
    auto wait = rules.first;
    for (unsigned i = 1; i < made && wait < rules.longest; ++i) wait *= 2;
    wait = std::min(wait, rules.longest);
    if (!outcome) {
        const auto code = outcome.error().code;
        return code == errc::io_failed || code == errc::timed_out ? std::optional{wait} : std::nullopt;
    }
    const auto refused = read_refusal(*outcome);
    if (!refused) return std::nullopt;
    const bool passing =
        refused->status == 429 || refused->status == 500 || (refused->status >= 502 && refused->status <= 504);
    if (!passing) return std::nullopt;
    if (refused->retry_after) {
        if (*refused->retry_after > rules.longest) return std::nullopt;
        wait = std::max<duration>(wait, *refused->retry_after);
    }
    return wait;
}

inline result<request_members> client::read_answer(const http::response& from) const {
    if (const auto refused = read_refusal(from)) return fail(refused->why);
    return request_members::parse(from.body);
}

inline result<enrolled> client::read_enrolment(const http::response& from) const {
    AGENTMESH_TRY(body, read_answer(from));
    AGENTMESH_TRY(who, body.agent("amid"));
    if (who != self_->name()) return fail(errc::amid_mismatch, "AM-FND-001");
    AGENTMESH_TRY(word, body.optional_text("tier"));
    enrolled out;
    if (!word.empty()) {
        AGENTMESH_TRY(claimed, identity::parse_tier(word, identity::tier_dialect::word));
        out.claimed = claimed;
    }
    AGENTMESH_TRY(pem, body.optional_text("certificate"));
    out.certificate = pem;
    return out;
}

inline result<change_done> client::read_change(const http::response& from) const {
    AGENTMESH_TRY(body, read_answer(from));
    if (detail::flag_of(body, "success") == false) return fail(errc::registry_failed);
    return change_done{.one_time_left = detail::number_of(body, "one_time_prekeys_left"),
                       .one_time_low = detail::flag_of(body, "one_time_prekeys_low").value_or(false)};
}

inline result<upload_done> client::read_upload(const http::response& from) const {
    AGENTMESH_TRY(after, read_change(from));
    AGENTMESH_TRY(body, read_answer(from));
    upload_done out{.after = after};
    out.stored = detail::number_of(body, "one_time_prekeys_stored").value_or(0);
    if (!body.has("one_time_prekeys_refused")) return out;
    AGENTMESH_TRY(array, body.json("one_time_prekeys_refused"));
    json::reader in{array};
    in.begin_array();
    while (in.next_element()) {
        const auto id = in.integer();
        if (id < 0 || id > 0xffff'ffff) in.refuse(errc::wrong_member);
        out.refused.push_back(static_cast<std::uint32_t>(id));
    }
    AGENTMESH_CHECK(in.finish());
    return out;
}

inline std::string client::safe_endpoint(std::string_view url) const {
    if (!options_.local_endpoints && !injected(fault::client_any_endpoint))
        return check_endpoint(url) ? std::string{url} : std::string{};
    return check_shown_text(url, service_limits::endpoint_bytes) ? std::string{url} : std::string{};
}

inline void client::judge_standing(found_agent& out, const request_members& of, time_point now) const {
    const auto pem = of.optional_text("certificate").value_or("");
    std::optional<identity::proved_standing> proved;
    bool withdrawn = false;
    if (!pem.empty()) {
        auto checked = options_.standing ? options_.standing(pem, out.who, now)
                                         : result<identity::proved_standing>{fail(errc::certificate_untrusted)};
        if (checked && checked->who != out.who) checked = fail(errc::certificate_subject, "AM-FND-007");
        if (checked) {
            proved = *checked;
        } else {
            out.unproved = checked.error();
            withdrawn =
                checked.error().code == errc::certificate_revoked || checked.error().code == errc::revocation_unknown;
        }
    }
    if (proved) {
        out.trust = proved->trust;
        out.organization = proved->organization;
    } else if ((options_.believed == belief::everything || injected(fault::client_inflated_tier)) && !withdrawn) {
        out.trust = out.claimed;
        out.organization = out.claimed_organization;
    }
    if (options_.believed != belief::proofs_only) out.reputation = out.claimed_reputation;
}

inline result<found_agent> client::read_agent(const std::optional<amid>& asked, const request_members& of,
                                              time_point now) const {
    AGENTMESH_TRY(who, of.agent("amid"));
    if (asked && who != *asked && !injected(fault::client_any_name)) return fail(errc::amid_mismatch, "AM-FND-001");
    AGENTMESH_TRY(signing_text, of.text("signing_public_key"));
    AGENTMESH_TRY(signing, identity::parse_signing_key(signing_text));
    AGENTMESH_CHECK(crypto::check_public_key(signing));
    if (amid::of(signing) != who && !injected(fault::client_any_key)) return fail(errc::amid_mismatch, "AM-FND-001");
    AGENTMESH_TRY(exchange_text, of.text("exchange_public_key"));
    AGENTMESH_TRY(exchange, identity::parse_exchange_key(exchange_text));
    found_agent out{.who = who, .signing = signing, .exchange = exchange};

    AGENTMESH_TRY(card_text, of.optional_text("card"));
    if (!card_text.empty()) {
        AGENTMESH_TRY(bytes, from_base64(card_text, base64_form::url_unpadded));
        AGENTMESH_TRY(card, e2ee::identity_card::parse(bytes));
        if (card.name != who) return fail(errc::bad_bundle, "AM-FND-002");
        if (card.exchange != exchange && !injected(fault::client_swapped_exchange))
            return fail(errc::bad_bundle, "AM-FND-002");
        out.card = card;
    }
    AGENTMESH_CHECK(memory_->check_keys(who, exchange, out.card));

    out.display_name = detail::text_of(of, "display_name", service_limits::name_bytes);
    AGENTMESH_TRY(capabilities, of.texts("capabilities"));
    for (auto& one : capabilities)
        if (check_shown_text(one, service_limits::capability_bytes) &&
            out.capabilities.size() < service_limits::capabilities)
            out.capabilities.push_back(std::move(one));
    out.relay = safe_endpoint(of.optional_text("relay_endpoint").value_or(""));
    out.direct = safe_endpoint(of.optional_text("direct_endpoint").value_or(""));
    out.status = parse_availability(of.optional_text("status").value_or("")).value_or(availability::offline);
    if (const auto seen = parse_time(of.optional_text("last_seen").value_or(""))) out.last_seen = *seen;

    AGENTMESH_TRY(tier_text, of.optional_text("tier"));
    if (!tier_text.empty()) {
        AGENTMESH_TRY(claimed, identity::parse_tier(tier_text, identity::tier_dialect::word));
        out.claimed = claimed;
    }
    out.claimed_organization = detail::text_of(of, "organization", service_limits::name_bytes);
    if (of.has("reputation_score")) {
        AGENTMESH_TRY(score, of.ratio("reputation_score"));
        out.claimed_reputation = score;
    }
    out.ratings = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(detail::number_of(of, "ratings_count").value_or(0), 0xffff'ffffU));
    AGENTMESH_TRY(flags, of.texts("flags"));
    for (const auto& one : flags)
        if (out.flags.size() < 8) out.flags.push_back(detail::shown(one, 64));
    judge_standing(out, of, now);
    const bool flagged = std::find(out.flags.begin(), out.flags.end(), "revoked") != out.flags.end();
    out.revoked = flagged || detail::flag_of(of, "revoked").value_or(false);
    return out;
}

/// Statements of both keys; a name without one is nobody's word but the registry's, and is passed over.
/// @spec AM-FND-011
inline result<void> client::read_succession(found_agent& out, const request_members& of) {
    std::vector<succession_statement> told;
    for (const std::string_view name : {"succession", "inheritance"}) {
        AGENTMESH_TRY(text, of.optional_text(name));
        if (text.empty()) continue;
        const auto one = succession_statement::parse_text(text);
        if (!one || (one->from() != out.who && one->to() != out.who)) return fail(errc::bad_signature, "AM-FND-011");
        told.push_back(*one);
    }
    for (const auto& one : told) {
        if (one.from() == out.who) out.successor = one.to();
        if (one.to() == out.who) out.predecessor = one.from();
        changed_ = memory_->note_successor(one) || changed_;
    }
    return {};
}

inline result<found_agent> client::read_lookup(const amid& who, const http::response& from, time_point now) {
    AGENTMESH_TRY(body, read_answer(from));
    AGENTMESH_TRY(out, read_agent(who, body, now));
    AGENTMESH_CHECK(read_succession(out, body));
    if (out.card) changed_ = memory_->note_keys(who, out.exchange, out.card) || changed_;
    if (out.revoked) changed_ = memory_->note_revoked(who, std::nullopt) || changed_;
    if (!memory_->check_standing(who)) out.revoked = true;
    if (const auto* known = memory_->find(who); known != nullptr && known->successor)
        out.successor = known->successor->to();
    return out;
}

inline result<search_result> client::read_search(const http::response& from, time_point now) {
    if (const auto refused = read_refusal(from)) return fail(refused->why);
    search_result out;
    bool there = false;
    json::reader in{from.body, {.bytes = 4 * 1024 * 1024}};
    in.begin_object();
    while (const auto name = in.next_member()) {
        if (*name == "total") {
            const auto total = in.integer();
            out.total = total < 0 ? 0 : static_cast<std::uint64_t>(total);
        }
        if (*name != "results") continue;
        there = true;
        in.begin_array();
        while (in.next_element()) {
            const auto text = in.skip();
            if (!in.ok()) break;
            if (out.rows.size() + out.left_out >= 1000) return fail(errc::too_large);
            const auto parts = request_members::parse(text);
            auto row = parts ? read_agent(std::nullopt, *parts, now) : result<found_agent>{fail(parts.error())};
            if (!row) {
                ++out.left_out;
                continue;
            }
            if (!memory_->check_standing(row->who)) row->revoked = true;
            out.rows.push_back(*std::move(row));
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!there) return fail(errc::missing_member);
    return out;
}

inline result<fetched_prekeys> client::read_prekeys(const found_agent& owner, const http::response& from,
                                                    time_point now) {
    if (owner.revoked) return fail(errc::certificate_revoked, "AM-FND-008");
    AGENTMESH_CHECK(memory_->check_standing(owner.who));
    AGENTMESH_TRY(body, read_answer(from));
    if (body.has("bundle")) {
        AGENTMESH_TRY(text, body.json("bundle"));
        AGENTMESH_TRY(bundle, e2ee::parse_bundle(text));
        if (!injected(fault::client_swapped_prekey)) AGENTMESH_CHECK(e2ee::check_bundle(bundle, owner.who, now));
        // One agent, one key: a registry that tells two stories in one breath is not asked which is true.
        if (bundle.card.exchange != owner.exchange) return fail(errc::bad_bundle, "AM-FND-002");
        AGENTMESH_CHECK(memory_->check_bundle(bundle));
        changed_ = memory_->note_bundle(bundle) || changed_;
        return fetched_prekeys{std::move(bundle)};
    }
    AGENTMESH_TRY(bundle, e2ee::parse_v02_bundle(from.body));
    if (bundle.identity != owner.exchange) return fail(errc::bad_bundle, "AM-FND-002");
    AGENTMESH_TRY(binding, e2ee::check_v02_bundle(bundle, owner.signing));
    (void)binding;  // unbound by itself: what binds it is the card
    if (!owner.card && !options_.unbound_keys) return fail(errc::unbound_key, "AM-FND-003");
    AGENTMESH_CHECK(memory_->check_keys(owner.who, bundle.identity, owner.card));
    changed_ = memory_->note_keys(owner.who, bundle.identity, owner.card) || changed_;
    return fetched_prekeys{std::move(bundle)};
}

inline result<std::optional<told_revocation>> client::read_revocation(const amid& who, const http::response& from) {
    const auto unknown = fail(errc::revocation_unknown, "AM-FND-009");
    const auto body = read_answer(from);
    if (!body && injected(fault::client_revocation_unknown)) return std::nullopt;
    if (!body) return unknown;
    const auto named = body->agent("amid");
    const auto revoked = detail::flag_of(*body, "revoked");
    if (!named || *named != who || !revoked) return unknown;
    if (!*revoked) {
        AGENTMESH_CHECK(memory_->check_standing(who));
        return std::nullopt;
    }
    told_revocation out;
    if (const auto text = body->json("revocation")) {
        if (const auto entry = request_members::parse(*text)) {
            out.reason = detail::text_of(*entry, "reason", 64);
            if (const auto by = entry->agent("revoked_by")) out.by = *by;
            if (const auto at = parse_time(entry->optional_text("revoked_at").value_or(""))) out.at = *at;
            out.notes = detail::text_of(*entry, "notes", service_limits::notes_bytes);
            if (out.notes.starts_with(detail::revocation_mark)) {
                const auto rest = std::string_view{out.notes}.substr(detail::revocation_mark.size());
                const auto end = std::min(rest.find(' '), rest.size());
                const auto told = revocation_statement::parse_text(rest.substr(0, end));
                if (told && told->who() == who) {
                    out.proof = *told;
                    out.notes = std::string{rest.substr(std::min(end + 1, rest.size()))};
                }
            }
        }
    }
    changed_ = memory_->note_revoked(who, out.proof) || changed_;
    return out;
}

inline result<identity::did_document> client::read_did(const amid& who, const http::response& from) const {
    if (const auto refused = read_refusal(from)) return fail(refused->why);
    AGENTMESH_TRY(out, identity::parse_did_document(from.body));
    if (out.subject != who) return fail(errc::amid_mismatch, "AM-FND-001");
    const auto* known = memory_->find(who);
    if (known != nullptr && known->known != agent_memory::keys::none && known->exchange != out.exchange_key)
        return fail(errc::unbound_key, "AM-FND-002");
    return out;
}

inline result<client::login_begun> client::read_login(const http::response& from) const {
    AGENTMESH_TRY(body, read_answer(from));
    AGENTMESH_TRY(url, body.text("authorization_url"));
    AGENTMESH_TRY(state, body.text("state"));
    AGENTMESH_CHECK(check_shown_text(url, 4096));
    if (!url.starts_with("https://") && !(options_.local_endpoints && url.starts_with("http://")))
        return fail(errc::wrong_member);
    return login_begun{.url = std::string{url}, .state = std::string{state}};
}

}  // namespace agentmesh::registry
