// Bodies of p2p/candidate.hpp.
#pragma once

#include <algorithm>
#include <charconv>

namespace agentmesh::p2p {

namespace detail {

/// The next word of a line in which one space stands between two.
[[nodiscard]] inline std::string_view next_word(std::string_view& rest) noexcept {
    const auto end = rest.find(' ');
    const auto out = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    return out;
}

template <class Number>
[[nodiscard]] std::optional<Number> read_number(std::string_view text) noexcept {
    Number out = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.empty() || why != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    return out;
}

[[nodiscard]] constexpr bool is_ice_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}
[[nodiscard]] inline bool is_ice_text(std::string_view text, std::size_t least, std::size_t most) noexcept {
    return text.size() >= least && text.size() <= most && std::ranges::all_of(text, is_ice_char);
}

[[nodiscard]] inline bool is_udp(std::string_view text) noexcept {
    return text.size() == 3 && (text[0] | 0x20) == 'u' && (text[1] | 0x20) == 'd' && (text[2] | 0x20) == 'p';
}

}  // namespace detail

inline std::string write_candidate(const candidate& from) {
    std::string out = "candidate:" + from.foundation + " 1 udp " + std::to_string(from.priority) + ' ';
    out.append(address_text(from.at)).append(" ").append(std::to_string(from.at.port));
    out.append(" typ ").append(to_text(from.kind));
    if (from.base)
        out.append(" raddr ")
            .append(address_text(*from.base))
            .append(" rport ")
            .append(std::to_string(from.base->port));
    return out;
}

inline result<candidate> parse_candidate(std::string_view text) {
    const auto refused = fail(errc::bad_candidate, "AM-P2P-010");
    if (text.size() > limits::ice_candidate_bytes) return refused;
    for (const std::string_view before : {"a=", "candidate:"})
        if (text.starts_with(before))
            text.remove_prefix(before.size());
        else if (before != "a=")
            return refused;

    candidate out;
    out.foundation = detail::next_word(text);
    if (!detail::is_ice_text(out.foundation, 1, 32) || detail::next_word(text) != "1") return refused;
    if (!detail::is_udp(detail::next_word(text))) return refused;
    const auto priority = detail::read_number<std::uint32_t>(detail::next_word(text));
    const auto address = detail::next_word(text);
    const auto port = detail::read_number<std::uint16_t>(detail::next_word(text));
    if (!priority || *priority == 0 || *priority > 0x7fff'ffff || !port || *port == 0) return refused;
    const auto at = parse_address(address, *port);
    if (!at || detail::next_word(text) != "typ") return refused;
    out.priority = *priority;
    out.at = *at;

    const auto kind = detail::next_word(text);
    const auto kinds = {candidate_kind::host, candidate_kind::peer_reflexive, candidate_kind::server_reflexive,
                        candidate_kind::relayed};
    const auto* const known = std::ranges::find_if(kinds, [&](candidate_kind one) { return to_text(one) == kind; });
    if (known == kinds.end()) return refused;
    out.kind = *known;

    std::optional<std::string_view> base_address;
    while (!text.empty()) {
        const auto name = detail::next_word(text);
        const auto value = detail::next_word(text);
        if (name.empty() || value.empty()) return refused;
        if (name == "raddr") base_address = value;
        if (name != "rport" || !base_address) continue;
        // Browsers that hide it say 0.0.0.0 and 0; it serves diagnosis only.
        if (const auto number = detail::read_number<std::uint16_t>(value))
            out.base = parse_address(*base_address, *number);
    }
    return out;
}

}  // namespace agentmesh::p2p
