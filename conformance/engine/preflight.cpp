#include "conformance/engine/preflight.hpp"

#include "conformance/engine/live_wire.hpp"
#include "conformance/engine/registry_context.hpp"

#include <algorithm>

namespace agentmesh::conformance {
namespace {

using reach = case_settings::reach;
constexpr int pings = 20;
constexpr milliseconds patience{2000};

/// The preflight is a case that proves nothing; what it found is read off its records.
const conformance_case& login_case() {
    static const conformance_case c = [] {
        conformance_case out;
        out.run = [](context& t) {
            auto p = t.join();
            for (int i = 0; i < pings && p.on.seek(t.fence_ws_ping(p.on).arrives); ++i) {}
        };
        out.id = "RUN-PREFLIGHT-001";
        return out;
    }();
    return c;
}

const conformance_case& health_case() {
    static const conformance_case c = [] {
        conformance_case out;
        out.ask = [](registry_context& t) {
            (void)t.ask(t.get("/v1/registry/lookup?amid=" + t.fresh().amid()));
            for (int i = 0; i < pings && t.ask(t.get("/v1/health")).is(observation::kind::http); ++i) {}
        };
        out.id = "RUN-PREFLIGHT-002";
        return out;
    }();
    return c;
}

/// A registry knows of its health, and does not know an agent that nobody has registered. One of the two is enough.
bool of_a_registry(const observation& seen) {
    if (!seen.is(observation::kind::http) || !seen.body.is_object()) return false;
    return seen.code == 404 || (seen.code == 200 && !seen.str("status").empty() && seen.integer("agents_registered"));
}

const conformance_case& case_of(target_role role) { return role == target_role::registry ? health_case() : login_case(); }

struct attempt {
    reach got = reach::nowhere;
    observation last;                       ///< what stood in the way
    std::vector<microseconds> round_trips;
    std::string spki;
};

attempt read_records(const ledger& log, target_role role) {
    attempt out;
    microseconds asked{};
    for (const auto& r : log.records()) {
        if (r.layer == "case" && r.bytes == "tail") break;
        if (r.dir == direction::out) {
            asked = microseconds{r.t};
            continue;
        }
        if (r.layer == "case" || r.layer == "clock") continue;
        out.last = read_observation(r.layer, r.bytes);
        if (r.layer == "tls") out.spki = r.bytes;
        if (out.last.is(observation::kind::opened)) out.got = std::max(out.got, reach::tcp);
        if (role == target_role::registry) {
            if (out.last.is(observation::kind::http)) out.got = std::max(out.got, reach::upgrade);
            if (of_a_registry(out.last)) out.got = reach::login;
        } else {
            if (out.last.is(observation::kind::http) && out.last.code == 101) out.got = reach::upgrade;
            if (out.last.is_frame("connected")) out.got = reach::login;
        }
        if (r.dir == direction::in && (r.layer == "ws" || r.layer == "http"))
            out.round_trips.push_back(microseconds{r.t} - asked);
    }
    return out;
}

attempt try_once(const target& to, target_role role, const case_settings& settings,
                 std::chrono::steady_clock::time_point start, int number) {
    auto own = settings;
    own.patience = patience;
    own.known_reach = reach::login;
    own.attempt = number;
    live_wire over{to, start, patience, false};
    ledger log{std::string{case_of(role).id}, ""};
    (void)case_runner::run(case_of(role), own, over, log);
    return read_records(log, role);
}

std::string diagnose(const attempt& a, const target& to, target_role role) {
    const auto saw = describe(a.last);
    const bool registry = role == target_role::registry;
    switch (a.got) {
        case reach::nowhere:
            return to.tls != nullptr ? "no TLS connection to " + to.url.authority() +
                                           ": nothing listens there, or its certificate is not trusted (see --ca and --insecure)"
                                     : "no connection to " + to.url.authority() + ": nothing listens there";
        case reach::tcp:
            if (registry) return to.url.authority() + " is no registry: it answers a request with " + saw;
            return to.url.authority() + " is no relay: it answers a WebSocket upgrade with " + saw;
        case reach::upgrade:
            if (registry) return to.url.authority() + " is no registry: it answers GET /v1/health with " + saw;
            return to.url.authority() + " is no relay of profile v02: it answers a valid CONNECT with " + saw;
        case reach::login: break;
    }
    return {};
}

}  // namespace

preflight_report preflight(const target& to, target_role role, const case_settings& settings,
                           std::chrono::steady_clock::time_point start) {
    attempt best;
    for (int number = 0; number < 3 && best.got != reach::login; ++number) {
        auto a = try_once(to, role, settings, start, number);
        if (number == 0 || a.got > best.got) best = std::move(a);
    }
    preflight_report out;
    out.reach = best.got;
    out.diagnosis = diagnose(best, to, role);
    out.spki_sha256 = best.spki;
    if (!best.round_trips.empty()) {
        // The upgrade and the login cost the target more than a Ping does; they count only where there is nothing else.
        auto samples = best.round_trips.size() > 2
                           ? std::vector<microseconds>(best.round_trips.begin() + 2, best.round_trips.end())
                           : best.round_trips;
        std::ranges::sort(samples);
        out.rtt_p50 = samples[samples.size() / 2];
        out.rtt_p99 = samples[(samples.size() * 99 + 99) / 100 - 1];
    }
    return out;
}

reach reach_now(const target& to, target_role role, const case_settings& settings,
                std::chrono::steady_clock::time_point start) {
    // A number of its own, so that the identity is one the target has not seen.
    const auto stir = std::chrono::steady_clock::now().time_since_epoch().count();
    return try_once(to, role, settings, start, 1000 + static_cast<int>(stir % 1'000'000'000)).got;
}

}  // namespace agentmesh::conformance
