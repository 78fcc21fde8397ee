// A wire that gives back what was recorded, and insists that the case does what it did then.
#pragma once

#include "conformance/engine/wire.hpp"

namespace agentmesh::conformance {

/// The case, run again, did something else than the records say.
struct replay_diverged {
    std::uint64_t seq = 0;     ///< of the record that does not fit
    std::string words;
};

class replay_wire final : public wire {
public:
    /// `recorded` must outlive the wire.
    explicit replay_wire(const ledger& recorded) : records_{recorded.records()} {}

    // Each throws replay_diverged if the next record is another.
    wire_event open(int conn) override;
    microseconds send(int conn, std::string_view layer, std::string_view bytes) override;
    microseconds send_pieces(int conn, const std::vector<std::string>& pieces) override;
    microseconds act(int conn, action what) override;
    void set_background(int, bool, bool) override {}
    void expect_pong(int, std::string_view) override {}
    wire_event next(int conn, milliseconds) override;
    microseconds wait(milliseconds) override;
    [[nodiscard]] microseconds elapsed() const override;
    std::pair<wall_time, microseconds> now() override;
    /// The records of the tail, from "tail" on without it.
    std::vector<wire_event> finish() override;

private:
    const evidence_record& take(int conn, direction dir, std::string_view layer);
    const evidence_record& take_event(int conn);
    [[nodiscard]] const evidence_record* peek();
    static wire_event event_of(const evidence_record& record);

    const std::vector<evidence_record>& records_;
    std::size_t at_ = 1;  // record 1 is "begin"
};

}  // namespace agentmesh::conformance
