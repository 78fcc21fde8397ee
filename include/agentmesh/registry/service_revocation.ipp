// Who may no longer be trusted. Bodies of registry/service.hpp.
#pragma once

#include <agentmesh/registry/service.hpp>

namespace agentmesh::registry {

namespace detail {

[[nodiscard]] inline bool is_reason(std::string_view text) noexcept {
    for (const std::string_view one : {"key_compromise", "policy_violation", "superseded", "cessation_of_operation",
                                       "privilege_withdrawn", "admin_request", "other"})
        if (text == one) return true;
    return false;
}

inline void write_revocation(json::writer& to, const revocation_row& of) {
    to.begin_object().member("id", of.id).member("amid", of.who.text());
    to.member("reason", injected(fault::revoke_no_reason) ? std::string_view{"other"} : of.reason);
    to.member("revoked_by", of.by.text()).member("revoked_at", format_time(of.at)).name("notes");
    if (of.notes.empty())
        to.null();
    else
        to.value(of.notes);
    to.end_object();
}

/// What is said of one agent that was asked for.
inline void write_standing(json::writer& to, const amid& who, const std::optional<revocation_row>& gone) {
    to.begin_object().member("amid", who.text()).member("revoked", gone.has_value()).name("revocation");
    if (gone)
        write_revocation(to, *gone);
    else
        to.null();
    to.end_object();
}

}  // namespace detail

/// @spec AM-REG-030, AM-REG-031
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::revoke(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    AGENTMESH_TRY(who, body.agent("amid"));
    AGENTMESH_TRY(by, body.agent("revoker_amid"));
    AGENTMESH_TRY(reason, body.text("reason"));
    if (!detail::is_reason(reason)) return fail(errc::wrong_member, "AM-REG-002");
    AGENTMESH_TRY(notes, body.optional_text("notes"));
    AGENTMESH_CHECK(check_shown_text(notes, service_limits::notes_bytes));
    AGENTMESH_TRY(shown, read_credential(in.request, body, by, options_.host, in.now.wall));
    std::array<std::uint8_t, 16> id;
    AGENTMESH_CHECK(random_->fill(id));
    const revocation_row row{.id = to_hex(id),
                             .who = who,
                             .reason = std::string{reason},
                             .by = by,
                             .at = in.now.wall,
                             .notes = std::string{notes}};
    auto out = change(
        in, shown,
        [&](transaction& tx, agent_row&) -> answer {
            AGENTMESH_TRY(target, tx.agent(who));
            if (!target) return fail(not_registered);
            if (by != who) {
                AGENTMESH_TRY(vouches, tx.organization(target->organization));
                bool may = injected(fault::revoke_anyone);
                if (vouches && vouches->verified) {
                    AGENTMESH_TRY(admin, administers(tx, *vouches, by));
                    may = may || admin;
                }
                if (!may) return fail(errc::not_allowed, "AM-REG-030");
            }
            AGENTMESH_TRY(first, tx.insert_revocation(row));
            if (!first && !injected(fault::revoke_again)) return fail(errc::duplicate, "AM-REG-031");
            target->revoked = !injected(fault::revoke_hidden);
            AGENTMESH_CHECK(tx.update_agent(*target));
            std::string text;
            json::writer to{text};
            to.begin_object().member("success", true).member("revocation_id", row.id).name("error").null().end_object();
            return http::response::json(200, std::move(text));
        },
        // One that revoked itself hears that it did so already.
        by == who,
        // An administrator need not be an agent itself.
        [&](transaction& tx) -> result<std::optional<signing_public_key>> {
            AGENTMESH_TRY(target, tx.agent(who));
            if (!target) return std::nullopt;
            AGENTMESH_TRY(vouches, tx.organization(target->organization));
            if (!vouches || vouches->admin != by) return std::nullopt;
            return vouches->admin_key;
        });
    if (!out && out.error() == not_registered) return fail(errc::bad_signature, "AM-REG-004");
    return out;
}

/// @spec AM-REG-033
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::revocation(const call& in) -> answer {
    AGENTMESH_TRY(who, asked_agent(in));
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(gone, tx.revocation(who));
        std::string body;
        json::writer to{body};
        detail::write_standing(to, who, gone);
        return http::response::json(200, std::move(body));
    });
}

/// @spec AM-REG-032, AM-REG-033
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::revocations_of(const call& in) -> answer {
    AGENTMESH_TRY(body, request_members::parse(in.request.body));
    if (!body.has("amids")) return fail(errc::missing_member, "AM-REG-002");
    AGENTMESH_TRY(names, body.texts("amids"));
    if (names.size() > service_limits::page && !injected(fault::revocations_many))
        return fail(errc::too_large, "AM-REG-032");
    std::vector<amid> all;
    for (const auto& one : names) {
        AGENTMESH_TRY(who, amid::parse(one));
        all.push_back(who);
    }
    return reading([&](transaction& tx) -> answer {
        std::uint64_t revoked = 0;
        std::string text;
        json::writer to{text};
        to.begin_object().name("revocations").begin_array();
        for (const auto& who : all) {
            AGENTMESH_TRY(gone, tx.revocation(who));
            revoked += gone ? 1U : 0U;
            detail::write_standing(to, who, gone);
        }
        to.end_array().member("total_checked", all.size()).member("total_revoked", revoked).end_object();
        return http::response::json(200, std::move(text));
    });
}

/// @spec AM-REG-033
template <RegistryStore Store, RandomSource Random>
auto service<Store, Random>::revocations(const call& in) -> answer {
    std::uint32_t limit = 1000, offset = 0;
    AGENTMESH_TRY(limit_text, asked(in, "limit"));
    if (limit_text) {
        AGENTMESH_TRY(most, detail::parse_count(*limit_text));
        limit = std::min(most, 10'000U);
    }
    AGENTMESH_TRY(offset_text, asked(in, "offset"));
    if (offset_text) {
        AGENTMESH_TRY(first, detail::parse_count(*offset_text));
        offset = first;
    }
    return reading([&](transaction& tx) -> answer {
        AGENTMESH_TRY(found, tx.revocations(limit, offset));
        std::string body;
        json::writer to{body};
        to.begin_object().name("revocations").begin_array();
        for (const auto& one : found.rows) detail::write_revocation(to, one);
        to.end_array().member("total", found.total).member("last_updated", format_time(in.now.wall));
        to.member("next_update", format_time(in.now.wall + std::chrono::hours{1})).end_object();
        return http::response::json(200, std::move(body));
    });
}

}  // namespace agentmesh::registry
