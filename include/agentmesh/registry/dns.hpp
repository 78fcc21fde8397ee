// TXT records, asked from a recursive server (RFC 1035): a machine without sockets. Over UDP with a fresh port, id and
// case of letters for each try; over TCP where the answer does not fit or looks as if somebody guesses.
//
//     registry::text_lookup lookup{"_agentmesh.acme.example", servers.size()};
//     AGENTMESH_CHECK(lookup.start(now, random, out));     // out.ask_datagram(server, bytes), from a new socket
//     lookup.on_datagram(bytes, now, random, out);         // what that socket got from that server
//     lookup.on_deadline(now, random, out);                // at next_deadline()
//     out.answered(texts)                                  // in the end, once
//
// What the server says is believed: whoever runs a registry names a server of his own, which validates.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/core/clock.hpp>
#include <agentmesh/core/concepts.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentmesh::registry {

namespace dns_limits {
inline constexpr std::size_t message = 65'535;
inline constexpr std::size_t records = 128;  ///< ours; of all three sections
inline constexpr std::size_t aliases = 8;    ///< ours; one after the other
inline constexpr int tries = 4;              ///< over all servers
inline constexpr int strangers = 16;         ///< datagrams that are no answer, before TCP takes over
inline constexpr duration try_time = std::chrono::seconds{2};
inline constexpr duration stream_time = std::chrono::seconds{4};
}  // namespace dns_limits

/// The question for the TXT records of a name, recursion desired.
/// @param name  labels with dots between them, taken as they are
/// @errors wrong_member for an empty label, one of more than 63 bytes, or a name of more than 255
[[nodiscard]] result<buffer> write_text_question(std::string_view name, std::uint16_t id);

/// What a server said to a question.
struct text_reply {
    bool truncated = false;  ///< to be asked again over a stream
    bool refused = false;    ///< the server could not or would not say
    std::vector<std::string> texts{};

    friend bool operator==(const text_reply&, const text_reply&) = default;
};

/// Reads the answer to `question`, strictly: every record to its last byte, names that lead backwards only, and the
/// texts of the very name that was asked for or of what its aliases lead to. The strings of one record are joined.
/// @param exact_case  letters must have come back in the case in which they were sent; if not, it counts as truncated
/// @return nothing if it is not an answer to this question: another id, another question
/// @spec   AM-ORG-020, AM-ORG-021
/// @errors bad_datagram
[[nodiscard]] result<std::optional<text_reply>> parse_text_reply(byte_view message, byte_view question,
                                                                 bool exact_case);

/// One lookup, from its first question to its answer. `Out` has ask_datagram, ask_stream (the message without its
/// length) and answered(result<std::vector<std::string>>), which is called once and last.
class text_lookup {
public:
    text_lookup(std::string name, std::size_t servers) : name_{std::move(name)}, servers_{servers} {}

    /// @errors those of write_text_question and of the random source; registry_failed without a server
    template <class Out>
    [[nodiscard]] result<void> start(const moment& now, RandomSource auto& random, Out& out);
    template <class Out>
    void on_datagram(byte_view message, const moment& now, RandomSource auto& random, Out& out);
    template <class Out>
    void on_stream(byte_view message, const moment& now, RandomSource auto& random, Out& out);
    /// The socket that was asked for could not be used.
    template <class Out>
    void on_failure(const moment& now, RandomSource auto& random, Out& out) {
        if (phase_ != phase::done) next(now, random, out);
    }
    template <class Out>
    void on_deadline(const moment& now, RandomSource auto& random, Out& out) {
        if (phase_ != phase::done && now.steady >= deadline_) next(now, random, out);
    }
    [[nodiscard]] std::optional<steady_point> next_deadline() const noexcept {
        return phase_ == phase::done || phase_ == phase::idle ? std::nullopt : std::optional{deadline_};
    }
    [[nodiscard]] bool done() const noexcept { return phase_ == phase::done; }

private:
    enum class phase : std::uint8_t { idle, datagram, stream, done };

    template <class Out>
    [[nodiscard]] result<void> ask(bool stream, const moment& now, RandomSource auto& random, Out& out);
    template <class Out>
    void next(const moment& now, RandomSource auto& random, Out& out);
    template <class Out>
    void settle(result<std::vector<std::string>> texts, Out& out);
    template <class Out>
    void take(const text_reply& reply, const moment& now, RandomSource auto& random, Out& out);

    std::string name_;
    std::size_t servers_;
    buffer question_;
    steady_point deadline_{};
    int tries_ = 0;
    int strangers_ = 0;
    phase phase_ = phase::idle;
};

}  // namespace agentmesh::registry

#include <agentmesh/registry/dns.ipp>
