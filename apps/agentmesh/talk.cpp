#include "apps/agentmesh/talk.hpp"

#include "apps/agentmesh/line_input.hpp"
#include "apps/agentmesh/node.hpp"
#include "apps/agentmesh/registry_link.hpp"

#include <agentmesh/identity/did.hpp>
#include <agentmesh/net/finder.hpp>

using namespace agentmesh;

std::optional<net::home> open_home(const settings& with, int& status) {
    if (!identity::something_at(with.identity_file())) {
        complain("no identity in " + with.home + "; make one: agentmesh identity new");
        status = exit_code::refused;
        return std::nullopt;
    }
    auto opened = net::home::open(with.home, with.directory);
    if (opened) return std::move(*opened);
    status = complain(opened.error(), with, with.home);
    return std::nullopt;
}

bool load_policy(const settings& with, session::policy_source& rules) {
    const auto text = content_of(with.policy_file());
    if (!text && !identity::something_at(with.policy_file())) return true;
    session::policy_fault where;
    if (text && rules.reload(*text, where)) return true;
    complain(with.policy_file() + ": " + (text ? printable(where.text()) : "cannot be read"));
    return false;
}

std::optional<amid> find_peer(const std::string& text, const settings& with, registry::file_directory& agents,
                              int& status) {
    if (const auto name = amid::parse(text)) return *name;
    if (const auto name = identity::parse_did(text)) return *name;
    const auto all = agents.list();
    if (!all) {
        status = complain(all.error(), with, agents.fault().text());
        return std::nullopt;
    }
    std::vector<amid> found;
    for (const auto& one : *all)
        if (one.display_name == text) found.push_back(one.name());
    if (found.size() == 1) return found.front();
    complain(printable(text) + (found.empty() ? ": no AMID, and nobody in " : ": several agents have this name in ") +
             with.directory + (found.empty() ? " has this name" : "; say which by its AMID"));
    status = exit_code::refused;
    return std::nullopt;
}

std::string name_of(const amid& who, registry::file_directory& agents) {
    const auto known = agents.find(who);
    return known ? known->display_name : std::string{};
}

session::intent read_intent(const std::string& text) {
    session::intent out;
    const auto first = text.find('/');
    out.category = text.substr(0, first);
    if (first == std::string::npos) return out;
    const auto second = text.find('/', first + 1);
    out.subcategory = text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
    if (second != std::string::npos) out.action = text.substr(second + 1);
    return out;
}

namespace {

/// Where agents are looked for beside the directory, and what is remembered of them.
struct finding {
    net::finder_options options;
    known_agents known;
};

/// As the flags say. @return false with the reason said
[[nodiscard]] bool find_where(const settings& with, bool listens, std::optional<finding>& out, int& status) {
    if (!with.finds()) return true;
    net::finder_options options{.registry = with.registry, .trusted_file = with.trusted_file};
    if (!with.registry.empty()) {
        auto beliefs = registry_beliefs(with, status);
        if (!beliefs) return false;
        options.client = std::move(*beliefs);
    }
    if (!with.dht.empty()) {
        auto first = first_nodes(with);
        status = exit_code::usage;
        if (!first) return false;
        options.dht = asking_only(std::move(*first));
    }
    if (!with.lan.empty()) {
        options.lan = net::lan_driver_options{.interface = with.lan};
        if (const auto relay = net::parse_ws_url(with.relay)) options.lan_port = relay->port;
    }
    // Only a listener is brought to the registry; whoever knocks is to be found in the other places while he does.
    options.publish = listens || options.dht || options.lan;
    auto known = known_agents::open(with.home);
    if (!known) {
        status = complain(known.error(), with, with.home + "/registry");
        return false;
    }
    out.emplace(finding{std::move(options), std::move(*known)});
    status = exit_code::done;
    return true;
}

/// One agent at work until it is told to stop, has done what it was for, or time is up.
class talk {
public:
    using directory = registry::found_directory<registry::file_directory>;
    using member = agent<store::file_state, directory, session::policy_source>;

    /// @param elsewhere  where agents are looked for that the directory does not know; nothing: nowhere
    talk(const settings& with, const talk_options& chosen, net::home& at, session::policy_source rules,
         std::optional<finding> elsewhere)
        : with_{with},
          chosen_{chosen},
          home_{at},
          out_{with.json},
          elsewhere_{std::move(elsewhere)},
          agents_{at.directory, found_},
          agent_{at.self, at.state, agents_, std::move(rules), options()},
          mesh_{io_,
                agent_,
                {.trusted_file = with.trusted_file,
                 .after =
                     [this] {
                         if (find_) find_->publish(agents_);
                         step();
                     },
                 .resolve = [this](const amid& who) { return find_ && find_->resolve(who).has_value(); }}},
          signals_{io_, SIGINT, SIGTERM, SIGHUP},
          limit_{io_},
          ticker_{io_},
          input_{io_} {
        if (elsewhere_) look_elsewhere();
        auto& hear = mesh_.handlers();
        hear.on_message = [this](const incoming& got) {
            out_.message(got);
            last_ = got.session;
            acknowledged_by_ = std::chrono::steady_clock::now() + 2 * ack_delay;
        };
        hear.on_goodbye = [this](const incoming& got) {
            out_.goodbye(got);
            acknowledged_by_ = std::chrono::steady_clock::now() + 2 * ack_delay;
        };
        hear.on_opened = [this](const session_info& s) { out_.opened(s); };
        hear.on_refused = [this](const session::refusal& no) { out_.refused(no); };
        hear.on_closed = [this](const session_info& s, const error& why) {
            out_.closed(s, why);
            if (last_ == s.id && s.phase == session::phase::closed) last_.reset();
        };
        hear.on_delivered = [this](const session_id& s) { out_.delivered(s); };
        hear.on_undelivered = [this](const session::undelivered& lost) {
            out_.undelivered(lost);
            failed_ = true;
        };
        hear.on_audit = [this](const session::audit_event& event) {
            if (event.kind == session::audit_kind::knock_denied) out_.denied(event);
            if (with_.audit) out_.audit(event);
        };
        hear.on_relay_error = [this](const wire::error_frame& refused) { out_.relay_refused(refused); };
        hear.on_connected = [this](std::int64_t waiting) {
            told_offline_ = false;
            if (!peer_) out_.ready(home_.self.name(), with_.relay, waiting);
        };
        hear.on_disconnected = [this](const relay::client_end& end) {
            if (!stopping_ && !std::exchange(told_offline_, true)) out_.disconnected(end);
            if (end.why.code == errc::session_replaced) finish(complain(end.why, with_));
            if (stopping_) io_.stop();
        };
    }

    int listen() {
        if (chosen_.reply) read_lines();
        if (chosen_.wait_seconds > 0) time_limit([this] { finish(exit_code::done); });
        return run();
    }

    int knock(const amid& peer) {
        begin(peer);
        time_limit([this] { give_up(); });
        ask(peer, [this](const session_info& s) {
            if (!with_.json) report::print(text_of(s.id));
            finish(exit_code::done);
        });
        return run();
    }

    int send(const amid& peer, std::optional<session_id> session) {
        begin(peer);
        for (const auto& word : chosen_.words)
            if (word == "-") read_lines();
        std::string said;
        for (const auto& word : chosen_.words)
            if (word != "-") said += (said.empty() ? "" : " ") + word;
        if (!said.empty()) lines_.push_back(said);
        if (!reading_) time_limit([this] { give_up(); });
        sends_ = true;
        to_ = session ? session : usable(peer);
        if (!to_) ask(peer, [this](const session_info& s) { to_ = s.id; });
        return run();
    }

    /// Ends one session, or all with a peer.
    int close(const std::optional<amid>& peer, const std::optional<session_id>& session, message::code why) {
        if (!start()) return status_;
        for (const auto& s : agent_.sessions())
            if ((session ? s.id == *session : s.peer == *peer) && s.phase != session::phase::closed)
                ending_.push_back(s.id), peer_ = s.peer;
        if (ending_.empty()) {
            complain(session ? text_of(*session) + ": no session of this id is open; see agentmesh sessions"
                             : std::string{peer->text()} + ": no session with this agent is open");
            return exit_code::refused;
        }
        closes_ = true;
        tick();
        time_limit([this] { give_up(); });
        for (const auto& id : ending_) {
            const auto held = agent_.find(id);
            if (!held || held->phase == session::phase::closing) continue;  // told before, in an earlier run
            if (const auto told = mesh_.close(id, why); !told && told.error().code != errc::session_closed)
                return complain(told.error(), with_, "session " + text_of(id));
        }
        return run();
    }

private:
    static constexpr std::chrono::milliseconds ack_delay{100};  // somebody waits in front of the screen
    static constexpr std::chrono::seconds table_limit{3};

    agent_options options() const {
        agent_options out{.relay = with_.relay, .display_name = with_.name};
        out.sessions.ack_delay = ack_delay;
        out.sessions.resend_first = std::chrono::seconds{5};
        out.link.longest_delay = std::chrono::seconds{10};
        return out;
    }

    // --- running --------------------------------------------------------------------------------------------
    void begin(const amid& peer) {
        peer_ = peer;
        if (const auto up = start(); !up) return;
        tick();
    }
    void look_elsewhere() {
        find_.emplace(io_, home_.self, found_, elsewhere_->known.memory(), elsewhere_->options);
        find_->on_resolved = [this](const amid& who, const result<void>& outcome) { mesh_.resolved(who, outcome); };
        find_->on_doubted = [this](registry::find_source where, const amid& who, const error& why) {
            out_.doubted(registry::to_text(where), who, why);
        };
        find_->on_published = [this](const result<void>& outcome, std::uint64_t) {
            if (!outcome) complain("others may not find this agent: " + to_string(outcome.error()));
        };
        find_->on_learned = [this] {
            if (const auto saved = elsewhere_->known.save(); !saved)
                (void)complain(saved.error(), with_, with_.home + "/registry");
        };
    }
    /// Lets things happen until `done`, or for a moment. @return whether it is done
    template <class Done>
    bool wait_for(Done done) {
        const auto give_up = std::chrono::steady_clock::now() + table_limit;
        while (!done()) {
            if (std::chrono::steady_clock::now() > give_up) return false;
            io_.restart();
            io_.run_one_for(std::chrono::milliseconds{20});
        }
        io_.restart();
        return true;
    }
    /// A table of which no node is known yet finds nobody, so the first of them has a moment to answer.
    [[nodiscard]] bool join() {
        if (!find_) return true;
        if (const auto up = find_->start(); !up) {
            status_ = complain(up.error(), with_, "agents cannot be looked for");
            broken_ = true;
            return false;
        }
        const auto* const table = find_->table();
        if (table != nullptr && !wait_for([&] { return table->machine().table().size() > 0; }))
            complain("note: none of " + printable(with_.dht) + " answers");
        return true;
    }
    /// Whoever knocks is to be found by then, or the peer takes him for a stranger.
    void be_found() {
        if (!find_ || !peer_) return;
        find_->publish(agents_);
        const auto* const table = find_->table();
        if (table != nullptr) (void)wait_for([&] { return table->machine().lookups() == 0; });
    }
    result<void> start() {
        if (std::exchange(started_, true)) return {};
        if (!join()) return fail(errc::io_failed);
        const auto up = mesh_.start();
        if (!up) {
            const auto& fault = home_.directory.fault();
            status_ = complain(up.error(), with_, fault.file.empty() ? std::string{} : fault.text());
            broken_ = true;
            return up;
        }
        be_found();
        return up;
    }
    int run() {
        if (!start() || broken_) return status_;
        wait_for_signal();
        asio::post(io_, [this] { step(); });
        io_.run();
        out_.end_progress();
        return status_;
    }
    void finish(int status) {
        if (std::exchange(stopping_, true)) return;
        status_ = status;
        limit_.cancel();
        ticker_.cancel();
        input_.stop();
        if (!mesh_.is_connected()) return io_.stop();
        // What was just received is acknowledged first, so that its sender need not wait for our next run.
        limit_.expires_at(std::max(acknowledged_by_, std::chrono::steady_clock::now()));
        limit_.async_wait([this](const std::error_code& cancelled) {
            if (cancelled) return;
            mesh_.stop();
            // Time for the goodbye; if nobody answers it, the relay notices the end of the connection.
            limit_.expires_after(std::chrono::seconds{1});
            limit_.async_wait([this](const std::error_code&) { io_.stop(); });
        });
    }
    void wait_for_signal() {
        signals_.async_wait([this](const std::error_code& cancelled, int number) {
            if (cancelled) return;
            if (number == SIGHUP) {
                if (load_policy(with_, agent_.policy())) out_.policy_reloaded();
                else complain("the policy in force stays");
            } else if (stopping_) {
                return io_.stop();
            } else {
                if (peer_) complain("interrupted; what was not delivered is saved");
                finish(peer_ ? exit_code::late : exit_code::done);
            }
            wait_for_signal();
        });
    }
    void time_limit(std::function<void()> then) {
        limit_.expires_after(std::chrono::seconds{chosen_.wait_seconds});
        limit_.async_wait([then](const std::error_code& cancelled) {
            if (!cancelled) then();
        });
    }
    void tick() {
        if (stopping_) return;
        const auto waited = std::chrono::steady_clock::now() - begun_;
        const bool told = to_ || closes_;
        out_.progress((mesh_.is_connected() ? (told ? "waiting until " : "waiting for the answer of ")
                                            : "connecting to " + with_.relay + " for ") +
                      std::string{peer_->text()} + (told ? " has it" : "") + ", " +
                      std::to_string(std::chrono::floor<std::chrono::seconds>(waited).count()) + " s");
        ticker_.expires_after(std::chrono::seconds{1});
        ticker_.async_wait([this](const std::error_code& cancelled) {
            if (!cancelled) tick();
        });
    }
    void give_up() {
        out_.end_progress();
        if (!mesh_.is_connected()) complain("no connection to " + with_.relay + " in time");
        else if (!to_ && !closes_) complain("no answer in time; try again when the peer listens");
        if (to_ || closes_) complain("not delivered yet; saved, and sent on by the next agentmesh listen or send");
        finish(exit_code::late);
    }

    // --- talking --------------------------------------------------------------------------------------------
    void ask(const amid& peer, std::function<void(const session_info&)> then) {
        if (broken_) return;
        const auto known = agents_.find(peer);
        if (known && !known->relay.empty() && known->relay != with_.relay)
            complain("note: the directory says that this agent listens at " + printable(known->relay) +
                     ", and we use " + with_.relay);
        const session_request asked{.ttl_seconds = chosen_.ttl_seconds,
                                    .expected_messages = chosen_.expected_messages};
        mesh_.knock(peer, read_intent(chosen_.intent), [this, then](const result<session_id>& answer) {
            const auto session = answer ? agent_.find(*answer) : std::nullopt;
            if (session) return then(*session);
            out_.end_progress();
            const auto& fault = home_.directory.fault();
            finish(complain(answer ? error{errc::unknown_session} : answer.error(), with_,
                            fault.file.empty() ? std::string{} : fault.text()));
        }, asked);
    }
    /// An open session with this peer, for the intent that was asked for, if it was.
    std::optional<session_id> usable(const amid& peer) {
        const auto wanted = read_intent(chosen_.intent);
        for (const auto& s : broken_ ? std::vector<session_info>{} : agent_.sessions())
            if (s.peer == peer && s.phase == session::phase::open && s.sent < s.held_to.max_messages &&
                s.expires > net::system_clock{}.now().wall &&
                (!chosen_.intent_given || s.what.category == wanted.category))
                return s.id;
        return std::nullopt;
    }
    void read_lines() {
        reading_ = true;
        input_.start([this](std::optional<std::string> text) {
            if (text) lines_.push_back(std::move(*text));
            else reading_ = false;
            if (!reading_ && sends_) time_limit([this] { give_up(); });
            step();
        });
    }
    /// After everything that happens: sends what may be sent, and sees whether all is done.
    void step() {
        if (stopping_ || stepping_) return;
        stepping_ = true;
        const auto where = sends_ ? to_ : last_;
        while (where && !lines_.empty()) {
            const auto sent = mesh_.send(*where, text(lines_.front()));
            if (!sent && sent.error().code == errc::session_limit) break;  // until the peer has some of it
            if (!sent) {
                const int status = complain(sent.error(), with_, "session " + text_of(*where));
                if (sends_ || sent.error().code == errc::not_persisted) {
                    finish(status);
                    break;
                }
                complain("not sent: " + printable(lines_.front()));  // whoever listens goes on listening
            }
            lines_.pop_front();
        }
        stepping_ = false;
        if (closes_ && !stopping_) return closed_all() ? finish(exit_code::done) : void();
        if (stopping_ || !sends_ || !to_ || reading_ || !lines_.empty()) return;
        const auto held = agent_.find(*to_);
        if (held && held->unacknowledged > 0) return;
        finish(failed_ ? exit_code::refused : exit_code::done);
    }

    /// The peers have been told, or it is too late to tell them.
    [[nodiscard]] bool closed_all() const {
        return std::all_of(ending_.begin(), ending_.end(), [this](const session_id& id) {
            const auto held = agent_.find(id);
            return !held || held->phase == session::phase::closed;
        });
    }

    const settings& with_;
    const talk_options& chosen_;
    net::home& home_;
    report out_;
    asio::io_context io_{1};
    std::optional<finding> elsewhere_;
    registry::found_agents found_;
    directory agents_;
    std::optional<net::finder> find_;
    member agent_;
    net::driver<member> mesh_;
    asio::signal_set signals_;
    net::steady_timer limit_;
    net::steady_timer ticker_;
    line_input input_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point acknowledged_by_{};
    std::optional<amid> peer_;
    std::optional<session_id> to_;    // of `send`
    std::optional<session_id> last_;  // of the last message
    std::vector<session_id> ending_;  // of `close`
    std::deque<std::string> lines_;
    int status_ = exit_code::done;
    bool sends_ = false;
    bool closes_ = false;
    bool started_ = false;
    bool broken_ = false;
    bool stopping_ = false;
    bool stepping_ = false;
    bool reading_ = false;
    bool failed_ = false;
    bool told_offline_ = false;
};

/// Opens everything that a talk needs, and talks.
template <class Run>
int with_talk(const settings& with, const talk_options& chosen, Run&& run, bool listens = false) {
    int status = exit_code::done;
    auto at = open_home(with, status);
    if (!at) return status;
    session::policy_source rules;
    if (!load_policy(with, rules)) return exit_code::refused;
    std::optional<finding> elsewhere;
    if (!find_where(with, listens, elsewhere, status)) return status;
    talk all{with, chosen, *at, std::move(rules), std::move(elsewhere)};
    return run(all, *at);
}

}  // namespace

int listen(const settings& with, const talk_options& chosen) {
    return with_talk(with, chosen, [](talk& all, net::home&) { return all.listen(); }, true);
}

int knock(const settings& with, const talk_options& chosen) {
    return with_talk(with, chosen, [&](talk& all, net::home& at) {
        int status = exit_code::done;
        const auto peer = find_peer(chosen.peer, with, at.directory, status);
        return peer ? all.knock(*peer) : status;
    });
}

int send(const settings& with, const talk_options& chosen) {
    return with_talk(with, chosen, [&](talk& all, net::home& at) {
        int status = exit_code::done;
        const auto peer = find_peer(chosen.peer, with, at.directory, status);
        if (!peer) return status;
        std::optional<session_id> session;
        if (!chosen.session.empty() && !(session = parse_session(chosen.session))) {
            complain(printable(chosen.session) + " is not the id of a session, which has 32 hexadecimal digits");
            return exit_code::usage;
        }
        return all.send(*peer, session);
    });
}

int close(const settings& with, const talk_options& chosen) {
    const auto why = message::find_code(message::code_topic::close, chosen.reason);
    if (!why) {
        complain("--reason: " + printable(chosen.reason) + " is no close code; see agentmesh close --help");
        return exit_code::usage;
    }
    return with_talk(with, chosen, [&](talk& all, net::home& at) {
        const auto session = parse_session(chosen.peer);
        int status = exit_code::done;
        const auto peer = session ? std::nullopt : find_peer(chosen.peer, with, at.directory, status);
        return session || peer ? all.close(peer, session, *why) : status;
    });
}
