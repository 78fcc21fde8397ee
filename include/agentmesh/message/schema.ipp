// Bodies of message/schema.hpp.
#pragma once

namespace agentmesh::message {

namespace schema_rules {

inline constexpr std::array<std::string_view, 7> type_words = {"null",   "boolean", "object", "array",
                                                               "number", "string",  "integer"};
inline constexpr std::uint8_t integer_bit = 1U << 6;
inline constexpr std::uint8_t number_bit = 1U << 4;

[[nodiscard]] constexpr std::uint8_t bit_of(json::kind kind) noexcept {
    switch (kind) {
        case json::kind::null: return 1U << 0;
        case json::kind::boolean: return 1U << 1;
        case json::kind::object: return 1U << 2;
        case json::kind::array: return 1U << 3;
        case json::kind::number: return number_bit;
        case json::kind::string: return 1U << 5;
        case json::kind::none: break;
    }
    return 0;
}

/// Code points of a string as it stands in its text.
[[nodiscard]] inline std::uint64_t characters(const json::string_token& token) {
    const auto count = [](std::string_view text) {
        return static_cast<std::uint64_t>(std::count_if(
            text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    };
    return token.escaped ? count(token.text()) : count(token.raw);
}

/// Names for people, which check nothing.
[[nodiscard]] inline bool is_annotation(std::string_view name) noexcept {
    return name == "title" || name == "description" || name == "$id" || name == "$schema" || name == "$comment" ||
           name == "default" || name == "examples" || name.starts_with("x-");
}

}  // namespace schema_rules

// --- compiling -----------------------------------------------------------------------------------------------

/// Reads one description. The errors are the reader's, so that the first one ends everything.
struct schema_compiler {
    json::reader in;
    schema out{};

    void refuse() { in.refuse(errc::bad_capability, "AM-CAP-008"); }

    std::size_t subschema(std::size_t depth) {
        const std::size_t self = out.nodes_.size();
        out.nodes_.emplace_back();
        if (depth == schema_depth) in.refuse(errc::json_too_deep, "AM-CAP-008");
        in.begin_object("AM-CAP-008");
        while (const auto name = in.next_member()) {
            schema::node read = std::move(out.nodes_[self]);  // a subschema below may move the others
            keyword(*name, read, depth);
            out.nodes_[self] = std::move(read);
        }
        return self;
    }

    void keyword(std::string_view name, schema::node& here, std::size_t depth) {
        if (name == "type") types(here);
        else if (name == "enum") values(here);
        else if (name == "const") here.constant = canonical();
        else if (name == "required") {
            in.begin_array("AM-CAP-008");
            while (in.next_element()) here.required.push_back(in.string("AM-CAP-008").text());
        } else if (name == "properties") {
            in.begin_object("AM-CAP-008");
            while (const auto member = in.next_member()) {
                std::string key{*member};
                here.properties.emplace(std::move(key), subschema(depth + 1));
            }
        } else if (name == "additionalProperties") {
            if (in.peek() == json::kind::boolean) here.closed = !in.boolean();
            else here.additional = subschema(depth + 1);
        } else if (name == "items") here.items = subschema(depth + 1);
        else if (name == "minimum") here.minimum = in.number("AM-CAP-008").real();
        else if (name == "maximum") here.maximum = in.number("AM-CAP-008").real();
        else if (name == "minLength") here.min_length = length();
        else if (name == "maxLength") here.max_length = length();
        else if (!schema_rules::is_annotation(name)) refuse();
    }

    void types(schema::node& here) {
        const auto one = [&] {
            const auto word = in.string("AM-CAP-008").text();
            const auto at = std::find(schema_rules::type_words.begin(), schema_rules::type_words.end(), word);
            if (at == schema_rules::type_words.end()) return refuse();
            here.types = static_cast<std::uint8_t>(here.types | 1U << (at - schema_rules::type_words.begin()));
        };
        if (in.peek() != json::kind::array) return one();
        in.begin_array();
        while (in.next_element()) one();
        if (here.types == 0) refuse();
    }

    void values(schema::node& here) {
        here.listed = true;
        in.begin_array("AM-CAP-008");
        while (in.next_element()) {
            if (here.values.size() == schema_values) in.refuse(errc::too_large, "AM-CAP-008");
            here.values.push_back(canonical());
        }
        if (here.values.empty()) refuse();
    }

    std::string canonical() {
        auto text = json::canonicalize(in.skip());
        if (text) return std::move(*text);
        in.refuse(text.error().code, "AM-CAP-008");
        return {};
    }

    std::uint64_t length() {
        const std::int64_t value = in.integer("AM-CAP-008");
        if (value < 0) refuse();
        return static_cast<std::uint64_t>(value);
    }
};

inline result<schema> schema::compile(std::string_view description) {
    schema_compiler compiler{json::reader{description, {.bytes = schema_bytes}}};
    compiler.subschema(0);
    AGENTMESH_CHECK(compiler.in.finish());
    return std::move(compiler.out);
}

// --- checking -------------------------------------------------------------------------------------------------

/// One pass over a text beside the nodes of a schema.
struct schema_walk {
    const std::vector<schema::node>& nodes;
    std::vector<finding> found{};
    std::string pointer{};

    void report(std::string_view keyword) {
        if (found.size() < findings_kept) found.push_back({pointer, keyword});
    }

    /// Runs `inner` with the pointer one step further.
    template <class Inner>
    void below(std::string_view step, Inner&& inner) {
        const std::size_t size = pointer.size();
        pointer += '/';
        for (const char c : step) {
            if (c == '~') pointer += "~0";
            else if (c == '/') pointer += "~1";
            else pointer += c;
        }
        inner();
        pointer.resize(size);
    }

    void value(json::reader& in, const schema::node& here) {
        if (!here.listed && !here.constant) return content(in, here);
        const std::string_view text = in.skip();
        if (!in.ok()) return;
        // A text without canonical form is a number that no listed value can be equal to.
        const auto canonical = json::canonicalize(text);
        const auto is = [&](const std::string& one) { return canonical && *canonical == one; };
        if (here.listed && std::none_of(here.values.begin(), here.values.end(), is)) report("enum");
        if (here.constant && !is(*here.constant)) report("const");
        json::reader again{text};
        content(again, here);
    }

    void content(json::reader& in, const schema::node& here) {
        switch (const json::kind kind = in.peek()) {
            case json::kind::number: return number(in, here);
            case json::kind::string:
                type(here, schema_rules::bit_of(kind));
                return string(in, here);
            case json::kind::object:
                type(here, schema_rules::bit_of(kind));
                return object(in, here);
            case json::kind::array:
                type(here, schema_rules::bit_of(kind));
                return array(in, here);
            default:
                type(here, schema_rules::bit_of(kind));
                (void)in.skip();
        }
    }

    void type(const schema::node& here, unsigned bits) {
        if (here.types != 0 && (here.types & bits) == 0) report("type");
    }

    void number(json::reader& in, const schema::node& here) {
        const auto token = in.number();
        if (!in.ok()) return;
        const double real = token.real();
        const bool whole = token.integral || std::floor(real) == real;
        type(here, whole ? schema_rules::number_bit | schema_rules::integer_bit : schema_rules::number_bit);
        if (here.minimum && real < *here.minimum) report("minimum");
        if (here.maximum && real > *here.maximum) report("maximum");
    }

    void string(json::reader& in, const schema::node& here) {
        const auto token = in.string();
        if (!in.ok() || (!here.min_length && !here.max_length)) return;
        const std::uint64_t size = schema_rules::characters(token);
        if (here.min_length && size < *here.min_length) report("minLength");
        if (here.max_length && size > *here.max_length) report("maxLength");
    }

    void array(json::reader& in, const schema::node& here) {
        in.begin_array();
        for (std::size_t index = 0; in.next_element(); ++index)
            if (here.items != schema::node::none)
                below(std::to_string(index), [&] { value(in, nodes[here.items]); });
    }

    void object(json::reader& in, const schema::node& here) {
        std::vector<bool> present(here.required.size());
        in.begin_object();
        while (const auto name = in.next_member()) {
            for (std::size_t i = 0; i < present.size(); ++i)
                if (here.required[i] == *name) present[i] = true;
            const auto known = here.properties.find(*name);
            if (known != here.properties.end())
                below(*name, [&] { value(in, nodes[known->second]); });
            else if (here.closed)
                below(*name, [&] { report("additionalProperties"); });
            else if (here.additional != schema::node::none)
                below(*name, [&] { value(in, nodes[here.additional]); });
        }
        if (!in.ok()) return;
        // The pointer of what is missing: the object alone would not say which.
        for (std::size_t i = 0; i < present.size(); ++i)
            if (!present[i]) below(here.required[i], [&] { report("required"); });
    }
};

inline result<std::vector<finding>> schema::check(std::string_view text) const {
    schema_walk walk{nodes_};
    json::reader in{text};
    walk.value(in, nodes_.front());
    AGENTMESH_CHECK(in.finish());
    return std::move(walk.found);
}

// --- the registry --------------------------------------------------------------------------------------------

inline schema_registry::schema_registry() {
    for (const standard_schema& one : standard_schemas) {
        auto compiled = schema::compile(one.description);
        assert(compiled && "the standard schemas are descriptions");
        if (compiled) schemas_.emplace(one.name, std::move(*compiled));
    }
}

inline result<void> schema_registry::add(std::string_view name, std::string_view description) {
    AGENTMESH_CHECK(parse_schema_name(name));
    if (!name.starts_with("x-")) return fail(errc::unknown_schema, "AM-CAP-004");
    if (schemas_.contains(name)) return fail(errc::bad_capability, "AM-CAP-004");
    if (schemas_.size() >= standard_schemas.size() + custom_schemas) return fail(errc::too_large, "AM-CAP-004");
    AGENTMESH_TRY(compiled, schema::compile(description));
    schemas_.emplace(name, std::move(compiled));
    return {};
}

inline const schema* schema_registry::find(std::string_view name) const noexcept {
    const auto at = schemas_.find(name);
    return at == schemas_.end() ? nullptr : &at->second;
}

inline std::vector<std::string> schema_registry::names() const {
    std::vector<std::string> out;
    for (const auto& one : schemas_) out.push_back(one.first);
    return out;
}

inline result<judgement> schema_registry::judge(std::string_view name, std::string_view text, validation mode) const {
    judgement out;
    const schema* const known = find(name);
    out.known = known != nullptr;
    if (mode == validation::silent) return out;
    if (known == nullptr) {
        AGENTMESH_CHECK(json::validate(text));
    } else {
        AGENTMESH_TRY(found, known->check(text));
        out.findings = std::move(found);
    }
    out.accepted = mode == validation::warning || (out.known && out.findings.empty());
    return out;
}

}  // namespace agentmesh::message
