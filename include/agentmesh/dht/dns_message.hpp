// DNS messages as multicast DNS uses them (RFC 1035, RFC 6762): a strict, bounded reader, and a writer.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentmesh::dht {

/// A name as its labels, each of 1 to 63 bytes of any kind. Compared without regard to the case of ASCII letters.
struct dns_name {
    std::vector<std::string> labels{};

    /// From labels with dots between them: `dns_name::of("_agentmesh._tcp.local")`. No escapes.
    [[nodiscard]] static dns_name of(std::string_view dotted);
    /// This name with one more label before it.
    [[nodiscard]] dns_name below(std::string_view label) const;
    /// Bytes that it takes when written.
    [[nodiscard]] std::size_t size() const noexcept;

    friend bool operator==(const dns_name& a, const dns_name& b) noexcept;
};

enum class dns_type : std::uint16_t { a = 1, ptr = 12, txt = 16, aaaa = 28, srv = 33, any = 255 };

struct dns_question {
    dns_name name;
    dns_type type = dns_type::ptr;
    bool unicast = false;  ///< the asker would rather be answered alone

    friend bool operator==(const dns_question&, const dns_question&) = default;
};

/// A record of class IN. Which of the last members counts depends on the type; of other types the data is passed over.
struct dns_record {
    dns_name name;
    dns_type type = dns_type::ptr;
    bool flush = false;               ///< replaces what was known of this name and type
    std::uint32_t ttl = 0;            ///< seconds; 0: it is gone
    dns_name target{};                ///< ptr, srv
    std::uint16_t port = 0;           ///< srv
    buffer address{};                 ///< a: 4 bytes, aaaa: 16
    std::vector<std::string> text{};  ///< txt: strings of at most 255 bytes

    friend bool operator==(const dns_record&, const dns_record&) = default;
};

struct dns_message {
    bool answer = false;
    std::vector<dns_question> questions{};
    std::vector<dns_record> records{};  ///< answers, authority and additional ones, in this order

    friend bool operator==(const dns_message&, const dns_message&) = default;
};

inline constexpr std::size_t dns_message_bytes = 9000;  ///< RFC 6762 section 17
inline constexpr std::size_t dns_name_bytes = 255;
inline constexpr std::size_t dns_questions = 32;  ///< ours
inline constexpr std::size_t dns_records = 128;   ///< ours

/// Reads a message of opcode 0 and response code 0; the identifier says nothing. Questions and records of another class
/// are left out, and so are records of other types.
///
/// Compression points backwards only, so that reading a name ends after at most 255 bytes; and what the counts promise
/// is there, to the last byte.
/// @errors bad_datagram
[[nodiscard]] result<dns_message> parse_dns(byte_view bytes);

/// Writes without compression.
/// @errors too_large beyond 9,000 bytes, for a name of more than 255 bytes, a label or string of more than 63 or 255
[[nodiscard]] result<buffer> write_dns(const dns_message& from);

}  // namespace agentmesh::dht

#include <agentmesh/dht/dns_message.ipp>
