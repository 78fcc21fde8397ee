// Identities, connections, controls, fences and time of a case.
#include "conformance/engine/context_state.hpp"

#include <algorithm>

namespace agentmesh::conformance {
namespace {

/// Strings that deployed clients send; which one is drawn is the case's luck.
constexpr std::array<std::string_view, 4> user_agents{
    "Python/3.12 websockets/12.0", "Python/3.11 websockets/13.1", "node", "Python/3.11 aiohttp/3.9.5"};

/// No honest answer comes after so many other frames.
constexpr int most_passed_over = 10'000;

}  // namespace

context::context(std::unique_ptr<state> s) : s_{std::move(s)} {}
context::~context() = default;

// -- identities and material ------------------------------------------------------------------------------------------

agent context::fresh() { return agent{s_->random}; }
random_stream& context::random() { return s_->random; }
std::string context::payload(std::size_t length) { return s_->random.base64_text(length); }
std::string context::word(std::size_t length) { return s_->random.word(length); }

std::string context::uuid() {
    std::string bytes(16, '\0');
    s_->random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
    auto hex = to_hex(bytes);
    for (const std::size_t at : {8u, 13u, 18u, 23u}) hex.insert(at, 1, '-');
    return hex;
}

wall_time context::now() {
    const auto [wall, at] = s_->over.now();
    s_->last_time = std::max(wall, s_->last_time + microseconds{1});
    // Trailing zeros of a fraction do not survive a relay that writes the time anew before it verifies it (T4).
    if (s_->last_time.time_since_epoch() % milliseconds{1} == microseconds{0}) s_->last_time += microseconds{1};
    s_->log.add(at.count(), 0, direction::none, "clock", std::to_string(s_->last_time.time_since_epoch().count()));
    return s_->last_time;
}

// -- connections ------------------------------------------------------------------------------------------------------

conn context::dial_tcp() {
    if (s_->settings.known_reach == case_settings::reach::nowhere)
        throw control_failed{"control failed; expected: an open connection; saw: none at the start of the run"};
    const int id = static_cast<int>(s_->links.size()) + 1;
    auto& link = s_->links[id];
    finding opened;
    opened.sought = "an open connection";
    opened.last = s_->record(s_->over.open(id));
    opened.evidence.push_back(opened.last.seq);
    opened.holds = opened.last.is(observation::kind::opened);
    if (!opened.holds) {
        link.end = opened.last;
        opened.saw = describe(opened.last);
        s_->dial_failed = true;
        throw control_failed{"control failed; expected: an open connection; saw: no connection"};
    }
    return conn{*this, id};
}

http_request context::upgrade_request() {
    std::string key(16, '\0');
    s_->random.fill({reinterpret_cast<std::uint8_t*>(key.data()), key.size()});
    http_request out;
    out.target = s_->settings.path;
    out.add("Host", s_->settings.authority)
        .add("Upgrade", "websocket")
        .add("Connection", "Upgrade")
        .add("Sec-WebSocket-Key", to_base64(key))
        .add("Sec-WebSocket-Version", "13")
        .add("User-Agent", std::string{user_agents[s_->random.below(user_agents.size())]});
    return out;
}

finding context::try_dial(std::unique_ptr<conn>& out) {
    auto c = dial_tcp();
    const auto request = upgrade_request();
    c.send_request(request);
    auto answer = c.expect(match::http(101));
    s_->unanswered = s_->unanswered || !answer.last.is(observation::kind::http);
    const bool right = answer->field("sec-websocket-accept") == accept_value(request.field("Sec-WebSocket-Key"));
    out = std::make_unique<conn>(c);
    return answer & that(right, "the accept value of the key", answer);
}

conn context::dial() {
    if (s_->settings.known_reach < case_settings::reach::upgrade)
        throw control_failed{"control failed; expected: a WebSocket upgrade; saw: none at the start of the run"};
    std::unique_ptr<conn> c;
    control(try_dial(c));
    return *c;
}

json context::connect_frame(const agent& who, const frame::connect_options& how) {
    const auto timestamp = how.timestamp.empty() ? stamp(now(), how.form) : how.timestamp;
    return frame::connect(who, timestamp, how);
}

finding context::try_login(const agent& who, const frame::connect_options& how, std::unique_ptr<conn>& out) {
    auto dialled = try_dial(out);
    if (!dialled.holds) return dialled;
    out->send(connect_frame(who, how));
    auto answer = out->expect(match::frame("connected") | match::frame("challenge"));
    s_->unanswered = s_->unanswered || answer.last.ends() || answer.last.is(observation::kind::timeout);
    if (answer->is_frame("challenge")) {
        frame::challenge_proof proof;
        proof.nonce = from_base64(answer->str("nonce")).value_or("");
        proof.relay = answer->str("relay");
        proof.timestamp = stamp_now(how.form);
        proof.offered = how.features;
        if (answer->has("features") && answer->body.at("features").is_array())
            for (const auto& f : answer->body.at("features"))
                if (f.is_string()) proof.granted.push_back(f.get<std::string>());
        out->send(frame::challenge_response(who, proof));
        answer = out->expect(match::frame("connected"));
    }
    answer.sought = "a connected";
    s_->links.at(out->id_).connected = answer.last;
    return answer;
}

conn context::login(const agent& who, const frame::connect_options& how) {
    if (s_->settings.known_reach < case_settings::reach::login)
        throw control_failed{"control failed; expected: a connected; saw: none at the start of the run"};
    std::unique_ptr<conn> c;
    control(try_login(who, how, c));
    return *c;
}

party context::join(const frame::connect_options& how) {
    auto who = fresh();
    auto on = login(who, how);
    return {std::move(who), on};
}

pair_of context::fresh_pair(const frame::connect_options& how) {
    auto a = join(how);
    auto b = join(how);
    return {std::move(a), std::move(b)};
}

trio_of context::fresh_trio(const frame::connect_options& how) {
    auto a = join(how);
    auto b = join(how);
    auto c = join(how);
    return {std::move(a), std::move(b), std::move(c)};
}

// -- controls ---------------------------------------------------------------------------------------------------------

void context::control(const finding& f) {
    if (!f.holds) throw control_failed{"control failed; expected: " + f.sought + "; saw: " + f.saw};
    ++s_->controls;
}

void context::exchange(party& from, party& to) {
    const auto arrival = from.send(to, payload());
    to.on.must_get(arrival);
}

finding context::alive() {
    std::unique_ptr<conn> c;
    try {
        return try_login(fresh(), {}, c);
    } catch (const control_failed&) {
        auto out = value_finding(false, "a fresh login works");
        out.saw = "no connection";
        return out;
    }
}

finding context::alive(pair_of& bystanders) {
    auto out = alive();
    out = out & bystanders.b.on.seek(bystanders.a.send(bystanders.b, payload()));
    return out & bystanders.a.on.seek(bystanders.b.send(bystanders.a, payload()));
}

// -- fences -----------------------------------------------------------------------------------------------------------

fence context::fence_message(party& from, party& to) {
    auto arrives = from.send(to, payload());
    arrives.words = "the fence";
    return {to.on, std::move(arrives)};
}

fence context::fence_ping(const conn& on) {
    const auto when = now();
    auto c = on;
    c.send(frame::ping(stamp(when)));
    return {on, match::where("the fence", [when](const observation& o) {
                return o.is_frame("pong") && read_stamp(o.str("timestamp")) == when;
            })};
}

fence context::fence_ws_ping(const conn& on) {
    const auto mark = word();
    auto c = on;
    c.ping(mark);
    auto arrives = match::pong(mark);
    arrives.words = "the fence";
    return {on, std::move(arrives)};
}

finding context::nothing_before(const fence& f, const matcher& unwanted) {
    finding out;
    out.sought = "not " + unwanted.words + " before the fence";
    auto c = f.on;
    state::budget budget{*s_, s_->settings.patience};
    for (int passed_over = 0; passed_over < most_passed_over; ++passed_over) {
        out.last = c.next(budget.left());
        if (unwanted(out.last) || f.arrives(out.last) || out.last.ends()) {
            out.evidence.push_back(out.last.seq);
            out.inbound = out.inbound || out.last.inbound();
        }
        if (out.last.inbound() && unwanted(out.last)) {
            out.saw = describe(out.last);
            return out;
        }
        if (f.arrives(out.last)) {
            out.holds = true;
            break;
        }
        if (out.last.ends() || out.last.is(observation::kind::timeout)) break;
        budget.passed(out.last);
    }
    if (!out.holds) {
        out.undecided = true;
        out.saw = "no fence, but " + describe(out.last);
        return out;
    }
    if (s_->settings.order_proven) return out;
    auto by_timer = quiet(c, unwanted);
    by_timer.sought += ", as this target does not keep order";
    return out & by_timer;
}

finding context::quiet(conn on, const matcher& unwanted) { return quiet(on, unwanted, deadline()); }

finding context::quiet(conn on, const matcher& unwanted, milliseconds how_long) {
    finding out;
    out.sought = "not " + unwanted.words + " until the deadline";
    const state::budget budget{*s_, how_long};
    for (int passed_over = 0; passed_over < most_passed_over; ++passed_over) {
        out.last = on.next(budget.left());
        if (out.last.inbound() && unwanted(out.last)) {
            out.evidence.push_back(out.last.seq);
            out.inbound = true;
            out.saw = describe(out.last);
            return out;
        }
        if (out.last.ends() || out.last.is(observation::kind::timeout)) break;
    }
    out.holds = true;
    out.evidence.push_back(out.last.seq);
    out.inbound = out.last.inbound();
    return out;
}

// -- time -------------------------------------------------------------------------------------------------------------

const timings& context::timing() const noexcept { return s_->settings.timing; }
milliseconds context::deadline() const noexcept { return s_->settings.deadline; }

void context::wait(milliseconds how_long) {
    const auto at = s_->over.wait(how_long);
    s_->log.add(at.count(), 0, direction::none, "timer", "waited");
}

}  // namespace agentmesh::conformance
