// Reads and writes zoo.toml and registry.toml.
#include "conformance/zoo/registry_reference.hpp"
#include "conformance/zoo/selftest.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

namespace agentmesh::conformance::zoo {

extern const std::string_view zoo_toml;
extern const std::string_view registry_toml;

namespace {

std::vector<std::string> strings(const toml::table& entry, std::string_view member) {
    std::vector<std::string> out;
    if (const auto* list = entry[member].as_array())
        for (const auto& item : *list) out.push_back(item.value_or<std::string>(""));
    return out;
}

void write_list(std::ostream& out, std::string_view member, const std::vector<std::string>& values) {
    out << member << " = [";
    std::size_t column = member.size() + 4;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto text = '"' + values[i] + '"' + (i + 1 < values.size() ? ", " : "");
        if (column + text.size() > 118) {
            out << "\n  ";
            column = 2;
        }
        out << text;
        column += text.size();
    }
    out << "]\n";
}

}  // namespace

std::vector<mutant_entry> parse_mutants(std::string_view text, target_role of) {
    const bool registry = of == target_role::registry;
    const std::string file = registry ? "registry.toml" : "zoo.toml";
    const std::string prefix{registry ? registry_prefix : ""};
    const auto& known = registry ? registry_fault_names() : fault_names();
    std::vector<mutant_entry> out;
    const auto document = toml::parse(text);
    for (const auto& [name, node] : document) {
        const auto* entry = node.as_table();
        if (!entry) throw std::runtime_error{file + ": " + std::string{name.str()} + " is not a table"};
        // The file and the library name the same faults, or one of them is out of date.
        if (std::find(known.begin(), known.end(), name.str()) == known.end())
            throw std::runtime_error{file + ": no fault point named " + std::string{name.str()}};
        out.push_back({of, prefix + std::string{name.str()}, strings(*entry, "breaks"), strings(*entry, "fails"),
                       strings(*entry, "kills"), (*entry)["what"].value_or<std::string>("")});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const auto name : known)
        if (std::none_of(out.begin(), out.end(), [&](const auto& entry) { return entry.name == prefix + std::string{name}; }))
            throw std::runtime_error{file + ": the fault point " + std::string{name} + " has no entry"};
    return out;
}

const std::vector<mutant_entry>& mutants() {
    static const std::vector<mutant_entry> all = [] {
        auto out = parse_mutants(zoo_toml, target_role::relay);
        const auto more = parse_mutants(registry_toml, target_role::registry);
        out.insert(out.end(), more.begin(), more.end());
        return out;
    }();
    return all;
}

const std::set<std::string>& killed_requirements() {
    static const std::set<std::string> all = [] {
        std::set<std::string> out;
        for (const auto& entry : mutants()) out.insert(entry.kills.begin(), entry.kills.end());
        return out;
    }();
    return all;
}

std::string mutants_text(const std::vector<mutant_entry>& entries) {
    const bool registry = !entries.empty() && entries.front().role == target_role::registry;
    const std::string kind{registry ? "registry" : "relay"};
    std::ostringstream out;
    out << "# The mutants: the reference " << kind << " with one line broken, one table a fault point of the library.\n"
        << "#   what    what the broken " << kind << " does\n"
        << "#   breaks  the requirements that the line keeps\n"
        << "#   fails   exactly the cases whose verdict is no longer that of the unbroken " << kind << "\n"
        << "#   kills   the requirements whose checks fail there\n"
        << "# `amconf selftest --zoo " << (registry ? "--only registry " : "")
        << "--learn FILE` writes what it sees; every change is read before it is committed.\n";
    for (const auto& entry : entries) {
        out << "\n[" << entry.name.substr(registry ? registry_prefix.size() : 0) << "]\nwhat = \"" << entry.what << "\"\n";
        write_list(out, "breaks", entry.breaks);
        write_list(out, "fails", entry.fails);
        write_list(out, "kills", entry.kills);
    }
    return out.str();
}

}  // namespace agentmesh::conformance::zoo
