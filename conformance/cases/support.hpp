// What many cases say in the same words. Everything here is built from the context's own controls and findings.
#pragma once

#include "conformance/engine/context.hpp"
#include "conformance_requirements.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance {

/// True in a run over set `hardened`, where a clause of `core` may be judged by harder examples too.
[[nodiscard]] inline bool strict(const context& t) { return t.judges(req::AM_WSK_030); }

/// Patience for something that the target does by its own clock: a processor's hiccup must not look like a fault.
[[nodiscard]] inline milliseconds after(const context& t, milliseconds declared) { return declared + 2 * t.deadline(); }

/// Holds if an AgentMesh `ping` is answered. Only a relay answers it with the instant that was sent.
[[nodiscard]] inline finding answers(context& t, conn on) { return on.seek(t.fence_ping(on).arrives); }

/// Holds if something that matches arrives before an AgentMesh `ping` sent now is answered: what a relay says to the
/// frames before it. One that says nothing costs two round trips instead of the patience, in which what it stores may
/// expire. Behind the second pong also for a relay that answers out of order, which another clause forbids.
[[nodiscard]] inline finding said_to(context& t, conn on, const matcher& what) {
    finding answer;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto fence = t.fence_ping(on);
        answer = on.seek(what | fence.arrives);
        if (!answer || what(answer.last)) break;
        answer.holds = false;
        answer.saw = "only the answer to a later ping";
    }
    answer.sought = what.words;
    return answer;
}

/// Two agents that were seen to exchange a message, so that no target without a relay gets further.
[[nodiscard]] inline pair_of sound_pair(context& t, const frame::connect_options& how = {}) {
    auto made = t.fresh_pair(how);
    t.exchange(made.a, made.b);
    return made;
}

/// A logged-in agent whose connection was seen to answer.
[[nodiscard]] inline party sound_party(context& t, const frame::connect_options& how = {}) {
    auto made = t.join(how);
    t.control(answers(t, made.on));
    return made;
}

/// The conjunction of the findings of a loop.
class every {
public:
    void operator+=(const finding& next) {
        all_ = empty_ ? next : all_ & next;
        empty_ = false;
    }
    operator const finding&() const noexcept { return all_; }  // NOLINT(google-explicit-constructor)

private:
    finding all_;
    bool empty_ = true;
};

/// Holds if all of them do. The findings are made from left to right, which the operands of `&` need not be: waits
/// that follow one another stand in here.
[[nodiscard]] inline finding all(std::initializer_list<finding> findings) {
    every out;
    for (const auto& one : findings) out += one;
    return out;
}

/// CONNECT on a connection of its own: holds if it is answered with `connected`, and the connection then works.
[[nodiscard]] inline finding admitted(context& t, const json& hello) {
    auto c = t.dial();
    c.send(hello);
    const auto answer = c.expect(match::frame("connected"));
    return answer ? answer & answers(t, c) : answer;
}

/// CONNECT on a connection of its own: holds if the first answer is an error frame or the end.
[[nodiscard]] inline finding turned_away(context& t, const json& hello) {
    auto c = t.dial();
    c.send(hello);
    return c.expect(match::refusal());
}

/// A frame as one masked text message, for writes that hold several.
[[nodiscard]] inline std::string masked(const ws_frame& f) {
    return encode(f, std::array<std::uint8_t, 4>{0x37, 0xfa, 0x21, 0x3d});
}
[[nodiscard]] inline std::string masked(const json& f) { return masked(ws_frame{.payload = f.dump()}); }

/// Holds if `on` takes up to `patience` to end, in any way, and answers no AgentMesh ping before.
[[nodiscard]] inline finding failed_without_answer(context& t, conn on) {
    const auto seen = on.until(match::ended());
    const bool over = !seen.empty() && match::ended()(seen.back());
    auto out = t.that(over, "the connection is failed", seen) & t.none(seen, match::frame("pong"));
    if (!seen.empty()) out.last = seen.back();
    return out;
}

/// Holds once the relay says that `who` is offline: the end of a connection takes a moment to be noticed.
[[nodiscard]] inline finding gone_offline(context& t, party& asker, const agent& who) {
    const auto about = match::where("a presence_response for the agent", [amid = who.amid()](const observation& o) {
        return o.is_frame("presence_response") && o.str("amid") == amid;
    });
    finding answer;
    for (int attempt = 0; attempt < 100; ++attempt) {
        t.wait(milliseconds{20});  // so that one question is the usual case and the evidence repeats
        asker.on.send(frame::presence_query(who.amid()));
        answer = asker.on.seek(about);
        if (!answer || answer->str("status") == "offline") break;
    }
    return answer & t.that(answer->str("status") == "offline", "the agent is offline", answer);
}

/// Asks for the presence of `who` and returns the answer.
[[nodiscard]] inline finding presence_of(party& asker, std::string_view amid) {
    asker.on.send(frame::presence_query(amid));
    return asker.on.seek(
        match::where("a presence_response for the agent", [amid = std::string{amid}](const observation& o) {
            return o.is_frame("presence_response") && o.str("amid") == amid;
        }));
}

/// Closes in the orderly way, both WebSocket and TCP. A control.
inline void leave(conn on) {
    on.close();
    (void)on.must_get(match::tcp_end());
    on.end_writing();
}

/// The payloads of the `receive` frames among `seen`, in order.
[[nodiscard]] inline std::vector<std::string> payloads(const std::vector<observation>& seen) {
    std::vector<std::string> out;
    for (const auto& o : seen)
        if (o.is_frame("receive")) out.push_back(o.str("encrypted_payload"));
    return out;
}

/// The first arrival of each of `texts`, in the order of arrival. What else comes, a second copy among it, is passed
/// over; the first of `texts` that does not come ends the wait.
[[nodiscard]] inline std::vector<observation> gather(conn on, std::vector<std::string> texts) {
    std::vector<observation> out;
    while (!texts.empty()) {
        const auto next = on.seek(match::where("a receive of one of the messages", [&texts](const observation& o) {
            return o.is_frame("receive") && std::find(texts.begin(), texts.end(), o.str("encrypted_payload")) != texts.end();
        }));
        if (!next) break;
        std::erase(texts, next->str("encrypted_payload"));
        out.push_back(next.last);
    }
    return out;
}

/// Holds if all of `texts` are among `seen`, in whatever order and number.
[[nodiscard]] inline finding all_arrive(context& t, const std::vector<observation>& seen,
                                        const std::vector<std::string>& texts) {
    const auto got = payloads(seen);
    const auto lost = std::find_if(texts.begin(), texts.end(), [&got](const std::string& text) {
        return std::find(got.begin(), got.end(), text) == got.end();
    });
    auto out = t.that(lost == texts.end(), "all messages arrive", seen);
    if (!out.holds)
        out.saw = "not message " + std::to_string(lost - texts.begin() + 1) + " of " + std::to_string(texts.size());
    return out;
}

/// Holds if those of `texts` that are among `seen` first arrive in the order in which they were sent; what is missing or
/// comes twice is the business of other clauses. Fewer than two show no order.
[[nodiscard]] inline finding in_order_sent(context& t, const std::vector<observation>& seen,
                                           const std::vector<std::string>& texts) {
    std::vector<std::ptrdiff_t> order;
    for (const auto& text : payloads(seen)) {
        const auto at = std::find(texts.begin(), texts.end(), text) - texts.begin();
        if (at != std::ssize(texts) && std::find(order.begin(), order.end(), at) == order.end()) order.push_back(at);
    }
    const auto late = std::is_sorted_until(order.begin(), order.end());
    auto out = t.that(order.size() > 1 && late == order.end(), "the messages arrive in the order sent", seen);
    if (order.size() < 2) {
        out.undecided = true;
        out.saw = "fewer than two messages";
    } else if (!out.holds) {
        out.saw = "message " + std::to_string(*late + 1) + " after message " + std::to_string(*std::prev(late) + 1);
    }
    return out;
}

/// `count` new payloads.
[[nodiscard]] inline std::vector<std::string> batch(context& t, std::size_t count, std::size_t length = 44) {
    std::vector<std::string> out;
    while (out.size() < count) out.push_back(t.payload(length));
    return out;
}

/// All `texts` as messages to `to`, in one write.
inline void send_all(conn on, std::string_view to, const std::vector<std::string>& texts,
                     std::string_view message_type = "message") {
    std::string bytes;
    for (const auto& text : texts) bytes += masked(frame::send(to, text, message_type));
    on.send_raw(bytes);
}

}  // namespace agentmesh::conformance
