// A relay without a network: agents that talk to `relay::server` through a sink that records, and a clock that moves
// when it is told to.
//
//     relay_fixture relay;
//     const auto alice = relay.login("alice"), bob = relay.login("bob");
//     relay.say(alice, send_to("bob", "hello"));
//     CHECK(relay.next(bob)["encrypted_payload"] == "hello");
#pragma once

#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/relay/server.hpp>
#include <agentmesh/wire/client_writer.hpp>

#include <nlohmann/json.hpp>

#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace relay_test {

using namespace agentmesh;
using namespace std::chrono_literals;
using tree = nlohmann::json;
using relay::connection_id;

/// What the relay did to one connection, and how much its queue takes.
struct recorded {
    std::deque<std::string> texts;  ///< queued and not yet read by the test
    std::deque<buffer> pings;
    std::vector<std::string> log;   ///< every text ever queued, if `keeps_log`
    std::size_t log_at_ping = 0;    ///< how many of them were queued before the latest Ping
    std::optional<std::uint16_t> close_code;
    std::string close_reason;
    std::size_t room = 1000;        ///< texts that the queue takes
    bool refused = false;           ///< `full` was answered since the last read
};

struct recording_sink {
    std::map<connection_id, recorded> connections;
    bool keeps_log = false;
    std::vector<relay::audit_event> audited;  ///< `amid` views are emptied: they do not outlive the call
    std::vector<std::string> audited_names;

    relay::send_result send_text(connection_id to, std::span<const std::string_view> pieces) {
        auto& at = connections.at(to);
        if (at.close_code) throw std::logic_error{"text after Close"};
        if (at.texts.size() >= at.room) {
            at.refused = true;
            return relay::send_result::full;
        }
        std::string text;
        for (const auto piece : pieces) text.append(piece);
        if (keeps_log) at.log.push_back(text);
        at.texts.push_back(std::move(text));
        return relay::send_result::taken;
    }
    void send_ping(connection_id to, byte_view payload) {
        auto& at = connections.at(to);
        if (at.close_code) throw std::logic_error{"Ping after Close"};
        at.pings.emplace_back(payload.begin(), payload.end());
        at.log_at_ping = at.log.size();
    }
    void close(connection_id to, std::uint16_t code, std::string_view reason) {
        auto& at = connections.at(to);
        if (at.close_code) throw std::logic_error{"a second Close"};
        at.close_code = code;
        at.close_reason = reason;
    }
    void audit(const relay::audit_event& what) {
        audited.push_back(what);
        audited_names.emplace_back(what.amid);
        audited.back().amid = {};
    }
};
static_assert(relay::AuditSink<recording_sink>);

/// An agent's keys, always the same for one name.
inline const local_identity& keys_of(const std::string& name) {
    static std::map<std::string, local_identity> known;
    if (const auto at = known.find(name); at != known.end()) return at->second;
    crypto::scripted_random random{std::hash<std::string>{}(name)};
    return known.emplace(name, *local_identity::create(random, time_point{})).first->second;
}
inline std::string amid_of(const std::string& name) { return std::string{keys_of(name).name().text()}; }

/// CONNECT as an object, so that a test can break one member of it.
inline tree connect_of(const std::string& name, const std::string& timestamp) {
    const auto& self = keys_of(name);
    const auto proof = self.signing().sign(as_bytes(timestamp));
    return {{"type", "connect"},
            {"protocol", "agentmesh/0.2"},
            {"amid", amid_of(name)},
            {"public_key", identity::to_text(self.signing().public_key())},
            {"timestamp", timestamp},
            {"signature", to_base64(proof.bytes(), base64_form::standard_padded)}};
}

inline tree send_to(const std::string& name, const std::string& payload, const std::string& type = "message") {
    return {{"type", "send"}, {"to", amid_of(name)}, {"encrypted_payload", payload}, {"message_type", type}};
}
inline tree send_with_id(const std::string& name, const std::string& payload, const std::string& id) {
    auto frame = send_to(name, payload);
    frame["id"] = id;
    return frame;
}

class relay_fixture {
public:
    using machine = relay::server<relay::memory_mailbox, crypto::scripted_random>;

    explicit relay_fixture(relay::options chosen = {.name = "relay.test:1"})
        : options_{std::move(chosen)}, server_{options_, clock_.now(), relay::memory_mailbox{options_.mailbox},
                                               crypto::scripted_random{7}} {
        clock_.advance(1s);  // proofs of this moment are younger than the relay
    }

    // --- connections ------------------------------------------------------------------------------------

    connection_id open() {
        connection_id id{};
        while (sink_.connections.contains(id)) id = connection_id{static_cast<std::uint32_t>(id) + 1};
        sink_.connections[id];
        server_.on_opened(id, now(), sink_);
        return id;
    }
    /// The socket ends without a word.
    void drop(connection_id id) {
        server_.on_closed(id, now(), sink_);
        sink_.connections.erase(id);
    }
    /// Logs in and reads `connected`.
    connection_id login(const std::string& name, const std::vector<std::string>& features = {}) {
        const auto id = open();
        say(id, fresh_connect(name, features));
        if (const auto first = next(id); first.value("type", "") != "connected")
            throw std::runtime_error{"login refused: " + first.dump()};
        return id;
    }
    /// A CONNECT that nobody has used; two of one moment differ in their fraction of a second.
    tree fresh_connect(const std::string& name, const std::vector<std::string>& features = {}) {
        auto frame = connect_of(name, timestamp(duration{-++proofs_}));
        if (!features.empty()) frame["features"] = features;
        return frame;
    }
    std::string timestamp(duration from_now = {}) const { return format_time(now().wall + from_now); }

    // --- talking ----------------------------------------------------------------------------------------

    void say(connection_id id, const std::string& text) { server_.on_text(id, text, now(), sink_); }
    void say(connection_id id, const tree& frame) { say(id, frame.dump()); }
    void say_binary(connection_id id) { server_.on_binary(id, now(), sink_); }
    void ping(connection_id id) { server_.on_ping(id, now(), sink_); }
    /// Answers the latest Ping; false if there was none.
    bool pong(connection_id id) {
        auto& pings = at(id).pings;
        if (pings.empty()) return false;
        const buffer payload = pings.back();
        pings.clear();
        server_.on_pong(id, payload, now(), sink_);
        return true;
    }
    void pong(connection_id id, byte_view payload) { server_.on_pong(id, payload, now(), sink_); }

    /// The next text, or null if there is none.
    tree next(connection_id id) {
        auto& texts = at(id).texts;
        if (texts.empty()) return nullptr;
        const tree out = tree::parse(texts.front());
        texts.pop_front();
        return out;
    }
    std::string next_text(connection_id id) {
        auto& texts = at(id).texts;
        if (texts.empty()) return {};
        const std::string out = texts.front();
        texts.pop_front();
        return out;
    }
    std::vector<tree> all(connection_id id) {
        std::vector<tree> out;
        for (tree frame = next(id); !frame.is_null(); frame = next(id)) out.push_back(frame);
        return out;
    }
    /// Payloads of all `receive` frames that wait; nothing else may wait.
    std::vector<std::string> payloads(connection_id id) {
        std::vector<std::string> out;
        for (const auto& frame : all(id)) {
            if (frame.at("type") != "receive") throw std::runtime_error{"not a receive: " + frame.dump()};
            out.push_back(frame.at("encrypted_payload"));
        }
        return out;
    }
    /// Code of the next frame, which must be an error.
    std::string next_error(connection_id id) {
        const auto frame = next(id);
        return frame.is_object() && frame.value("type", "") == "error" ? frame.value("code", "") : frame.dump();
    }
    /// Reads what was queued, as a driver writes it out, and tells the machine if it had been refused.
    std::vector<tree> drain(connection_id id) {
        auto out = all(id);
        if (std::exchange(at(id).refused, false)) server_.on_drained(id, now(), sink_);
        return out;
    }
    bool is_closed(connection_id id) { return at(id).close_code.has_value(); }
    std::uint16_t close_code(connection_id id) { return at(id).close_code.value_or(0); }

    // --- time -------------------------------------------------------------------------------------------

    moment now() const { return clock_.now(); }
    /// Lets time pass, with a tick at each deadline, as a driver does.
    void advance(duration by, bool answer_pings = false) {
        const auto end = now().steady + by;
        if (answer_pings) answer_all_pings();
        for (auto at = server_.next_deadline(); at && *at <= end; at = server_.next_deadline()) {
            if (*at > now().steady) clock_.advance(*at - now().steady);
            server_.on_tick(now(), sink_);
            if (answer_pings) answer_all_pings();
        }
        clock_.advance(end - now().steady);
        server_.on_tick(now(), sink_);
    }
    void answer_all_pings() {
        for (auto& [id, state] : sink_.connections)
            if (!state.close_code) (void)pong(id);
    }
    void jump_wall(duration by) { clock_.jump_wall(by); }
    /// Lets time pass without a tick.
    void sleep(duration by) { clock_.advance(by); }

    machine& server() { return server_; }
    recording_sink& sink() { return sink_; }
    recorded& at(connection_id id) { return sink_.connections.at(id); }

private:
    relay::options options_;
    manual_clock clock_{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + 12h};
    machine server_;
    recording_sink sink_;
    int proofs_ = 0;
};

}  // namespace relay_test
