#include "conformance/report/write.hpp"

#include "conformance/report/badge.hpp"
#include "conformance/report/html.hpp"
#include "conformance/report/junit.hpp"
#include "conformance/report/markdown_report.hpp"

#include <fstream>
#include <stdexcept>
#include <system_error>

namespace agentmesh::conformance::report {
namespace {

void write_file(const std::filesystem::path& path, std::string_view text) {
    auto partial = path;
    partial += ".partial";
    {
        std::ofstream file{partial, std::ios::binary | std::ios::trunc};
        file.write(text.data(), static_cast<std::streamsize>(text.size()));
        file.close();
        if (!file) throw std::runtime_error("cannot write " + partial.string());
    }
    std::error_code failed;
    std::filesystem::rename(partial, path, failed);
    if (failed) throw std::runtime_error("cannot write " + path.string() + ": " + failed.message());
}

}  // namespace

std::string results_text(const run_report& report) {
    // What a target sent may be quoted nowhere in a report but in evidence; a stray byte is replaced all the same.
    return to_json(report).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void write_run(const std::filesystem::path& directory, const run_report& report, const evidence& recorded) {
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed) throw std::runtime_error("cannot create " + directory.string() + ": " + failed.message());
    write_file(directory / "evidence.jsonl", recorded.text());
    write_file(directory / "junit.xml", junit_text(report));
    write_file(directory / "report.html", html_text(report, recorded));
    write_file(directory / "summary.md", markdown_text(report));
    write_file(directory / "badge.json", badge_text(report));
    // Last, so that its presence says that the others are complete.
    write_file(directory / "results.json", results_text(report));
}

}  // namespace agentmesh::conformance::report
