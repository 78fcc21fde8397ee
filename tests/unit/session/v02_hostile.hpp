// Two v02 agents that talk as their owners like, over a relay that repeats and reorders, and in bad weather loses and
// forges, on machines that stop at any moment, with disks that fail. Used by the simulation and by a fuzz target.
//
// What must hold whatever happens: what arrives was said, by that agent; no message key seals two texts; what was said
// is never on the wire. While the relay loses nothing and nobody ends a session, everything arrives, and once, or again
// under its id after a machine stopped. After a KNOCK that came to nothing its optimistic messages may come twice.
#pragma once

#include "tests/unit/session/v02_world.hpp"

#include <agentmesh/core/json.hpp>

namespace v02_test {

struct violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class act : std::uint8_t {
    say, knock, deliver, deliver_late, duplicate, wait, restart, fail_persist, fail_send, leave_open,
    // from here on messages may be lost
    drop, wait_long, roll_back, close, deny, forge, count_,
};

class hostile_world {
public:
    explicit hostile_world(std::uint64_t seed) : both_{seed} {
        both_.wish = {.kind = session_kind::conversation, .ttl_seconds = 3600, .expected_messages = 1000};
        for (auto* side : {both_.a.get(), both_.b.get()}) {
            side->policy.change([](policy& rules) {
                rules.rate_limit = {.knocks_per_minute = 6000, .messages_per_minute = 60'000};
            });
            side->out.receipts = (seed & 1) != 0;
        }
        sides_[0].who = both_.a.get();
        sides_[1].who = both_.b.get();
    }

    void apply(act what, std::uint8_t x, std::uint8_t y) {
        auto& side = sides_[x & 1];
        auto& peer = sides_[1 - (x & 1)];
        if (what >= act::drop) storm_ = true;
        switch (what) {
            case act::say: say(side, (y & 1) != 0); break;
            case act::knock: knock(side, (y & 1) != 0); break;
            case act::deliver: deliver(0); break;
            case act::deliver_late: reordered_ = true; deliver(y); break;
            case act::duplicate:
                if (!flying_.empty() && flying_.size() < 200) flying_.push_back(flying_[y % flying_.size()]);
                break;
            case act::drop:
                if (!flying_.empty()) flying_.erase(flying_.begin() + y % static_cast<std::ptrdiff_t>(flying_.size()));
                break;
            case act::wait: pass(duration{std::chrono::milliseconds{10}} * y); break;
            case act::wait_long: pass(duration{std::chrono::seconds{20}} * y); break;
            case act::restart: restart(side); break;
            case act::roll_back: roll_back(side); break;
            case act::fail_persist: side.who->out.fail_persist = side.who->out.persists + y % 3; break;
            case act::fail_send: side.who->out.online = (y & 1) != 0; break;
            case act::leave_open: side.who->out.takes = (y & 1) != 0; break;
            case act::close: (void)side.who->agent->close(peer.who->name(), both_.now, side.who->out); break;
            case act::deny:
                side.who->policy.change([&](policy& rules) {
                    rules.rejected_intents.clear();
                    if ((y & 1) == 0) rules.rejected_intents.emplace_back("travel");
                });
                break;
            case act::forge: forge(y); break;
            case act::count_: break;
        }
        collect();
    }

    /// The relay and the disks recover, and everything in flight arrives.
    void finish() {
        for (int i = 0; i < 3; ++i) {
            for (auto& side : sides_) {
                side.who->out.fail_persist.reset();
                side.who->out.online = side.who->out.takes = true;
                side.who->agent->on_ready(side.who->out);
                side.who->agent->on_tick(both_.now, side.who->out);
            }
            collect();
            for (int n = 0; n < 1000 && !flying_.empty(); ++n) deliver(0);
            if (storm_) pass(std::chrono::seconds{121});  // KNOCKs that were lost have timed out
        }
        if (!flying_.empty()) throw violation{"the relay is never rid of its messages"};
        // What overtook its KNOCK waits in memory: only a relay that keeps the order makes restarts harmless.
        if (storm_ || (reordered_ && (sides_[0].stopped || sides_[1].stopped))) return;
        for (auto& side : sides_) {
            for (const auto& text : side.said)
                if (!side.arrived.contains(text) && !open_question(side)) throw violation{"never arrived: " + text};
            if (!side.who->out.closings.empty()) throw violation{"a session ended by itself"};
        }
    }
    [[nodiscard]] std::size_t arrived() const { return sides_[0].arrived.size() + sides_[1].arrived.size(); }

private:
    struct side_state {
        party* who = nullptr;
        std::vector<std::string> said{};
        std::map<std::string, std::string> arrived{};       ///< what it said, at the peer, with the id there
        std::map<std::string, std::string> keys{};          ///< ratchet key and number, with the ciphertext
        std::vector<std::pair<std::string, buffer>> backup{};
        std::size_t count = 0, read = 0, texts = 0;
        bool stopped = false;
    };
    struct flight {
        bool from_b;
        sent_frame frame;
    };
    static constexpr std::string_view canary = "Kanarienvogel";

    /// Both wait for the other to begin: what they want to say waits as well.
    [[nodiscard]] bool open_question(const side_state& side) const {
        const auto& peer = &side == &sides_[0] ? sides_[1] : sides_[0];
        return !side.who->agent->is_open(peer.who->name());
    }
    void knock(side_state& side, bool optimistic) {
        auto& peer = &side == &sides_[0] ? sides_[1] : sides_[0];
        if (side.who->agent->is_open(peer.who->name())) return;
        (void)both_.knock(*side.who, optimistic);
    }
    void say(side_state& side, bool optimistic) {
        const auto text = "\"" + std::string{canary} + (&side == &sides_[0] ? "-a-" : "-b-") +
                          std::to_string(side.count++) + "\"";
        auto done = both_.say(*side.who, text);
        if (!done && done.error().code == errc::unknown_session) {
            knock(side, optimistic);
            done = both_.say(*side.who, text);
        }
        if (done) side.said.push_back(text);
    }
    void restart(side_state& side) {
        side.who->out.fail_persist.reset();
        if (!side.who->restart(both_.now)) throw violation{"a restart failed"};
        side.stopped = true;
    }
    /// One record of the past, as from a backup.
    void roll_back(side_state& side) {
        auto& store = side.who->out.store;
        std::vector<std::pair<std::string, buffer>> old;
        for (const auto& name : store.names("v02/session/"))
            if (name.ends_with("/state")) old.emplace_back(name, *store.load(name).value());
        if (side.backup.empty()) return void(side.backup = std::move(old));
        for (const auto& [name, bytes] : side.backup) {
            if (!store.load(name).value()) continue;
            const record_change change{name, byte_view{bytes}};
            (void)store.commit({&change, 1});
        }
        side.backup.clear();
        restart(side);
    }
    void pass(duration how_long) {
        both_.advance(how_long);
        both_.tick();
    }
    void deliver(std::size_t which) {
        if (flying_.empty()) return;
        const auto at = flying_.begin() + static_cast<std::ptrdiff_t>(which % flying_.size());
        const auto one = *at;
        flying_.erase(at);
        auto& from = sides_[one.from_b ? 1 : 0];
        // What was not taken is given again.
        if (!both_.give(*from.who, one.frame)) flying_.push_back(one);
        else if (!one.frame.receipt.empty()) from.who->agent->on_taken(one.frame.receipt, from.who->out);
        collect();
    }
    void forge(std::uint8_t y) {
        if (flying_.empty()) return;
        auto one = flying_[y % flying_.size()];
        if (one.frame.text.empty()) return;
        auto& byte = one.frame.text[(y * 7919u) % one.frame.text.size()];
        byte = static_cast<char>(byte ^ (1 << (y & 3)));
        (void)both_.give(*sides_[one.from_b ? 1 : 0].who, one.frame);
    }
    /// Looks at everything that has happened since the last call.
    void collect() {
        for (auto& side : sides_) {
            auto& out = side.who->out;
            for (; side.read < out.sent.size(); ++side.read) {
                const auto& frame = out.sent[side.read];
                if (frame.text.find(canary) != std::string::npos) throw violation{"said in clear"};
                note_key(side, frame.text);
                flying_.push_back({&side == &sides_[1], frame});
            }
            auto& peer = &side == &sides_[0] ? sides_[1] : sides_[0];
            for (; side.texts < out.texts.size(); ++side.texts) {
                const auto& text = out.texts[side.texts];
                if (text.starts_with("{\"type\":\"close\"")) continue;
                if (std::find(peer.said.begin(), peer.said.end(), text) == peer.said.end())
                    throw violation{"arrived, and nobody said it: " + text};
                const auto known = peer.arrived.find(text);
                if (known == peer.arrived.end()) peer.arrived.emplace(text, out.ids[side.texts]);
                else if (!storm_ && (!side.stopped || known->second != out.ids[side.texts]))
                    throw violation{"arrived twice: " + text};
            }
        }
    }
    void note_key(side_state& side, std::string_view text) {
        std::string name, sealed;
        json::reader in{text};
        in.begin_object();
        while (const auto member = in.next_member()) {
            if (*member == "header") name = std::string{in.skip()};
            else if (*member == "ciphertext") sealed = in.string().text();
        }
        if (!in.finish() || name.empty()) return;
        if (const auto known = side.keys.emplace(name, sealed); !known.second && known.first->second != sealed)
            throw violation{"one key has sealed two texts"};
    }

    two both_;
    std::array<side_state, 2> sides_;
    std::deque<flight> flying_;
    bool storm_ = false, reordered_ = false;
};

}  // namespace v02_test
