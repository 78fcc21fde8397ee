// Finds the links in the repository and in this program.
#pragma once

#include "conformance/engine/case.hpp"
#include "conformance/trace/link.hpp"

#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace agentmesh::conformance::trace {

/// A mutant as zoo.toml states it.
struct mutant_claim {
    std::string name;
    std::vector<std::string> breaks;
};

void collect_cases(link_set& into, std::span<const conformance_case* const> cases);
void collect_mutants(link_set& into, std::span<const mutant_claim> mutants);

/// vectors/**.json: every flag of a row has a note; every note is used and names requirements, or else the document
/// outside SPEC.md that it rests on.
void collect_vectors(link_set& into, const std::filesystem::path& root);
/// schemas/**.json: `x-req` at any depth, a string or an array of strings.
void collect_schemas(link_set& into, const std::filesystem::path& root);
/// fuzz/*.cpp: the arguments of AM_FUZZ.
void collect_fuzz_targets(link_set& into, const std::filesystem::path& root);
/// Every mention of an id in include/ (code) and tests/ (test), one link for each file.
void collect_mentions(link_set& into, const std::filesystem::path& root);

/// The digests that links were last reviewed against: artefact -> requirement -> digest of the sentence.
using review_ledger = std::map<std::string, std::map<std::string, std::string>>;
/// conformance/reviewed.json; empty if there is none. @throws std::runtime_error if it cannot be read
[[nodiscard]] review_ledger read_ledger(const std::filesystem::path& root);

}  // namespace agentmesh::conformance::trace
