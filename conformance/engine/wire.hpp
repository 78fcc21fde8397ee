// What lies between a case and its target: sockets in a run, records in a replay.
#pragma once

#include "conformance/engine/encoding.hpp"
#include "conformance/engine/evidence.hpp"
#include "conformance/engine/observation.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace agentmesh::conformance {

/// One thing that happened on a connection, and how it is recorded.
struct wire_event {
    int conn = 0;
    direction dir = direction::in;
    std::string layer;       ///< as in evidence.hpp
    std::string bytes;
    observation seen;        ///< inbound events only; `at` is set
};

/// The observation that a record stands for. Kind `garbage` if it stands for none.
[[nodiscard]] observation read_observation(std::string_view layer, std::string_view bytes);

/// Connections are numbered by the case, from 1. Times are microseconds since the start of the run.
class wire {
public:
    virtual ~wire() = default;

    /// Opens connection `conn`. @returns kind `opened` or `refused`
    virtual wire_event open(int conn) = 0;
    /// Hands bytes to the connection; never waits. @returns when
    virtual microseconds send(int conn, std::string_view layer, std::string_view bytes) = 0;

    /// The same, each piece in a segment of its own as far as the kernel lets them be.
    virtual microseconds send_pieces(int conn, const std::vector<std::string>& pieces) = 0;

    enum class action : std::uint8_t { end_writing, reset, close, stop_reading, resume_reading };
    virtual microseconds act(int conn, action what) = 0;

    /// Pings and Closes of the target are answered unless `answer` is false; Pings and Pongs are kept from `next`
    /// unless `watch` is true.
    virtual void set_background(int conn, bool answer, bool watch) = 0;
    /// A Pong with this payload will be an observation.
    virtual void expect_pong(int conn, std::string_view payload) = 0;

    /// The next event on `conn`; kind `timeout` after `patience`. Serves all connections meanwhile.
    virtual wire_event next(int conn, milliseconds patience) = 0;
    /// Serves all connections for so long. @returns when it ended
    virtual microseconds wait(milliseconds how_long) = 0;
    /// The present, in microseconds since the start of the run; in a replay that of the record before.
    [[nodiscard]] virtual microseconds elapsed() const = 0;
    /// Wall time, and when it was read.
    virtual std::pair<wall_time, microseconds> now() = 0;

    /// Closes everything. @returns what nobody consumed, and what was answered in the background
    virtual std::vector<wire_event> finish() = 0;
};

[[nodiscard]] std::string_view to_string(wire::action what) noexcept;

}  // namespace agentmesh::conformance
