// One conversation with a shim, as docs/shim-protocol.md has it: questions in bursts, each burst closed by `flush`, the
// whole by `bye`. Everything said is evidence; the same code judges a live shim and recorded lines.
//
// layers   line   one line, out or in               stderr  what the shim wrote there, up to a limit
//          timer  "timeout"                         exit    "exit 0", "signal 11", "running"
#pragma once

#include "conformance/engine/evidence.hpp"
#include "conformance/engine/shim_pace.hpp"
#include "conformance/engine/shim_process.hpp"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>

namespace agentmesh::conformance {

using shim_json = nlohmann::json;

/// The nine classes of a refusal.
inline constexpr std::array<std::string_view, 9> reject_classes{"parse",  "version", "auth",   "replay", "order",
                                                                "crypto", "limit",   "policy", "state"};

enum class reply_kind : std::uint8_t { ok, reject, unsupported, fault, missing };

struct shim_reply {
    reply_kind kind = reply_kind::missing;
    shim_json value;          ///< of `ok`
    std::string refusal;      ///< class of `reject`
    std::uint64_t asked = 0;  ///< sequence number of the question
    std::uint64_t seq = 0;    ///< of the reply; 0 if none came

    /// Equal as answers: `detail` of a refusal and the text of a fault are never compared.
    [[nodiscard]] bool same_answer(const shim_reply& other) const {
        return kind == other.kind && value == other.value && refusal == other.refusal;
    }
};

struct shim_question {
    std::string op;
    shim_json members = shim_json::object();
};

/// Where lines go to and come from: a process, or the records of an earlier run.
class shim_link {
public:
    virtual ~shim_link() = default;
    /// @param work  how much is asked, in questions
    virtual shim_stop exchange(const std::vector<std::string>& out, std::vector<std::string>& in,
                               const std::function<bool(const std::string&)>& last, std::size_t work) = 0;
    /// As shim_process::finish.
    virtual std::string finish(std::vector<std::string>& in) = 0;
    [[nodiscard]] virtual std::string errors() const = 0;
    /// Microseconds since the start of the run.
    [[nodiscard]] virtual std::int64_t now() const = 0;
};

/// A clause of docs/shim-protocol.md that the shim broke in this conversation.
struct protocol_breach {
    std::string clause;
    std::string why;
    std::vector<std::uint64_t> evidence;
};

/// What `hello` said.
struct shim_hello {
    std::string name, version;
    std::set<std::string> areas, suites, features;
};

class shim_talk {
public:
    shim_talk(shim_link& over, ledger& log) : link_{over}, log_{log} {}

    /// @returns nullopt if there was no usable answer; the breaches say why
    std::optional<shim_hello> hello(std::string_view suite);
    /// Asks in bursts; a reply for each question, in the same order.
    std::vector<shim_reply> ask(std::span<const shim_question> questions);
    shim_reply ask(const shim_question& question) { return ask(std::span{&question, 1}).front(); }
    /// Says bye, compares the count and waits for the end of the process.
    void bye();

    void breach(std::string clause, std::string why, std::vector<std::uint64_t> evidence);
    [[nodiscard]] const std::vector<protocol_breach>& breaches() const noexcept { return breaches_; }
    /// How it stopped answering: nothing, `crash` or `hang`.
    [[nodiscard]] std::optional<verdict> death() const noexcept { return death_; }
    [[nodiscard]] ledger& log() noexcept { return log_; }
    [[nodiscard]] std::int64_t now() const { return link_.now(); }

private:
    struct sent_line {
        std::uint64_t id, seq;
    };
    void burst(std::span<const shim_question> questions, std::vector<shim_reply>& into);
    sent_line put(const shim_question& question, std::vector<std::string>& out);
    /// Reads one line as the reply to `id`; missing if it is not one.
    shim_reply read(const std::string& line, const sent_line& to, std::uint64_t seq);
    void stopped(shim_stop why);
    void end_of_process();

    shim_link& link_;
    ledger& log_;
    std::uint64_t next_id_ = 1, replies_ = 0, last_in_ = 0;
    std::vector<protocol_breach> breaches_;
    std::optional<verdict> death_;
    bool over_ = false;
};

/// How much a line asks, in questions: a step of a script counts as one, and so does each thing that it makes.
[[nodiscard]] std::size_t work_of(const shim_json& line);

/// Over a process of its own; `pace` must outlive it. @throws std::runtime_error if it cannot be started
[[nodiscard]] std::unique_ptr<shim_link> live_shim(const std::string& command, shim_pace& pace,
                                                   std::chrono::steady_clock::time_point start);
/// Over recorded lines. Its calls throw shim_diverged where the questions are no longer those that were recorded.
[[nodiscard]] std::unique_ptr<shim_link> recorded_shim(const ledger& records);

struct shim_diverged {
    std::uint64_t seq;
    std::string words;
};

}  // namespace agentmesh::conformance
