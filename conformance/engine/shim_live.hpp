// What the cases share in which the harness is the other side: what the shim makes is read here, what it reads was made
// here, of material that follows from the seed of the run. So no fixed random numbers are needed, and no answer can be
// known beforehand.
#pragma once

#include "agentmesh/identity/local_identity.hpp"
#include "conformance/engine/encoding.hpp"
#include "conformance/engine/shim_run.hpp"

namespace agentmesh::conformance::live {

using conformance::to_hex;
[[nodiscard]] inline std::string to_hex(byte_view bytes) { return agentmesh::to_hex(bytes); }

using clauses = std::vector<const clause*>;

/// The harness's random numbers, which follow from the seed, so that recorded lines can be judged again.
class seeded_random {
public:
    seeded_random(std::string_view seed, std::string_view purpose) : bytes_{seed, purpose} {}
    result<void> fill(std::span<std::uint8_t> out) {
        const auto bytes = bytes_.take(out.size());
        std::ranges::copy(as_bytes(bytes), out.begin());
        return {};
    }

private:
    seeded_bytes bytes_;
};

[[nodiscard]] inline buffer bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
[[nodiscard]] exchange_key_pair pair_of(std::string_view private_key);
[[nodiscard]] signing_key_pair signer_of(std::string_view seed);
/// An agent with keys of `chance`.
[[nodiscard]] local_identity agent_of(seeded_bytes& chance);
/// A whole second of the years 2026 to 2029.
[[nodiscard]] time_point time_of(seeded_bytes& chance);
[[nodiscard]] std::int64_t seconds_of(time_point at);

/// A member of what the shim answered `ok`; nullopt if it did not, or gave another type.
[[nodiscard]] const shim_json* member(const shim_reply& reply, const char* name);
[[nodiscard]] std::optional<std::string> text_in(const shim_reply& reply, const char* name);
[[nodiscard]] std::optional<buffer> bytes_in(const shim_reply& reply, const char* name);  ///< of hexadecimal
[[nodiscard]] std::optional<std::uint32_t> number_in(const shim_reply& reply, const char* name);
template <class Fixed>
[[nodiscard]] std::optional<Fixed> value_in(const shim_reply& reply, const char* name) {
    const auto bytes = bytes_in(reply, name);
    if (!bytes) return std::nullopt;
    auto value = Fixed::from(*bytes);
    if (!value) return std::nullopt;
    return *std::move(value);
}
[[nodiscard]] inline bool refused(const shim_reply& reply, std::string_view with) {
    return reply.kind == reply_kind::reject && reply.refusal == with;
}

/// Questions and what follows from them, of one case.
class exchange {
public:
    exchange(shim_talk& talk, const shim_hello& said, const shim_setting& in, shim_verdicts& out,
             std::string_view case_id)
        : talk_{talk},
          said_{said},
          in_{in},
          out_{out},
          chance_{in.seed, case_id},
          random_{in.seed, std::string{case_id} + "/random"} {}

    [[nodiscard]] shim_talk& talk() noexcept { return talk_; }
    [[nodiscard]] const shim_hello& said() const noexcept { return said_; }
    [[nodiscard]] const shim_setting& setting() const noexcept { return in_; }
    [[nodiscard]] shim_verdicts& verdicts() noexcept { return out_; }

    [[nodiscard]] seeded_bytes& chance() noexcept { return chance_; }
    [[nodiscard]] seeded_random& random() noexcept { return random_; }
    [[nodiscard]] const std::string& suite() const noexcept { return in_.suite; }

    shim_reply ask(const std::string& op, shim_json in, std::optional<time_point> now = {});

    /// One observation for each of these, citing these replies.
    void judge(const clauses& of, bool holds, std::string_view good, std::string_view bad,
               std::initializer_list<const shim_reply*> cited);
    /// `refused` with this class, or not.
    bool judge_refusal(const clauses& of, const shim_reply& reply, std::string_view with, const std::string& what);
    /// False, and the clauses are open or broken, unless the reply is `ok`. @param what  "begins a session"
    bool begins(const clauses& of, const shim_reply& reply, const std::string& what);
    void open(const clauses& of, std::string_view why, std::initializer_list<const shim_reply*> cited);

private:
    shim_talk& talk_;
    const shim_hello& said_;
    const shim_setting& in_;
    shim_verdicts& out_;
    seeded_bytes chance_;
    seeded_random random_;
};

/// A case that runs if the area is offered under the suite, and otherwise looks whether `probe` is unsupported; `all`
/// are the clauses that stand for it then.
[[nodiscard]] shim_case live_case(std::string id, std::string title, std::string area, std::string suites,
                                  std::string probe, clauses all, std::function<void(exchange&)> body);

void add_ratchet(std::vector<shim_case>& into);
void add_agreement(std::vector<shim_case>& into);
void add_knock(std::vector<shim_case>& into);
void add_envelope(std::vector<shim_case>& into);

}  // namespace agentmesh::conformance::live
