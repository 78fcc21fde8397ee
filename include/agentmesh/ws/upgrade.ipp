// Bodies of ws/upgrade.hpp.
#pragma once

#include <agentmesh/core/encoding.hpp>
#include <agentmesh/crypto/legacy.hpp>

namespace agentmesh::ws {

namespace detail {

[[nodiscard]] inline bool contains(const std::vector<std::string>& list, std::string_view text) noexcept {
    return std::find(list.begin(), list.end(), text) != list.end();
}

[[nodiscard]] inline bool is_nonce(std::string_view key) noexcept {
    std::array<std::uint8_t, 16> nonce;
    return decode_base64(key, base64_form::standard_padded, nonce).has_value();
}

/// The first of our subprotocols that the client offers; empty for none.
/// @errors http_malformed where an offer is not a token, or is made twice
[[nodiscard]] inline result<std::string_view> choose_subprotocol(const upgrade_options& options,
                                                                 const http_fields& fields) {
    std::vector<std::string_view> offers;
    const bool tokens = fields.each_element("Sec-WebSocket-Protocol", [&offers](std::string_view offer) {
        offers.push_back(offer);
        return is_token(offer);
    });
    // Sorted, so that a head full of offers costs no more than n log n.
    std::sort(offers.begin(), offers.end());
    const bool distinct = std::adjacent_find(offers.begin(), offers.end()) == offers.end();
    if (!tokens || !distinct) return fail(errc::http_malformed);
    for (const std::string& ours : options.subprotocols) {
        if (std::binary_search(offers.begin(), offers.end(), std::string_view{ours})) return std::string_view{ours};
    }
    return std::string_view{};
}

/// Whether the request wants WebSocket at all. Upgrade is ignored in HTTP/1.0 (RFC 9110 section 7.8).
[[nodiscard]] inline bool wants_websocket(const http_request& request) {
    return request.minor_version > 0 && request.fields.lists("Upgrade", "websocket");
}

/// Answers for WebSocket; what is refused here was meant as an upgrade.
[[nodiscard]] inline result<upgrade_accepted> judge_upgrade(const upgrade_options& options, const http_request& request,
                                                            bool followed) {
    const http_fields& fields = request.fields;
    if (request.method != "GET" && !injected(fault::ws_post)) return fail(errc::http_method, "AM-WSK-016");
    if (!fields.lists("Connection", "Upgrade")) return fail(errc::http_malformed, "AM-WSK-016");
    if (contains(options.reserved_paths, request.path)) return fail(errc::http_not_found);
    if (fields.count("Sec-WebSocket-Version") != 1) return fail(errc::http_malformed, "AM-WSK-003");
    if (fields.only("Sec-WebSocket-Version") != "13" && !injected(fault::ws_any_version)) {
        return fail(errc::http_bad_version, "AM-WSK-004");
    }
    const auto key = fields.only("Sec-WebSocket-Key");
    if ((!key || !is_nonce(*key)) && !injected(fault::ws_no_key)) return fail(errc::http_malformed, "AM-WSK-002");
    const auto origins = fields.count("Origin");
    if (origins > 1) return fail(errc::http_malformed, "AM-WSK-010");
    if (origins == 1 && !contains(options.allowed_origins, "*") && !injected(fault::ws_any_origin) &&
        !contains(options.allowed_origins, *fields.only("Origin"))) {
        return fail(errc::http_forbidden, "AM-WSK-010");
    }
    const bool body = injected(fault::ws_cl_te) && fields.count("Content-Length") > 0;
    if (followed && !body && !injected(fault::ws_early_bytes)) {
        return fail(errc::http_malformed, "AM-WSK-017");
    }
    AGENTMESH_TRY(subprotocol, choose_subprotocol(options, fields));

    // Sec-WebSocket-Extensions is not even read: no offer is taken up, so none is answered (AM-WSK-012).
    std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    answer.append("Sec-WebSocket-Accept: ").append(accept_value(key.value_or(""))).append("\r\n");
    if (!subprotocol.empty()) answer.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
    if (injected(fault::ws_names_protocol) && fields.count("Sec-WebSocket-Protocol") > 0) {
        answer.append("Sec-WebSocket-Protocol: agentmesh\r\n");
    }
    if (injected(fault::ws_deflate) && fields.count("Sec-WebSocket-Extensions") > 0) {
        answer.append("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    }
    answer.append("\r\n");
    return upgrade_accepted{request.path, request.query, subprotocol, std::move(answer)};
}

/// Answers for plain HTTP.
[[nodiscard]] inline result<plain_request> judge_plain(const upgrade_options& options, const http_request& request) {
    if (request.method != "GET" && request.method != "HEAD") return fail(errc::http_method);
    if (contains(options.plain_paths, request.path)) {
        return plain_request{request.path, request.query, request.method == "HEAD"};
    }
    if (contains(options.reserved_paths, request.path)) return fail(errc::http_not_found);
    if (request.fields.count("Sec-WebSocket-Key") > 0) return fail(errc::http_malformed, "AM-WSK-016");
    return fail(errc::http_not_upgrade, "AM-WSK-016");
}

}  // namespace detail

inline std::string accept_value(std::string_view key) {
    std::string text{key};
    text.append(injected(fault::ws_bad_accept) ? "00000000-0000-0000-0000-000000000000"
                                               : "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    return to_base64(crypto::legacy::sha1(as_bytes(text)).bytes(), base64_form::standard_padded);
}

inline upgrade_refused refuse(const error& why) {
    upgrade_refused out{http_status(why.code), why, {}};
    const std::string body = to_string(why) + "\n";
    constexpr http_field plain_text{"Content-Type", "text/plain"};
    switch (out.status) {
        case 405: append_response(out.answer, 405, {{"Allow", "GET, HEAD"}, plain_text}, body); break;
        case 426:  // RFC 9110 section 15.5.22 demands Upgrade, RFC 6455 section 4.4 the version
            append_response(out.answer, 426, {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}, plain_text},
                            body);
            break;
        default: append_response(out.answer, out.status, {plain_text}, body);
    }
    return out;
}

inline upgrade_decision judge_request(const upgrade_options& options, const http_request& request, bool followed) {
    if (detail::wants_websocket(request) && !detail::contains(options.plain_paths, request.path)) {
        auto accepted = detail::judge_upgrade(options, request, followed);
        if (!accepted) return refuse(accepted.error());
        return std::move(*accepted);
    }
    auto plain = detail::judge_plain(options, request);
    if (!plain) return refuse(plain.error());
    return *plain;
}

inline std::optional<upgrade_decision> server_handshake::feed(byte_view input) {
    const auto complete = reader_.feed(input);
    if (!complete) return refuse(complete.error());
    if (!*complete) return std::nullopt;
    const auto request = parse_request(reader_.text());
    if (!request) return refuse(request.error());
    return judge_request(*options_, *request, !input.empty());
}

inline result<client_handshake> client_handshake::begin(const upgrade_target& to,
                                                        std::span<const std::uint8_t, 16> nonce,
                                                        const http_limits& limits) {
    const bool sound = !to.host.empty() && detail::host_chars.spans(to.host) && to.target.starts_with('/') &&
                       detail::target_chars.spans(to.target) &&
                       std::all_of(to.origin.begin(), to.origin.end(), detail::is_value_char) &&
                       std::all_of(to.subprotocols.begin(), to.subprotocols.end(), detail::is_value_char);
    if (!sound) return fail(errc::http_malformed);

    client_handshake out{limits};
    const std::string key = to_base64(nonce, base64_form::standard_padded);
    out.accept_ = accept_value(key);
    out.offered_ = to.subprotocols;
    out.request_.append("GET ").append(to.target).append(" HTTP/1.1\r\nHost: ").append(to.host);
    out.request_.append("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13");
    out.request_.append("\r\nSec-WebSocket-Key: ").append(key).append("\r\n");
    if (!to.origin.empty()) out.request_.append("Origin: ").append(to.origin).append("\r\n");
    if (!to.subprotocols.empty()) {
        out.request_.append("Sec-WebSocket-Protocol: ").append(to.subprotocols).append("\r\n");
    }
    out.request_.append("\r\n");
    return out;
}

inline result<bool> client_handshake::feed(byte_view& input) {
    AGENTMESH_TRY(complete, reader_.feed(input));
    if (!complete) return false;
    AGENTMESH_TRY(answer, parse_response(reader_.text()));
    status_ = answer.status;
    AGENTMESH_CHECK(check(answer));
    return true;
}

inline result<void> client_handshake::check(const http_response& answer) {
    switch (answer.status) {
        case 101: break;
        case 400: return fail(errc::http_malformed);
        case 403: return fail(errc::http_forbidden);
        case 404: return fail(errc::http_not_found);
        case 405: return fail(errc::http_method);
        case 426: return fail(errc::http_bad_version);
        case 431: return fail(errc::http_too_large);
        default: return fail(errc::ws_bad_accept);
    }
    const http_fields& fields = answer.fields;
    const auto upgrade = fields.only("Upgrade");
    if (!upgrade || !equals_ignoring_case(*upgrade, "websocket")) return fail(errc::ws_bad_accept);
    if (!fields.lists("Connection", "Upgrade")) return fail(errc::ws_bad_accept);
    if (fields.only("Sec-WebSocket-Accept") != accept_) return fail(errc::ws_bad_accept, "AM-WSK-014");
    if (fields.count("Sec-WebSocket-Extensions") > 0) return fail(errc::ws_bad_accept, "AM-WSK-015");
    if (const auto chosen = fields.count("Sec-WebSocket-Protocol"); chosen > 0) {
        http_fields offer;
        offer.add({"offer", offered_});
        const auto name = fields.only("Sec-WebSocket-Protocol");
        const bool offered = name && !name->empty() &&
                             !offer.each_element("offer", [&name](std::string_view ours) { return ours != *name; });
        if (!offered) return fail(errc::ws_bad_accept, "AM-WSK-015");
        subprotocol_ = *name;
    }
    return {};
}

}  // namespace agentmesh::ws
