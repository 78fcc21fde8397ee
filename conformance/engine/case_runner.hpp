// Runs one case over one wire and settles its verdicts. The same code judges a live target and a recording.
#pragma once

#include "conformance/engine/context.hpp"
#include "conformance/engine/wire.hpp"

#include <string>
#include <vector>

namespace agentmesh::conformance {

/// The harness contradicted itself: the run is void.
struct harness_fault {
    std::string words;
};

/// What a case needs to know besides its wire.
struct case_settings {
    requirement_set set = requirement_set::core;
    std::string seed, salt;
    timings timing{};
    milliseconds deadline{250};
    milliseconds patience{1000};
    bool order_proven = true;        ///< the target was seen to keep order, so a fence may stand for absence
    int attempt = 0;                 ///< identities of a second attempt are new ones
    std::string authority, path;     ///< for the upgrade request

    /// How far a plain client gets with this target. What lies beyond fails at once instead of after a wait.
    enum class reach : std::uint8_t { nowhere, tcp, upgrade, login };
    reach known_reach = reach::login;
};

struct case_outcome {
    case_result result;
    std::vector<std::string> faults;
    bool dial_failed = false;        ///< a connection was refused or not answered
    bool unanswered = false;         ///< an upgrade or a CONNECT got no answer at all
};

class case_runner {
public:
    /// Records everything, verdicts included, in `log`. @throws replay_diverged from a replay_wire
    [[nodiscard]] static case_outcome run(const conformance_case& what, const case_settings& settings, wire& over,
                                          ledger& log);

    /// The clauses of `what` that a run over `set` judges.
    [[nodiscard]] static std::vector<const clause*> judged(const conformance_case& what, requirement_set set);

    /// A result in which every clause has this outcome for this reason; nothing is run.
    [[nodiscard]] static case_result not_run(const conformance_case& what, requirement_set set, verdict outcome,
                                             std::string_view why);

private:
    static bool offers(context& t, feature wanted, finding& probe);
};

}  // namespace agentmesh::conformance
