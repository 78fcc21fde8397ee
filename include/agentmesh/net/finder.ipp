// Bodies of net/finder.hpp.
#pragma once

namespace agentmesh::net {

/// The machine's FinderSink. What concerns the owner is posted, because the owner may give a command in return.
struct finder::actions {
    finder& self;

    void ask_registry(registry::find_ticket what, http::request&& request) {
        const auto asked = self.http_->ask(std::move(request), [f = &self, what](const result<http::response>& reply) {
            f->perform([&](auto& machine, const moment& now, auto& out) { machine.on_reply(what, reply, now, out); });
        });
        if (asked) return;
        self.post([f = &self, what, why = asked.error()] {
            f->perform(
                [&](auto& machine, const moment& now, auto& out) { machine.on_reply(what, fail(why), now, out); });
        });
    }
    void ask_dht(registry::find_ticket what, const amid& who) { self.ask_table(what, who, join_tries); }
    void ask_lan(registry::find_ticket what, const amid& who) { self.wait_for_lan(what, who); }
    void resolved(const amid& who, const result<void>& outcome) {
        self.post([f = &self, who, outcome] {
            if (f->on_learned) f->on_learned();
            std::vector<done> then;
            const auto [first, last] = f->waiting_.equal_range(who);
            for (auto at = first; at != last; ++at) then.push_back(std::move(at->second));
            f->waiting_.erase(first, last);
            for (const auto& one : then)
                if (one) one(outcome);
            if (f->on_resolved) f->on_resolved(who, outcome);
        });
    }
    void doubted(registry::find_source where, const amid& who, const error& why) {
        self.post([f = &self, where, who, why] {
            if (f->on_doubted) f->on_doubted(where, who, why);
        });
    }
    void published(const result<void>& outcome, std::uint64_t keys) {
        self.post([f = &self, outcome, keys] {
            if (f->on_published) f->on_published(outcome, keys);
        });
    }

    [[nodiscard]] static registry::self_told to_told(const dht::discovery_record& of) {
        return {.card = of.card, .prekey = of.prekey, .relay = of.relay};
    }
};

inline finder::finder(asio::io_context& io, const local_identity& self, registry::found_agents& found,
                      registry::client_memory& memory, finder_options chosen)
    : io_{&io}, self_{&self}, found_{&found}, memory_{&memory}, chosen_{std::move(chosen)}, deadline_{io} {}

inline void finder::post(std::function<void()> then) {
    asio::post(*io_, [alive = std::weak_ptr{alive_}, then = std::move(then)] {
        if (!alive.expired()) then();
    });
}

inline void finder::later(duration pause, std::function<void()> then) {
    const auto timer = std::make_shared<steady_timer>(*io_);
    timers_.insert(timer);
    timer->expires_after(pause);
    timer->async_wait(
        [this, timer, then = std::move(then), alive = std::weak_ptr{alive_}](const std::error_code& cancelled) {
            if (cancelled || alive.expired()) return;
            timers_.erase(timer);
            then();
        });
}

template <class F>
void finder::perform(F&& command) {
    if (!machine_) return;
    actions out{*this};
    command(*machine_, clock_.now(), out);
    arm_timer();
}

inline void finder::arm_timer() {
    const auto next = machine_->next_deadline();
    if (!next) return (void)deadline_.cancel();
    deadline_.expires_at(to_std(*next));
    deadline_.async_wait([this, alive = std::weak_ptr{alive_}](const std::error_code& cancelled) {
        if (cancelled || alive.expired()) return;
        perform([](auto& machine, const moment& now, auto& out) { machine.on_tick(now, out); });
    });
}

inline result<void> finder::start() {
    using registry::find_source;
    if (!chosen_.registry.empty()) {
        AGENTMESH_TRY(where, parse_http_url(chosen_.registry));
#if AGENTMESH_TLS
        if (where.secure) {
            AGENTMESH_TRY(context, tls_context::client(chosen_.trusted_file));
            tls_.emplace(std::move(context));
        }
        http_.emplace(*io_, where, tls_ ? &*tls_ : nullptr);
#else
        http_.emplace(*io_, where);
#endif
        chosen_.client.host = http_->host();
        client_.emplace(*self_, chosen_.client, *memory_);
    }
    if (chosen_.dht) {
        AGENTMESH_TRY(keys, dht::node_key_pair::generate(random_));
        node_keys_.emplace(std::move(keys));
        dht_.emplace(*io_, *node_keys_, *chosen_.dht);
        dht_->on_renew = [this](const amid&) { sign_record(); };
        dht_->on_published = [this](const amid&, std::size_t holders) {
            // Nobody was there to keep it; the node by itself would try in four hours.
            if (holders > 0) return (void)(publish_pause_ = join_pause);
            later(publish_pause_, [this] { sign_record(); });
            publish_pause_ = std::min<duration>(publish_pause_ * 2, std::chrono::minutes{5});
        };
        AGENTMESH_CHECK(dht_->start());
    }
    if (chosen_.lan) {
        lan_.emplace(*io_, *chosen_.lan);
        lan_->on_appeared = [this](const dht::discovery_record& record, std::span<const dht::endpoint>) {
            if (neighbours_.size() >= dht::lan::agents_most && !neighbours_.contains(record.name())) return;
            neighbours_.insert_or_assign(record.name(), actions::to_told(record));
            std::vector<registry::find_ticket> asked;
            const auto [first, last] = expected_.equal_range(record.name());
            for (auto at = first; at != last; ++at) asked.push_back(at->second);
            expected_.erase(first, last);
            for (const auto what : asked) told(what, actions::to_told(record));
        };
        lan_->on_gone = [this](const amid& who) { neighbours_.erase(who); };
        AGENTMESH_CHECK(lan_->start());
        lan_->browse();
    }
    std::erase_if(chosen_.find.order, [&](find_source one) {
        return one == find_source::registry ? !client_ : one == find_source::dht ? !dht_ : !lan_;
    });
    machine_.emplace(client_ ? &*client_ : nullptr, *found_, *memory_, chosen_.find, random_);
    return {};
}

inline void finder::stop() {
    alive_ = std::make_shared<bool>(true);  // what was posted before is not wanted any more
    deadline_.cancel();
    for (const auto& timer : timers_) timer->cancel();
    timers_.clear();
    machine_.reset();
    http_.reset();
    dht_.reset();
    lan_.reset();
    waiting_.clear();
    expected_.clear();
}

inline result<void> finder::resolve(const amid& who, done then) {
    if (!machine_) return fail(errc::registry_failed);
    result<void> outcome;
    const auto place = waiting_.emplace(who, std::move(then));
    perform([&](auto& machine, const moment& now, auto& out) { outcome = machine.resolve(who, now, out); });
    if (!outcome) waiting_.erase(place);
    return outcome;
}

inline void finder::told(registry::find_ticket what, const std::optional<registry::self_told>& by) {
    perform([&](auto& machine, const moment& now, auto& out) { machine.on_told(what, by, now, out); });
}

inline void finder::wait_for_lan(registry::find_ticket what, const amid& who) {
    if (const auto at = neighbours_.find(who); at != neighbours_.end()) {
        post([this, what, known = at->second] { told(what, known); });
        return;
    }
    // Whoever is there answers within a second; RFC 6762 section 6.
    expected_.emplace(who, what);
    lan_->browse();
    later(std::chrono::seconds{2}, [this, what, who] {
        const auto [first, last] = expected_.equal_range(who);
        const auto at = std::find_if(first, last, [&](const auto& one) { return one.second == what; });
        if (at == last) return;
        expected_.erase(at);
        told(what, std::nullopt);
    });
}

/// A node that has only just begun knows nobody to ask, and is given the time to meet somebody.
inline void finder::ask_table(registry::find_ticket what, const amid& who, unsigned tries) {
    const auto asked = dht_->find(who, [this, what, who, tries](const dht::discovery_record* found) {
        if (found != nullptr) return told(what, actions::to_told(*found));
        if (tries == 0 || dht_->machine().table().size() != 0) return told(what, std::nullopt);
        later(join_pause, [this, what, who, tries] { ask_table(what, who, tries - 1); });
    });
    if (!asked) post([this, what] { told(what, std::nullopt); });
}

inline void finder::publish(registry::kept_publication own) {
    if (!machine_ || !chosen_.publish) return;
    own_ = own;
    if (client_) {
        auto about = chosen_.about;
        about.epoch = own.keys.card.epoch;
        if (about.relay.empty()) about.relay = own.relay;
        if (about.display_name.empty()) about.display_name = own.display_name;
        perform([&](auto& machine, const moment& now, auto& out) {
            machine.publish(std::move(own), std::move(about), now, out);
        });
    }
    sign_record();
}

/// Of two records of one agent the one with the higher sequence counts, also over restarts: so it is the time.
inline void finder::sign_record() {
    if (!own_ || (!dht_ && !lan_)) return;
    const auto now = clock_.now().wall;
    const auto sequence = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
    const auto record = dht::discovery_record::make(*self_, own_->keys.card.epoch, static_cast<std::uint64_t>(sequence),
                                                    now, own_->relay, own_->keys.signed_key);
    const auto brought = [&]() -> result<void> {
        if (!record) return fail(record.error());
        if (dht_) AGENTMESH_CHECK(dht_->publish(*record));
        if (lan_ && chosen_.lan_port != 0) AGENTMESH_CHECK(lan_->announce(*record, chosen_.lan_port));
        return {};
    }();
    if (brought) return;
    post([this, brought] {
        if (on_published) on_published(brought, 0);
    });
}

inline void finder::ask(std::function<result<http::request>()> make, http_client::answered then) {
    try_again(std::make_shared<std::function<result<http::request>()>>(std::move(make)), std::move(then), 0);
}

inline void finder::try_again(std::shared_ptr<std::function<result<http::request>()>> make, http_client::answered then,
                              unsigned made) {
    auto request = http_ ? (*make)() : result<http::request>{fail(errc::registry_failed)};
    if (!request) return post([then = std::move(then), why = request.error()] { then(fail(why)); });
    const auto asked = http_->ask(*std::move(request), [this, make, then, made](const result<http::response>& got) {
        const auto wait = registry::wait_before_retry(got, made + 1, chosen_.find.retries);
        // Not from within the client's own call: the asker may be done with all of this.
        if (!wait) return post([then, got] { then(got); });
        later(*wait, [this, make, then, made] { try_again(make, then, made + 1); });
    });
    if (!asked) post([then, why = asked.error()] { then(fail(why)); });
}

}  // namespace agentmesh::net
