// Finds and reads the vectors of others.
#pragma once

#include <agentmesh/core/encoding.hpp>

#include "tests/support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace external {

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// A folder of the external vectors. Ends the process with the code that ctest reports as skipped if it is absent.
inline std::filesystem::path folder(std::string_view name) {
    const char* const chosen = std::getenv("AGENTMESH_EXTERNAL_VECTORS");
    const std::filesystem::path root = chosen ? chosen : AGENTMESH_SOURCE_DIR "/../shared/data";
    if (!std::filesystem::is_directory(root / name)) {
        std::cout << "skipped: no folder " << (root / name).lexically_normal().string()
                  << "; set AGENTMESH_EXTERNAL_VECTORS to the folder that holds the vectors of others\n"
                  << std::flush;
        std::_Exit(77);
    }
    return root / name;
}

inline nlohmann::json wycheproof(const std::string& name) {
    return nlohmann::json::parse(read_file(folder("wycheproof") / (name + "_test.json")));
}

/// A file of this repository.
inline nlohmann::json pinned(const std::string& path) {
    return nlohmann::json::parse(read_file(std::filesystem::path{AGENTMESH_SOURCE_DIR} / path));
}

inline agentmesh::buffer bytes(const nlohmann::json& test, const char* member) {
    return agentmesh::from_hex(test.at(member).get<std::string>()).value();
}

/// Calls `check(group, test)` for each test and returns how many there were.
template <class Check>
std::size_t for_each_test(const nlohmann::json& file, Check check) {
    std::size_t count = 0;
    for (const auto& group : file.at("testGroups"))
        for (const auto& test : group.at("tests")) {
            INFO("tcId " << test.at("tcId") << ": " << test.at("comment"));
            check(group, test);
            ++count;
        }
    CHECK(count == file.at("numberOfTests").get<std::size_t>());
    return count;
}

}  // namespace external
