#include "conformance/engine/replay_wire.hpp"

#include <charconv>

namespace agentmesh::conformance {

const evidence_record* replay_wire::peek() {
    while (at_ < records_.size() && records_[at_].is_verdict()) ++at_;
    return at_ < records_.size() ? &records_[at_] : nullptr;
}

wire_event replay_wire::event_of(const evidence_record& record) {
    wire_event out{record.conn, record.dir, record.layer, record.bytes, {}};
    if (record.dir != direction::out) out.seen = read_observation(record.layer, record.bytes);
    out.seen.at = microseconds{record.t};
    return out;
}

const evidence_record& replay_wire::take(int conn, direction dir, std::string_view layer) {
    const auto* next = peek();
    if (next == nullptr) throw replay_diverged{records_.size(), "the case goes on where the records end"};
    if (next->conn != conn || next->dir != dir || next->layer != layer)
        throw replay_diverged{next->seq, "the case did something else than was recorded here"};
    ++at_;
    return *next;
}

const evidence_record& replay_wire::take_event(int conn) {
    const auto* next = peek();
    if (next == nullptr) throw replay_diverged{records_.size(), "the case waits where the records end"};
    if (next->conn != conn || next->dir == direction::out || next->layer == "case" || next->layer == "clock")
        throw replay_diverged{next->seq, "the case waits where something else was recorded"};
    ++at_;
    return *next;
}

wire_event replay_wire::open(int conn) { return event_of(take_event(conn)); }

microseconds replay_wire::send(int conn, std::string_view layer, std::string_view bytes) {
    const auto& record = take(conn, direction::out, layer);
    if (record.bytes != bytes) throw replay_diverged{record.seq, "the case sent other bytes than were recorded"};
    return microseconds{record.t};
}

microseconds replay_wire::send_pieces(int conn, const std::vector<std::string>& pieces) {
    std::string whole;
    for (const auto& piece : pieces) whole += piece;
    return send(conn, "raw", whole);
}

microseconds replay_wire::act(int conn, action what) {
    const auto& record = take(conn, direction::out, "tcp");
    if (record.bytes != to_string(what)) throw replay_diverged{record.seq, "the case did something else to the connection"};
    return microseconds{record.t};
}

wire_event replay_wire::next(int conn, milliseconds) { return event_of(take_event(conn)); }

microseconds replay_wire::elapsed() const { return microseconds{at_ == 0 ? 0 : records_[at_ - 1].t}; }

microseconds replay_wire::wait(milliseconds) { return microseconds{take(0, direction::none, "timer").t}; }

std::pair<wall_time, microseconds> replay_wire::now() {
    const auto& record = take(0, direction::none, "clock");
    std::int64_t value = 0;
    std::from_chars(record.bytes.data(), record.bytes.data() + record.bytes.size(), value);
    return {wall_time{microseconds{value}}, microseconds{record.t}};
}

std::vector<wire_event> replay_wire::finish() {
    std::vector<wire_event> out;
    if (const auto* next = peek(); next != nullptr) {
        if (next->layer != "case") throw replay_diverged{next->seq, "the case ended before its records do"};
        for (++at_; peek() != nullptr; ++at_) out.push_back(event_of(records_[at_]));
    }
    return out;
}

}  // namespace agentmesh::conformance
