#include "conformance/engine/live_wire.hpp"

#include "conformance/engine/http.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace agentmesh::conformance {
namespace {

using steady = std::chrono::steady_clock;

// Masks of frames that the engine sends by itself need not be unpredictable: nothing sits between us and the target.
constexpr std::array<std::uint8_t, 4> background_mask{0x5a, 0xc3, 0x17, 0x9e};

constexpr int pulse_link = 0;                 // no connection of a case has this number
constexpr milliseconds least_pulsed{100};     // shorter waits only look whether something is there

}  // namespace

live_wire::live_wire(const target& to, steady::time_point start, milliseconds connect_patience, bool pulse)
    : to_{to}, start_{start}, connect_patience_{connect_patience}, pulse_{pulse} {}

live_wire::~live_wire() = default;

microseconds live_wire::elapsed() const {
    return std::chrono::duration_cast<microseconds>(steady::now() - start_);
}

wire_event live_wire::open(int conn) {
    auto& l = links_[conn];
    l.stream = byte_stream::connect(to_, connect_patience_);
    wire_event out;
    out.conn = conn;
    const bool open = l.stream.now() == byte_stream::state::open;
    out.layer = open && to_.tls != nullptr ? "tls" : "tcp";
    out.bytes = !open ? "refused" : to_.tls != nullptr ? l.stream.spki_sha256() : "open";
    out.dir = open ? direction::in : direction::none;
    out.seen = read_observation(out.layer, out.bytes);
    out.seen.at = elapsed();
    if (open) last_opened_ = out.seen.at;
    return out;
}

microseconds live_wire::send(int conn, std::string_view layer, std::string_view bytes) {
    auto& l = at(conn);
    if (layer == "ws" && !bytes.empty() && (bytes[0] & 15) == static_cast<int>(opcode::close)) l.close_sent = true;
    l.stream.write(bytes);
    if (l.upgraded) {
        l.sent.feed(bytes);
        if (l.sent.reached()) l.stream.write(std::exchange(l.held_back, {}));
    }
    // A case that sends for a long time must not look dead on its other connections.
    serve(steady::now(), nullptr);
    return elapsed();
}

microseconds live_wire::send_pieces(int conn, const std::vector<std::string>& pieces) {
    for (const auto& piece : pieces) {
        send(conn, "raw", piece);
        wait(milliseconds{1});  // lets the kernel send it before the next piece joins it
    }
    return elapsed();
}

microseconds live_wire::act(int conn, action what) {
    auto& l = at(conn);
    switch (what) {
        case action::end_writing: l.stream.end_writing(); break;
        case action::reset: l.stream.abort(); break;
        case action::close:
            l.stream.close();
            l.over = true;
            break;
        case action::stop_reading: l.reading = false; break;
        case action::resume_reading: l.reading = true; break;
    }
    return elapsed();
}

void live_wire::set_background(int conn, bool answer, bool watch) {
    at(conn).answer = answer;
    at(conn).watch = watch;
}

void live_wire::expect_pong(int conn, std::string_view payload) { at(conn).own_pings.emplace(payload); }

void live_wire::arrived(int conn, link& l, std::string_view layer, std::string bytes, observation seen) {
    wire_event event{conn, direction::in, std::string{layer}, std::move(bytes), std::move(seen)};
    event.seen.at = elapsed();
    const auto what = event.seen.what;
    bool for_case = true;
    if (what == observation::kind::ping) {
        answer_frame(conn, l, opcode::pong, event.seen.payload);
        for_case = l.watch;
    } else if (what == observation::kind::pong) {
        for_case = l.own_pings.erase(event.seen.payload) != 0 || l.watch;
    } else if (what == observation::kind::close && !l.close_sent) {
        answer_frame(conn, l, opcode::close,
                     event.seen.code == 1005 ? std::string{} : close_payload(event.seen.code));
    }
    if (event.seen.ends()) l.over = true;
    if (for_case) l.inbox.push_back(std::move(event));
    else ambient_.push_back(std::move(event));
}

void live_wire::answer_frame(int conn, link& l, opcode op, std::string_view payload) {
    if (!l.answer) return;
    ws_frame frame;
    frame.op = op;
    frame.payload = payload;
    auto bytes = encode(frame, background_mask);
    if (l.sent.reached()) l.stream.write(bytes);
    else l.held_back += bytes;
    if (op == opcode::close) l.close_sent = true;
    wire_event sent{conn, direction::out, "ws", std::move(bytes), {}};
    sent.seen.at = elapsed();
    ambient_.push_back(std::move(sent));
}

void live_wire::decode(int conn, link& l) {
    const bool ended = l.stream.now() == byte_stream::state::fin || l.stream.now() == byte_stream::state::reset;
    while (!l.upgraded && !l.over && !l.incoming.empty()) {
        auto parsed = parse_response(l.incoming, ended);
        if (!parsed) return;
        auto bytes = l.incoming.substr(0, parsed->size);
        l.incoming.erase(0, parsed->size);
        const bool garbage = parsed->seen.is(observation::kind::garbage);
        l.upgraded = parsed->seen.is(observation::kind::http) && parsed->seen.code == 101;
        if (garbage) bytes.resize(std::min<std::size_t>(bytes.size(), 1024));
        arrived(conn, l, garbage ? "raw" : "http", std::move(bytes), std::move(parsed->seen));
    }
    if (!l.upgraded || l.over) return;
    l.frames.feed(l.incoming);
    l.incoming.clear();
    while (!l.over) {
        auto event = l.frames.take();
        if (!event) return;
        const bool garbage = event->seen.is(observation::kind::garbage);
        arrived(conn, l, garbage ? "raw" : "ws", std::move(event->raw), std::move(event->seen));
    }
}

void live_wire::take_in(int conn, link& l) {
    l.stream.read(l.incoming);
    if (l.over) l.incoming.clear();
    decode(conn, l);
    if (l.over || l.stream.now() == byte_stream::state::open) return;
    const bool reset = l.stream.now() == byte_stream::state::reset;
    arrived(conn, l, "tcp", reset ? "reset" : "fin", read_observation("tcp", reset ? "reset" : "fin"));
}

void live_wire::serve(steady::time_point until, const link* wanted) {
    std::vector<pollfd> fds;
    std::vector<int> conns;
    for (bool last = false; !last;) {
        fds.clear();
        conns.clear();
        for (auto& [conn, l] : links_) {
            if (l.stream.now() != byte_stream::state::open) continue;
            const int events = (l.reading ? POLLIN : 0) | (l.stream.wants_write() ? POLLOUT : 0);
            if (events == 0) continue;
            fds.push_back({l.stream.fd(), static_cast<short>(events), 0});
            conns.push_back(conn);
        }
        const auto left = std::chrono::ceil<milliseconds>(until - steady::now()).count();
        last = left <= 0;  // one more look at what has arrived before time is up
        ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
        for (std::size_t i = 0; i < fds.size(); ++i) {
            auto& l = at(conns[i]);
            if ((fds[i].revents & POLLOUT) != 0) l.stream.flush();
            if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) take_in(conns[i], l);
        }
        if (wanted != nullptr && (!wanted->inbox.empty() || wanted->over)) return;
    }
}

wire_event live_wire::next(int conn, milliseconds patience) {
    auto& l = at(conn);
    const bool can_come = l.stream.now() == byte_stream::state::open && !l.over;
    if (l.inbox.empty() && can_come) {
        serve(steady::now() + patience, &l);
        if (pulse_ && l.inbox.empty() && !l.over && patience >= least_pulsed) await_pulse(patience * 3);
    }
    if (!l.inbox.empty()) {
        auto out = std::move(l.inbox.front());
        l.inbox.pop_front();
        return out;
    }
    wire_event out{conn, direction::none, "timer", "timeout", {}};
    out.seen.at = elapsed();
    return out;
}

void live_wire::await_pulse(milliseconds patience) {
    auto& l = links_[pulse_link];
    l.stream = byte_stream::connect(to_, std::min(patience, connect_patience_));
    http_request request;
    request.target = to_.url.http ? base_path(to_.url.path) + "/v1/health" : to_.url.path;
    request.add("Host", to_.url.authority());
    if (!to_.url.http) {
        request.add("Upgrade", "websocket")
            .add("Connection", "Upgrade")
            .add("Sec-WebSocket-Key", "cHVsc2UgcHVsc2UgcHVscw==")
            .add("Sec-WebSocket-Version", "13");
    }
    l.stream.write(request.text());
    if (l.stream.now() == byte_stream::state::open) serve(steady::now() + patience, &l);
    links_.erase(pulse_link);
    serve(steady::now(), nullptr);  // what was on its way before the answer is here now
}

microseconds live_wire::wait(milliseconds how_long) {
    serve(steady::now() + how_long, nullptr);
    return elapsed();
}

std::pair<wall_time, microseconds> live_wire::now() {
    return {std::chrono::floor<microseconds>(std::chrono::system_clock::now()), elapsed()};
}

std::vector<wire_event> live_wire::finish() {
    serve(steady::now(), nullptr);
    auto out = std::move(ambient_);
    for (auto& [conn, l] : links_) {
        for (auto& event : l.inbox) out.push_back(std::move(event));
        if (l.stream.now() == byte_stream::state::open && l.upgraded && !l.close_sent) {
            ws_frame frame;
            frame.op = opcode::close;
            frame.payload = close_payload(1000);
            l.stream.write(encode(frame, background_mask));
        }
        l.stream.close();
    }
    links_.clear();
    return out;
}

}  // namespace agentmesh::conformance
