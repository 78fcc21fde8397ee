// The inside of a context. Only context*.cpp and case_runner.cpp look here.
#pragma once

#include "conformance/engine/case_runner.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace agentmesh::conformance {

struct context::state {
    const conformance_case& what;
    const case_settings& settings;
    wire& over;
    ledger& log;
    random_stream random;

    struct link {
        std::optional<observation> end;   ///< fin, reset, garbage: repeated from then on
        observation connected;
        std::string key;                  ///< Sec-WebSocket-Key of the last upgrade_request()
        bool answer = true, watch = false;
    };
    std::map<int, link> links;
    std::map<std::string, check_result, std::less<>> checks;
    wall_time last_time{};
    int controls = 0;                     ///< that succeeded
    std::vector<wire_event> passed_over;  ///< by searches: recorded in the tail, so that they do not move the numbers
    bool dial_failed = false, unanswered = false;

    state(const conformance_case& c, const case_settings& s, wire& w, ledger& l)
        : what{c}, settings{s}, over{w}, log{l},
          random{"AgentMesh-conformance:case", s.seed, s.salt, c.id, std::to_string(s.attempt)} {}

    /// Records an event; @returns the observation with its sequence number.
    observation record(wire_event event) {
        event.seen.seq = log.add(event.seen.at.count(), event.conn, event.dir, event.layer, event.bytes);
        return std::move(event.seen);
    }
    void record_out(int conn, std::string_view layer, std::string_view bytes, microseconds at) {
        log.add(at.count(), conn, direction::out, layer, bytes);
    }
    void send(int conn, std::string_view layer, std::string_view bytes) {
        record_out(conn, layer, bytes, over.send(conn, layer, bytes));
    }
    std::array<std::uint8_t, 4> mask() {
        std::array<std::uint8_t, 4> out{};
        random.fill(out);
        return out;
    }
    check_result& check(const clause& c);

    /// Patience of a search. Data that is passed over renews it, for a distant target may have much to deliver first;
    /// Pings do not, and nothing renews it for ever. A search ends with a recorded `timeout` and never by the clock
    /// alone, so that a replay ends where the run did.
    class budget {
    public:
        budget(const state& s, milliseconds whole)
            : over_{s.over}, whole_{whole}, end_{s.over.elapsed() + whole}, last_end_{s.over.elapsed() + 20 * whole} {}
        [[nodiscard]] milliseconds left() const {
            return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(end_ - over_.elapsed()));
        }
        void passed(const observation& seen) {
            if (seen.is(observation::kind::text) || seen.is(observation::kind::binary))
                end_ = std::min(over_.elapsed() + microseconds{whole_}, last_end_);
        }

    private:
        const wire& over_;
        milliseconds whole_;
        microseconds end_, last_end_;
    };
};

}  // namespace agentmesh::conformance
