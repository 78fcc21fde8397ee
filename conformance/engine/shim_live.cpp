#include "conformance/engine/shim_live.hpp"

#include <algorithm>

namespace agentmesh::conformance::live {

exchange_key_pair pair_of(std::string_view private_key) {
    return exchange_key_pair{*exchange_secret_key::from(bytes_of(private_key))};
}

signing_key_pair signer_of(std::string_view seed) {
    return signing_key_pair{*crypto::ed25519_seed::from(bytes_of(seed))};
}

local_identity agent_of(seeded_bytes& chance) {
    auto signing = signer_of(chance.take(32));
    return {std::move(signing), pair_of(chance.take(32)), time_point{}};
}

time_point time_of(seeded_bytes& chance) {
    constexpr std::int64_t from = 1'767'225'600, years = 4 * 365 * 86'400;  // 2026-01-01
    return time_point{std::chrono::seconds{from + static_cast<std::int64_t>(chance.below(years))}};
}

std::int64_t seconds_of(time_point at) {
    return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

const shim_json* member(const shim_reply& reply, const char* name) {
    if (reply.kind != reply_kind::ok || !reply.value.is_object()) return nullptr;
    const auto found = reply.value.find(name);
    return found == reply.value.end() ? nullptr : &*found;
}

std::optional<std::string> text_in(const shim_reply& reply, const char* name) {
    const auto* value = member(reply, name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return value->get<std::string>();
}

std::optional<buffer> bytes_in(const shim_reply& reply, const char* name) {
    const auto text = text_in(reply, name);
    if (!text) return std::nullopt;
    auto bytes = agentmesh::from_hex(*text);
    if (!bytes) return std::nullopt;
    return *std::move(bytes);
}

std::optional<std::uint32_t> number_in(const shim_reply& reply, const char* name) {
    const auto* value = member(reply, name);
    if (value == nullptr || !value->is_number_unsigned() || value->get<std::uint64_t>() > UINT32_MAX)
        return std::nullopt;
    return value->get<std::uint32_t>();
}

// --- one case ---------------------------------------------------------------------------------------------------

namespace {

std::vector<std::uint64_t> cite(std::initializer_list<const shim_reply*> replies) {
    std::vector<std::uint64_t> out;
    for (const auto* one : replies) out.insert(out.end(), {one->asked, one->seq});
    return out;
}

}  // namespace

shim_reply exchange::ask(const std::string& op, shim_json in, std::optional<time_point> now) {
    shim_json members{{"in", std::move(in)}};
    if (now) members["now"] = format_time(*now);
    return talk_.ask({op, std::move(members)});
}

void exchange::judge(const clauses& of, bool holds, std::string_view good, std::string_view bad,
                     std::initializer_list<const shim_reply*> cited) {
    // What is not answered any more is a death, not a wrong answer.
    if (!holds && std::ranges::any_of(cited, [](const auto* r) { return r->kind == reply_kind::missing; }))
        return open(of, bad, cited);
    for (const auto* c : of) out_.judge(*c, holds, holds ? good : bad, cite(cited));
}

bool exchange::judge_refusal(const clauses& of, const shim_reply& reply, std::string_view with,
                             const std::string& what) {
    const bool good = refused(reply, with);
    judge(of, good, what + " is refused", what + " is not refused with " + std::string{with}, {&reply});
    return good;
}

bool exchange::begins(const clauses& of, const shim_reply& reply, const std::string& what) {
    if (reply.kind == reply_kind::ok) return true;
    if (reply.kind == reply_kind::unsupported)
        for (const auto* c : of)
            out_.add(*c, verdict::untested, "the shim offers the area and never " + what, cite({&reply}));
    else
        judge(of, false, "", "the shim does not answer ok where it " + what, {&reply});
    return false;
}

void exchange::open(const clauses& of, std::string_view why, std::initializer_list<const shim_reply*> cited) {
    const bool silent = std::ranges::any_of(cited, [](const auto* r) { return r->kind == reply_kind::missing; });
    for (const auto* c : of)
        out_.add(*c, silent ? talk_.death().value_or(verdict::fail) : verdict::inconclusive, std::string{why},
                 cite(cited));
}

shim_case live_case(std::string id, std::string title, std::string area, std::string suites, std::string probe,
                    clauses all, std::function<void(exchange&)> body) {
    const auto run = [id, area, probe = std::move(probe), all = std::move(all), body = std::move(body)](
                         shim_talk& talk, const shim_hello& said, const shim_setting& in, shim_verdicts& out) {
        if (offers(said, area, in.suite)) {
            exchange with{talk, said, in, out, id};
            body(with);
            // Where an early failure ends a case, the rest of it is open, and not forgotten.
            for (const auto* c : all)
                if (!out.has(*c))
                    out.add(*c, talk.death().value_or(verdict::inconclusive), "what comes before it failed", {});
            return;
        }
        const auto reply = talk.ask({probe, {{"in", {{"session", "s1"}, {"suite", in.suite}}}}});
        const bool shown = reply.kind == reply_kind::unsupported;
        if (!shown && reply.kind != reply_kind::missing && !said.areas.contains(area))
            talk.breach("AM-SHM-004", "an operation of an area that is not offered is answered all the same",
                        {reply.asked, reply.seq});
        for (const auto* c : all)
            out.add(*c, shown ? verdict::not_offered : verdict::untested,
                    shown ? "the area is not offered under this suite, and a question about it is unsupported"
                          : "the area is not offered, and no probe shows it",
                    cite({&reply}));
    };
    return {std::move(id), std::move(title), area, run, std::move(suites)};
}

}  // namespace agentmesh::conformance::live

namespace agentmesh::conformance {

void add_live_cases(std::vector<shim_case>& into) {
    live::add_agreement(into);
    live::add_envelope(into);
    live::add_knock(into);
    live::add_ratchet(into);
}

}  // namespace agentmesh::conformance
