// A wire to a real target: poll() over the connections of one case.
#pragma once

#include "conformance/engine/frame_boundary.hpp"
#include "conformance/engine/stream.hpp"
#include "conformance/engine/wire.hpp"
#include "conformance/engine/ws.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <set>

namespace agentmesh::conformance {

class live_wire final : public wire {
public:
    /// `start` is the zero of all times; `connect_patience` bounds TCP and TLS handshakes.
    /// `pulse`: silence counts only from a target that meanwhile answers a request on another connection (an upgrade,
    /// or of a registry its health), so that neither its load nor ours is taken for an answer.
    live_wire(const target& to, std::chrono::steady_clock::time_point start, milliseconds connect_patience, bool pulse);
    ~live_wire() override;

    wire_event open(int conn) override;
    microseconds send(int conn, std::string_view layer, std::string_view bytes) override;
    microseconds send_pieces(int conn, const std::vector<std::string>& pieces) override;
    microseconds act(int conn, action what) override;
    void set_background(int conn, bool answer, bool watch) override;
    void expect_pong(int conn, std::string_view payload) override;
    wire_event next(int conn, milliseconds patience) override;
    microseconds wait(milliseconds how_long) override;
    [[nodiscard]] microseconds elapsed() const override;
    std::pair<wall_time, microseconds> now() override;
    std::vector<wire_event> finish() override;

    /// When the last connection was opened; zero if none was. It shows that the target was there.
    [[nodiscard]] microseconds last_opened() const noexcept { return last_opened_; }

private:
    struct link {
        byte_stream stream;
        bool upgraded = false;             // after 101: frames, no longer HTTP
        std::string incoming;              // HTTP bytes not yet complete
        ws_decoder frames;
        std::deque<wire_event> inbox;      // for the case
        bool reading = true, answer = true, watch = false;
        bool over = false;                 // fin, reset or garbage has been seen
        bool close_sent = false;
        std::set<std::string> own_pings;
        frame_boundary sent;               // by the case, since the upgrade
        std::string held_back;             // answers that wait for the end of a frame
    };

    link& at(int conn) { return links_.at(conn); }
    void serve(std::chrono::steady_clock::time_point until, const link* wanted);
    void await_pulse(milliseconds patience);
    void take_in(int conn, link& l);
    void decode(int conn, link& l);
    void arrived(int conn, link& l, std::string_view layer, std::string bytes, observation seen);
    void answer_frame(int conn, link& l, opcode op, std::string_view payload);

    target to_;
    std::chrono::steady_clock::time_point start_;
    milliseconds connect_patience_;
    bool pulse_;
    std::map<int, link> links_;
    std::vector<wire_event> ambient_;
    microseconds last_opened_{};
};

}  // namespace agentmesh::conformance
