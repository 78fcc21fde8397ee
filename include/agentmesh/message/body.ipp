// Bodies of message/body.hpp.
#pragma once

namespace agentmesh::message {

namespace body_rules {

inline constexpr clause_id clause = "AM-ENV-008";
inline constexpr std::size_t tags = 64;

// Each reads one member that may be null.
template <class Read>
auto optional(json::reader& in, Read&& read) -> std::optional<decltype(read())> {
    if (in.peek() == json::kind::null) return in.null(), std::nullopt;
    return read();
}
[[nodiscard]] inline std::optional<std::string> text(json::reader& in) {
    return optional(in, [&] { return in.string(clause).text(); });
}
[[nodiscard]] inline std::optional<std::string> json_value(json::reader& in) {
    return optional(in, [&] { return std::string{in.skip()}; });
}
[[nodiscard]] inline std::optional<std::uint64_t> count(json::reader& in) {
    return optional(in, [&] {
        const std::int64_t number = in.integer(clause);
        if (number < 0) in.refuse(errc::wrong_member, clause);
        return static_cast<std::uint64_t>(number);
    });
}
[[nodiscard]] inline std::int64_t millionths(json::reader& in, std::int64_t most) {
    const auto token = in.number(clause);
    if (!in.ok()) return 0;
    const auto value = to_millionths(token.raw);
    if (!value || *value < 0 || *value > most) in.refuse(errc::wrong_member, clause);
    return value.value_or(0);
}
[[nodiscard]] inline std::uint32_t ratio(json::reader& in) {
    return static_cast<std::uint32_t>(millionths(in, million));
}

[[nodiscard]] inline budget read_budget(json::reader& in) {
    budget out;
    std::optional<std::int64_t> max, amount;  // whichever order they come in, `max` counts
    in.begin_object(clause);
    while (const auto name = in.next_member()) {
        if (*name == "max") max = millionths(in, limits::json_integer);
        if (*name == "amount") amount = millionths(in, limits::json_integer);
        if (*name == "currency") out.currency = in.string(clause).text();
    }
    if (in.ok() && !max && !amount) in.refuse(errc::missing_member, clause);
    out.max_micros = max ? *max : amount.value_or(0);
    return out;
}

[[nodiscard]] inline feedback read_feedback(json::reader& in) {
    feedback out;
    if (in.peek() == json::kind::number) return out.score_ppm = ratio(in), out;
    bool found = false;
    in.begin_object(clause);
    while (const auto name = in.next_member()) {
        if (*name == "score") {
            out.score_ppm = ratio(in);
            found = true;
        } else if (*name == "tags") {
            in.begin_array(clause);
            while (in.next_element()) {
                if (out.tags.size() == tags) in.refuse(errc::too_large, clause);
                out.tags.push_back(in.string(clause).text());
            }
        }
    }
    if (in.ok() && !found) in.refuse(errc::missing_member, clause);
    return out;
}

inline void read(json::reader& in, std::string_view name, request_body& out) {
    if (name == "intent") out.intent = text(in);
    else if (name == "parameters") {
        if (in.peek() != json::kind::object && in.peek() != json::kind::null) in.refuse(errc::wrong_member, clause);
        out.parameters = json_value(in);
    } else if (name == "budget") out.budget = optional(in, [&] { return read_budget(in); });
    else if (name == "response_format") {
        if (in.peek() == json::kind::null) return in.null();
        in.begin_object(clause);
        while (const auto inner = in.next_member()) {
            if (*inner == "type") out.response_type = text(in);
            else if (*inner == "schema") out.response_schema = text(in);
        }
    } else if (name == "content") out.content = json_value(in);
    else if (name == "priority") {
        const auto word = text(in);
        if (!word || !in.ok()) return;
        const auto at = std::find(priority_words.begin(), priority_words.end(), *word);
        if (at == priority_words.end()) return in.refuse(errc::wrong_member, clause);
        out.priority = static_cast<priority>(at - priority_words.begin());
    } else if (name == "schema") out.schema = text(in);
}
inline void read(json::reader& in, std::string_view name, response_body& out) {
    if (name == "status") out.status = text(in);
    else if (name == "results") out.results = json_value(in);
    else if (name == "result_count") out.result_count = count(in);
    else if (name == "schema") out.schema = text(in);
    else if (name == "content") out.content = json_value(in);
    else if (name == "processing_time_ms") out.processing_time_ms = count(in);
    else if (name == "completed_at") out.completed_at = text(in);
}
inline void read(json::reader& in, std::string_view name, status_body& out) {
    if (name == "status") out.status = text(in);
    else if (name == "progress") out.progress_ppm = optional(in, [&] { return ratio(in); });
    else if (name == "estimated_completion_seconds") out.estimated_completion_seconds = count(in);
    else if (name == "message") out.message = text(in);
    else if (name == "phase") out.phase = text(in);
}
inline void read(json::reader& in, std::string_view name, error_body& out) {
    if (name == "code") out.code = spelled_code{code_topic::error, in.string(clause).text()};
    else if (name == "message") out.message = text(in);
    else if (name == "retry_after_seconds") out.retry_after_seconds = count(in);
    else if (name == "fallback_amid") {
        const auto word = text(in);
        if (!word || !in.ok()) return;
        if (const auto who = amid::parse(*word)) out.fallback = *who;
        else in.refuse(who.error().code, clause);
    } else if (name == "details") out.details = json_value(in);
}
inline void read(json::reader& in, std::string_view name, close_body& out) {
    if (name == "reason") out.reason = spelled_code{code_topic::close, in.string(clause).text()};
    else if (name == "summary") out.summary = text(in);
    else if (name == "reputation_feedback") out.reputation_feedback = optional(in, [&] { return read_feedback(in); });
}

// What each type cannot do without.
[[nodiscard]] inline bool is_complete(const request_body& one) noexcept { return one.intent || one.content; }
[[nodiscard]] inline bool is_complete(const response_body& one) noexcept { return one.status || one.content; }
[[nodiscard]] inline bool is_complete(const status_body& one) noexcept { return one.status || one.progress_ppm; }
[[nodiscard]] inline bool is_complete(const error_body& one) noexcept { return !one.code.text().empty(); }
[[nodiscard]] inline bool is_complete(const close_body& one) noexcept { return !one.reason.text().empty(); }

template <class Body>
[[nodiscard]] result<body> parse(std::string_view payload) {
    Body out;
    json::reader in{payload, {.bytes = envelope_bytes}};
    in.begin_object(clause);
    while (const auto name = in.next_member()) read(in, *name, out);
    AGENTMESH_CHECK(in.finish());
    if (!is_complete(out)) return fail(errc::missing_member, clause);
    return body{std::move(out)};
}

// --- writing -----------------------------------------------------------------------------------------------

/// Writes the members that are set.
struct members {
    json::writer& to;
    bool good = true;  // everything that should be JSON is

    void text(std::string_view name, const std::optional<std::string>& value) {
        if (value) to.member(name, *value);
    }
    template <class Number>
    void number(std::string_view name, const std::optional<Number>& value) {
        if (!value) return;
        good = good && std::cmp_less_equal(*value, limits::json_integer);
        if (good) to.member(name, *value);
    }
    void json_value(std::string_view name, const std::optional<std::string>& value, bool object = false) {
        if (!value) return;
        // A reader takes null for absent.
        good = good && json::validate(*value, {.bytes = envelope_bytes}) &&
               json::reader{*value}.peek() != json::kind::null && (!object || envelope_rules::is_object(*value));
        if (good) to.name(name).verbatim(*value);
    }
    void decimal(std::string_view name, std::int64_t millionths) {
        to.name(name).verbatim(from_millionths(millionths));
    }
};

inline void write(members& out, const request_body& one) {
    out.text("intent", one.intent);
    out.json_value("parameters", one.parameters, true);
    if (one.budget) {
        out.good = out.good && one.budget->max_micros >= 0 && one.budget->max_micros <= limits::json_integer;
        out.to.name("budget").begin_object();
        out.decimal("max", one.budget->max_micros);
        if (!one.budget->currency.empty()) out.to.member("currency", one.budget->currency);
        out.to.end_object();
    }
    if (one.response_type || one.response_schema) {
        out.to.name("response_format").begin_object();
        out.text("type", one.response_type);
        out.text("schema", one.response_schema);
        out.to.end_object();
    }
    out.json_value("content", one.content);
    if (one.priority) out.to.member("priority", priority_words[static_cast<std::size_t>(*one.priority)]);
    out.text("schema", one.schema);
}
inline void write(members& out, const response_body& one) {
    out.text("status", one.status);
    out.json_value("results", one.results);
    out.number("result_count", one.result_count);
    out.text("schema", one.schema);
    out.json_value("content", one.content);
    out.number("processing_time_ms", one.processing_time_ms);
    out.text("completed_at", one.completed_at);
}
inline void write(members& out, const status_body& one) {
    out.text("status", one.status);
    if (one.progress_ppm) {
        out.good = out.good && *one.progress_ppm <= million;
        out.decimal("progress", *one.progress_ppm);
    }
    out.number("estimated_completion_seconds", one.estimated_completion_seconds);
    out.text("message", one.message);
    out.text("phase", one.phase);
}
inline void write(members& out, const error_body& one) {
    out.to.member("code", one.code.text());
    out.text("message", one.message);
    out.number("retry_after_seconds", one.retry_after_seconds);
    if (one.fallback) out.to.member("fallback_amid", one.fallback->text());
    out.json_value("details", one.details);
}
inline void write(members& out, const close_body& one) {
    out.to.member("reason", one.reason.text());
    out.text("summary", one.summary);
    if (!one.reputation_feedback) return;
    const feedback& said = *one.reputation_feedback;
    out.good = out.good && said.score_ppm <= million && said.tags.size() <= tags;
    out.to.name("reputation_feedback").begin_object();
    out.decimal("score", said.score_ppm);
    out.to.name("tags").begin_array();
    for (const std::string& tag : said.tags) out.to.value(tag);
    out.to.end_array().end_object();
}

}  // namespace body_rules

inline result<body> parse_body(std::string_view type, std::string_view payload) {
    switch (body_type_of(type)) {
        case body_type::request: return body_rules::parse<request_body>(payload);
        case body_type::response: return body_rules::parse<response_body>(payload);
        case body_type::status: return body_rules::parse<status_body>(payload);
        case body_type::error: return body_rules::parse<error_body>(payload);
        case body_type::close: return body_rules::parse<close_body>(payload);
        case body_type::other: break;
    }
    json::reader in{payload, {.bytes = envelope_bytes}};
    in.begin_object(body_rules::clause);
    AGENTMESH_CHECK(in.finish());
    return body{other_body{std::string{type}, std::string{payload}}};
}

inline std::string_view type_of(const body& content) noexcept {
    if (const auto* other = std::get_if<other_body>(&content)) return other->type;
    return body_type_words[content.index()];
}

inline result<std::string> write_body(const body& content) {
    const auto refused = [] { return fail(errc::wrong_member, body_rules::clause); };
    if (const auto* other = std::get_if<other_body>(&content)) {
        if (body_type_of(other->type) != body_type::other || !envelope_rules::is_type(other->type) ||
            !envelope_rules::is_object(other->payload))
            return refused();
        AGENTMESH_CHECK(json::validate(other->payload, {.bytes = envelope_bytes}));
        return other->payload;
    }
    std::string out;
    json::writer to{out};
    body_rules::members set{to};
    const bool complete = std::visit(
        [&](const auto& one) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(one)>, other_body>) {
                if (!body_rules::is_complete(one)) return false;
                to.begin_object();
                body_rules::write(set, one);
                to.end_object();
                return set.good;
            } else {
                return false;
            }
        },
        content);
    if (!complete) return refused();
    return out;
}

}  // namespace agentmesh::message
