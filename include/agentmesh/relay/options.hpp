// What an operator may choose about a relay, and what a relay counts.
#pragma once

#include <agentmesh/core/limits.hpp>
#include <agentmesh/identity/agent_id.hpp>

#include <functional>
#include <string>

namespace agentmesh::relay {

/// Caps of the message store. Nothing stored is ever evicted: a message over a cap is refused to its sender.
struct mailbox_caps {
    std::size_t per_recipient = limits::mailbox_recipient_messages;   ///< AM-RLY-027
    std::size_t per_pair = limits::mailbox_pair_messages;             ///< AM-RLY-026
    std::size_t per_sender = limits::mailbox_sender_messages;         ///< AM-RLY-028
    std::size_t per_sender_bytes = limits::mailbox_sender_bytes;      ///< AM-RLY-028
    std::size_t total_bytes = std::size_t{256} * 1024 * 1024;         ///< ours: of all messages together
    duration lifetime = limits::mailbox_lifetime;                     ///< AM-RLY-030
};

/// Whether, and how, path `/ws` speaks profile wire10.
enum class wire10_mode : std::uint8_t {
    off,       ///< answered 404
    proven,    ///< with a proof of possession, as clients from 4.1.0 send it
    unproven,  ///< also without, as clients up to npm 4.0.0 connect: anybody can take any name there
};

/// Defaults are those of SPEC.md. A rate of 0 means no limit.
struct options {
    /// What a challenge proof names: the authority that clients dial.
    std::string name{};

    unsigned sends_per_minute = limits::sends_per_minute;
    unsigned knocks_per_minute = limits::knocks_per_minute;
    unsigned others_per_minute = limits::others_per_minute;
    unsigned pings_per_minute = 600;                         ///< WebSocket Pings of one connection, AM-LIM-015

    duration handshake_timeout = limits::connect_timeout;    ///< AM-AUT-025; once more for the challenge's answer
    /// AM-RLY-073 allows 25 seconds; the rest is for timers that come late.
    duration ping_interval = std::chrono::seconds{20};
    duration pong_grace = std::chrono::seconds{10};          ///< AM-RLY-074; shorter than `ping_interval`

    mailbox_caps mailbox{};
    std::size_t payload_bytes = limits::payload_bytes;       ///< AM-LIM-002

    /// Features to offer. A client that does not name them never sees a trace of them.
    bool receipts = true;
    bool challenge = true;
    /// Whether CONNECT may say `agentmesh/0.1`. @spec AM-AUT-018
    bool accept_01 = false;
    /// No earlier instance of this relay accepted proofs within the window, so proofs older than the start are as good
    /// as any. @spec AM-AUT-010, AM-AUT-012
    bool first_start = false;
    wire10_mode wire10 = wire10_mode::off;

    /// Who may log in, asked after the proof has been verified. Empty: everybody.
    std::function<bool(const amid&)> admits{};

    // Bounds of memory that one cannot reach in ordinary use.
    std::size_t replay_memory = 1 << 18;    ///< accepted proofs inside the window; when full, logins are refused
    std::size_t challenge_memory = 1 << 20; ///< AMIDs that have used `challenge`; when full, it is offered to no others
    std::size_t receipt_memory = 1 << 19;   ///< accepted ids; when full, who sent most of them loses its oldest
};

/// Counts since the start. They name no agent.
struct metrics {
    std::uint64_t connections = 0;       ///< now open, authenticated or not
    std::uint64_t agents = 0;            ///< now authenticated
    std::uint64_t logins = 0;
    std::uint64_t logins_refused = 0;
    std::uint64_t sessions_replaced = 0;
    std::uint64_t frames = 0;            ///< text and binary, from authenticated agents
    std::uint64_t errors = 0;            ///< error frames
    std::uint64_t rate_limited = 0;      ///< those of them with RATE_LIMITED
    std::uint64_t delivered = 0;         ///< `receive` frames that were queued to a connection
    std::uint64_t stored = 0;            ///< messages put into the store
    std::uint64_t refused_full = 0;      ///< messages refused for want of room in the store
    std::uint64_t confirmed = 0;         ///< messages taken from the store by an ack or a Pong
    std::uint64_t expired = 0;           ///< messages dropped from the store for their age
    std::uint64_t duplicates = 0;        ///< sends recognised by their id
    std::uint64_t evicted = 0;           ///< connections closed by the relay for what they did or failed to do

    friend metrics operator+(metrics a, const metrics& b) noexcept {
        a.connections += b.connections;
        a.agents += b.agents;
        a.logins += b.logins;
        a.logins_refused += b.logins_refused;
        a.sessions_replaced += b.sessions_replaced;
        a.frames += b.frames;
        a.errors += b.errors;
        a.rate_limited += b.rate_limited;
        a.delivered += b.delivered;
        a.stored += b.stored;
        a.refused_full += b.refused_full;
        a.confirmed += b.confirmed;
        a.expired += b.expired;
        a.duplicates += b.duplicates;
        a.evicted += b.evicted;
        return a;
    }
};

}  // namespace agentmesh::relay
