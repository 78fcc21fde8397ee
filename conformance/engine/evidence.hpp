// Evidence: what was sent and seen, case by case, in a hash chain, so that a verdict can be made again without the
// target and a single case can be shown without the rest.
//
// evidence.jsonl, one canonical JSON object a line:
//   line 1        {"seq":0,"case":"","dir":"none","layer":"run","bytes":b64(JSON of run_header),"prev":""}
//   each case     its records, seq from 1; `prev` of the first is the hash of line 1, of the others the hash of the
//                 line before; among them the verdicts {"seq","case","req","outcome","because":[seq],"prev"}
//   last line     {"seq":0,"case":"","dir":"none","layer":"roots","bytes":b64({"cases":{id:root},"root":...}),...}
// The hash of a record is SHA-256 of its line without the line feed, written "sha256:<hex>". The root of a case is the
// Merkle root of its lines as in RFC 6962 (leaf 00, node 01), the root of the run that of the case roots, by id.
//
// layers   tcp    "open", "fin", "reset", "refused", "close"       tls   SPKI SHA-256 of the target
//          http   request or response, whole                         ws    whole frames of one message, as on the wire
//          raw    bytes the case put into the stream itself, or from the target what is neither HTTP nor RFC 6455
//          clock  wall time in decimal microseconds                  timer "timeout" or "waited"
//          case   "begin" (JSON: attempt, order, reach) and "tail": what follows was not consumed by the case
#pragma once

#include "conformance/engine/results.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance {

enum class direction : std::uint8_t { none, in, out };
[[nodiscard]] std::string_view to_string(direction d) noexcept;

/// One line of evidence.jsonl. A verdict record has a `requirement`, no bytes.
struct evidence_record {
    std::uint64_t seq = 0;
    std::int64_t t = 0;                 ///< microseconds since the start of the run
    std::string case_id;
    int conn = 0;                       ///< within the case, from 1; 0 for none
    direction dir = direction::none;
    std::string layer;
    std::string bytes;                  ///< raw
    std::string requirement, outcome;   ///< verdict records only
    std::vector<std::uint64_t> because;
    std::string prev;

    [[nodiscard]] bool is_verdict() const noexcept { return !requirement.empty(); }
    /// The canonical line, without line feed.
    [[nodiscard]] std::string line() const;
};

/// The chain of one case.
class ledger {
public:
    ledger(std::string case_id, std::string genesis) : case_id_{std::move(case_id)}, last_hash_{std::move(genesis)} {}

    /// Appends and numbers a record. @returns its sequence number
    std::uint64_t add(std::int64_t t, int conn, direction dir, std::string_view layer, std::string_view bytes);
    std::uint64_t add_verdict(std::int64_t t, const check_result& check);

    /// The records so far, chained.
    [[nodiscard]] const std::vector<evidence_record>& records() const {
        chain();
        return records_;
    }
    [[nodiscard]] const std::string& case_id() const noexcept { return case_id_; }
    /// True if the record came from the target.
    [[nodiscard]] bool inbound(std::uint64_t seq) const noexcept;
    /// Merkle root, "sha256:<hex>".
    [[nodiscard]] std::string root() const;

private:
    std::uint64_t append(evidence_record record);
    /// Links what is not linked yet. Hashing waits until then, because a case that is busy hashing answers no Ping.
    void chain() const;

    std::string case_id_;
    mutable std::string last_hash_;
    mutable std::vector<evidence_record> records_;   // `prev` of the last ones may be missing
    mutable std::vector<std::string> leaves_;        // hashes of the linked ones
};

/// What a replay needs to know about the run.
struct run_header {
    std::string suite_version, set, seed, salt, url, spec_digest;
    std::int64_t deadline_us = 0, patience_us = 0;
    std::map<std::string, std::int64_t> timings_ms;   ///< name of `--declare` to milliseconds
    std::vector<std::string> granted_waits;           ///< words of waits that were allowed

    [[nodiscard]] std::string text() const;
    /// @throws std::runtime_error with a sentence
    [[nodiscard]] static run_header parse(std::string_view text);
};

/// A whole run's evidence.
struct evidence {
    run_header header;
    std::vector<ledger> cases;          ///< by id

    [[nodiscard]] std::string genesis() const;
    [[nodiscard]] std::string root() const;
    /// The text of evidence.jsonl.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] const ledger* find(std::string_view case_id) const noexcept;
};

/// Reads evidence.jsonl and verifies every link, number and root.
/// @throws std::runtime_error naming the first line that is wrong
[[nodiscard]] evidence read_evidence(std::string_view text);

/// Merkle tree hash of RFC 6962 over these leaves, 32 raw bytes.
[[nodiscard]] std::string merkle_root(const std::vector<std::string>& leaves);

}  // namespace agentmesh::conformance
