// Bodies of session/policy.hpp: reading and writing policy files.
#pragma once

namespace agentmesh::session {

namespace policy_text {

inline constexpr json::bounds within{.bytes = policy_bytes};

/// A name of the file as it may be shown: short, and without control characters.
[[nodiscard]] inline std::string shown(std::string_view name) {
    constexpr std::size_t longest = 64;
    std::string out{name.substr(0, longest)};
    for (char& c : out)
        if (static_cast<signed char>(c) < 0x20 || c == 0x7F) c = '?';
    if (name.size() > longest) out += "...";
    return out;
}

/// One file while it is read. The first fault stays.
struct file {
    std::string_view text;
    policy_fault& where;
    bool failed = false;

    [[nodiscard]] bool contains(const char* at) const noexcept {
        return !std::less<>{}(at, text.data()) && !std::less<>{}(text.data() + text.size(), at);
    }
    void fault(const char* at, std::string member, std::string_view expected) {
        if (failed) return;
        failed = true;
        where.line = 1 + static_cast<std::size_t>(std::count(text.data(), contains(at) ? at : text.data(), '\n'));
        where.member = std::move(member);
        where.expected = expected;
    }
};

[[nodiscard]] inline std::string below(const std::string& parent, std::string_view name) {
    return parent.empty() ? shown(name) : parent + '.' + shown(name);
}
[[nodiscard]] inline std::string at_index(const std::string& parent, std::size_t index) {
    return parent + '[' + std::to_string(index) + ']';
}

[[nodiscard]] inline const char* skip_space(const char* at, const char* end) noexcept {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
}

/// Finds where a text that is not valid JSON goes wrong. The reader tells what, but not where; so this follows the
/// members down to the one that cannot be passed over. Only faulty files pay for it.
inline void locate(file& in_file, const char* from, const std::string& member, unsigned depth) {
    const char* const end = in_file.text.data() + in_file.text.size();
    from = skip_space(from, end);
    json::reader in{{from, static_cast<std::size_t>(end - from)}, within};
    const json::kind kind = in.peek();
    const char* last = from;
    std::size_t index = 0;
    constexpr unsigned deepest = 4;  // a policy file nests twice
    if ((kind == json::kind::object || kind == json::kind::array) && depth < deepest) {
        if (kind == json::kind::object) in.begin_object();
        else in.begin_array();
        last = from + 1;
        const char* value_from = nullptr;
        std::string inner;
        const auto another = [&] {
            value_from = skip_space(last, end);
            if (value_from != end && *value_from == ',') value_from = skip_space(value_from + 1, end);
            if (kind == json::kind::array) {
                inner = at_index(member, index++);
                return in.next_element();
            }
            const auto name = in.next_member();
            if (!name) return false;
            inner = below(member, *name);
            // Past the name: its closing quote is the first that no backslash stands before.
            const char* quote = value_from + 1;
            while (quote < end && *quote != '"') quote += *quote == '\\' ? 2 : 1;
            value_from = skip_space(std::min(quote + 1, end), end);
            if (value_from != end && *value_from == ':') ++value_from;
            return true;
        };
        while (another()) {
            const std::string_view value = in.skip();
            if (!in.ok()) return locate(in_file, value_from, inner, depth + 1);
            last = value.data() + value.size();
        }
        last = value_from;
    }
    const auto done = in.finish();
    const errc code = done ? errc::bad_json : done.error().code;
    std::string named = member;
    if (code == errc::json_duplicate_member && last != end && *last == '"') {
        const char* const quote = std::find(last + 1, end, '"');
        named = below(member, {last + 1, static_cast<std::size_t>(quote - last - 1)});
    }
    in_file.fault(last, std::move(named), code == errc::json_duplicate_member ? "given once only" : "valid JSON");
}

// --- values --------------------------------------------------------------------------------------------------

/// One value of a file that is valid JSON.
struct value {
    file& in_file;
    std::string_view text;
    std::string member;

    [[nodiscard]] json::kind kind() const {
        json::reader in{text, within};
        return in.peek();
    }
    bool refuse(std::string_view expected) const {
        in_file.fault(text.data(), member, expected);
        return false;
    }

    bool read(bool& out) const {
        if (kind() != json::kind::boolean) return refuse("true or false");
        out = text == "true";
        return true;
    }
    bool read(std::uint32_t& out, std::uint32_t least, std::uint32_t most, std::string_view expected) const {
        json::reader in{text, within};
        const std::int64_t number = in.integer();
        if (!in.finish() || number < std::int64_t{least} || number > std::int64_t{most}) return refuse(expected);
        out = static_cast<std::uint32_t>(number);
        return true;
    }
    bool read_millionths(std::int64_t& out, std::int64_t most, std::string_view expected) const {
        if (kind() != json::kind::number || text.front() == '-') return refuse(expected);
        const auto number = message::to_millionths(text);
        if (!number || *number > most) return refuse(expected);
        out = *number;
        return true;
    }

    /// @param each  called with every element; false ends the reading
    template <class Each>
    bool each_element(std::string_view expected, Each&& each) const {
        if (kind() != json::kind::array) return refuse(expected);
        json::reader in{text, within};
        in.begin_array();
        std::size_t index = 0;
        while (in.next_element()) {
            const value element{in_file, in.skip(), at_index(member, index)};
            if (index++ == policy_names) return element.refuse("at most 4,096 entries");
            if (!each(element)) return false;
        }
        return true;
    }
    /// @param each  called with the name and the value of every member; false ends the reading
    template <class Each>
    bool each_member(std::string_view expected, Each&& each) const {
        if (kind() != json::kind::object) return refuse(expected);
        json::reader in{text, within};
        in.begin_object();
        while (const auto name = in.next_member()) {
            const value inner{in_file, in.skip(), below(member, *name)};
            if (!each(*name, inner)) return false;
        }
        return true;
    }
    /// The line of the name is meant: the value may begin further down.
    bool refuse_name(std::string_view name) const {
        in_file.fault(in_file.contains(name.data()) ? name.data() : text.data(), member,
                      "no member of this name exists");
        return false;
    }

    [[nodiscard]] std::optional<std::string> string() const {
        if (kind() != json::kind::string) return std::nullopt;
        json::reader in{text, within};
        return in.string().text();
    }
};

[[nodiscard]] inline bool read_tiers(const value& from, std::array<bool, 3>& out) {
    constexpr std::string_view expected = R"("anonymous", "verified", "organization", 2, 1 or 1.5)";
    std::array<bool, 3> tiers{};
    bool any = false;
    const bool read = from.each_element("a list of tiers", [&](const value& one) {
        const auto word = one.string();
        const auto level = word ? identity::parse_tier(*word, identity::tier_dialect::word)
                                : identity::parse_tier(one.text, identity::tier_dialect::label);
        if (!level) return one.refuse(expected);
        tiers[static_cast<std::size_t>(*level)] = any = true;
        return true;
    });
    if (!read) return false;
    if (!any) return from.refuse("at least one tier");
    out = tiers;
    return true;
}

[[nodiscard]] inline bool read_patterns(const value& from, std::vector<std::string>& out) {
    out.clear();
    return from.each_element("a list of intents", [&](const value& one) {
        auto word = one.string();
        if (!word || !message::check_pattern(*word)) return one.refuse("an intent, such as travel or travel/*");
        out.push_back(std::move(*word));
        return true;
    });
}

[[nodiscard]] inline bool read_amids(const value& from, std::vector<amid>& out) {
    out.clear();
    const bool read = from.each_element("a list of AMIDs", [&](const value& one) {
        const auto word = one.string();
        if (!word) return one.refuse("an AMID");
        const auto name = amid::parse(*word);
        if (!name) return one.refuse("an AMID");
        out.push_back(*name);
        return true;
    });
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return read;
}

[[nodiscard]] inline bool read_suites(const value& from, std::vector<e2ee::suite_id>& out) {
    out.clear();
    const bool read = from.each_element("a list of suites", [&](const value& one) {
        const auto word = one.string();
        if (!word) return one.refuse("a suite: am1, v02, wire10 or wire10-legacy");
        const auto suite = e2ee::parse_suite(*word);
        if (!suite) return one.refuse("a suite: am1, v02, wire10 or wire10-legacy");
        if (std::find(out.begin(), out.end(), *suite) == out.end()) out.push_back(*suite);
        return true;
    });
    return read && (!out.empty() || from.refuse("at least one suite"));
}

[[nodiscard]] inline bool read_rates(const value& from, rate_limit& out) {
    return from.each_member("an object", [&](std::string_view name, const value& one) {
        if (name == "knocks_per_minute") return one.read(out.knocks_per_minute, 1, 6'000, "a number from 1 to 6,000");
        if (name == "messages_per_minute")
            return one.read(out.messages_per_minute, 1, 60'000, "a number from 1 to 60,000");
        return one.refuse_name(name);
    });
}

[[nodiscard]] inline bool read_notices(const value& from, notify_owner& out) {
    return from.each_member("an object", [&](std::string_view name, const value& one) {
        if (name == "on_knock_from_unknown") return one.read(out.on_knock_from_unknown);
        if (name == "on_high_value_transaction") return one.read(out.on_high_value_transaction);
        if (name == "on_error") return one.read(out.on_error);
        if (name == "threshold_usd")
            return one.read_millionths(out.threshold_micros, 1'000'000'000 * message::million,
                                       "a number from 0 to 1,000,000,000");
        return one.refuse_name(name);
    });
}

[[nodiscard]] inline bool read_session(const value& from, constraints& out) {
    return from.each_member("an object", [&](std::string_view name, const value& one) {
        if (name == "max_ttl_seconds") return one.read(out.ttl_seconds, 10, 604'800, "a number from 10 to 604,800");
        if (name == "max_messages") return one.read(out.max_messages, 1, 1'000'000, "a number from 1 to 1,000,000");
        if (name == "max_message_size_bytes")
            return one.read(out.max_message_size_bytes, 256, 65'536, "a number from 256 to 65,536");
        return one.refuse_name(name);
    });
}

[[nodiscard]] inline bool read_member(std::string_view name, const value& one, policy& out) {
    if (name == "accept_tiers") return read_tiers(one, out.accept_tiers);
    if (name == "min_reputation") {
        std::int64_t ppm = 0;
        if (!one.read_millionths(ppm, message::million, "a number from 0 to 1")) return false;
        out.min_reputation_ppm = static_cast<std::uint32_t>(ppm);
        return true;
    }
    if (name == "accepted_intents") return read_patterns(one, out.accepted_intents);
    if (name == "rejected_intents") return read_patterns(one, out.rejected_intents);
    if (name == "blocklist") return read_amids(one, out.blocklist);
    if (name == "allowlist") return read_amids(one, out.allowlist);
    if (name == "strict_mode") return one.read(out.strict_mode);
    if (name == "max_concurrent_sessions")
        return one.read(out.max_concurrent_sessions, 1, 10'000, "a number from 1 to 10,000");
    if (name == "rate_limit") return read_rates(one, out.rate_limit);
    if (name == "store_transcripts") return one.read(out.store_transcripts);
    if (name == "auto_reject_when_offline") return one.read(out.auto_reject_when_offline);
    if (name == "notify_owner") return read_notices(one, out.notify_owner);
    if (name == "allow_suites") return read_suites(one, out.allow_suites);
    if (name == "allow_unbound_keys") return one.read(out.allow_unbound_keys);
    if (name == "allow_unsigned_knock") return one.read(out.allow_unsigned_knock);
    if (name == "session") return read_session(one, out.session);
    return one.refuse_name(name);
}

}  // namespace policy_text

inline std::string policy_fault::text() const {
    std::string out = "line " + std::to_string(line) + ": ";
    if (!member.empty()) out.append(member).append(": ");
    return out.append(expected);
}

inline result<policy> parse_policy(std::string_view text, policy_fault& where) {
    where = {};
    policy_text::file in_file{text, where};
    const auto refused = [] { return fail(errc::bad_policy, "AM-POL-012"); };
    if (text.size() > policy_bytes) return in_file.fault(text.data(), {}, "at most 262,144 bytes"), refused();
    if (!json::validate(text, policy_text::within)) {
        policy_text::locate(in_file, text.data(), {}, 0);
        return refused();
    }
    policy out;
    const policy_text::value whole{in_file, text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size())), {}};
    const bool read = whole.each_member("an object", [&](std::string_view name, const policy_text::value& one) {
        return policy_text::read_member(name, one, out);
    });
    if (!read) return refused();
    return out;
}

inline std::string write_policy(const policy& rules) {
    std::string out = "{";
    const auto member = [&](std::string_view name) -> std::string& {
        out += out.size() == 1 ? "\n  \"" : ",\n  \"";
        return out.append(name).append("\": ");
    };
    const auto flag = [&](std::string_view name, bool yes) { member(name) += yes ? "true" : "false"; };
    const auto list = [&](std::string_view name, const auto& items, auto&& text) {
        json::writer to{member(name)};
        to.begin_array();
        for (const auto& item : items) to.value(std::string_view{text(item)});
        to.end_array();
    };
    const auto as_is = [](const std::string& item) -> std::string_view { return item; };
    const auto name_of = [](const amid& item) { return item.text(); };

    json::writer tiers{member("accept_tiers")};
    tiers.begin_array();
    for (const tier level : {tier::anonymous, tier::verified, tier::organization})
        if (rules.accepts(level)) tiers.value(identity::tier_label(level, identity::tier_dialect::word));
    tiers.end_array();
    member("min_reputation") += message::from_millionths(rules.min_reputation_ppm);
    list("accepted_intents", rules.accepted_intents, as_is);
    list("rejected_intents", rules.rejected_intents, as_is);
    list("blocklist", rules.blocklist, name_of);
    list("allowlist", rules.allowlist, name_of);
    flag("strict_mode", rules.strict_mode);
    member("max_concurrent_sessions") += std::to_string(rules.max_concurrent_sessions);
    json::writer{member("rate_limit")}
        .begin_object()
        .member("knocks_per_minute", rules.rate_limit.knocks_per_minute)
        .member("messages_per_minute", rules.rate_limit.messages_per_minute)
        .end_object();
    flag("store_transcripts", rules.store_transcripts);
    flag("auto_reject_when_offline", rules.auto_reject_when_offline);
    json::writer{member("notify_owner")}
        .begin_object()
        .member("on_knock_from_unknown", rules.notify_owner.on_knock_from_unknown)
        .member("on_high_value_transaction", rules.notify_owner.on_high_value_transaction)
        .member("on_error", rules.notify_owner.on_error)
        .name("threshold_usd")
        .verbatim(message::from_millionths(rules.notify_owner.threshold_micros))
        .end_object();
    list("allow_suites", rules.allow_suites, [](e2ee::suite_id suite) { return e2ee::to_text(suite); });
    flag("allow_unbound_keys", rules.allow_unbound_keys);
    flag("allow_unsigned_knock", rules.allow_unsigned_knock);
    json::writer{member("session")}
        .begin_object()
        .member("max_ttl_seconds", rules.session.ttl_seconds)
        .member("max_messages", rules.session.max_messages)
        .member("max_message_size_bytes", rules.session.max_message_size_bytes)
        .end_object();
    return out += "\n}\n";
}

}  // namespace agentmesh::session
