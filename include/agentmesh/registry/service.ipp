// Routing, and who may change what. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::endpoints() noexcept -> std::span<const endpoint> {
    using s = service;
    static constexpr endpoint all[] = {
        {"GET", "/health", &s::alive},
        {"GET", "/healthz", &s::alive},
        {"GET", "/v1/health", &s::health},
        {"POST", "/v1/registry/register", &s::enroll},
        {"GET", "/v1/registry/lookup", &s::lookup},
        {"GET", "/v1/registry/search", &s::search},
        {"POST", "/v1/registry/status", &s::set_status},
        {"POST", "/v1/registry/capabilities", &s::set_capabilities},
        {"GET", "/v1/registry/stats", &s::stats},
        {"POST", "/v1/registry/prekeys", &s::upload_prekeys},
        {"GET", "/v1/registry/prekeys/*", &s::fetch_prekeys},
        {"GET", "/v1/registry/did/*", &s::did_document},
        {"POST", "/v1/registry/revoke", &s::revoke},
        {"GET", "/v1/registry/revocation", &s::revocation},
        {"POST", "/v1/registry/revocations/bulk", &s::revocations_of},
        {"GET", "/v1/registry/revocations", &s::revocations},
        {"POST", "/v1/registry/reputation", &s::rate},
        {"GET", "/v1/registry/reputation/score", &s::score},
        {"POST", "/v1/registry/reputation/feedback", &s::rate},
        {"POST", "/v1/registry/reputation/session", &s::report_session},
        {"GET", "/v1/registry/reputation/leaderboard", &s::leaderboard},
        {"POST", "/v1/registry/certificate", &s::show_certificate},
        {"POST", "/v1/registry/succeed", &s::succeed},
        {"POST", "/v1/relay/presence", &s::take_presence},
        {"GET", "/v1/auth/oauth/providers", &s::login_providers},
        {"POST", "/v1/auth/oauth/authorize", &s::begin_login},
        {"GET", "/v1/auth/oauth/callback", &s::end_login},
        {"POST", "/v1/org/register", &s::register_organization},
        {"POST", "/v1/org/verify", &s::verify_organization},
        {"POST", "/v1/org/agents", &s::add_member},
        {"GET", "/v1/org/lookup", &s::find_organization},
        {"GET", "/openapi.json", &s::openapi},
        {"POST", "/v1/agents", &s::mesh_register},
        {"GET", "/v1/agents/*", &s::mesh_agent},
        {"DELETE", "/v1/agents/*", &s::mesh_delete},
        {"PUT", "/v1/agents/*/prekeys", &s::mesh_put_prekeys},
        {"GET", "/v1/agents/*/prekeys", &s::mesh_fetch_prekeys},
        {"GET", "/v1/agents/*/presence", &s::mesh_presence},
        {"POST", "/v1/agents/*/heartbeat", &s::mesh_heartbeat},
        {"POST", "/v1/agents/*/reputation", &s::mesh_rate},
        {"POST", "/v1/registry/verify", &s::mesh_verify},
        {"GET", "/v1/discover", &s::mesh_discover},
    };
    return all;
}

template <RegistryStore Store, RandomSource Random>
http::response service<Store, Random>::handle(const http::request& request, const caller& from, const moment& now) {
    auto out = begin(request, from, now);
    while (auto* waiting = std::get_if<open_request>(&out)) {
        outside_answer nobody = result<std::vector<std::string>>{fail(errc::registry_failed)};
        if (std::holds_alternative<web_question>(waiting->question))
            nobody = result<http::response>{fail(errc::registry_failed)};
        out = resume(std::move(*waiting), nobody, now);
    }
    return std::get<http::response>(std::move(out));
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::begin(const http::request& request, const caller& from, const moment& now) -> progress {
    call in{.request = request, .from = from, .now = now};
    leave_note(request.path);
    if (const auto wait = requests_.take(from.address, options_.requests_per_minute, now.steady)) {
        auto out = refuse(request, {errc::rate_limited, "AM-REG-017"});
        out.fields.add("Retry-After", std::to_string(wait));
        return out;
    }
    auto out = route(in);
    if (!out) return refuse(request, out.error());
    if (in.open) return *std::move(in.open);
    return *std::move(out);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::resume(open_request waiting, const outside_answer& said, const moment& now) -> progress {
    const caller from{waiting.address};
    const call in{.request = waiting.request, .from = from, .now = now};
    auto out = [&]() -> answer {
        switch (waiting.at) {
            case open_request::stage::domain: return finish_verification(in, waiting, said);
            case open_request::stage::login_token: return take_login_token(in, waiting, said);
            case open_request::stage::login_keys: return take_login_keys(in, waiting, said);
        }
        return fail(errc::registry_failed, "AM-REG-001");
    }();
    if (!out) return refuse(waiting.request, out.error());
    if (in.open) return *std::move(in.open);
    return *std::move(out);
}

/// @spec AM-REG-019
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::route(call& in) -> answer {
    const std::string_view path = in.request.path;
    std::string allowed;
    for (const auto& one : endpoints()) {
        if (const auto star = one.path.find('*'); star != one.path.npos) {
            const auto before = one.path.substr(0, star), behind = one.path.substr(star + 1);
            if (path.size() < before.size() + behind.size() || !path.starts_with(before) || !path.ends_with(behind))
                continue;
            const auto segment = path.substr(before.size(), path.size() - before.size() - behind.size());
            if (segment.find('/') != segment.npos) continue;
            AGENTMESH_TRY(decoded, http::decode_segment(segment));
            in.name = std::move(decoded);
        } else if (one.path != path) {
            continue;
        }
        if (one.method != in.request.method) {
            allowed.append(allowed.empty() ? "" : ", ").append(one.method);
            continue;
        }
        const bool empty = in.request.body.empty() && one.path.ends_with("/heartbeat");
        if ((one.method == "POST" || one.method == "PUT") && !empty) {
            const auto type = in.request.fields.only("Content-Type").value_or("");
            const auto essence = type.substr(0, type.find_first_of("; \t"));
            // What a page of a foreign site can send without asking first never has this type.
            if (!ws::equals_ignoring_case(essence, "application/json") && !injected(fault::requests_any_type))
                return fail(errc::http_forbidden, "AM-REG-019");
        }
        return (this->*one.run)(in);
    }
    if (allowed.empty()) return fail(errc::http_not_found, "AM-REG-001");
    auto out = refuse(in.request, {errc::http_method, "AM-REG-001"});
    out.fields.add("Allow", std::move(allowed));
    return out;
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::absent(const call& in) -> answer {
    std::string body;
    json::writer{body}
        .begin_object()
        .member("success", false)
        .member("error", "not_implemented")
        .member("message", "this registry does not have this endpoint yet")
        .member("endpoint", in.request.method + " " + in.request.path)
        .member("clause", "AM-REG-001")
        .end_object();
    return http::response::json(501, std::move(body));
}

template <RegistryStore Store, RandomSource Random>
result<void> service<Store, Random>::remember(transaction& tx, const credential& shown) {
    buffer name{shown.nonce().begin(), shown.nonce().end()};
    if (injected(fault::replay_elsewhere)) name.insert(name.end(), noted().begin(), noted().end());
    AGENTMESH_TRY(fresh, tx.remember(shown.who, name, shown.forget_at));
    if (!fresh && !injected(fault::replay_accepted)) return fail(errc::bad_signature, "AM-REG-007");
    return {};
}

template <RegistryStore Store, RandomSource Random>
result<bool> service<Store, Random>::admit(transaction& tx, const credential& shown, agent_row& self) {
    if (!shown.proof && (self.proves || !options_.signed_times) && !injected(fault::proof_fallback))
        return fail(errc::fallback_refused, "AM-REG-008");
    AGENTMESH_CHECK(shown.verify(self.signing));
    AGENTMESH_CHECK(remember(tx, shown));
    if (!shown.proof || self.proves) return false;
    self.proves = true;
    return true;
}

template <RegistryStore Store, RandomSource Random>
template <class Act, class Elsewhere>
auto service<Store, Random>::change(const call& in, const credential& shown, Act&& act, bool even_revoked,
                                    Elsewhere&& elsewhere) -> answer {
    const bool sweep = in.now.steady >= next_sweep_;
    auto out = store_->transact([&](transaction& tx) -> answer {
        if (sweep) AGENTMESH_CHECK(tx.forget_nonces(in.now.wall));
        AGENTMESH_TRY(found, tx.agent(shown.who));
        const bool registered = found.has_value();
        if (!registered) {
            AGENTMESH_TRY(key, elsewhere(tx));
            if (!key) return fail(not_registered);
            found = agent_row{.who = shown.who, .signing = *key, .exchange = {}};
        }
        AGENTMESH_TRY(first_proof, admit(tx, shown, *found));
        if (first_proof && registered) AGENTMESH_CHECK(tx.update_agent(*found));
        if (found->revoked && !even_revoked && !injected(fault::revoked_acts))
            return refuse(in.request, {errc::certificate_revoked, "AM-REG-018"});
        answer done = act(tx, *found);
        if (done || done.error().code == errc::registry_failed) return done;
        return refuse(in.request, done.error());
    });
    if (sweep) next_sweep_ = in.now.steady + std::chrono::seconds{60};
    return out;
}

template <RegistryStore Store, RandomSource Random>
result<void> service<Store, Random>::check_reachable(std::string_view url) const {
    if (url.empty() || url == options_.relay_endpoint) return {};
    if (!options_.local_endpoints) return check_endpoint(url);
    return check_shown_text(url, service_limits::endpoint_bytes);
}

template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::asked(const call& in, std::string_view name) -> result<std::optional<std::string>> {
    AGENTMESH_TRY(members, http::parse_query(in.request.query));
    std::optional<std::string> out;
    for (auto& [member, value] : members) {
        if (member != name) continue;
        if (out) return fail(errc::wrong_member, "AM-REG-002");
        out = std::move(value);
    }
    return out;
}

template <RegistryStore Store, RandomSource Random>
result<amid> service<Store, Random>::asked_agent(const call& in) {
    AGENTMESH_TRY(text, asked(in, "amid"));
    if (!text) return fail(errc::missing_member, "AM-REG-002");
    return amid::parse(*text);
}

}  // namespace agentmesh::registry
