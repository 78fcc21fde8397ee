// Bodies of p2p/sdp.hpp.
#pragma once

#include <agentmesh/core/encoding.hpp>

#include <algorithm>

namespace agentmesh::p2p {

namespace detail {

inline constexpr clause_id sdp_form = "AM-P2P-070";

[[nodiscard]] constexpr std::string_view to_text(dtls_setup setup) noexcept {
    constexpr std::string_view words[] = {"actpass", "active", "passive"};
    return words[static_cast<std::size_t>(setup)];
}

/// `AB:CD:...`, 32 pairs.
[[nodiscard]] inline std::string write_fingerprint(const dtls_fingerprint& of) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const auto byte : of.bytes()) {
        if (!out.empty()) out += ':';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

[[nodiscard]] inline std::optional<dtls_fingerprint> read_fingerprint(std::string_view text) {
    std::string bare;
    if (text.size() != 95) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % 3 == 2) {
            if (text[i] != ':') return std::nullopt;
        } else {
            bare += static_cast<char>(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
        }
    }
    const auto bytes = from_hex(bare);
    if (!bytes) return std::nullopt;
    return *dtls_fingerprint::from(*bytes);
}

/// What a description says, the session's word before the medium's own.
struct sdp_reading {
    std::optional<std::string_view> fragment[2], password[2], setup[2], fingerprint[2];
    std::optional<std::string_view> mid, sctp_port, max_size;
    std::vector<std::string_view> candidates;
    std::string_view medium;
    std::size_t media = 0;
    bool end = false, version = false;
};

/// One line; false if it is not `letter=value`, or repeats what may be said once.
[[nodiscard]] inline bool read_sdp_line(std::string_view line, sdp_reading& into) {
    if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z') return false;
    const auto value = line.substr(2);
    const std::size_t level = into.media == 0 ? 0 : 1;
    if (line[0] == 'v') return value == "0" && !std::exchange(into.version, true);
    if (line[0] == 'm') {
        into.medium = value;
        return ++into.media == 1;
    }
    if (line[0] != 'a') return true;
    const auto colon = value.find(':');
    const auto name = value.substr(0, colon);
    const auto rest = colon == value.npos ? std::string_view{} : value.substr(colon + 1);
    const auto once = [&](std::optional<std::string_view>& slot) {
        if (slot) return false;
        slot = rest;
        return true;
    };
    if (name == "ice-ufrag") return once(into.fragment[level]);
    if (name == "ice-pwd") return once(into.password[level]);
    if (name == "setup") return once(into.setup[level]);
    if (name == "mid") return once(into.mid);
    if (name == "sctp-port") return once(into.sctp_port);
    if (name == "max-message-size") return once(into.max_size);
    if (name == "candidate") into.candidates.push_back(value);
    if (name == "end-of-candidates") into.end = true;
    if (name == "fingerprint") {
        const auto space = rest.find(' ');
        if (space == rest.npos) return false;
        std::string method{rest.substr(0, space)};
        for (char& c : method) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
        // Of several certificates or hashes the first with SHA-256 counts; others may stand beside it.
        if (method == "sha-256" && !into.fingerprint[level]) into.fingerprint[level] = rest.substr(space + 1);
    }
    return true;
}

}  // namespace detail

inline std::string write_sdp(const session_description& from) {
    std::string out = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE " + from.mid +
                      "\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n";
    const auto attribute = [&](std::string_view name, std::string_view value) {
        out.append("a=").append(name).append(":").append(value).append("\r\n");
    };
    attribute("mid", from.mid);
    attribute("ice-ufrag", from.ice.fragment);
    attribute("ice-pwd", from.ice.password);
    attribute("ice-options", "trickle");
    attribute("fingerprint", "sha-256 " + detail::write_fingerprint(from.fingerprint));
    attribute("setup", detail::to_text(from.setup));
    attribute("sctp-port", std::to_string(from.sctp_port));
    attribute("max-message-size", std::to_string(from.max_message_size));
    for (const auto& one : from.candidates) out.append("a=").append(write_candidate(one)).append("\r\n");
    if (from.all_candidates) out.append("a=end-of-candidates\r\n");
    return out;
}

inline result<session_description> parse_sdp(std::string_view text, session_description::role what) {
    const auto refused = fail(errc::bad_sdp, detail::sdp_form);
    if (text.size() > sdp_bytes) return fail(errc::too_large, detail::sdp_form);
    detail::sdp_reading in;
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text = end == text.npos ? std::string_view{} : text.substr(end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_of(std::string_view{"\r\0", 2}) != line.npos) return refused;
        if (!in.version && !line.starts_with("v=")) return refused;
        if (!detail::read_sdp_line(line, in)) return refused;
    }
    // Port, protocol and format; the port says nothing, because candidates do.
    auto medium = in.medium;
    if (in.media != 1 || detail::next_word(medium) != "application") return refused;
    const auto port = detail::read_number<std::uint16_t>(detail::next_word(medium));
    const auto protocol = detail::next_word(medium);
    if (!port || *port == 0 || medium != "webrtc-datachannel") return refused;
    if (protocol != "UDP/DTLS/SCTP" && protocol != "DTLS/SCTP") return refused;

    const auto effective = [](const std::optional<std::string_view>(&slots)[2]) {
        return slots[1] ? slots[1] : slots[0];
    };
    session_description out{.what = what};
    out.ice.fragment = effective(in.fragment).value_or("");
    out.ice.password = effective(in.password).value_or("");
    if (!out.ice.check()) return refused;
    const auto fingerprint = detail::read_fingerprint(effective(in.fingerprint).value_or(""));
    if (!fingerprint) return refused;
    out.fingerprint = *fingerprint;
    const auto setup = effective(in.setup);
    const auto known = {dtls_setup::actpass, dtls_setup::active, dtls_setup::passive};
    const auto* const found =
        std::ranges::find_if(known, [&](dtls_setup one) { return setup == detail::to_text(one); });
    // An offer leaves the choice to the answer, and an answer makes it.
    if (found == known.end() || (*found == dtls_setup::actpass && what == session_description::role::answer))
        return refused;
    out.setup = *found;
    out.mid = in.mid.value_or("0");
    if (out.mid.empty() || out.mid.size() > 32 ||
        !std::ranges::all_of(out.mid, [](char c) { return c > ' ' && c < 127; }))
        return refused;
    if (in.sctp_port) {
        const auto number = detail::read_number<std::uint16_t>(*in.sctp_port);
        if (!number || *number == 0) return refused;
        out.sctp_port = *number;
    }
    if (in.max_size) {
        const auto number = detail::read_number<std::uint64_t>(*in.max_size);
        if (!number) return refused;
        out.max_message_size = static_cast<std::uint32_t>(std::min<std::uint64_t>(*number, 0xffff'ffff));
    }
    for (const auto line : in.candidates) {
        if (out.candidates.size() == limits::ice_candidates) break;
        if (auto one = parse_candidate(line)) out.candidates.push_back(*std::move(one));
    }
    out.all_candidates = in.end;
    return out;
}

inline std::string write_description_json(const session_description& from) {
    std::string out;
    json::writer{out}
        .begin_object()
        .member("sdp", write_sdp(from))
        .member("type", from.what == session_description::role::offer ? "offer" : "answer")
        .end_object();
    return out;
}

inline result<session_description> parse_description_json(std::string_view text) {
    constexpr clause_id clause = "AM-P2P-072";
    json::reader in{text, {.bytes = 2 * sdp_bytes}};
    std::optional<std::string> sdp, type;
    in.begin_object(clause);
    while (const auto name = in.next_member()) {
        if (*name == "sdp") sdp = in.string(clause).text();
        if (*name == "type") type = in.string(clause).text();
    }
    AGENTMESH_CHECK(in.finish());
    if (!sdp || !type) return fail(errc::missing_member, clause);
    if (*type != "offer" && *type != "answer") return fail(errc::bad_sdp, clause);
    return parse_sdp(*sdp, *type == "offer" ? session_description::role::offer : session_description::role::answer);
}

}  // namespace agentmesh::p2p
