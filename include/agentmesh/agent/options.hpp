// What an owner chooses about an agent, and what an agent tells its application.
#pragma once

#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/message/body.hpp>
#include <agentmesh/relay/client.hpp>
#include <agentmesh/session/engine.hpp>
#include <agentmesh/session/policy.hpp>

#include <functional>

namespace agentmesh {

using session::intent;
using session::session_id;
using session::session_info;
using session::session_request;

struct agent_options {
    std::string relay{};         ///< URL; drivers dial it, and the own record names it
    std::string display_name{};  ///< in the own record
    bool publish = true;         ///< the own record, at start and whenever prekeys change
    relay::client_options link{};
    session::engine_options sessions{};
    e2ee::prekey_rules prekeys{};
    std::uint32_t epoch = 0;     ///< of the identity card; rises whenever the exchange key is replaced
    duration upkeep = std::chrono::hours{1};         ///< between two looks at the age and number of prekeys
    duration try_again = std::chrono::seconds{15};   ///< after the directory could not be read or written
    duration knock_again_longest = std::chrono::hours{1};  ///< between two KNOCKs for a lost session, unanswered
    duration save_again = std::chrono::seconds{1};   ///< after something that is due could not be saved
    duration find_limit = std::chrono::seconds{30};  ///< for which commands and KNOCKs wait until an agent is found
    std::size_t strangers = 64;                      ///< whose KNOCKs wait until it is known who they are
};

/// Something said in plain words: the body of a request with that text as its `content`.
[[nodiscard]] inline message::body text(std::string_view said) {
    std::string content;
    json::append_quoted(content, said);
    return message::request_body{.content = std::move(content)};
}

/// A message for the application. Its sender is proved twice, by the session and by the signature of the envelope.
struct incoming {
    session_id session;        ///< answer here
    amid peer;
    session::message_id id;    ///< the same if the message is given again, after a crash in the middle of `on_message`
    message::envelope what;
    std::string raw{};         ///< the envelope as it came, for whoever keeps a transcript

    [[nodiscard]] const std::string& type() const noexcept { return what.type; }
    [[nodiscard]] const std::string& payload() const noexcept { return what.payload; }  ///< JSON
    /// The payload as its type says. @errors those of message::parse_body
    [[nodiscard]] result<message::body> body() const { return message::parse_body(what); }
    /// What was said in plain words, as `agentmesh::text` writes it; the payload's JSON if it was something else.
    [[nodiscard]] std::string text() const {
        json::reader in{what.payload};
        std::optional<std::string> said;
        in.begin_object();
        while (const auto name = in.next_member())
            if (*name == "content" && in.peek() == json::kind::string) said = in.string().text();
        return in.finish() && said ? *said : what.payload;
    }
};

/// What an application hears, each call after the state that it speaks of is saved. A handler may give the agent any
/// command, but does not replace itself. All may be left empty.
struct agent_handlers {
    /// Every message but the goodbye. Returning means that it is taken for good: it is given exactly once, unless the
    /// process dies inside.
    std::function<void(const incoming&)> on_message{};
    /// The last message of a session, a close_body that says why the peer ends it; `on_closed` follows.
    std::function<void(const incoming&)> on_goodbye{};
    std::function<void(const session_info&)> on_opened{};
    std::function<void(const session::refusal&)> on_refused{};
    std::function<void(const session_info&, const error&)> on_closed{};
    /// The peer has taken every message of this session that was sent so far.
    std::function<void(const session_id&)> on_delivered{};
    /// A message that will not arrive, or of which nobody knows whether it did.
    std::function<void(const session::undelivered&)> on_undelivered{};
    std::function<void(const session::audit_event&)> on_audit{};
    /// Logged in at the relay, with so many messages waiting there.
    std::function<void(std::int64_t)> on_connected{};
    /// The connection ended, or could not be made.
    std::function<void(const relay::client_end&)> on_disconnected{};
    /// The relay refused a frame of ours; what was in it is sent again later.
    std::function<void(const wire::error_frame&)> on_relay_error{};
};

/// What an agent asks of its driver, in order. Views live as long as the call.
///
/// A sink may also have `bool resolve(const amid&)`: looks for an agent that the directory does not know, and answers
/// later, never from within, with `agent::on_resolved`; by then the directory knows it, or nobody does. False if nobody
/// will look. Without it, who is not in the directory is unknown.
template <class S>
concept AgentSink = requires(S& out, std::string_view text, std::uint16_t code, const relay::client_end& end) {
    out.send_text(text);    ///< one WebSocket message to the relay
    out.close(code, text);  ///< ends the WebSocket
    out.ended(end);         ///< dial again after end.dial_again_in, if it is there
};

}  // namespace agentmesh
