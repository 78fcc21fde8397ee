// Bodies of p2p/turn.hpp.
#pragma once

#include <algorithm>

namespace agentmesh::p2p {

namespace detail {

inline constexpr duration permission_time = std::chrono::minutes{5}, channel_time = std::chrono::minutes{10};
inline constexpr std::size_t sends_before_channel = 4;  ///< a check or two is not worth one
inline constexpr unsigned nonces_in_a_row = 3;          ///< of one request
inline constexpr std::uint16_t first_channel = 0x4000, last_channel = 0x4fff;

/// What a nonce says that the server can do (RFC 8489 section 9.2), so that nobody on the way can hide it.
[[nodiscard]] inline bool offers_algorithms(std::string_view nonce) noexcept {
    constexpr std::string_view mark = "obMatJos2";
    if (!nonce.starts_with(mark) || nonce.size() < mark.size() + 4) return false;
    // Four characters of base64: 24 bits, of which the first says that algorithms are offered.
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto first = letters.find(nonce[mark.size()]);
    return first != letters.npos && (first & 32) != 0;
}

/// Whether SHA-256 is among the password algorithms that a server lists.
[[nodiscard]] inline result<bool> lists_sha256(byte_view list) {
    bool out = false;
    while (!list.empty()) {
        if (list.size() < 4) return fail(errc::bad_stun, "AM-P2P-052");
        const auto which = stun::detail::u16_at(list, 0);
        const std::size_t length = (stun::detail::u16_at(list, 2) + 3u) & ~3u;
        if (list.size() < 4 + length) return fail(errc::bad_stun, "AM-P2P-052");
        out = out || (which == 2 && length == 0);
        list = list.subspan(4 + length);
    }
    return out;
}

}  // namespace detail

result<turn_client> turn_client::create(turn_options chosen, RandomSource auto& random) {
    AGENTMESH_TRY(transactions, transaction_source::create(random));
    return turn_client{std::move(chosen), transactions};
}

// --- requests -----------------------------------------------------------------------------------------------------

inline stun::writer turn_client::text_of(const request& what, const stun::transaction& id) const {
    stun::writer text{stun::kind::request, what.about, id};
    switch (what.about) {
        case stun::method::allocate:
            text.number(stun::attribute::requested_transport, 17u << 24);  // UDP
            if (chosen_.v6) text.number(stun::attribute::requested_address_family, 2u << 24);
            [[fallthrough]];
        case stun::method::refresh: text.number(stun::attribute::lifetime, what.lifetime); break;
        case stun::method::channel_bind:
            text.number(stun::attribute::channel_number, std::uint32_t{what.channel} << 16);
            [[fallthrough]];
        default: text.address(stun::attribute::xor_peer_address, what.peer);
    }
    if (key_.empty()) return text;
    text.text(stun::attribute::username, chosen_.username).text(stun::attribute::realm, realm_);
    text.text(stun::attribute::nonce, nonce_);
    if (sha256_) {
        text.bytes(stun::attribute::password_algorithms, algorithms_);
        text.number(stun::attribute::password_algorithm, 2u << 16);
    }
    return text;
}

void turn_client::ask(request what, const moment& now, TurnSink auto& out) {
    const auto id = transactions_.next();
    const auto text = text_of(what, id);
    what.authentic = !key_.empty();
    what.bytes = what.authentic ? text.sign(key_, sha256_) : text.finish();
    what.sent = 1;
    // A stream delivers by itself, or ends.
    what.wait = chosen_.stream ? 16 * chosen_.first_wait : chosen_.first_wait;
    what.due = now.steady + what.wait;
    const auto& kept = requests_.insert_or_assign(id, std::move(what)).first->second;
    out.to_server(kept.bytes);
}

void turn_client::start(const moment& now, TurnSink auto& out) {
    if (phase_ != phase::idle) return;
    phase_ = phase::allocating;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(chosen_.lifetime).count();
    ask({.about = stun::method::allocate, .lifetime = static_cast<std::uint32_t>(seconds)}, now, out);
}

void turn_client::close(const moment& now, TurnSink auto& out) {
    if (phase_ == phase::allocated) ask({.about = stun::method::refresh, .lifetime = 0}, now, out);
    phase_ = phase::over;
    relayed_.reset();
    requests_.clear();
    peers_.clear();
}

void turn_client::give_up(const error& why, TurnSink auto& out) {
    if (phase_ == phase::over) return;
    phase_ = phase::over;
    relayed_.reset();
    requests_.clear();
    peers_.clear();
    out.failed(why);
}

// --- to peers -----------------------------------------------------------------------------------------------------

/// @spec AM-P2P-055
void turn_client::pass(const endpoint& to, peer& over, byte_view bytes, const moment& now, TurnSink auto& out) {
    over.used = now.steady;
    ++over.sent;
    if (over.bound) {
        buffer text;
        text.reserve(bytes.size() + 8);
        stun::detail::append_u16(text, over.channel);
        stun::detail::append_u16(text, bytes.size());
        text.insert(text.end(), bytes.begin(), bytes.end());
        if (chosen_.stream) text.resize((text.size() + 3) & ~std::size_t{3});
        return out.to_server(text);
    }
    const auto text = stun::writer{stun::kind::indication, stun::method::send, transactions_.next()}
                          .address(stun::attribute::xor_peer_address, to)
                          .bytes(stun::attribute::data, bytes)
                          .finish();
    out.to_server(text);
    if (over.sent < detail::sends_before_channel || over.channel != 0 || next_channel_ > detail::last_channel) return;
    over.channel = next_channel_++;
    ask({.about = stun::method::channel_bind, .peer = to, .channel = over.channel}, now, out);
}

result<void> turn_client::send(const endpoint& to, byte_view bytes, const moment& now, TurnSink auto& out) {
    if (phase_ != phase::allocated) return fail(errc::no_path);
    if (!chosen_.policy.allows(to)) return fail(errc::bad_candidate, "AM-P2P-012");
    if (bytes.size() > limits::stun_bytes - 128) return fail(errc::too_large);
    auto at = peers_.find(to);
    if (at == peers_.end()) {
        if (peers_.size() >= limits::ice_checks) return fail(errc::candidate_limit, "AM-P2P-022");
        at = peers_.emplace(to, peer{.used = now.steady}).first;
        ask({.about = stun::method::create_permission, .peer = to}, now, out);
    }
    auto& over = at->second;
    switch (over.now) {
        case peer::state::refused: return fail(errc::stun_refused, "AM-P2P-054");
        case peer::state::open: pass(to, over, bytes, now, out); return {};
        case peer::state::asking: break;
    }
    if (over.waiting.size() >= chosen_.queue) return fail(errc::queue_full);
    over.waiting.emplace_back(bytes.begin(), bytes.end());
    return {};
}

void turn_client::refuse_peer(const endpoint& at, const error& why, const moment& now, TurnSink auto& out) {
    const auto found = peers_.find(at);
    if (found == peers_.end()) return;
    found->second =
        peer{.now = peer::state::refused, .renew = now.steady + detail::permission_time, .used = now.steady};
    out.refused(at, why);
}

// --- from the server ----------------------------------------------------------------------------------------------

result<void> turn_client::on_datagram(byte_view bytes, const moment& now, TurnSink auto& out) {
    if (phase_ == phase::idle || phase_ == phase::over) return fail(errc::no_path);
    if (!bytes.empty() && bytes[0] >> 6 == 1) return take_channel_data(bytes, out);
    AGENTMESH_TRY(in, stun::message::parse(bytes));
    if (in.is(stun::kind::indication, stun::method::data)) {
        const auto from = in.address(stun::attribute::xor_peer_address);
        const auto data = in.find(stun::attribute::data);
        if (!from || !data || !in.unknown().empty()) return fail(errc::bad_stun, "AM-P2P-056");
        const auto known = peers_.find(*from);
        if (known == peers_.end() || known->second.now == peer::state::refused)
            return fail(errc::bad_candidate, "AM-P2P-056");
        out.data(*from, *data);
        return {};
    }
    return on_answer(in, now, out);
}

/// @spec AM-P2P-056
result<void> turn_client::take_channel_data(byte_view bytes, TurnSink auto& out) {
    if (bytes.size() < 4) return fail(errc::bad_stun, "AM-P2P-056");
    const auto number = stun::detail::u16_at(bytes, 0);
    const std::size_t size = stun::detail::u16_at(bytes, 2);
    // Over UDP what follows may be padding, and nothing more.
    if (bytes.size() - 4 < size || bytes.size() - 4 - size > 3) return fail(errc::bad_stun, "AM-P2P-056");
    const auto known =
        std::ranges::find_if(peers_, [&](const auto& one) { return one.second.bound && one.second.channel == number; });
    if (known == peers_.end()) return fail(errc::bad_candidate, "AM-P2P-056");
    out.data(known->first, bytes.subspan(4, size));
    return {};
}

result<void> turn_client::on_stream(byte_view bytes, const moment& now, TurnSink auto& out) {
    stream_.insert(stream_.end(), bytes.begin(), bytes.end());
    result<void> first{};
    std::size_t done = 0;
    while (stream_.size() - done >= 4 && phase_ != phase::over) {
        const auto rest = byte_view{stream_}.subspan(done);
        const std::size_t length = stun::detail::u16_at(rest, 2);
        const auto number = stun::detail::u16_at(rest, 0);
        const bool channel = number >= detail::first_channel && number < next_channel_;
        if (!channel && (rest[0] >= 4 || length % 4 != 0)) {
            give_up({errc::bad_stun, "AM-P2P-050"}, out);
            return fail(errc::bad_stun, "AM-P2P-050");
        }
        const std::size_t whole = channel ? 4 + ((length + 3) & ~std::size_t{3}) : stun::head_bytes + length;
        if (rest.size() < whole) break;
        const buffer one{rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(channel ? 4 + length : whole)};
        done += whole;
        const auto taken = on_datagram(one, now, out);
        if (!taken && first) first = taken;
    }
    stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(done));
    return first;
}

/// @spec AM-P2P-051
result<void> turn_client::on_answer(const stun::message& in, const moment& now, TurnSink auto& out) {
    const auto found = requests_.find(in.id());
    if (found == requests_.end() || in.method_number() != static_cast<std::uint16_t>(found->second.about) ||
        (in.what() != stun::kind::success && in.what() != stun::kind::failure))
        return fail(errc::bad_stun, "AM-P2P-051");
    // A refusal may come without a proof, from a server that does not know the user; what gives something may not.
    const bool due = found->second.authentic && (in.is_signed() || in.what() == stun::kind::success);
    if (due) AGENTMESH_CHECK(in.check(key_));
    if (in.what() == stun::kind::success && !found->second.authentic && !chosen_.username.empty())
        return fail(errc::bad_integrity, "AM-P2P-051");
    auto what = std::move(found->second);
    requests_.erase(found);
    return in.what() == stun::kind::success ? on_success(what, in, now, out)
                                            : on_refusal(std::move(what), in, now, out);
}

/// @spec AM-P2P-052
inline result<void> turn_client::learn_realm(const stun::message& in) {
    AGENTMESH_TRY(realm, in.text(stun::attribute::realm));
    AGENTMESH_TRY(nonce, in.text(stun::attribute::nonce));
    const auto listed = in.find(stun::attribute::password_algorithms);
    bool sha256 = false;
    if (listed) {
        AGENTMESH_TRY(found, detail::lists_sha256(*listed));
        sha256 = found;
    } else if (detail::offers_algorithms(nonce)) {
        return fail(errc::bad_stun, "AM-P2P-052");  // somebody took the list away
    }
    realm_ = realm;
    nonce_ = nonce;
    sha256_ = sha256;
    algorithms_ = listed ? buffer{listed->begin(), listed->end()} : buffer{};
    auto key = sha256 ? stun::long_term_key_sha256(chosen_.username, realm_, chosen_.password)
                      : stun::long_term_key(chosen_.username, realm_, chosen_.password);
    key_.assign(key.begin(), key.end());
    sodium_memzero(key.data(), key.size());
    return {};
}

/// @spec AM-P2P-052, AM-P2P-053, AM-P2P-054
result<void> turn_client::on_refusal(request what, const stun::message& in, const moment& now, TurnSink auto& out) {
    const auto told = in.error();
    const auto code = told ? told->code : std::uint16_t{0};
    const bool first = code == 401 && !what.authentic && !chosen_.username.empty();
    if (first || (code == 438 && what.again < detail::nonces_in_a_row)) {
        const auto learned = learn_realm(in);
        if (!learned) {
            give_up(learned.error(), out);
            return learned;
        }
        what.again += 1;
        ask(std::move(what), now, out);
        return {};
    }
    const error why{errc::stun_refused, "AM-P2P-053"};
    switch (what.about) {
        case stun::method::create_permission: refuse_peer(what.peer, why, now, out); break;
        case stun::method::channel_bind:
            // Send indications go on without it.
            break;
        case stun::method::refresh:
            refusal_ = code;
            give_up({errc::path_lost, "AM-P2P-053"}, out);
            break;
        default:
            refusal_ = code;
            if (code == 300)
                if (const auto other = in.address(stun::attribute::alternate_server);
                    other && chosen_.policy.allows(*other))
                    alternate_ = *other;
            give_up(why, out);
    }
    return {};
}

result<void> turn_client::on_success(const request& what, const stun::message& in, const moment& now,
                                     TurnSink auto& out) {
    const auto lifetime = [&]() -> std::optional<duration> {
        const auto seconds = in.number(stun::attribute::lifetime);
        if (!seconds) return std::nullopt;
        return std::min<duration>(std::chrono::seconds{*seconds}, std::chrono::hours{24});
    };
    // Well before the end, and more than once a lifetime where that is short.
    const auto renew_at = [&](duration whole) {
        return now.steady + std::max(whole - std::chrono::minutes{1}, whole / 2);
    };
    switch (what.about) {
        case stun::method::allocate: {
            const auto relayed = in.address(stun::attribute::xor_relayed_address);
            const auto mapped = in.address(stun::attribute::xor_mapped_address);
            const auto lasts = lifetime();
            if (!relayed || !mapped || !lasts || lasts->count() == 0 || relayed->v6 != chosen_.v6) {
                give_up({errc::bad_stun, "AM-P2P-051"}, out);
                return fail(errc::bad_stun, "AM-P2P-051");
            }
            phase_ = phase::allocated;
            relayed_ = *relayed;
            refresh_ = renew_at(*lasts);
            out.allocated(*relayed, *mapped);
            return {};
        }
        case stun::method::refresh: {
            const auto lasts = lifetime();
            if (!lasts || lasts->count() == 0) {
                give_up({errc::path_lost, "AM-P2P-053"}, out);
                return {};
            }
            refresh_ = renew_at(*lasts);
            return {};
        }
        default: break;
    }
    const auto found = peers_.find(what.peer);
    if (found == peers_.end()) return {};
    auto& over = found->second;
    over.now = peer::state::open;
    over.renew = renew_at(detail::permission_time);
    if (what.about == stun::method::channel_bind) {
        over.bound = true;
        over.rebind = renew_at(detail::channel_time);
    }
    for (const auto& one : std::exchange(over.waiting, {})) pass(what.peer, over, one, now, out);
    return {};
}

// --- time ---------------------------------------------------------------------------------------------------------

void turn_client::on_tick(const moment& now, TurnSink auto& out) {
    for (auto at = requests_.begin(); at != requests_.end();) {
        auto& one = at->second;
        if (one.due > now.steady) {
            ++at;
            continue;
        }
        if (chosen_.stream || one.sent > chosen_.transmissions) {
            const auto gone = std::move(one);
            at = requests_.erase(at);
            if (gone.about == stun::method::allocate) return give_up({errc::timed_out, {}}, out);
            if (gone.about == stun::method::refresh) return give_up({errc::path_lost, "AM-P2P-053"}, out);
            if (gone.about == stun::method::create_permission) refuse_peer(gone.peer, {errc::timed_out, {}}, now, out);
            continue;
        }
        if (one.sent++ == chosen_.transmissions) {
            one.due = now.steady + 4 * chosen_.first_wait;
        } else {
            one.wait = std::min(2 * one.wait, 4 * chosen_.first_wait);
            one.due = now.steady + one.wait;
            out.to_server(one.bytes);
        }
        ++at;
    }
    if (phase_ != phase::allocated) return;
    if (now.steady >= refresh_) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(chosen_.lifetime).count();
        refresh_ = steady_point::max();
        ask({.about = stun::method::refresh, .lifetime = static_cast<std::uint32_t>(seconds)}, now, out);
    }
    for (auto at = peers_.begin(); at != peers_.end();) {
        auto& [to, over] = *at;
        const bool idle = now.steady >= over.used + detail::permission_time;
        if (over.now != peer::state::asking && now.steady >= over.renew && (idle || over.now == peer::state::refused)) {
            // A channel's number belongs to this peer for ten minutes more, and numbers are not used twice.
            at = peers_.erase(at);
            continue;
        }
        if (over.now == peer::state::open && over.bound && now.steady >= over.rebind) {
            over.rebind = over.renew = steady_point::max();
            ask({.about = stun::method::channel_bind, .peer = to, .channel = over.channel}, now, out);
        } else if (over.now == peer::state::open && now.steady >= over.renew) {
            over.renew = steady_point::max();
            ask({.about = stun::method::create_permission, .peer = to}, now, out);
        }
        ++at;
    }
}

inline std::optional<steady_point> turn_client::next_deadline() const {
    if (phase_ == phase::idle || phase_ == phase::over) return std::nullopt;
    std::optional<steady_point> out;
    const auto take = [&](steady_point at) {
        if (at != steady_point::max()) out = out ? std::min(*out, at) : at;
    };
    for (const auto& [id, one] : requests_) take(one.due);
    if (phase_ != phase::allocated) return out;
    take(refresh_);
    for (const auto& [to, over] : peers_) {
        if (over.now == peer::state::asking) continue;
        take(over.renew);
        if (over.bound) take(over.rebind);
    }
    return out;
}

}  // namespace agentmesh::p2p
