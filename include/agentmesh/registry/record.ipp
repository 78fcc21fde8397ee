// Bodies of registry/record.hpp.
#pragma once

#include <agentmesh/core/json.hpp>

namespace agentmesh::registry {

/// The text of one member of a JSON object that we wrote ourselves; empty if it is not there.
inline std::string member_of(std::string_view object, std::string_view wanted) {
    json::reader in{object};
    std::string out;
    in.begin_object();
    while (const auto name = in.next_member())
        if (*name == wanted) out = in.skip();
    return in.finish() ? out : std::string{};
}

/// A JSON object with one more member at its end, or without the one named.
inline std::string with_member(std::string_view object, std::string_view name, std::string_view json) {
    std::string out;
    json::writer to{out};
    json::reader in{object};
    to.begin_object();
    in.begin_object();
    while (const auto seen = in.next_member())
        if (*seen != name) to.name(*seen).verbatim(in.skip());
    if (!json.empty()) to.name(name).verbatim(json);
    to.end_object();
    return out;
}

inline constexpr std::string_view one_time_member = "one_time_prekey";

inline std::uint32_t read_u32(json::reader& in, std::int64_t most) {
    const auto value = in.integer();
    if (value < 0 || value > most) in.refuse(errc::json_number_range);
    return static_cast<std::uint32_t>(value);
}

inline void read_one_time_keys(json::reader& in, std::vector<stored_record::key>& out) {
    in.begin_array();
    while (in.next_element()) {
        stored_record::key one{.json = std::string{in.skip()}};
        if (!in.ok()) return;
        json::reader inside{one.json};
        bool named = false;
        inside.begin_object();
        while (const auto name = inside.next_member())
            if (*name == "id") one.id = read_u32(inside, 0xFFFFFFFE), named = true;
        if (!inside.finish() || !named) return in.refuse(errc::wrong_member);
        out.push_back(std::move(one));
    }
}

inline std::optional<stored_record> read_record(json::reader& in, const char*& at, std::string& member) {
    std::optional<amid> who;
    stored_record out{.who = amid::from_raw({})};
    in.begin_object();
    while (const auto name = in.next_member()) {
        at = name->data();
        member = *name;
        if (*name == "amid") {
            const auto parsed = amid::parse(in.string().text());
            if (parsed) who = *parsed;
            else in.refuse(errc::bad_amid);
        } else if (*name == "display_name") {
            out.display_name = in.string().text();
        } else if (*name == "relay") {
            out.relay = in.string().text();
        } else if (*name == "tier") {
            const auto level = identity::parse_tier(in.string().text(), identity::tier_dialect::word);
            if (level) out.trust = *level;
            else in.refuse(level.error().code, level.error().clause);
        } else if (*name == "reputation_ppm") {
            out.reputation_ppm = read_u32(in, 1'000'000);
        } else if (*name == "bundle") {
            if (in.peek() != json::kind::object) in.refuse(errc::wrong_member);
            out.bundle = in.skip();
        } else if (*name == "one_time_prekeys") {
            read_one_time_keys(in, out.one_time);
        } else if (*name == "next_one_time_id") {
            out.next_one_time_id = read_u32(in, 0xFFFFFFFF);
        } else {
            std::string kept{*name};
            out.others.emplace_back(std::move(kept), in.skip());
        }
        if (!in.ok()) return std::nullopt;
    }
    if (!in.ok()) return std::nullopt;
    member = !who ? "amid" : "bundle";
    if (!who || out.bundle.empty()) return in.refuse(errc::missing_member), std::nullopt;
    member.clear();
    out.who = *who;
    return out;
}

inline void append_record(std::string& out, const stored_record& from) {
    json::writer to{out};
    to.begin_object().member("amid", from.who.text());
    if (!from.display_name.empty()) to.member("display_name", from.display_name);
    if (!from.relay.empty()) to.member("relay", from.relay);
    if (from.trust) to.member("tier", identity::tier_label(*from.trust, identity::tier_dialect::word));
    to.member("reputation_ppm", from.reputation_ppm);
    for (const auto& [name, json] : from.others) to.name(name).verbatim(json);
    to.name("bundle").verbatim(from.bundle);
    to.member("next_one_time_id", from.next_one_time_id);
    to.name("one_time_prekeys").begin_array();
    for (const auto& one : from.one_time) to.verbatim(one.json);
    to.end_array().end_object();
}

inline result<agent_record> to_record(const stored_record& from) {
    AGENTMESH_TRY(bundle, e2ee::parse_bundle(from.bundle));
    if (bundle.card.name != from.who) return fail(errc::bad_bundle, "AM-KEX-020");
    return agent_record{.card = bundle.card, .display_name = from.display_name, .relay = from.relay,
                        .trust = from.trust, .reputation_ppm = from.reputation_ppm, .bundle = from.bundle,
                        .one_time_left = from.one_time.size()};
}

inline result<e2ee::prekey_bundle> take_bundle(stored_record& from, time_point now) {
    AGENTMESH_TRY(bare, e2ee::parse_bundle(from.bundle));
    bare.one_time.reset();
    AGENTMESH_CHECK(e2ee::check_bundle(bare, from.who, now));
    while (!from.one_time.empty()) {
        const auto key = std::move(from.one_time.front());
        from.one_time.erase(from.one_time.begin());
        auto complete = e2ee::parse_bundle(with_member(from.bundle, one_time_member, key.json));
        if (complete && e2ee::check_bundle(*complete, from.who, now)) return complete;
    }
    return bare;
}

inline result<void> apply(stored_record& to, const publication& from) {
    if (from.bundle.card.name != to.who) return fail(errc::bad_bundle, "AM-KEX-020");
    if (const auto known = e2ee::parse_bundle(to.bundle)) {
        if (known->card.epoch > from.bundle.card.epoch) return fail(errc::epoch_rollback, "AM-KEX-007");
        // An agent that lost its state, but not its identity, counts from the beginning: the old keys open nothing.
        const auto &old = known->signed_key, &fresh = from.bundle.signed_key;
        if (old.id > fresh.id || (old.id == fresh.id && old.key != fresh.key)) {
            to.one_time.clear();
            to.next_one_time_id = 0;
        }
    }
    const auto text_of = [&](const e2ee::one_time_prekey& key) {
        auto complete = from.bundle;
        complete.one_time = key;
        return member_of(e2ee::write_bundle(complete), one_time_member);
    };
    auto bare = from.bundle;
    bare.one_time.reset();
    to.bundle = e2ee::write_bundle(bare);
    if (!from.display_name.empty()) to.display_name = from.display_name;
    if (!from.relay.empty()) to.relay = from.relay;
    std::erase_if(to.one_time, [&](const stored_record::key& kept) {
        return std::none_of(from.one_time.begin(), from.one_time.end(),
                            [&](const auto& key) { return key.id == kept.id; });
    });
    std::uint32_t next = to.next_one_time_id;
    for (const auto& key : from.one_time) {
        if (key.id < to.next_one_time_id) continue;
        to.one_time.push_back({key.id, text_of(key)});
        next = std::max(next, key.id + 1);
    }
    to.next_one_time_id = next;
    return {};
}

}  // namespace agentmesh::registry
