// What each format looks like, to the byte. After an intended change, AMCONF_UPDATE_GOLDEN=1 writes the files anew;
// the difference is reviewed like code.
#include "conformance/report/badge.hpp"
#include "conformance/report/console.hpp"
#include "conformance/report/html.hpp"
#include "conformance/report/junit.hpp"
#include "conformance/report/markdown_report.hpp"
#include "conformance/report/tests/sample.hpp"
#include "conformance/report/write.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace agentmesh::conformance;
using namespace agentmesh::conformance::report;

namespace {

void compare(const std::string& name, const std::string& text) {
    const auto path = std::string(AGENTMESH_SOURCE_DIR "/conformance/report/tests/golden/") + name;
    if (std::getenv("AMCONF_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
    std::ifstream file(path, std::ios::binary);
    const std::string golden{std::istreambuf_iterator<char>{file}, {}};
    INFO(path);
    CHECK(text == golden);
}

}  // namespace

TEST_CASE("each format of the sample run is as it was reviewed", "[unit][report]") {
    const auto made = sample_run();
    compare("results.json", results_text(made.report));
    compare("junit.xml", junit_text(made.report));
    compare("summary.md", markdown_text(made.report));
    compare("badge.json", badge_text(made.report));
    compare("report.html", html_text(made.report, made.recorded));
    compare("console.txt", console_text(made.report, made.recorded, {}));
}

TEST_CASE("a clean run is as it was reviewed", "[unit][report]") {
    const auto made = clean_run();
    compare("clean-summary.md", markdown_text(made.report));
    compare("clean-badge.json", badge_text(made.report));
    compare("clean-console.txt", console_text(made.report, made.recorded, {}));
}
