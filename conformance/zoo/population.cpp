// Reads and writes zoo.toml.
#include "conformance/zoo/reference.hpp"
#include "conformance/zoo/selftest.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

namespace agentmesh::conformance::zoo {

extern const std::string_view zoo_toml;

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

std::vector<mutant_entry> parse_mutants(std::string_view text) {
    std::vector<mutant_entry> out;
    const auto document = toml::parse(text);
    for (const auto& [name, node] : document) {
        const auto* entry = node.as_table();
        if (!entry) throw std::runtime_error{"zoo.toml: " + std::string{name.str()} + " is not a table"};
        out.push_back({std::string{name.str()}, strings(*entry, "breaks"), strings(*entry, "fails"),
                       strings(*entry, "kills"), (*entry)["what"].value_or<std::string>("")});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });

    // The file and the library name the same faults, or one of them is out of date.
    for (const auto& entry : out)
        if (!find_fault(entry.name)) throw std::runtime_error{"zoo.toml: no fault point named " + entry.name};
    for (const auto name : fault_names())
        if (std::none_of(out.begin(), out.end(), [&](const auto& entry) { return entry.name == name; }))
            throw std::runtime_error{"zoo.toml: the fault point " + std::string{name} + " has no entry"};
    return out;
}

const std::vector<mutant_entry>& mutants() {
    static const std::vector<mutant_entry> all = parse_mutants(zoo_toml);
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
    std::ostringstream out;
    out << "# The mutants: the reference relay with one line broken, one table a fault point of the library.\n"
           "#   what    what the broken relay does\n"
           "#   breaks  the requirements that the line keeps\n"
           "#   fails   exactly the cases whose verdict is no longer that of the unbroken relay\n"
           "#   kills   the requirements whose checks fail there\n"
           "# `amconf selftest --zoo --learn FILE` writes what it sees; every change is read before it is committed.\n";
    for (const auto& entry : entries) {
        out << "\n[" << entry.name << "]\nwhat = \"" << entry.what << "\"\n";
        write_list(out, "breaks", entry.breaks);
        write_list(out, "fails", entry.fails);
        write_list(out, "kills", entry.kills);
    }
    return out.str();
}

}  // namespace agentmesh::conformance::zoo
