// A TURN server as the text of RFC 8656 has it, small enough to be read at one sight. For tests of the client.
#pragma once

#include <agentmesh/p2p/turn.hpp>

#include <functional>
#include <set>

namespace agentmesh::test {

class turn_model {
public:
    struct rules {
        std::string username = "alice", password = "secret", realm = "example.org";
        bool sha256 = false;           ///< offers password algorithms
        bool hide_algorithms = false;  ///< as somebody on the way would
        unsigned nonce_serves = 1'000'000;
        std::uint32_t lifetime = 600;
        std::set<endpoint> forbidden{};
        bool quota = false, channels = true;
        std::optional<endpoint> alternate{};
    };

    explicit turn_model(rules how) : how_{std::move(how)} {}
    turn_model() : turn_model{rules{}} {}

    rules& change() { return how_; }

    /// What the server says to a datagram of its client; nothing to an indication.
    [[nodiscard]] std::vector<buffer> hear(byte_view bytes) {
        namespace stun = p2p::stun;
        using stun::attribute;
        if (bytes[0] >> 6 == 1) {
            const auto number = stun::detail::u16_at(bytes, 0);
            const auto size = stun::detail::u16_at(bytes, 2);
            if (channels.contains(number))
                relayed.emplace_back(channels[number], buffer(bytes.begin() + 4, bytes.begin() + 4 + size));
            return {};
        }
        const auto in = stun::message::parse(bytes);
        if (!in) return {};
        if (in->is(stun::kind::indication, stun::method::send)) {
            const auto to = in->address(attribute::xor_peer_address);
            const auto data = in->find(attribute::data);
            if (to && data && permitted(*to)) relayed.emplace_back(*to, buffer{data->begin(), data->end()});
            return {};
        }
        if (in->what() != stun::kind::request) return {};
        heard.push_back(in->method_number());
        const auto refuse = [&](std::uint16_t code) {
            stun::writer out{stun::kind::failure, *in};
            out.error(code, "no");
            if (code == 401 || code == 438) {
                out.text(attribute::realm, how_.realm).text(attribute::nonce, nonce());
                if (how_.sha256 && !how_.hide_algorithms) out.bytes(attribute::password_algorithms, algorithms());
            }
            if (code == 300 && how_.alternate) {
                stun::writer mapped{stun::kind::failure, *in};
                mapped.address(attribute::mapped_address, *how_.alternate);
                out.bytes(attribute::alternate_server,
                          byte_view{mapped.finish()}.subspan(stun::head_bytes + 4, how_.alternate->v6 ? 20 : 8));
            }
            return std::vector<buffer>{out.finish()};
        };
        if (how_.alternate) return refuse(300);
        if (!in->is_signed()) return refuse(401);
        const auto key = how_.sha256 ? p2p::stun::long_term_key_sha256(how_.username, how_.realm, how_.password)
                                     : p2p::stun::long_term_key(how_.username, how_.realm, how_.password);
        const auto name = in->text(attribute::username);
        const auto said = in->text(attribute::nonce);
        if (!name || *name != how_.username || !in->check(key)) return refuse(401);
        if (how_.sha256 && (!in->has(attribute::password_algorithm) || !in->has(attribute::password_algorithms)))
            return refuse(400);
        if (!said || *said != nonce() || used_++ >= how_.nonce_serves) {
            if (used_ > how_.nonce_serves) ++nonce_, used_ = 0;
            return refuse(438);
        }
        stun::writer out{stun::kind::success, *in};
        if (in->is(stun::kind::request, stun::method::allocate)) {
            if (how_.quota) return refuse(486);
            if (in->number(attribute::requested_transport).value_or(0) != 17u << 24) return refuse(442);
            allocated = true;
            out.address(attribute::xor_relayed_address, relay).address(attribute::xor_mapped_address, client);
            out.number(attribute::lifetime, how_.lifetime);
        } else if (!allocated) {
            return refuse(437);
        } else if (in->is(stun::kind::request, stun::method::refresh)) {
            const auto asked = in->number(attribute::lifetime).value_or(600);
            allocated = asked != 0;
            out.number(attribute::lifetime, asked == 0 ? 0 : how_.lifetime);
        } else {
            const auto to = in->address(attribute::xor_peer_address);
            if (!to) return refuse(400);
            if (how_.forbidden.contains(*to)) return refuse(403);
            if (in->is(stun::kind::request, stun::method::channel_bind)) {
                const auto number = in->number(attribute::channel_number).value_or(0) >> 16;
                if (!how_.channels || number < 0x4000 || number > 0x4fff) return refuse(400);
                channels[static_cast<std::uint16_t>(number)] = *to;
            }
            permissions.insert(to->address);
        }
        return {out.sign(key, how_.sha256)};
    }

    /// What reaches the client of something that a peer sends to the relayed address; nothing without a permission.
    [[nodiscard]] std::optional<buffer> from_peer(const endpoint& from, std::string_view text) const {
        namespace stun = p2p::stun;
        if (!permitted(from)) return std::nullopt;
        for (const auto& [number, to] : channels)
            if (to == from) {
                buffer out;
                stun::detail::append_u16(out, number);
                stun::detail::append_u16(out, text.size());
                out.insert(out.end(), text.begin(), text.end());
                return out;
            }
        return stun::writer{stun::kind::indication, stun::method::data, stun::transaction{{7}}}
            .address(stun::attribute::xor_peer_address, from)
            .text(stun::attribute::data, text)
            .finish();
    }

    const endpoint relay = endpoint::v4(0x05090002, 50'000), client = endpoint::v4(0x05050505, 5000);
    std::vector<std::pair<endpoint, buffer>> relayed{};  ///< to peers
    std::vector<std::uint16_t> heard{};                  ///< methods of requests
    std::map<std::uint16_t, endpoint> channels{};
    std::set<std::array<std::uint8_t, 16>> permissions{};
    bool allocated = false;

private:
    [[nodiscard]] bool permitted(const endpoint& to) const { return permissions.contains(to.address); }
    [[nodiscard]] std::string nonce() const {
        return (how_.sha256 ? "obMatJos2gAAA" : "nonce-") + std::to_string(nonce_);
    }
    /// MD5 and SHA-256, without parameters.
    [[nodiscard]] static buffer algorithms() { return {0, 1, 0, 0, 0, 2, 0, 0}; }

    rules how_;
    unsigned nonce_ = 0, used_ = 0;
};

}  // namespace agentmesh::test
