// What a case works with: connections, waits, controls and judgements. One context a case, one thread, no globals.
//
// The shape of a case:
//   1. controls   login(), must_get(), control(): what must work before anything can be said. A control that fails ends
//                 the case, and every clause not judged by then is `inconclusive`.
//   2. the deed   send...()
//   3. findings   seek(), expect(), fences: what was seen, with the records that show it
//   4. judgement  accepted(), refused(), produced(), absent(), chose(): one clause each, of the right polarity
//
// Everything that is sent, and every observation that a case consumes, becomes an evidence record at that moment, so
// numbering repeats under one seed. What nobody consumed, or a search passed over, stands after them. Replaying a run executes the
// same code against the records, hence a case may depend on nothing but what the context gives it: no clocks, no
// randomness, no statics.
#pragma once

#include "conformance/engine/agent.hpp"
#include "conformance/engine/case.hpp"
#include "conformance/engine/encoding.hpp"
#include "conformance/engine/frames.hpp"
#include "conformance/engine/http.hpp"
#include "conformance/engine/match.hpp"
#include "conformance/engine/observation.hpp"
#include "conformance/engine/results.hpp"
#include "conformance/engine/ws.hpp"

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance {

class context;
class wire;
class ledger;

/// What a wait or a comparison established. Combine with `&` and `|`; C++ may evaluate their operands in any order.
struct finding {
    bool holds = false;
    bool undecided = false;                 ///< does not hold, but says nothing against the target either
    std::string sought;                     ///< fixed words: what was looked for
    std::string saw;                        ///< fixed words: what was there instead; empty if it holds
    std::vector<std::uint64_t> evidence;    ///< records it rests on
    bool inbound = false;                   ///< at least one of them came from the target
    observation last;                       ///< the match, or what disappointed

    explicit operator bool() const noexcept { return holds; }
    const observation* operator->() const noexcept { return &last; }
};
[[nodiscard]] finding operator&(const finding& a, const finding& b);
[[nodiscard]] finding operator|(const finding& a, const finding& b);
[[nodiscard]] finding operator!(const finding& a);

/// Timings of the target: those declared with `--declare`, else those of SPEC.md.
struct timings {
    milliseconds handshake{10'000};   ///< AM-AUT-025
    milliseconds ping{25'000};        ///< AM-RLY-073
    milliseconds pong_grace{10'000};  ///< AM-RLY-074
    milliseconds expiry{72LL * 3600 * 1000};  ///< AM-RLY-030
    milliseconds head{10'000};        ///< AM-WSK-013
    milliseconds minute{60'000};      ///< the window of AM-LIM-*
};

/// A connection of the case. A handle: copies are the same connection. It lives as long as the context.
/// While any of them waits, all of them are read; Pings and Closes of the target are answered in the background.
class conn {
public:
    // -- sending: never waits for an answer, never fails; a dead peer shows in what is observed ----------------------
    void send(const json& frame);                            ///< one masked text frame
    void send_text(std::string_view text);                   ///< the same, any text
    void send_binary(std::string_view bytes);
    void send_frame(const ws_frame& frame);
    void send_raw(std::string_view bytes);                   ///< bytes straight into the stream
    void send_request(const http_request& request);
    /// `pieces` one after another, each in a segment of its own.
    void send_pieces(const std::vector<std::string>& pieces);
    void ping(std::string_view payload);
    void pong(std::string_view payload);
    void close(std::uint16_t code = 1000, std::string_view reason = {});   ///< sends a Close frame
    void end_writing();                                      ///< FIN, still reading
    void reset();                                            ///< RST; the connection is gone
    void hang_up();                                          ///< closes the socket, both ways
    /// Takes no further bytes from the socket, so that the target's sending backs up; `false` resumes.
    void stop_reading(bool stop = true);

    /// Stops answering Pings and Closes of the target in the background.
    void answer_nothing();
    /// Makes every Ping and Pong of the target an observation of its own (they are still answered).
    void watch_control();

    // -- observing ---------------------------------------------------------------------------------------------------
    /// The next observation; kind `timeout` after the usual patience, or after `patience`. An ended connection keeps
    /// returning its end.
    observation next();
    observation next(milliseconds patience);
    /// Holds if an observation that matches arrives before the connection ends or patience does; others are passed over.
    finding seek(const matcher& what);
    finding seek(const matcher& what, milliseconds patience);
    /// Holds if the very next observation matches.
    finding expect(const matcher& what);
    finding expect(const matcher& what, milliseconds patience);
    /// seek() as a control. @throws control_failed, which ends the case as inconclusive
    observation must_get(const matcher& what);
    /// Everything up to and including the first match, or the end, or patience.
    std::vector<observation> until(const matcher& what);
    /// The `connected` frame that login() received.
    [[nodiscard]] const observation& connected() const;

private:
    friend class context;
    conn(context& t, int id) : t_{&t}, id_{id} {}
    context* t_;
    int id_;
};

/// An agent that is logged in.
struct party {
    agent who;
    conn on;

    /// Sends `payload` to `other` and returns the matcher of its arrival.
    matcher send(const agent& other, std::string_view payload, std::string_view message_type = "message");
    matcher send(const party& other, std::string_view payload, std::string_view message_type = "message");
    [[nodiscard]] const std::string& amid() const noexcept { return who.amid(); }
};

/// Two parties: `auto [a, b] = t.fresh_pair();`
struct pair_of { party a, b; };
struct trio_of { party a, b, c; };

/// A marker that has been sent; its arrival at `on` proves that nothing sent before will still come.
struct fence {
    conn on;
    matcher arrives;
};

/// A control did not hold. Only the engine catches it.
struct control_failed {
    std::string words;
};

class context {
public:
    // -- identities and material, all from (seed, case) ---------------------------------------------------------------
    agent fresh();
    std::string payload(std::size_t length = 44);            ///< base64-like text, new each time
    std::string word(std::size_t length = 12);
    std::string uuid();
    random_stream& random();
    /// Wall time, microseconds; strictly ascending within the case. Becomes a record of layer `clock`.
    wall_time now();
    std::string stamp_now(stamp_form form = stamp_form::offset) { return stamp(now(), form); }

    // -- connections ---------------------------------------------------------------------------------------------------
    /// TCP and TLS only. A control.
    conn dial_tcp();
    /// TCP, TLS and a correct upgrade, which must be answered 101 with the right accept value. A control.
    conn dial();
    /// A correct request for the target's URL.
    http_request upgrade_request();
    /// The CONNECT of `who`, with a new timestamp.
    json connect_frame(const agent& who, const frame::connect_options& how = {});
    /// dial(), CONNECT, `connected`. A control. With feature `challenge` in the options the challenge is answered.
    conn login(const agent& who, const frame::connect_options& how = {});
    party join(const frame::connect_options& how = {});      ///< login of a fresh agent
    pair_of fresh_pair(const frame::connect_options& how = {});
    trio_of fresh_trio(const frame::connect_options& how = {});

    // -- controls ------------------------------------------------------------------------------------------------------
    /// The case goes on only if `f` holds; counts as the accepted twin of a later refusal.
    void control(const finding& f);
    /// Runs `body`; a control that fails inside carries `words`.
    template <class F>
    void control(std::string_view words, F&& body) {
        try { body(); } catch (const control_failed&) { throw control_failed{std::string{words}}; }
    }
    /// `from` sends a message and `to` must get it. A control.
    void exchange(party& from, party& to);

    /// Holds if a fresh login works and `bystanders`, logged in before the deed, still exchange messages both ways.
    finding alive(pair_of& bystanders);
    /// Holds if a fresh login works.
    finding alive();

    // -- fences --------------------------------------------------------------------------------------------------------
    /// A marked message of `from` to `to`: what `from` sent earlier has arrived at `to` before it, or never will.
    fence fence_message(party& from, party& to);
    /// An AgentMesh `ping` on a logged-in connection: answers to earlier frames come before its `pong`.
    fence fence_ping(const conn& on);
    /// A WebSocket Ping, where no `ping` frame is possible.
    fence fence_ws_ping(const conn& on);
    /// Reads `f.on` up to the fence. Holds if the fence arrives and nothing before it matches `unwanted`.
    /// If the target was shown not to keep order, it also waits out the deadline behind the fence.
    finding nothing_before(const fence& f, const matcher& unwanted);
    /// Holds if nothing that matches arrives for `how_long` (default: the deadline), by timer. Rests on no inbound
    /// record: combine it with one (`& t.alive()`).
    finding quiet(conn on, const matcher& unwanted);
    finding quiet(conn on, const matcher& unwanted, milliseconds how_long);

    // -- time ----------------------------------------------------------------------------------------------------------
    [[nodiscard]] const timings& timing() const noexcept;    ///< see case_definition::wait
    [[nodiscard]] milliseconds deadline() const noexcept;    ///< 8 x p99 of the round trip, at least 250 ms
    void wait(milliseconds how_long);                        ///< lets time pass while all connections are served

    // -- findings from values ------------------------------------------------------------------------------------------
    /// A comparison that the case made itself; `words` state what should hold, fixed text.
    template <class... Seen>
    finding that(bool holds, std::string_view words, const Seen&... on) {
        finding out = value_finding(holds, words);
        (rest_on(out, on), ...);
        return out;
    }
    /// Holds if none of the frames seen so far in `seen` matches.
    finding none(const std::vector<observation>& seen, const matcher& unwanted);

    // -- judgements ----------------------------------------------------------------------------------------------------
    // Each clause in `.proves` is judged at least once on every path; the worst judgement counts. A pass must rest on
    // something that the target sent, and a refusal or an absence passes only after a control has succeeded in this case.
    template <keyword K> requires Binding<K>
    void accepted(const requirement<polarity::accept, K>& r, const finding& f) { judge(r, f); }
    template <keyword K> requires Binding<K>
    void refused(const requirement<polarity::reject, K>& r, const finding& f) { judge(r, f); }
    template <keyword K> requires Binding<K>
    void produced(const requirement<polarity::produce, K>& r, const finding& f) { judge(r, f); }
    template <keyword K> requires Binding<K>
    void absent(const requirement<polarity::absent, K>& r, const finding& f) { judge(r, f); }
    /// The usual form: nothing that matches before the fence. No fence, no verdict: `inconclusive`.
    template <keyword K> requires Binding<K>
    void absent(const requirement<polarity::absent, K>& r, const fence& f, const matcher& unwanted) {
        judge(r, nothing_before(f, unwanted));
    }
    /// A MAY: records which branch the target took; `word` is fixed text ("accepts", "refuses").
    template <polarity P, keyword K> requires (!Binding<K>)
    void chose(const requirement<P, K>& r, std::string_view word, const finding& f) { record_choice(r, word, f); }
    /// Two behaviours that a MUST allows: records which, besides the judgement.
    template <polarity P, keyword K>
    void note_choice(const requirement<P, K>& r, std::string_view word) { record_note(r, word); }
    /// The clause concerns something the target does not offer; `probe` shows it.
    template <polarity P, keyword K>
    void not_offered(const requirement<P, K>& r, const finding& probe) { record_not_offered(r, probe); }

    /// True if the clause is judged in this run (a case may skip work for hardened clauses in a core run).
    [[nodiscard]] bool judges(const clause& r) const noexcept;

    context(const context&) = delete;
    context& operator=(const context&) = delete;
    virtual ~context();

protected:
    friend class conn;
    friend class case_runner;
    struct state;
    explicit context(std::unique_ptr<state> s);

    static finding value_finding(bool holds, std::string_view words);
    static void rest_on(finding& f, const observation& on);
    static void rest_on(finding& f, const finding& on);
    static void rest_on(finding& f, const std::vector<observation>& on);
    /// Refuses by a finding instead of by ending the case.
    finding try_dial(std::unique_ptr<conn>& out);
    finding try_login(const agent& who, const frame::connect_options& how, std::unique_ptr<conn>& out);
    void judge(const clause& r, const finding& f);
    void judge_absence(const clause& r, const finding& f);
    void record_choice(const clause& r, std::string_view word, const finding& f);
    void record_note(const clause& r, std::string_view word);
    void record_not_offered(const clause& r, const finding& probe);

    std::unique_ptr<state> s_;
};

}  // namespace agentmesh::conformance
