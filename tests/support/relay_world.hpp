// A handful of agents at one relay, doing whatever a list of operations says, beside a model so simple that one can
// see that it is right. Every frame that the relay sends is compared with what the model allows.
//
// The model knows a list of stored messages for each agent, and for each connection the messages it still has to get.
// It checks that nobody gets another's message, that order is kept, that nothing taken is lost, that nothing confirmed
// comes again, and that nothing is refused while there is room.
#pragma once

#include "tests/support/relay_fixture.hpp"

#include <set>

namespace relay_test {

enum class act : std::uint8_t {
    login, send, resend, ack, pong, read, drop, disconnect, wait, wait_answering, jump, nonsense,
    count_,
};

struct operation {
    act what{};
    std::uint8_t who = 0;    ///< the agent that acts
    std::uint8_t whom = 0;   ///< the agent it is about
    std::uint8_t number = 0;
    friend std::ostream& operator<<(std::ostream& out, const operation& o) {
        static constexpr const char* names[] = {"login", "send", "resend", "ack", "pong", "read", "drop",
                                                "disconnect", "wait", "wait_answering", "jump", "nonsense"};
        return out << names[static_cast<int>(o.what)] << '(' << int{o.who} << ", " << int{o.whom} << ", "
                   << int{o.number} << ')';
    }
};

/// Thrown where relay and model disagree.
struct divergence : std::logic_error {
    using std::logic_error::logic_error;
};

class relay_world {
public:
    static constexpr std::size_t agents = 4;
    static constexpr duration lifetime = 1h;
    static constexpr std::size_t per_pair = 4, per_recipient = 9;

    relay_world() : relay_{{.sends_per_minute = 0, .knocks_per_minute = 0, .others_per_minute = 0,
                            .mailbox = {.per_recipient = per_recipient, .per_pair = per_pair, .lifetime = lifetime}}} {
        relay_.sink().keeps_log = true;
    }

    void apply(const operation& o) {
        agent& who = agents_[o.who % agents];
        switch (o.what) {
            case act::login: login(o.who % agents, o.number); break;
            case act::send: if (who.here) send(o.who % agents, o.whom % agents, o.number % 2 == 0, ++messages_); break;
            case act::resend: if (who.here && !who.ids_sent.empty()) resend(o.who % agents, o.number); break;
            case act::ack: if (who.here) ack(o.who % agents, o.number); break;
            case act::pong: if (who.here) pong(who); break;
            case act::read: if (who.here) read(who); break;
            case act::drop: if (who.here) leave(who); break;
            case act::disconnect:
                if (who.here) relay_.say(who.at, tree{{"type", "disconnect"}, {"reason", ""}});
                break;
            case act::wait: wait(std::chrono::seconds{o.number}, false); break;
            case act::wait_answering: wait(std::chrono::minutes{o.number % 90}, true); break;
            case act::jump: relay_.jump_wall(o.number % 2 == 0 ? 1h : -1h); break;
            case act::nonsense:
                if (who.here) relay_.say(who.at, o.number % 2 == 0 ? std::string{"{\"type\":"} : std::string{"{\"type\":\"x\"}"});
                break;
            case act::count_: break;
        }
        observe();
    }

    /// Everybody comes, reads everything and confirms it; then nothing may be left.
    void finish() {
        relay_.jump_wall(1000h);  // wherever it was sent, proofs are newer than all before
        for (std::size_t i = 0; i < agents; ++i) {
            while (!boxes_[i].empty()) {
                const auto before = boxes_[i].size();
                login(i, 1);
                observe();
                for (int round = 0; round < 100 && agents_[i].here; ++round) {
                    read(agents_[i]);
                    observe();
                }
                const auto copies = boxes_[i];
                for (const auto& m : copies) acknowledge(i, m);
                observe();
                require(boxes_[i].size() < before, "a stored message does not come");
            }
        }
        require(relay_.server().store().messages() == 0, "the store keeps what was confirmed");
        require(relay_.server().store().bytes() == 0, "the store miscounts its bytes");
    }

    [[nodiscard]] std::size_t delivered() const noexcept { return delivered_; }
    [[nodiscard]] relay_fixture& relay() noexcept { return relay_; }

private:
    struct message {
        int number;
        std::size_t from;
        std::string id;      ///< as the recipient sees it; empty until seen if the relay makes it
        steady_point taken;
        friend bool operator==(const message&, const message&) = default;
    };
    struct agent {
        bool here = false;
        bool receipts = false;
        connection_id at{};
        std::size_t read_log = 0;           ///< texts compared so far
        std::deque<message> due;            ///< must come next, in this order
        std::vector<std::pair<std::size_t, int>> stored_here;  ///< stored ones delivered here: place in log, number
        std::vector<std::pair<std::size_t, std::string>> ids_sent;
    };

    static void require(bool holds, const char* what) {
        if (!holds) throw divergence{what};
    }
    static std::string name(std::size_t i) { return std::string(1, static_cast<char>('a' + i)); }
    static std::string payload(std::size_t from, std::size_t to, int number) {
        return name(from) + ">" + name(to) + "#" + std::to_string(number);
    }
    bool is_dead(const message& m) { return relay_.now().steady > m.taken + lifetime; }
    void expire() {
        for (auto& box : boxes_) std::erase_if(box, [&](const message& m) { return is_dead(m); });
    }

    void login(std::size_t i, std::uint8_t number) {
        agent& who = agents_[i];
        const auto at = relay_.open();
        relay_.at(at).room = 1 + number % 5;
        expire();
        const auto waiting = boxes_[i].size();
        const bool receipts = number % 2 == 1;
        relay_.say(at, relay_.fresh_connect(name(i), receipts ? std::vector<std::string>{"receipts"}
                                                              : std::vector<std::string>{}));
        if (relay_.at(at).log.empty()) throw divergence{"a login is not answered"};
        const auto first = tree::parse(relay_.at(at).log.front());
        if (first["type"] == "error") {  // the wall clock was set back: the proof is older than the relay
            require(first["code"] == "INVALID_SIGNATURE", "a login is refused for no reason");
            relay_.drop(at);
            return;
        }
        require(first["type"] == "connected", "something precedes connected");
        require(first["pending_messages"] == waiting, "pending_messages is wrong");
        if (who.here) {
            require(relay_.close_code(who.at) == 4006, "the older connection is not closed");
            compare(i);
            leave(who);
        }
        const auto sent = std::move(who.ids_sent);
        who = {.here = true, .receipts = receipts, .at = at, .read_log = 1, .due = {}, .stored_here = {}, .ids_sent = sent};
        who.due.assign(boxes_[i].begin(), boxes_[i].end());
    }

    void send(std::size_t from, std::size_t to, bool wants_receipt, int number) {
        wants_receipt = wants_receipt && agents_[from].receipts;
        const std::string id = wants_receipt ? "m" + std::to_string(number) : "";
        if (wants_receipt) agents_[from].ids_sent.emplace_back(to, id);
        expect(from, to, id, number);
        auto frame = send_to(name(to), payload(from, to, number));
        if (wants_receipt) frame["id"] = id;
        say(from, frame, wants_receipt);
    }

    void resend(std::size_t from, std::uint8_t number) {
        const auto [to, id] = agents_[from].ids_sent[number % agents_[from].ids_sent.size()];
        if (!agents_[from].receipts) return;
        const int original = std::stoi(id.substr(1));
        const auto key = std::to_string(from) + ">" + std::to_string(to) + id;
        if (const auto known = accepted_.find(key); known != accepted_.end() && relay_.now().steady <= known->second + lifetime) {
            refused_ = false;  // accepted again, delivered no more
        } else {
            expect(from, to, id, original);
        }
        say(from, send_with_id(name(to), payload(from, to, original), id), true);
    }

    // What has to follow from a send that is about to be made.
    void expect(std::size_t from, std::size_t to, const std::string& id, int number) {
        expire();
        agent& there = agents_[to];
        const message m{number, from, id, relay_.now().steady};
        const bool promised = !id.empty() || (there.here && there.receipts);
        refused_ = false;
        if (there.here && !promised && there.due.empty() && relay_.at(there.at).texts.size() < relay_.at(there.at).room) {
            there.due.push_back(m);
            return;
        }
        const auto of_pair = std::count_if(boxes_[to].begin(), boxes_[to].end(), [&](const message& o) { return o.from == from; });
        refused_ = boxes_[to].size() >= per_recipient || static_cast<std::size_t>(of_pair) >= per_pair;
        if (refused_) return;
        boxes_[to].push_back(m);
        if (there.here) there.due.push_back(m);
        if (!id.empty()) accepted_[std::to_string(from) + ">" + std::to_string(to) + id] = relay_.now().steady;
    }

    void say(std::size_t from, const tree& frame, bool wants_receipt) {
        agent& who = agents_[from];
        const auto before = relay_.at(who.at).log.size();
        relay_.say(who.at, frame);
        const auto& log = relay_.at(who.at).log;
        bool accepted = false, refused = false;
        for (auto i = before; i < log.size(); ++i) {
            const auto answer = tree::parse(log[i]);
            accepted = accepted || answer["type"] == "accepted";
            refused = refused || answer["type"] == "error";
        }
        if (relay_.is_closed(who.at)) return;  // did not read its answers
        require(refused == refused_, refused ? "refused though there is room" : "taken though there is no room");
        require(accepted == (wants_receipt && !refused_), "accepted is missing or too much");
    }

    void ack(std::size_t i, std::uint8_t number) {
        if (!agents_[i].receipts || boxes_[i].empty()) return;
        acknowledge(i, boxes_[i][number % boxes_[i].size()]);
    }
    void acknowledge(std::size_t i, const message& m) {
        const auto& seen = agents_[i].stored_here;
        if (std::none_of(seen.begin(), seen.end(), [&](const auto& s) { return s.second == m.number; })) return;
        const std::string id = ids_seen_.at({i, m.number});
        relay_.say(agents_[i].at, tree{{"type", "ack"}, {"from", amid_of(name(m.from))}, {"id", id}});
        std::erase_if(boxes_[i], [&](const message& o) { return o.number == m.number; });
    }

    void pong(agent& who) {
        const auto i = static_cast<std::size_t>(&who - agents_.data());
        const auto covered = relay_.at(who.at).log_at_ping;
        compare(i);
        if (!relay_.pong(who.at) || who.receipts) return;
        for (const auto& [place, number] : who.stored_here)
            if (place < covered)
                std::erase_if(boxes_[i], [&, n = number](const message& m) { return m.number == n; });
    }

    void read(agent& who) { (void)relay_.drain(who.at); }

    void leave(agent& who) {
        relay_.drop(who.at);
        who.here = false;
        who.due.clear();
        who.stored_here.clear();
    }

    void wait(duration by, bool answering) {
        const auto end = relay_.now().steady + by;
        for (;;) {
            observe();
            if (answering)
                for (auto& who : agents_)
                    if (who.here && !relay_.at(who.at).pings.empty()) pong(who);
            const auto at = relay_.server().next_deadline();
            if (!at || *at > end) break;
            if (*at > relay_.now().steady) relay_.sleep(*at - relay_.now().steady);
            relay_.server().on_tick(relay_.now(), relay_.sink());
        }
        relay_.sleep(end - relay_.now().steady);
        relay_.server().on_tick(relay_.now(), relay_.sink());
    }

    // Compares all that was sent since the last time, then lets go of connections that the relay has closed.
    void observe() {
        expire();
        for (std::size_t i = 0; i < agents; ++i) {
            agent& who = agents_[i];
            if (!who.here) continue;
            compare(i);
            if (relay_.is_closed(who.at)) {
                leave(who);
                continue;
            }
            std::erase_if(who.due, [&](const message& m) { return is_dead(m); });
            require(who.due.empty() || relay_.at(who.at).refused, "a message is withheld though there is room");
        }
    }

    void compare(std::size_t i) {
        agent& who = agents_[i];
        const auto& log = relay_.at(who.at).log;
        for (; who.read_log < log.size(); ++who.read_log) {
            const auto frame = tree::parse(log[who.read_log]);
            if (frame["type"] != "receive") continue;
            while (!who.due.empty() && is_dead(who.due.front())) who.due.pop_front();
            require(!who.due.empty(), "a message comes that is not due");
            const message m = who.due.front();
            who.due.pop_front();
            require(frame["encrypted_payload"] == payload(m.from, i, m.number), "another message comes than the one due");
            require(frame["from"] == amid_of(name(m.from)), "a message names another sender");
            require(frame.contains("id") == who.receipts, "an id without the feature, or none with it");
            if (who.receipts) {
                const std::string id = frame["id"];
                require(m.id.empty() ? id.starts_with('~') : id == m.id, "a message has another id");
                const auto [known, fresh] = ids_seen_.emplace(std::pair{i, m.number}, id);
                require(fresh || known->second == id || !m.id.empty(), "a message comes again with another id");
                known->second = id;
            }
            ++delivered_;
            if (std::find(boxes_[i].begin(), boxes_[i].end(), m) != boxes_[i].end())
                who.stored_here.emplace_back(who.read_log, m.number);
        }
    }

    relay_fixture relay_;
    std::array<agent, agents> agents_;
    std::array<std::vector<message>, agents> boxes_;
    std::map<std::string, steady_point> accepted_;
    std::map<std::pair<std::size_t, int>, std::string> ids_seen_;
    int messages_ = 0;
    std::size_t delivered_ = 0;
    bool refused_ = false;
};

}  // namespace relay_test
