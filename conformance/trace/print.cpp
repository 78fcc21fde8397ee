#include "conformance/trace/print.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

namespace agentmesh::conformance::trace {
namespace {

using ordered_json = nlohmann::ordered_json;

std::string joined(const std::vector<std::string>& parts, std::string_view with) {
    std::string out;
    for (const auto& part : parts) {
        if (!out.empty()) out += with;
        out += part;
    }
    return out;
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

bool is_must(const clause& one) { return one.level == keyword::must || one.level == keyword::must_not; }

/// Rows of one kind in a `src` tag: "ruling 16; T2, T3; cat 61-65, 70" holds T 2, 3 and cat 61 to 65, 70.
std::vector<int> rows_named(std::string_view source, std::string_view kind) {
    std::vector<int> out;
    while (!source.empty()) {
        const auto end = source.find("; ");
        auto part = source.substr(0, end);
        source.remove_prefix(end == std::string_view::npos ? source.size() : end + 2);
        const bool named = kind == "T" ? part.size() > 1 && part[0] == 'T' && part[1] >= '0' && part[1] <= '9'
                                       : part.starts_with(std::string(kind) + " ");
        if (!named) continue;
        const char* const stop = part.data() + part.size();
        int last = 0;
        for (const char* at = part.data(); at != stop;) {
            int number = 0;
            const auto [after, failed] = std::from_chars(at, stop, number);
            if (failed != std::errc{}) {
                ++at;
                continue;
            }
            // "-65" after "61": the sign is the dash of a range.
            const bool range = number < 0;
            if (range) number = -number;
            for (int i = range ? last + 1 : number; i <= number; ++i) out.push_back(i);
            last = number;
            at = after;
        }
    }
    return out;
}

/// "9, 11-39, 44"
std::string ranges(const std::vector<int>& numbers) {
    std::string out;
    for (std::size_t i = 0; i < numbers.size();) {
        auto end = i;
        while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
        out += (out.empty() ? "" : ", ") + std::to_string(numbers[i]);
        if (end > i) out += "-" + std::to_string(numbers[end]);
        i = end + 1;
    }
    return out.empty() ? "none" : out;
}

struct table {
    std::string_view kind, title;
    int rows;  // the table ends here
};
constexpr std::array tables{table{"cat", "rows of the adversarial catalogue", 163},
                            table{"T", "rows of the observed 0.2 transport", 32}};

}  // namespace

std::string trace_text(const traceability& judged) {
    std::string out;
    std::size_t must = 0, proven = 0;
    for (const auto& one : judged.requirements) {
        if (is_must(*one.of)) {
            ++must;
            proven += one.missing.empty() ? 1 : 0;
        }
        if (one.missing.empty()) continue;
        out += " E " + padded(std::string(one.of->id) + " " + std::string(to_string(one.of->level)), 19) + " " +
               padded(joined(one.missing, ", "), 52) + " SPEC.md:" + std::to_string(one.of->line) + "\n";
    }
    for (const auto& one : judged.orphans) out += " E " + one.artifact + " " + one.complaint + "\n";
    for (const auto& one : judged.complaints) out += " E " + one + "\n";
    out += std::to_string(judged.requirements.size()) + " requirements, " + std::to_string(must) + " MUST: " +
           std::to_string(proven) + " proven, " + std::to_string(judged.blocking()) + " blocking; " +
           std::to_string(judged.orphans.size()) + (judged.orphans.size() == 1 ? " orphan" : " orphans") + "   exit " +
           (judged.clean() ? "0" : "1") + "\n";
    return out;
}

std::string trace_json(const traceability& judged, const material& what) {
    constexpr std::array<std::string_view, 3> states{"current", "suspect", "unrecorded"};
    ordered_json requirements = ordered_json::array(), links = ordered_json::array(), orphans = ordered_json::array();
    std::map<std::string_view, const clause*> known;
    for (const auto& one : judged.requirements) {
        known.emplace(one.of->id, one.of);
        requirements.push_back({{"id", one.of->id},
                                {"keyword", to_string(one.of->level)},
                                {"set", to_string(one.of->set)},
                                {"line", one.of->line},
                                {"proven", one.missing.empty()},
                                {"missing", one.missing}});
    }
    for (const auto& one : what.found.links) {
        const auto of = known.find(one.requirement);
        if (of == known.end()) continue;
        const auto state = state_of(one, *of->second, what.reviewed);
        links.push_back({{"artifact", one.artifact},
                         {"kind", to_string(one.kind)},
                         {"requirement", one.requirement},
                         {"state", states[static_cast<unsigned>(state)]},
                         {"ledger", kept_in_ledger(one)}});
    }
    for (const auto& one : judged.orphans) orphans.push_back({{"artifact", one.artifact}, {"complaint", one.complaint}});
    const ordered_json document{{"clean", judged.clean()},   {"blocking", judged.blocking()}, {"requirements", requirements},
                                {"links", links},            {"orphans", orphans},            {"complaints", judged.complaints}};
    return document.dump(1) + "\n";
}

std::string catalogue_text(std::span<const clause* const> clauses) {
    std::string out;
    for (const auto& one : tables) {
        std::map<int, std::vector<std::string>> named;
        for (const auto* requirement : clauses) {
            for (const int row : rows_named(requirement->source, one.kind)) named[row].emplace_back(requirement->id);
        }
        std::vector<int> open;
        for (int row = 1; row <= one.rows; ++row) {
            if (!named.contains(row)) open.push_back(row);
        }
        for (const auto& [row, ids] : named) {
            out += padded(std::string(one.kind) + " " + std::to_string(row), 9) + joined(ids, " ") + "\n";
        }
        out += std::to_string(named.size()) + " of " + std::to_string(one.rows) + " " + std::string(one.title) +
               " have a clause; none yet: " + ranges(open) + "\n\n";
    }
    return out;
}

}  // namespace agentmesh::conformance::trace
