#include "conformance/trace/trace.hpp"

#include "conformance/engine/case.hpp"
#include "conformance/engine/encoding.hpp"
#include "conformance/engine/results.hpp"
#include "conformance/trace/print.hpp"
#include "conformance/zoo/selftest.hpp"
#include "conformance_requirements.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <ostream>
#include <stdexcept>

namespace agentmesh::conformance::trace {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view reference_seed = "7472616365";

std::string read_text(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return text;
}

std::string present_day() {
    const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
    const auto two = [](unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); };
    return std::to_string(static_cast<int>(day.year())) + "-" + two(static_cast<unsigned>(day.month())) + "-" +
           two(static_cast<unsigned>(day.day()));
}

/// The links of the repository and of this program.
link_set collect(const fs::path& root) {
    link_set found;
    collect_cases(found, all_cases());
    std::vector<mutant_claim> claims;
    for (const auto& one : zoo::mutants()) claims.push_back({one.name, one.breaks});
    collect_mutants(found, claims);
    collect_vectors(found, root);
    collect_schemas(found, root);
    collect_fuzz_targets(found, root);
    collect_mentions(found, root);
    return found;
}

std::map<std::string, verdict> emitted_by(const trace_options& options) {
    if (options.run_directory.empty()) {
        auto out = zoo::reference_run(std::string(reference_seed)).requirements;
        out.merge(zoo::reference_run(std::string(reference_seed), target_role::registry).requirements);
        return out;
    }
    const auto text = read_text(fs::path(options.run_directory) / "results.json");
    const auto document = nlohmann::ordered_json::parse(text, nullptr, false);
    return report_from_json(document).requirements;
}

material gather(const trace_options& options, const fs::path& root) {
    material what;
    what.clauses = req::all;
    for (const auto& one : req::reviews) {
        what.reviews.push_back({std::string(one.what->id), std::string(one.reviewer), std::string(one.until), std::string(one.reason)});
    }
    what.found = collect(root);
    what.reviewed = read_ledger(root);
    what.today = options.today.empty() ? present_day() : options.today;
    what.strict = options.strict;
    if (options.strict || !options.run_directory.empty()) what.emitted = emitted_by(options);
    if (options.strict) what.killed = zoo::killed_requirements();
    return what;
}

void write_json(const trace_options& options, const traceability& judged, const material& what, std::ostream& out) {
    if (options.json_file.empty()) return;
    const auto text = trace_json(judged, what);
    if (options.json_file == "-") {
        out << text;
        return;
    }
    std::ofstream file{options.json_file, std::ios::binary | std::ios::trunc};
    file << text;
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json_file);
}

}  // namespace

int run_trace(const trace_options& options, std::ostream& out, std::ostream& errors) {
    if (options.catalogue) {
        out << catalogue_text(req::all);
        return 0;
    }
    try {
        const fs::path root(options.root);
        const auto digest = sha256_label(read_text(root / "SPEC.md"));
        if (digest != "sha256:" + std::string(req::spec_digest)) {
            errors << "amconf: built from another SPEC.md than the one in " << options.root << "; build again\n";
            return 5;
        }
        const auto what = gather(options, root);
        const auto judged = judge(what);
        write_json(options, judged, what, out);
        if (options.json_file != "-") out << trace_text(judged);
        return judged.clean() ? 0 : 1;
    } catch (const std::runtime_error& error) {
        errors << "amconf: " << error.what() << "\n";
        return 3;
    }
}

}  // namespace agentmesh::conformance::trace
