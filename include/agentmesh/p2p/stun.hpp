// STUN (RFC 8489), the datagrams by which peers and servers find out how they reach each other: a reader and a writer.
// TURN (RFC 8656) and ICE (RFC 8445) are attributes of it.
//
//     stun::writer out{stun::kind::request, stun::method::binding, id};
//     out.text(stun::attribute::username, "theirs:ours").number(stun::attribute::priority, 1'845'501'695u);
//     socket.send(out.sign(stun::short_term_key(password)));
//
//     AGENTMESH_TRY(in, stun::message::parse(datagram));       // whole, and its fingerprint is right if it has one
//     AGENTMESH_CHECK(in.check(stun::short_term_key(password)));  // from here on its members may be believed
#pragma once

#include <agentmesh/core/endpoint.hpp>
#include <agentmesh/core/limits.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace agentmesh::p2p::stun {

enum class kind : std::uint8_t { request, indication, success, failure };

enum class method : std::uint16_t {
    binding = 0x001,
    allocate = 0x003,
    refresh = 0x004,
    send = 0x006,
    data = 0x007,
    create_permission = 0x008,
    channel_bind = 0x009,
};

/// Those below 0x8000 must be understood by whoever takes the message.
enum class attribute : std::uint16_t {
    mapped_address = 0x0001,
    username = 0x0006,
    message_integrity = 0x0008,
    error_code = 0x0009,
    unknown_attributes = 0x000a,
    channel_number = 0x000c,
    lifetime = 0x000d,
    xor_peer_address = 0x0012,
    data = 0x0013,
    realm = 0x0014,
    nonce = 0x0015,
    xor_relayed_address = 0x0016,
    requested_address_family = 0x0017,
    even_port = 0x0018,
    requested_transport = 0x0019,
    dont_fragment = 0x001a,
    message_integrity_sha256 = 0x001c,
    password_algorithm = 0x001d,
    userhash = 0x001e,
    xor_mapped_address = 0x0020,
    reservation_token = 0x0022,
    priority = 0x0024,
    use_candidate = 0x0025,
    password_algorithms = 0x8002,
    alternate_domain = 0x8003,
    software = 0x8022,
    alternate_server = 0x8023,
    fingerprint = 0x8028,
    ice_controlled = 0x8029,
    ice_controlling = 0x802a,
};

using transaction = fixed_bytes<12, struct stun_transaction_tag>;

inline constexpr std::uint32_t cookie = 0x2112a442;
inline constexpr std::size_t head_bytes = 20;

/// The key of an ICE check or of any other password that serves once: its bytes.
[[nodiscard]] inline byte_view short_term_key(std::string_view password) noexcept { return as_bytes(password); }
/// The key of a user of a TURN server: MD5 of `username:realm:password`, which RFC 8489 section 9.2.2 demands where the
/// server names no other algorithm. @secret
[[nodiscard]] buffer long_term_key(std::string_view username, std::string_view realm, std::string_view password);
/// The same with SHA-256, where the server offers it. @secret
[[nodiscard]] buffer long_term_key_sha256(std::string_view username, std::string_view realm, std::string_view password);

struct error_code {
    std::uint16_t code = 0;     ///< 300 to 699
    std::string_view reason{};  ///< in the message; words of a stranger
};

/// A message as it came. Views of its bytes, which must outlive it.
class message {
public:
    /// Whole, of the form of RFC 8489 section 5, and with its fingerprint right where it has one. Nothing in it is
    /// believed before `check`.
    /// @spec   AM-P2P-001, AM-P2P-002, AM-P2P-003
    /// @errors bad_stun
    [[nodiscard]] static result<message> parse(byte_view bytes);

    /// Whether a datagram is one of STUN at all, beside DTLS and TURN's channels on the same port (RFC 7983).
    [[nodiscard]] static bool looks_like(byte_view bytes) noexcept {
        return bytes.size() >= head_bytes && bytes[0] < 4 && bytes[4] == 0x21 && bytes[5] == 0x12 && bytes[6] == 0xa4 &&
               bytes[7] == 0x42;
    }

    [[nodiscard]] stun::kind what() const noexcept { return what_; }
    [[nodiscard]] bool is(stun::kind what, stun::method about) const noexcept {
        return what_ == what && method_ == static_cast<std::uint16_t>(about);
    }
    [[nodiscard]] std::uint16_t method_number() const noexcept { return method_; }
    [[nodiscard]] const transaction& id() const noexcept { return id_; }
    [[nodiscard]] bool has_fingerprint() const noexcept { return fingerprint_; }
    /// Whether it bears a proof at all; `check` says whether it holds.
    [[nodiscard]] bool is_signed() const noexcept { return sha1_at_ != 0 || sha256_at_ != 0; }

    /// Whether the message is of someone who has this key. Where both proofs are there, the better one decides.
    /// @spec   AM-P2P-004
    /// @errors bad_integrity, also if there is no proof
    [[nodiscard]] result<void> check(byte_view key) const;

    /// The first attribute of this type that a proof covers, if there is a proof.
    [[nodiscard]] std::optional<byte_view> find(attribute which) const noexcept;
    [[nodiscard]] bool has(attribute which) const noexcept { return find(which).has_value(); }
    /// @errors bad_stun if it is missing, too long or not UTF-8
    [[nodiscard]] result<std::string_view> text(attribute which) const;
    /// @errors bad_stun if it is missing or not of four bytes
    [[nodiscard]] result<std::uint32_t> number(attribute which) const;
    /// @errors bad_stun if it is missing or not of eight bytes
    [[nodiscard]] result<std::uint64_t> number64(attribute which) const;
    /// An address, unmasked where its type says so.
    /// @spec   AM-P2P-005
    /// @errors bad_stun if it is missing or malformed
    [[nodiscard]] result<endpoint> address(attribute which) const;
    /// @errors bad_stun
    [[nodiscard]] result<error_code> error() const;
    /// Types below 0x8000 that this library does not know, in order, each once.
    [[nodiscard]] const std::vector<std::uint16_t>& unknown() const noexcept { return unknown_; }

private:
    struct entry {
        std::uint16_t type;
        byte_view value;
    };
    message() = default;

    byte_view bytes_{};
    std::vector<entry> entries_;  // those that count
    std::vector<std::uint16_t> unknown_;
    transaction id_{};
    std::size_t sha1_at_ = 0, sha256_at_ = 0;  // offsets of the attributes; 0: not there
    std::uint16_t method_ = 0;
    stun::kind what_{};
    bool fingerprint_ = false;
};

/// Writes one message. Attributes stand in the order in which they are given.
class writer {
public:
    writer(kind what, method about, const transaction& id);
    /// The answer to a request.
    writer(kind what, const message& to);

    writer& bytes(attribute which, byte_view value);
    writer& text(attribute which, std::string_view value) { return bytes(which, as_bytes(value)); }
    writer& flag(attribute which) { return bytes(which, {}); }
    writer& number(attribute which, std::uint32_t value);
    writer& number64(attribute which, std::uint64_t value);
    /// Masked with cookie and transaction, but for `mapped_address`.
    writer& address(attribute which, const endpoint& at);
    writer& error(std::uint16_t code, std::string_view reason);
    /// What `error(420)` has to name.
    writer& unknown(std::span<const std::uint16_t> types);

    /// The message with a proof and a fingerprint.
    /// @param sha256  only where the other side is known to read it
    [[nodiscard]] buffer sign(byte_view key, bool sha256 = false) const;
    /// The message with a fingerprint, which tells it from other things on the same port.
    [[nodiscard]] buffer finish() const;

private:
    writer(kind what, std::uint16_t about, const transaction& id);

    buffer out_;
};

}  // namespace agentmesh::p2p::stun

#include <agentmesh/p2p/stun.ipp>
