// Bodies of message/capability.hpp.
#pragma once

namespace agentmesh::message {

namespace capability_rules {

inline constexpr std::size_t segment_characters = 64;

[[nodiscard]] constexpr bool is_alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
[[nodiscard]] constexpr bool is_segment(std::string_view text, bool star) noexcept {
    if (text.empty() || text.size() > segment_characters) return false;
    if (!is_alphanumeric(text.front()) && !(star && text.front() == '*')) return false;
    return std::all_of(text.begin(), text.end(), [star](char c) {
        return is_alphanumeric(c) || c == '-' || c == '_' || c == '.' || (star && c == '*');
    });
}

/// Cuts the first segment off, with the slash behind it. `more` tells whether there was one.
constexpr std::string_view take_segment(std::string_view& rest, bool& more) noexcept {
    const std::size_t slash = rest.find('/');
    more = slash != std::string_view::npos;
    const std::string_view head = rest.substr(0, slash);
    rest = more ? rest.substr(slash + 1) : std::string_view{};
    return head;
}

[[nodiscard]] constexpr bool is_name(std::string_view text, bool star) noexcept {
    const bool own = text.starts_with("x-");
    std::size_t segments = 0;
    for (bool more = true; more;) {
        if (!is_segment(take_segment(text, more), star)) return false;
        ++segments;
    }
    // Alone, a star stands for every name, whoever's it is.
    return own ? (segments == 3 || segments == 2 || (star && segments == 1)) : segments <= (star ? 3U : 2U);
}

/// Whether `*` in `pattern` can be filled so that it becomes `text`. Linear but for the product of both lengths: a
/// later star never needs what an earlier one took.
[[nodiscard]] constexpr bool glob(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

[[nodiscard]] constexpr bool is_above(std::string_view category, std::string_view name) noexcept {
    return name.size() > category.size() && name.starts_with(category) && name[category.size()] == '/';
}

[[nodiscard]] constexpr bool same_word(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace capability_rules

inline result<void> check_capability(std::string_view name) noexcept {
    if (!capability_rules::is_name(name, false)) return fail(errc::bad_capability, "AM-CAP-001");
    return {};
}

inline result<void> check_pattern(std::string_view text) noexcept {
    if (!capability_rules::is_name(text, true)) return fail(errc::bad_capability, "AM-CAP-001");
    return {};
}

inline std::string_view category_of(std::string_view name) noexcept {
    std::size_t slash = name.find('/');
    if (name.starts_with("x-") && slash != std::string_view::npos) slash = name.find('/', slash + 1);
    return name.substr(0, slash);
}

inline fit match(std::string_view asked, std::string_view offered) noexcept {
    if (asked == offered) return fit::exact;
    if (asked.find('*') != std::string_view::npos)
        return capability_rules::glob(asked, offered) ? fit::pattern : fit::none;
    return capability_rules::is_above(asked, offered) || capability_rules::is_above(offered, asked) ? fit::related
                                                                                                   : fit::none;
}

inline bool covers(std::string_view rule, std::string_view name) noexcept {
    return rule == name || capability_rules::is_above(rule, name) ||
           (rule.find('*') != std::string_view::npos && capability_rules::glob(rule, name));
}

// --- schema names ---------------------------------------------------------------------------------------------

inline result<schema_name> parse_schema_name(std::string_view text) noexcept {
    const auto refused = [] { return fail(errc::unknown_schema, "AM-CAP-004"); };
    const std::size_t cut = text.rfind('/');
    if (cut == std::string_view::npos) return refused();
    schema_name out{.stem = text.substr(0, cut)};
    std::string_view version = text.substr(cut + 1);
    if (version.size() < 2 || version.size() > 5 || version[0] != 'v' || version[1] == '0') return refused();
    version.remove_prefix(1);
    const auto read = std::from_chars(version.data(), version.data() + version.size(), out.version);
    if (read.ec != std::errc{} || read.ptr != version.data() + version.size()) return refused();

    std::string_view rest = out.stem;
    const bool own = text.starts_with("x-");
    if (!own && !text.starts_with("agentmesh/")) return refused();
    std::size_t segments = 0;
    for (bool more = true; more; ++segments)
        if (!capability_rules::is_segment(capability_rules::take_segment(rest, more), false)) return refused();
    if (segments != (own ? 2U : 3U)) return refused();
    return out;
}

inline bool serves(std::string_view offered, std::string_view wanted, bool newer_serves) noexcept {
    const auto have = parse_schema_name(offered), want = parse_schema_name(wanted);
    return have && want && have->stem == want->stem &&
           (have->version == want->version || (newer_serves && have->version > want->version));
}

// --- negotiation ------------------------------------------------------------------------------------------------

inline capability_response negotiate(const capability_request& asked, const capability_catalogue& ours) {
    capability_response out;
    const std::string* first_unserved = nullptr;
    for (const std::string& need : asked.i_need) {
        const std::string* best = nullptr;
        fit how = fit::none;
        for (const std::string& have : ours.capabilities) {
            const fit found = match(need, have);
            if (found > how || (found == how && best != nullptr && have < *best)) {
                how = found;
                best = &have;
            }
        }
        if (best == nullptr) {
            if (first_unserved == nullptr) first_unserved = &need;
            if (std::find(out.unavailable.begin(), out.unavailable.end(), need) == out.unavailable.end())
                out.unavailable.push_back(need);
        } else if (std::find(out.matched.begin(), out.matched.end(), *best) == out.matched.end()) {
            out.matched.push_back(*best);
        }
    }
    if (first_unserved != nullptr)
        for (const std::string& have : ours.capabilities)
            if (category_of(have) == category_of(*first_unserved) &&
                (!out.suggested_alternative || have < *out.suggested_alternative))
                out.suggested_alternative = have;

    const auto first_common = [](const std::vector<std::string>& wishes, const std::vector<std::string>& have,
                                 auto&& same) -> std::optional<std::string> {
        for (const std::string& wish : wishes)
            if (std::any_of(have.begin(), have.end(), [&](const std::string& one) { return same(one, wish); }))
                return wish;
        return std::nullopt;
    };
    out.agreed_schema = first_common(asked.preferred_schemas, ours.schemas, [&](const auto& have, const auto& wish) {
        return serves(have, wish, ours.newer_schema_serves);
    });
    out.agreed_language = first_common(asked.languages, ours.languages, capability_rules::same_word);
    out.agreed_payment = first_common(asked.payment_methods, ours.payment_methods, std::equal_to<>{});
    return out;
}

namespace capability_rules {

inline void write_list(json::writer& to, std::string_view name, const std::vector<std::string>& items) {
    to.name(name).begin_array();
    for (const std::string& item : items) to.value(item);
    to.end_array();
}

inline void read_list(json::reader& in, std::vector<std::string>& out, result<void> (*check)(std::string_view)) {
    in.begin_array("AM-CAP-003");
    while (in.next_element()) {
        std::string item = in.string("AM-CAP-003").text();
        if (!in.ok()) return;
        if (out.size() == negotiation_items) return in.refuse(errc::too_large, "AM-CAP-003");
        if (const auto good = check(item); !good) return in.refuse(good.error().code, good.error().clause);
        out.push_back(std::move(item));
    }
}

inline void read_word(json::reader& in, std::optional<std::string>& out) {
    if (in.peek() == json::kind::null) return in.null();
    out = in.string("AM-CAP-003").text();
}

inline result<void> check_schema_name(std::string_view text) {
    AGENTMESH_TRY(name, parse_schema_name(text));
    (void)name;
    return {};
}
inline result<void> check_word(std::string_view text) {
    if (text.empty() || text.size() > segment_characters) return fail(errc::bad_length, "AM-CAP-003");
    return {};
}
inline result<void> check_offer(std::string_view text) { return check_capability(text); }
inline result<void> check_need(std::string_view text) { return check_pattern(text); }

}  // namespace capability_rules

inline std::string write(const capability_request& content) {
    std::string out;
    json::writer to{out};
    to.begin_object();
    capability_rules::write_list(to, "i_need", content.i_need);
    capability_rules::write_list(to, "i_offer", content.i_offer);
    capability_rules::write_list(to, "preferred_schemas", content.preferred_schemas);
    capability_rules::write_list(to, "languages", content.languages);
    capability_rules::write_list(to, "payment_methods", content.payment_methods);
    to.end_object();
    return out;
}

inline std::string write(const capability_response& content) {
    std::string out;
    json::writer to{out};
    to.begin_object();
    capability_rules::write_list(to, "matched", content.matched);
    capability_rules::write_list(to, "unavailable", content.unavailable);
    const auto optional = [&](std::string_view name, const std::optional<std::string>& word) {
        if (word) to.member(name, *word);
    };
    optional("suggested_alternative", content.suggested_alternative);
    optional("agreed_schema", content.agreed_schema);
    optional("agreed_language", content.agreed_language);
    optional("agreed_payment", content.agreed_payment);
    to.end_object();
    return out;
}

inline result<capability_request> parse_capability_request(std::string_view text) {
    namespace rules = capability_rules;
    capability_request out;
    json::reader in{text};
    in.begin_object("AM-CAP-003");
    while (const auto name = in.next_member()) {
        if (*name == "i_need") rules::read_list(in, out.i_need, rules::check_need);
        else if (*name == "i_offer") rules::read_list(in, out.i_offer, rules::check_offer);
        else if (*name == "preferred_schemas") rules::read_list(in, out.preferred_schemas, rules::check_schema_name);
        else if (*name == "languages") rules::read_list(in, out.languages, rules::check_word);
        else if (*name == "payment_methods") rules::read_list(in, out.payment_methods, rules::check_word);
    }
    AGENTMESH_CHECK(in.finish());
    return out;
}

inline result<capability_response> parse_capability_response(std::string_view text) {
    namespace rules = capability_rules;
    capability_response out;
    json::reader in{text};
    in.begin_object("AM-CAP-003");
    while (const auto name = in.next_member()) {
        if (*name == "matched") rules::read_list(in, out.matched, rules::check_offer);
        else if (*name == "unavailable") rules::read_list(in, out.unavailable, rules::check_need);
        else if (*name == "suggested_alternative") rules::read_word(in, out.suggested_alternative);
        else if (*name == "suggested_alternatives") {
            std::vector<std::string> all;
            rules::read_list(in, all, rules::check_offer);
            if (!all.empty() && !out.suggested_alternative) out.suggested_alternative = all.front();
        } else if (*name == "agreed_schema") rules::read_word(in, out.agreed_schema);
        else if (*name == "agreed_language") rules::read_word(in, out.agreed_language);
        else if (*name == "agreed_payment") rules::read_word(in, out.agreed_payment);
    }
    AGENTMESH_CHECK(in.finish());
    return out;
}

}  // namespace agentmesh::message
