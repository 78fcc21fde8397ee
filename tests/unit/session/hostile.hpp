// Two agents that talk as their owners like, over a network that loses, repeats and reorders, on machines that stop at
// any moment, with disks that fail. Used by the simulation and by the fuzz target of operations.
//
// What must hold whatever happens: an envelope arrives exactly once, or its sender is told; those sent in one session
// arrive in order; no message key seals two texts; what was said is never on the wire; a forged frame changes nothing.
#pragma once

#include "tests/unit/session/world.hpp"

namespace session_test {

struct violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class act : std::uint8_t {
    say, knock, deliver, deliver_late, duplicate, drop, wait, wait_long, restart, roll_back, fail_persist, fail_send,
    close, deny, forge, rotate, count_,
};

inline constexpr std::string_view canary = "Kanarienvogel-7f3a";

/// Whether a text is in some bytes, as it is, in hexadecimal, or in either base64 at any alignment.
inline bool leaks(std::string_view bytes, std::string_view secret) {
    if (bytes.find(secret) != std::string_view::npos) return true;
    if (bytes.find(to_hex(as_bytes(secret))) != std::string_view::npos) return true;
    for (std::size_t shift = 0; shift < 3 && secret.size() >= 12; ++shift) {
        const std::string shifted = std::string(shift, 'x') + std::string{secret};
        for (const auto form : {base64_form::url_unpadded, base64_form::standard_padded}) {
            const auto text = to_base64(as_bytes(shifted), form);
            // Leave out the characters that mix with what stands around.
            if (bytes.find(std::string_view{text}.substr(4, secret.size() * 4 / 3 - 8)) != std::string_view::npos)
                return true;
        }
    }
    return false;
}

class hostile_world {
public:
    explicit hostile_world(std::uint64_t seed, std::uint32_t ttl = 3600) : both_{seed, options()} {
        both_.wish.ttl_seconds = ttl;
        sides_[0].who = both_.a.get();
        sides_[1].who = both_.b.get();
    }

    void apply(act what, std::uint8_t x, std::uint8_t y) {
        auto& side = sides_[x & 1];
        switch (what) {
            case act::say: say(side, (y & 3) == 0); break;
            case act::knock: (void)knock(side, (y & 1) != 0); break;
            case act::deliver: deliver(0); break;
            case act::deliver_late: deliver(y); break;
            case act::duplicate:
                if (!flying_.empty() && flying_.size() < 400) flying_.push_back(flying_[y % flying_.size()]);
                break;
            case act::drop:
                if (!flying_.empty()) flying_.erase(flying_.begin() + y % static_cast<std::ptrdiff_t>(flying_.size()));
                break;
            case act::wait: pass(duration{std::chrono::milliseconds{100}} * (1 + y)); break;
            case act::wait_long: pass(duration{std::chrono::seconds{10}} * (1 + y % 16)); break;
            case act::restart: restart(side); break;
            case act::roll_back: roll_back(side); break;
            case act::fail_persist: side.who->out.fail_persist = side.who->out.persists + y % 3; break;
            case act::fail_send: side.who->out.fail_send = side.who->out.sends + y % 3; break;
            case act::close: close(side); break;
            case act::deny: side.who->policy.answer.accepted = (y & 1) != 0; break;
            case act::forge: forge(side, x, y); break;
            case act::rotate: rotate(side); break;
            case act::count_: break;
        }
        collect();
    }

    /// The network and the disks recover; everything in flight arrives; then every account must be settled.
    void finish() {
        for (auto& side : sides_) {
            side.who->out.fail_persist.reset();
            side.who->out.fail_send.reset();
            side.who->policy.answer.accepted = true;
        }
        for (int i = 0; i < 5000; ++i) {
            while (!flying_.empty()) deliver(0);
            auto next = steady_point::max();
            for (auto& side : sides_)
                if (const auto at = side.who->mesh->next_deadline()) next = std::min(next, *at);
            if (next == steady_point::max()) break;
            pass(std::max(next - both_.now.steady, duration{1000}));
            if (settled() && flying_.empty()) break;
        }
        for (auto& side : sides_)
            for (const auto& [text, sent] : side.sent)
                if (!sent.arrived && !sent.told)
                    throw violation{"an envelope neither arrived nor was reported: " + text};
    }

    [[nodiscard]] std::size_t arrived() const { return arrived_; }
    [[nodiscard]] std::size_t told() const { return told_; }
    [[nodiscard]] std::size_t lost_sessions() const { return lost_sessions_; }

private:
    struct sent_text {
        session_id session;
        std::size_t order;
        bool arrived = false;
        bool told = false;
        bool unnoted = false;
    };
    struct side_state {
        party* who = nullptr;
        std::optional<session_id> current{};
        std::map<std::string, sent_text> sent{};
        std::map<message_id, std::string> texts{};
        std::map<session_id, std::size_t> last_arrived{};          // by the session it was sent in, at the peer
        std::map<std::pair<session_id, buffer>, std::uint64_t> keys{};  // session and header, hash of the frame
        std::size_t count = 0;
        std::size_t read = 0, seen_texts = 0, seen_opened = 0, seen_closed = 0, seen_refused = 0, seen_lost = 0,
                    seen_wanted = 0;
        std::deque<session_info> wanted{};
        std::vector<std::pair<std::string, buffer>> backup{};
    };
    struct flight {
        bool from_b;
        sent_frame frame;
    };

    static engine_options options() {
        engine_options out;
        out.features = {"alpha", "beta"};
        return out;
    }
    [[nodiscard]] side_state& other(const side_state& side) { return &side == &sides_[0] ? sides_[1] : sides_[0]; }

    std::optional<session_id> knock(side_state& side, bool optimistic) {
        auto& peer = *other(side).who;
        const auto id = side.who->mesh->knock(peer.bundle((side.count & 1) == 0), both_.travel, both_.wish, both_.now,
                                              side.who->out, optimistic ? haste::optimistic : haste::wait_for_answer);
        collect();
        if (!id) return std::nullopt;
        side.current = *id;
        return *id;
    }

    void say(side_state& side, bool optimistic) {
        if (!side.current && !knock(side, optimistic)) return;
        const auto text = pair::envelope(std::string{canary} + (&side == &sides_[0] ? "-a-" : "-b-") +
                                         std::to_string(side.count++));
        const auto to = *side.current;
        const auto id = side.who->mesh->send(to, as_bytes(text), both_.now, side.who->out);
        if (id) {
            side.sent.emplace(text, sent_text{to, side.count});
            side.texts.emplace(*id, text);
        } else if (id.error().code != errc::not_persisted && id.error().code != errc::session_limit) {
            side.current.reset();
        }
    }

    void close(side_state& side) {
        if (!side.current) return;
        (void)side.who->mesh->send(*side.current, as_bytes(pair::envelope(std::to_string(side.count++), "close")),
                                   both_.now, side.who->out);
        side.current.reset();
    }

    void deliver(std::size_t which) {
        if (flying_.empty()) return;
        const auto at = flying_.begin() + static_cast<std::ptrdiff_t>(which % flying_.size());
        const auto one = *at;
        flying_.erase(at);
        auto& to = sides_[one.from_b ? 0 : 1];
        auto& from = sides_[one.from_b ? 1 : 0];
        const auto done = to.who->mesh->on_message(from.who->name(), one.frame.type, one.frame.payload, both_.now,
                                                   to.who->out);
        // A transport gives again what was not taken.
        if (!done && done.error().code == errc::not_persisted) flying_.push_back(one);
        else if (!done) throw violation{"on_message failed with another error"};
        collect();
    }

    void pass(duration how_long) {
        both_.advance(how_long);
        for (auto& side : sides_) {
            (void)side.who->mesh->on_tick(both_.now, side.who->out);
            const auto next = side.who->mesh->next_deadline();
            if (next && *next <= both_.now.steady) throw violation{"a deadline that a tick does not meet"};
            for (auto left = side.wanted.size(); left > 0; --left) {
                const auto info = side.wanted.front();
                side.wanted.pop_front();
                if (!knock(side, false)) side.wanted.push_back(info);
            }
        }
        collect();
    }

    void restart(side_state& side) {
        side.who->out.fail_persist.reset();
        if (!side.who->restart(both_.now)) throw violation{"a restart failed"};
        side.current.reset();
        for (const auto& info : side.who->mesh->sessions())
            if (info.phase == phase::open) side.current = info.id;
    }

    /// A new card. KNOCKs that are sealed to the former one are on their way.
    void rotate(side_state& side) {
        auto& who = *side.who;
        const auto card = e2ee::identity_card::make(who.self, who.card.epoch + 1);
        if (who.mesh->rotate(card, exchange_key_pair{who.self.exchange().secret_key().fork()}, both_.now, who.out))
            who.card = card;
    }

    /// One record of the past, as from a backup.
    void roll_back(side_state& side) {
        auto& store = side.who->out.store;
        const auto names = store.names("session/");
        std::vector<std::pair<std::string, buffer>> old;
        for (const auto& name : names)
            if (name.ends_with("/state")) old.emplace_back(name, *store.load(name).value());
        if (side.backup.empty()) {
            side.backup = std::move(old);
            return;
        }
        for (const auto& [name, bytes] : side.backup) {
            if (!store.load(name).value()) continue;
            const record_change change{name, byte_view{bytes}};
            (void)store.commit({&change, 1});
        }
        side.backup.clear();
        restart(side);
    }

    /// Somebody on the way changes a byte, or makes a frame up.
    void forge(side_state& side, std::uint8_t x, std::uint8_t y) {
        if (flying_.empty()) return;
        auto frame = from_base64(flying_[y % flying_.size()].frame.payload, base64_form::url_unpadded).value();
        frame[(x * 37u + y) % frame.size()] ^= static_cast<std::uint8_t>(1 + (x >> 1) % 255);
        const auto texts = side.who->out.texts.size();
        const auto writes = side.who->out.writes;
        (void)side.who->mesh->on_message(other(side).who->name(), wire::message_type::message, to_payload(frame),
                                         both_.now, side.who->out);
        if (side.who->out.texts.size() != texts) throw violation{"a forged frame was delivered"};
        // An expired session may end at the sight of any frame.
        if (side.who->out.writes != writes && side.who->out.closed_ones.size() == side.seen_closed)
            throw violation{"a forged frame changed something"};
    }

    void collect() {
        for (auto& side : sides_) collect(side);
    }

    void collect(side_state& side) {
        auto& out = side.who->out;
        auto& peer = other(side);
        for (; side.read < out.sent.size(); ++side.read) {
            const auto& frame = out.sent[side.read];
            check_wire(side, frame);
            if (flying_.size() < 600) flying_.push_back({&side == &sides_[1], frame});
        }
        for (; side.seen_opened < out.opened_ones.size(); ++side.seen_opened)
            side.current = out.opened_ones[side.seen_opened].id;
        for (; side.seen_closed < out.closed_ones.size(); ++side.seen_closed) {
            const auto& [info, why] = out.closed_ones[side.seen_closed];
            if (side.current == info.id) side.current.reset();
            if (info.phase == phase::lost) ++lost_sessions_;
        }
        for (; side.seen_refused < out.refusals.size(); ++side.seen_refused)
            if (side.current == out.refusals[side.seen_refused].session) side.current.reset();
        for (; side.seen_lost < out.lost.size(); ++side.seen_lost) {
            const auto text = side.texts.find(out.lost[side.seen_lost].id);
            if (text == side.texts.end()) throw violation{"a report about nothing"};
            side.sent.at(text->second).told = true;
            ++told_;
        }
        for (; side.seen_wanted < out.wanted.size(); ++side.seen_wanted)
            side.wanted.push_back(out.wanted[side.seen_wanted]);
        for (; side.seen_texts < out.texts.size(); ++side.seen_texts) {
            const auto& text = out.texts[side.seen_texts];
            if (text.find("\"close\"") != std::string::npos) continue;
            const auto sent = peer.sent.find(text);
            if (sent == peer.sent.end()) throw violation{"an envelope that nobody sent"};
            // Whoever stops before it could note that the application has taken an envelope gives it again, under
            // its old id.
            if (sent->second.arrived && sent->second.unnoted) continue;
            if (sent->second.arrived) throw violation{"an envelope arrived twice: " + text};
            for (const auto& name : out.store.names("session/"))
                if (name.find("/in/") != std::string::npos) sent->second.unnoted = true;
            sent->second.arrived = true;
            ++arrived_;
            auto& last = peer.last_arrived[sent->second.session];
            if (sent->second.order <= last) throw violation{"out of order: " + text};
            last = sent->second.order;
        }
    }

    void check_wire(side_state& side, const sent_frame& sent) {
        if (leaks(sent.payload, canary)) throw violation{"the canary is on the wire"};
        const auto frame = from_payload(sent.payload).value();
        if (leaks(as_text(frame), canary) || leaks(as_text(frame), "travel"))
            throw violation{"the canary is in a frame"};
        if (kind_of(frame) != frame_kind::message) return;
        const auto parts = parse_message_frame(frame).value();
        const auto header = e2ee::header_bytes({parts.header.dh, 0, parts.header.n});
        const auto hash = frame_mark(frame);
        const auto [at, fresh] = side.keys.emplace(std::pair{parts.session, buffer{header.begin(), header.end()}},
            hash);
        if (!fresh && at->second != hash) throw violation{"one message key sealed two texts"};
    }

    [[nodiscard]] bool settled() const {
        for (const auto& side : sides_)
            for (const auto& [text, sent] : side.sent)
                if (!sent.arrived && !sent.told) return false;
        return true;
    }

    pair both_;
    std::array<side_state, 2> sides_{};
    std::vector<flight> flying_{};
    std::size_t arrived_ = 0, told_ = 0, lost_sessions_ = 0;
};

}  // namespace session_test
