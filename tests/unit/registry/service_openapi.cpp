// The OpenAPI document says what the service answers, all of it and nothing else.
#include <nlohmann/json.hpp>

#include <fstream>
#include <regex>

#include "tests/unit/registry/service_fixture.hpp"

using namespace service_tests;

namespace {

using endpoint_name = std::pair<std::string, std::string>;  // method, path

/// As routing has them, with `*` for a segment.
std::set<endpoint_name> routes() {
    std::ifstream file{AGENTMESH_SOURCE_DIR "/include/agentmesh/registry/service.ipp"};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const std::regex line{R"re(\{"([A-Z]+)", "([^"]+)", &s::)re"};
    std::set<endpoint_name> out;
    for (auto at = std::sregex_iterator{text.begin(), text.end(), line}; at != std::sregex_iterator{}; ++at)
        out.emplace((*at)[1], (*at)[2]);
    return out;
}

}  // namespace

TEST_CASE("the OpenAPI document names every endpoint and no other", "[unit][registry][AM-REG-080]") {
    world w;
    const auto out = w.get("/openapi.json");
    CHECK(out.status == 200);
    CHECK(out.fields.only("Content-Type") == "application/json");
    const auto document = nlohmann::json::parse(out.body);
    CHECK(document["openapi"] == "3.1.0");
    std::ifstream file{AGENTMESH_SOURCE_DIR "/schemas/registry/openapi.json"};
    CHECK(nlohmann::json::parse(file) == document);

    std::set<endpoint_name> named;
    std::set<std::string> ids;
    for (const auto& [path, operations] : document["paths"].items())
        for (const auto& [method, operation] : operations.items()) {
            std::string upper;
            for (const char c : method) upper += static_cast<char>(c - 'a' + 'A');
            named.emplace(upper, std::regex_replace(path, std::regex{R"(\{[a-z]+\})"}, "*"));
            CHECK(ids.insert(operation["operationId"]).second);
            CHECK(operation["responses"].contains("default"));
        }
    CHECK(named == routes());
    CHECK(named.size() > 40);

    for (const auto& [method, path] : named) {
        INFO(method << ' ' << path);
        http::request asked{.method = method,
                            .path = std::regex_replace(path, std::regex{R"(\*)"}, "x"),
                            .fields = {{"Host", "registry.example"}, {"Content-Type", "application/json"}},
                            .body = method == "GET" ? "" : "{}"};
        const auto answered = w.send(asked);
        CHECK(answered.status != 405);
        CHECK(answered.body.find("unknown_endpoint") == std::string::npos);
    }
}
