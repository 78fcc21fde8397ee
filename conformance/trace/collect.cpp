#include "conformance/trace/collect.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <stdexcept>

namespace agentmesh::conformance::trace {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;

std::string read_text(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return text;
}

/// Files below root/folder with one of the endings, sorted; none if there is no such folder.
std::vector<fs::path> files(const fs::path& root, std::string_view folder, std::initializer_list<std::string_view> endings) {
    std::vector<fs::path> out;
    const auto start = root / folder;
    if (!fs::is_directory(start)) return out;
    for (const auto& entry : fs::recursive_directory_iterator(start)) {
        const auto ending = entry.path().extension().string();
        if (entry.is_regular_file() && std::find(endings.begin(), endings.end(), ending) != endings.end()) {
            out.push_back(entry.path());
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::string name_in(const fs::path& root, const fs::path& path) { return path.lexically_relative(root).generic_string(); }

std::vector<std::string> strings(const json& value) {
    std::vector<std::string> out;
    if (value.is_string()) out.push_back(value.get<std::string>());
    if (value.is_array()) {
        for (const auto& item : value) {
            if (item.is_string()) out.push_back(item.get<std::string>());
        }
    }
    return out;
}

/// The ids in a text, each once, as AM-X-nnn whichever way they are written.
std::set<std::string> ids_in(const std::string& text) {
    static const std::regex form("\\bAM([-_])([A-Z][A-Z0-9]*)\\1([0-9]{3})\\b");
    std::set<std::string> out;
    for (auto at = std::sregex_iterator(text.begin(), text.end(), form); at != std::sregex_iterator(); ++at) {
        out.insert("AM-" + (*at)[2].str() + "-" + (*at)[3].str());
    }
    return out;
}

trace_link plain(link_kind kind, const std::string& name, const std::string& requirement) {
    trace_link out;
    out.kind = kind;
    out.artifact = std::string(to_string(kind)) + " " + name;
    out.requirement = requirement;
    return out;
}

/// The digests of sentences that a file says it was written against, by requirement; none if it does not say.
std::map<std::string, std::string> stated_hashes(const json& document, const std::string& where) {
    std::map<std::string, std::string> out;
    const json::json_pointer pointer(where);
    if (!document.contains(pointer)) return out;
    for (const auto& [id, hash] : document.at(pointer).items()) {
        if (hash.is_string()) out[id] = hash.get<std::string>();
    }
    return out;
}

/// True for a schema that chooses between others and enforces nothing itself.
bool only_refers(const json& schema) {
    const auto choice = schema.find("oneOf");
    if (choice == schema.end() || !choice->is_array() || schema.contains("properties")) return false;
    return std::all_of(choice->begin(), choice->end(), [](const json& one) { return one.is_object() && one.contains("$ref"); });
}

/// One file of vectors: what its rows say about each requirement that their flags stand for.
class vector_file {
public:
    vector_file(link_set& into, std::string name) : into_{into}, name_{std::move(name)} {}

    void read(const json& document) {
        const auto notes = document.value("notes", json::object());
        for (const auto& [flag, note] : notes.items()) {
            requirements_[flag] = strings(note.value("req", json::array()));
            // Rows beyond SPEC.md rest on the document that they name.
            const bool elsewhere = !strings(note.value("references", json::array())).empty();
            if (requirements_[flag].empty() && !elsewhere) complain("note \"" + flag + "\" names neither a requirement nor a source");
        }
        for (const auto& group : document.value("groups", json::array())) {
            for (const auto& row : group.value("tests", json::array())) read_row(row);
        }
        for (const auto& [flag, ids] : requirements_) {
            if (!used_.contains(flag)) complain("note \"" + flag + "\" belongs to no row");
        }
        const auto hashes = stated_hashes(document, "/spec/sentences");
        for (auto& [id, one] : links_) {
            if (const auto stated = hashes.find(id); stated != hashes.end()) one.hash = stated->second;
            one.file_accepts = accepts_;
            into_.links.push_back(std::move(one));
        }
    }

private:
    void complain(std::string text) { into_.orphans.push_back({"vector " + name_, std::move(text)}); }

    void read_row(const json& row) {
        const auto expect = row.value("expect", std::string{});
        const bool accepts = expect.starts_with("accept"), rejects = expect.starts_with("reject");
        accepts_ = accepts_ || accepts;
        std::set<std::string> ids;
        for (const auto& flag : strings(row.value("flags", json::array()))) {
            const auto found = requirements_.find(flag);
            if (found == requirements_.end()) {
                if (used_.insert(flag).second) complain("flag \"" + flag + "\" has no note");
                continue;
            }
            used_.insert(flag);
            ids.insert(found->second.begin(), found->second.end());
        }
        for (const auto& id : ids) {
            auto& one = links_.try_emplace(id, plain(link_kind::vector, name_, id)).first->second;
            if (accepts) ++one.accepts;
            if (rejects) ++one.rejects;
        }
    }

    link_set& into_;
    std::string name_;
    std::map<std::string, std::vector<std::string>> requirements_;  // by flag
    std::map<std::string, trace_link> links_;                             // by requirement
    std::set<std::string> used_;
    bool accepts_ = false;
};

json parse_file(link_set& into, std::string_view kind, const fs::path& path, const fs::path& root) {
    auto document = json::parse(read_text(path), nullptr, false);
    if (document.is_object()) return document;
    into.orphans.push_back({std::string(kind) + " " + name_in(root, path), "is not a JSON object"});
    return json::object();
}

}  // namespace

std::string_view to_string(link_kind kind) noexcept {
    constexpr std::array<std::string_view, link_kinds> names{"case", "vector", "schema", "fuzz", "mutant", "code", "test"};
    return names[static_cast<unsigned>(kind)];
}

void collect_cases(link_set& into, std::span<const conformance_case* const> cases) {
    for (const auto* one : cases) {
        if (one->proves.empty()) into.orphans.push_back({"case " + std::string(one->id), "proves nothing"});
        for (const auto* proven : one->proves) {
            into.links.push_back(plain(link_kind::test_case, std::string(one->id), std::string(proven->id)));
        }
    }
}

void collect_mutants(link_set& into, std::span<const mutant_claim> mutants) {
    for (const auto& one : mutants) {
        if (one.breaks.empty()) into.orphans.push_back({"mutant " + one.name, "breaks nothing"});
        for (const auto& id : one.breaks) into.links.push_back(plain(link_kind::mutant, one.name, id));
    }
}

void collect_vectors(link_set& into, const fs::path& root) {
    for (const auto& path : files(root, "vectors", {".json"})) {
        const auto document = parse_file(into, "vector", path, root);
        // Other JSON, such as an index or a schema of the format, holds no rows.
        if (!document.contains("groups")) continue;
        try {
            vector_file(into, name_in(root, path)).read(document);
        } catch (const json::exception&) {
            into.orphans.push_back({"vector " + name_in(root, path), "does not have the form of a vector file"});
        }
    }
}

void collect_schemas(link_set& into, const fs::path& root) {
    for (const auto& path : files(root, "schemas", {".json"})) {
        const auto document = parse_file(into, "schema", path, root);
        // Other JSON, such as samples that a schema refuses, is no schema.
        if (!document.contains("$schema")) continue;
        // Protocols of programs; their rules stand in docs/shim-protocol.md and docs/command-line.md, not in SPEC.md.
        const auto name = name_in(root, path);
        if (name.starts_with("schemas/shim/") || name.starts_with("schemas/cli/")) continue;
        std::set<std::string> ids;
        const std::function<void(const json&)> walk = [&](const json& node) {
            if (node.is_object() && node.contains("x-req")) {
                for (auto& id : strings(node["x-req"])) ids.insert(std::move(id));
            }
            if (node.is_structured()) {
                for (const auto& child : node) walk(child);
            }
        };
        walk(document);
        if (ids.empty() && !only_refers(document)) into.orphans.push_back({"schema " + name_in(root, path), "names no requirement"});
        const auto hashes = stated_hashes(document, "/x-spec/sentences");
        for (const auto& id : ids) {
            auto one = plain(link_kind::schema, name_in(root, path), id);
            if (const auto stated = hashes.find(id); stated != hashes.end()) one.hash = stated->second;
            into.links.push_back(std::move(one));
        }
    }
}

void collect_fuzz_targets(link_set& into, const fs::path& root) {
    static const std::regex call("(?:^|\\n)AM_FUZZ\\(([^)]*)\\)");
    for (const auto& path : files(root, "fuzz", {".cpp"})) {
        const auto text = read_text(path);
        std::set<std::string> ids;
        for (auto at = std::sregex_iterator(text.begin(), text.end(), call); at != std::sregex_iterator(); ++at) {
            ids.merge(ids_in((*at)[1].str()));
        }
        const bool target = text.find("LLVMFuzzerTestOneInput(const") != std::string::npos;
        if (target && ids.empty()) into.orphans.push_back({"fuzz " + name_in(root, path), "names no requirement"});
        for (const auto& id : ids) into.links.push_back(plain(link_kind::fuzz, name_in(root, path), id));
    }
}

void collect_mentions(link_set& into, const fs::path& root) {
    for (const auto& path : files(root, "include", {".hpp", ".ipp"})) {
        for (const auto& id : ids_in(read_text(path))) into.links.push_back(plain(link_kind::code, name_in(root, path), id));
    }
    for (const auto& path : files(root, "tests", {".cpp", ".hpp", ".py"})) {
        for (const auto& id : ids_in(read_text(path))) into.links.push_back(plain(link_kind::test, name_in(root, path), id));
    }
}

review_ledger read_ledger(const fs::path& root) {
    const auto path = root / "conformance" / "reviewed.json";
    if (!fs::exists(path)) return {};
    try {
        return json::parse(read_text(path)).get<review_ledger>();
    } catch (const json::exception&) {
        throw std::runtime_error(path.string() + " is not a map of artefacts to requirements to digests");
    }
}

}  // namespace agentmesh::conformance::trace
