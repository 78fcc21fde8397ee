#pragma once

#include <agentmesh/identity/certificate.hpp>

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/core/json.hpp>

#include <array>

namespace agentmesh::identity {

namespace detail {

inline constexpr std::size_t deployed_certificate_bytes = 16 * 1024;

/// What stands between the lines of the deployed wrapper, or the text itself; white space goes.
[[nodiscard]] inline std::string unwrapped(std::string_view text) {
    constexpr std::string_view begin = "-----BEGIN AGENTMESH CERTIFICATE-----";
    constexpr std::string_view end = "-----END AGENTMESH CERTIFICATE-----";
    if (const auto at = text.find(begin); at != text.npos) {
        text.remove_prefix(at + begin.size());
        text = text.substr(0, text.find(end));
    }
    std::string out;
    for (const char c : text)
        if (c != '\n' && c != '\r') out += c;
    return out;
}

}  // namespace detail

inline result<deployed_claim> read_deployed_certificate(std::string_view text) {
    if (text.size() > detail::deployed_certificate_bytes) return fail(errc::too_large, "AM-CRT-012");
    const auto json = from_base64(detail::unwrapped(text), base64_form::standard_padded);
    if (!json) return fail(errc::bad_certificate, "AM-CRT-012");

    deployed_claim out;
    json::reader in{as_text(*json)};
    const auto take_name = [&] {
        const auto read = amid::parse(in.string("AM-CRT-012").text());
        if (read)
            out.who = *read;
        else
            in.refuse(errc::bad_certificate, "AM-CRT-012");
    };
    const auto take_time = [&](std::optional<time_point>& to) {
        const auto read = parse_time(in.string("AM-CRT-012").text());
        if (read)
            to = *read;
        else
            in.refuse(errc::bad_certificate, "AM-CRT-012");
    };
    in.begin_object("AM-CRT-012");
    while (const auto name = in.next_member()) {
        if (*name == "type")
            out.type = in.string("AM-CRT-012").text();
        else if (*name == "amid" || *name == "agent_amid")
            take_name();
        else if (*name == "issuer")
            out.issuer = in.string("AM-CRT-012").text();
        else if (*name == "tier")
            out.claimed_tier = in.string("AM-CRT-012").text();
        else if (*name == "organization" || *name == "organization_name" || *name == "organization_domain")
            out.organization = in.string("AM-CRT-012").text();
        else if (*name == "issued_at" || *name == "verified_at")
            take_time(out.issued);
        else if (*name == "expires_at")
            take_time(out.expires);
    }
    if (!in.finish()) return fail(errc::bad_certificate, "AM-CRT-012");
    constexpr std::array known = {"agent", "verification_certificate", "org_root_certificate", "agent_certificate"};
    for (const std::string_view one : known)
        if (out.type == one) return out;
    return fail(errc::bad_certificate, "AM-CRT-012");
}

}  // namespace agentmesh::identity
