// Connections of a case: what is sent is recorded as it is sent, what is seen as it is consumed.
#include "conformance/engine/context_state.hpp"

namespace agentmesh::conformance {
namespace {

/// No honest answer comes after so many other frames.
constexpr int most_passed_over = 10'000;

}  // namespace

void conn::send(const json& frame) { send_text(frame.dump(-1, ' ', false, json::error_handler_t::replace)); }

void conn::send_text(std::string_view text) {
    ws_frame frame;
    frame.payload = text;
    send_frame(frame);
}

void conn::send_binary(std::string_view bytes) {
    ws_frame frame;
    frame.op = opcode::binary;
    frame.payload = bytes;
    send_frame(frame);
}

void conn::send_frame(const ws_frame& frame) {
    if (frame.op == opcode::ping) t_->s_->over.expect_pong(id_, frame.payload);
    t_->s_->send(id_, "ws", encode(frame, t_->s_->mask()));
}

void conn::send_raw(std::string_view bytes) { t_->s_->send(id_, "raw", bytes); }

void conn::send_request(const http_request& request) {
    t_->s_->links.at(id_).key = request.field("Sec-WebSocket-Key");
    t_->s_->send(id_, "http", request.text());
}

void conn::send_pieces(const std::vector<std::string>& pieces) {
    std::string whole;
    for (const auto& piece : pieces) whole += piece;
    t_->s_->record_out(id_, "raw", whole, t_->s_->over.send_pieces(id_, pieces));
}

void conn::ping(std::string_view payload) {
    ws_frame frame;
    frame.op = opcode::ping;
    frame.payload = payload;
    send_frame(frame);
}

void conn::pong(std::string_view payload) {
    ws_frame frame;
    frame.op = opcode::pong;
    frame.payload = payload;
    send_frame(frame);
}

void conn::close(std::uint16_t code, std::string_view reason) {
    ws_frame frame;
    frame.op = opcode::close;
    frame.payload = close_payload(code, reason);
    send_frame(frame);
}

namespace {
void act(wire& over, ledger& log, int id, wire::action what) {
    log.add(over.act(id, what).count(), id, direction::out, "tcp", to_string(what));
}
}  // namespace

void conn::end_writing() { act(t_->s_->over, t_->s_->log, id_, wire::action::end_writing); }
void conn::hang_up() { act(t_->s_->over, t_->s_->log, id_, wire::action::close); }
void conn::reset() { act(t_->s_->over, t_->s_->log, id_, wire::action::reset); }
void conn::stop_reading(bool stop) {
    act(t_->s_->over, t_->s_->log, id_, stop ? wire::action::stop_reading : wire::action::resume_reading);
}

void conn::answer_nothing() {
    auto& link = t_->s_->links.at(id_);
    link.answer = false;
    t_->s_->over.set_background(id_, link.answer, link.watch);
}

void conn::watch_control() {
    auto& link = t_->s_->links.at(id_);
    link.watch = true;
    t_->s_->over.set_background(id_, link.answer, link.watch);
}

const observation& conn::connected() const { return t_->s_->links.at(id_).connected; }

observation conn::next() { return next(t_->s_->settings.patience); }

observation conn::next(milliseconds patience) {
    auto& link = t_->s_->links.at(id_);
    if (link.end) return *link.end;
    auto seen = t_->s_->record(t_->s_->over.next(id_, patience));
    if (seen.ends()) link.end = seen;
    return seen;
}

finding conn::seek(const matcher& what) { return seek(what, t_->s_->settings.patience); }

finding conn::seek(const matcher& what, milliseconds patience) {
    finding out;
    out.sought = what.words;
    context::state::budget budget{*t_->s_, patience};
    for (int passed_over = 0; passed_over < most_passed_over; ++passed_over) {
        auto& link = t_->s_->links.at(id_);
        if (link.end) {
            out.last = *link.end;
            out.holds = what(out.last);
            break;
        }
        auto event = t_->s_->over.next(id_, budget.left());
        out.holds = what(event.seen);
        const bool last = out.holds || event.seen.ends() || event.seen.is(observation::kind::timeout);
        if (!last && passed_over + 1 < most_passed_over) {
            budget.passed(event.seen);
            t_->s_->passed_over.push_back(std::move(event));
            continue;
        }
        out.last = t_->s_->record(std::move(event));
        if (out.last.ends()) link.end = out.last;
        break;
    }
    if (out.last.seq != 0) out.evidence.push_back(out.last.seq);
    out.inbound = out.last.inbound();
    if (!out.holds) out.saw = describe(out.last);
    return out;
}

finding conn::expect(const matcher& what) { return expect(what, t_->s_->settings.patience); }

finding conn::expect(const matcher& what, milliseconds patience) {
    finding out;
    out.sought = what.words;
    out.last = next(patience);
    out.holds = what(out.last);
    if (out.last.seq != 0) out.evidence.push_back(out.last.seq);
    out.inbound = out.last.inbound();
    if (!out.holds) out.saw = describe(out.last);
    return out;
}

observation conn::must_get(const matcher& what) {
    auto found = seek(what);
    t_->control(found);
    return std::move(found.last);
}

std::vector<observation> conn::until(const matcher& what) {
    std::vector<observation> out;
    context::state::budget budget{*t_->s_, t_->s_->settings.patience};
    while (out.size() < static_cast<std::size_t>(most_passed_over)) {
        out.push_back(next(budget.left()));
        const auto& last = out.back();
        if (what(last) || last.ends() || last.is(observation::kind::timeout)) break;
        budget.passed(last);
    }
    return out;
}

matcher party::send(const agent& other, std::string_view payload, std::string_view message_type) {
    on.send(frame::send(other.amid(), payload, message_type));
    return match::receive(std::string{payload});
}

matcher party::send(const party& other, std::string_view payload, std::string_view message_type) {
    return send(other.who, payload, message_type);
}

}  // namespace agentmesh::conformance
