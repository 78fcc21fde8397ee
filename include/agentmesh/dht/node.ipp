// Bodies of dht/node.hpp.
#pragma once

namespace agentmesh::dht {

inline node::node(const node_key_pair& keys, node_options chosen, node_secret secret)
    : options_{std::move(chosen)},
      keys_{&keys},
      place_{point_of(keys.public_key())},
      secret_{std::move(secret)},
      mint_{secret_},
      table_{place_, options_.local_network ? diversity::none() : options_.rules},
      storage_{place_, options_.room} {
    if (options_.local_network) options_.rules = diversity::none();
}

inline result<node> node::create(const node_key_pair& keys, node_options chosen, RandomSource auto& random) {
    AGENTMESH_TRY(secret, node_secret::generate(random));
    return node{keys, std::move(chosen), std::move(secret)};
}

inline bool node::may_speak_to(const endpoint& at) const noexcept {
    if (!(at.v6 ? options_.v6 : options_.v4)) return false;
    return options_.local_network ? at.port != 0 : is_global(at);
}

// --- tokens of others ------------------------------------------------------------------------------------------

inline std::optional<address_token> node::token_for(const contact& who, steady_point now) const {
    const auto found = tokens_.find(who.place);
    // It holds for the rest of its period and one more; one period is sure.
    if (found == tokens_.end() || found->second.at != who.at || now > found->second.given + limits::dht_token_period)
        return std::nullopt;
    return found->second.token;
}

inline void node::keep_token(const contact& who, const address_token& token, steady_point now) {
    const bool fresh = tokens_.insert_or_assign(who.place, known_token{token, who.at, now}).second;
    if (!fresh) return;
    tokens_order_.push_back(who.place);
    if (tokens_order_.size() <= known_tokens) return;
    tokens_.erase(tokens_order_.front());
    tokens_order_.pop_front();
}

// --- asking ----------------------------------------------------------------------------------------------------

inline void node::ask(datagram question, waiting about, const moment& now, NodeSink auto& out) {
    question.what = about.asked;
    question.prove = about.proof_wanted;
    question.passive = options_.passive;
    question.id = derive<transaction>(secret_, 'q', ++drawn_);
    question.sender = keys_->public_key();
    if (about.key) question.token = token_for(contact::of(*about.key, about.to), now.steady);
    const bool long_answer = question.what == kind::find_node || question.what == kind::find_value;
    const auto bytes = write_request(question, long_answer && !question.token ? options_.question_size : 0);
    deadlines_.emplace_back(now.steady + options_.answer_limit, question.id);
    const endpoint to = about.to;
    waiting_.emplace(question.id, std::move(about));
    out.send(to, bytes);
}

inline void node::ping(const endpoint& at, const std::optional<node_public_key>& key, const moment& now,
                       NodeSink auto& out) {
    if (!pinged_.insert(at).second) return;
    if (!key) ++bootstrap_waiting_;
    ask({}, {.to = at, .key = key, .proof_wanted = true}, now, out);
}

// --- answering -------------------------------------------------------------------------------------------------

inline result<void> node::on_datagram(const endpoint& from, byte_view bytes, const moment& now, NodeSink auto& out) {
    if (!may_speak_to(from)) return fail(errc::bad_datagram, "AM-DHT-008");
    AGENTMESH_TRY(got, parse_datagram(bytes));
    if (got.sender == keys_->public_key()) return fail(errc::bad_datagram);
    if (!is_request(got.what)) return settle(from, bytes, got, now, out);
    if (!options_.passive || got.what == kind::ping) serve(from, got, bytes.size(), now, out);
    return {};
}

inline void node::serve(const endpoint& from, const datagram& asked, std::size_t size, const moment& now,
                        NodeSink auto& out) {
    const contact who = contact::of(asked.sender, from);
    const bool proven = asked.token && mint_.accepts(*asked.token, from, asked.sender, now.steady);
    // Whoever forges an address must not be able to turn few bytes into many for the one who has it.
    const std::size_t allowed = size * limits::dht_amplification;
    const std::size_t most = proven ? limits::dht_datagram_bytes : std::min(allowed, limits::dht_datagram_bytes);
    const std::size_t proof = asked.prove ? signature::size : 0;
    datagram answer{.what = kind::pong,
                    .passive = options_.passive,
                    .id = asked.id,
                    .sender = keys_->public_key(),
                    .token = mint_.give(from, asked.sender, now.steady)};
    std::size_t length = answer_size + proof;
    if (asked.what == kind::store) {
        answer.what = kind::stored;
        answer.outcome = take(from, asked, proven, now);
        length += 1;
    } else if (asked.what != kind::ping) {
        const auto* held = asked.what == kind::find_value ? storage_.find(asked.target, now) : nullptr;
        if (held && length + 2 + held->bytes.size() <= most) {
            answer.what = kind::value;
            answer.record = held->bytes;
            length += 2 + held->bytes.size();
        } else {
            answer.what = kind::nodes;
            length += 1;
            for (const auto& one : table_.closest(asked.target, limits::dht_bucket + 1)) {
                if (one.place == who.place || answer.contacts.size() == limits::dht_bucket) continue;
                if (length + contact_size(one) > most) break;
                answer.contacts.push_back(one);
                length += contact_size(one);
            }
        }
    }
    if (length > most) return;  // only a request that is shorter than any of ours
    out.send(from, write_answer(answer, asked.sender, asked.prove ? keys_ : nullptr));

    // It may be worth knowing. Strangers get half of the pings, so that they cannot use up those of the others.
    const bool within =
        proven ? pinged_.size() < options_.pings : pinged_.size() < options_.pings / 2 && length + ping_size <= allowed;
    if (within && !asked.passive && table_.wants(who)) ping(from, asked.sender, now, out);
}

inline store_answer node::take(const endpoint& from, const datagram& asked, bool proven, const moment& now) {
    if (!proven) return store_answer::bad_token;
    const auto put = storage_.put(asked.record, from, now);
    if (put) return store_answer::stored;
    switch (put.error().code) {
        case errc::old_record: return store_answer::old_record;
        case errc::storage_full: return store_answer::no_room;
        default: return store_answer::bad_record;
    }
}

// --- answers to us ---------------------------------------------------------------------------------------------

[[nodiscard]] constexpr bool answers(kind answer, kind question) noexcept {
    switch (question) {
        case kind::ping: return answer == kind::pong;
        case kind::find_node: return answer == kind::nodes;
        case kind::find_value: return answer == kind::nodes || answer == kind::value;
        case kind::store: return answer == kind::stored;
        default: return false;
    }
}

inline result<void> node::settle(const endpoint& from, byte_view bytes, const datagram& answer, const moment& now,
                                 NodeSink auto& out) {
    const auto asked = waiting_.find(answer.id);
    if (asked == waiting_.end() || asked->second.to != from || !answers(answer.what, asked->second.asked) ||
        (asked->second.key && *asked->second.key != answer.sender))
        return fail(errc::bad_datagram, "AM-DHT-011");
    if (asked->second.proof_wanted) AGENTMESH_CHECK(check_proof(bytes, answer, keys_->public_key()));
    const waiting about = std::move(asked->second);
    waiting_.erase(asked);
    while (!deadlines_.empty() && !waiting_.contains(deadlines_.front().second)) deadlines_.pop_front();

    const contact who = contact::of(answer.sender, from);
    keep_token(who, *answer.token, now.steady);
    if (about.asked == kind::ping) pinged_.erase(from);
    if (!answer.passive && (about.proof_wanted || table_.knows(who))) note_alive(who, now, out);
    if (about.asked == kind::ping) {
        if (!about.key && --bootstrap_waiting_ == 0)
            pump(begin(place_, lookup::purpose::find_node, reason::join, now), now, out);
        return {};
    }
    const auto found = running_.find(about.job);
    if (found == running_.end()) return {};
    running& job = found->second;
    if (about.asked == kind::store) {
        if (answer.outcome == store_answer::bad_token && !about.again) {
            store_at(about.job, job, who, true, now, out);
            return {};
        }
        job.holders += answer.outcome == store_answer::stored ? 1 : 0;
        if (--job.storing == 0) finish(about.job, out);
        return {};
    }
    if (job.over) return {};
    const lookup::question question{about.path, who};
    result<void> outcome{};
    if (answer.what == kind::value) {
        auto record = read_record(answer.record, job.search.target(), now.wall);
        if (record) {
            job.search.found(question, *std::move(record));
        } else {
            outcome = fail(record.error());
            job.search.failed(question);
            table_.note_failed(who);
        }
    } else {
        auto told = answer.contacts;
        std::erase_if(told, [&](const contact& one) { return one.place == place_ || !may_speak_to(one.at); });
        job.search.answered(question, told);
    }
    pump(about.job, now, out);
    return outcome;
}

inline void node::failed(const waiting& about, const moment& now, NodeSink auto& out) {
    if (about.asked == kind::ping) pinged_.erase(about.to);
    if (!about.key) {
        if (--bootstrap_waiting_ == 0 && table_.size() > 0)
            pump(begin(place_, lookup::purpose::find_node, reason::join, now), now, out);
        return;
    }
    const contact who = contact::of(*about.key, about.to);
    table_.note_failed(who);
    const auto found = running_.find(about.job);
    if (found == running_.end()) return;
    if (about.asked == kind::store) {
        if (--found->second.storing == 0) finish(about.job, out);
    } else if (!found->second.over) {
        found->second.search.failed({about.path, who});
        pump(about.job, now, out);
    }
}

inline void node::note_alive(const contact& who, const moment& now, NodeSink auto& out) {
    if (table_.note_alive(who, now.steady) != routing_table::outcome::spare) return;
    if (pinged_.size() >= options_.pings) return;
    if (const auto silent = table_.longest_silent(who.place, now.steady - options_.refresh_every / 4))
        ping(silent->at, silent->key, now, out);
}

// --- lookups ---------------------------------------------------------------------------------------------------

inline std::uint64_t node::begin(const point& target, lookup::purpose what, reason why, const moment& now) {
    table_.touch(target, now.steady);
    if (why == reason::refresh || why == reason::replicate) ++upkeep_running_;
    running_.emplace(++jobs_,
                     running{.search = {target, what, table_.closest(target, limits::dht_bucket), options_.rules},
                             .why = why,
                             .ends = now.steady + options_.lookup_limit});
    return jobs_;
}

inline void node::begin_storing(const buffer& record, const discovery_record& parsed, reason why, const moment& now,
                                NodeSink auto& out) {
    const auto job = begin(parsed.place(), lookup::purpose::find_node, why, now);
    auto& one = running_.at(job);
    one.record = record;
    one.of = parsed.name();
    pump(job, now, out);
}

inline void node::pump(std::uint64_t job, const moment& now, NodeSink auto& out) {
    const auto found = running_.find(job);
    if (found == running_.end() || found->second.over) return;
    running& one = found->second;
    const auto asked = one.search.what() == lookup::purpose::find_value ? kind::find_value : kind::find_node;
    while (const auto next = one.search.next()) {
        ask({.target = one.search.target()},
            {.to = next->to.at,
             .key = next->to.key,
             .asked = asked,
             .proof_wanted = !table_.knows(next->to),
             .job = job,
             .path = next->path},
            now, out);
    }
    if (one.search.is_over()) search_over(job, one, now, out);
}

inline void node::search_over(std::uint64_t job, running& one, const moment& now, NodeSink auto& out) {
    one.over = true;
    last_hops_ = one.search.hops();
    if (one.why == reason::owner) {
        const auto* held = storage_.find(one.search.target(), now);
        const auto& best = one.search.best();
        const bool ours = held && (!best || supersedes(held->record, *best));
        if (ours)
            out.found(ticket{job}, held->record);
        else if (best)
            out.found(ticket{job}, *best);
        else
            out.not_found(ticket{job});
    }
    if (one.why == reason::publish || one.why == reason::replicate) {
        const auto nearest = one.search.closest(limits::dht_bucket);
        const bool ours = !options_.passive && (nearest.size() < limits::dht_bucket ||
                                                nearer(one.search.target(), place_, nearest.back().place));
        if (ours) (void)storage_.put(one.record, {}, now);
        one.storing = nearest.size();
        for (const auto& who : nearest) store_at(job, one, who, false, now, out);
        if (one.storing > 0) return;
    }
    finish(job, out);
}

inline void node::store_at(std::uint64_t job, const running& one, const contact& who, bool again, const moment& now,
                           NodeSink auto& out) {
    ask({.record = one.record},
        {.to = who.at, .key = who.key, .asked = kind::store, .proof_wanted = false, .job = job, .again = again}, now,
        out);
}

inline void node::finish(std::uint64_t job, NodeSink auto& out) {
    const auto one = running_.extract(job);
    const auto& what = one.mapped();
    if (what.why == reason::refresh || what.why == reason::replicate) --upkeep_running_;
    if (what.why == reason::publish) out.published(*what.of, what.holders);
}

// --- what time brings ------------------------------------------------------------------------------------------

inline void node::start(std::vector<endpoint> bootstrap, const moment& now, NodeSink auto& out) {
    bootstrap_ = std::move(bootstrap);
    join_delay_ = options_.join_again;
    upkeep_at_ = now.steady + std::chrono::minutes{1};
    join(now, out);
}

inline void node::join(const moment& now, NodeSink auto& out) {
    join_at_ = steady_point::max();
    if (table_.size() >= limits::dht_bucket || (table_.size() == 0 && bootstrap_.empty())) return;
    join_at_ = now.steady + join_delay_;
    join_delay_ = std::min(join_delay_ * 2, options_.refresh_every);
    if (bootstrap_.empty()) return pump(begin(place_, lookup::purpose::find_node, reason::join, now), now, out);
    for (const auto& at : bootstrap_)
        if (pinged_.size() < options_.pings && may_speak_to(at)) ping(at, std::nullopt, now, out);
}

inline void node::on_tick(const moment& now, NodeSink auto& out) {
    while (!deadlines_.empty() && deadlines_.front().first <= now.steady) {
        const auto late = waiting_.find(deadlines_.front().second);
        deadlines_.pop_front();
        if (late == waiting_.end()) continue;
        const waiting about = std::move(late->second);
        waiting_.erase(late);
        failed(about, now, out);
    }
    std::vector<std::uint64_t> late;
    for (const auto& [job, one] : running_)
        if (!one.over && one.ends <= now.steady) late.push_back(job);
    for (const auto job : late) search_over(job, running_.at(job), now, out);
    if (join_at_ <= now.steady) join(now, out);
    if (upkeep_at_ <= now.steady) upkeep(now, out);
}

inline steady_point node::next_deadline() const noexcept {
    auto out = std::min(join_at_, upkeep_at_);
    if (!deadlines_.empty()) out = std::min(out, deadlines_.front().first);
    for (const auto& [job, one] : running_)
        if (!one.over) out = std::min(out, one.ends);
    return out;
}

inline void node::upkeep(const moment& now, NodeSink auto& out) {
    storage_.expire(now);
    // Everybody is gone, most likely because our own link was: begin anew, and not as rarely as we have become.
    const bool lost = had_contacts_ && table_.size() == 0;
    had_contacts_ = table_.size() > 0;
    if (lost) join_delay_ = options_.join_again;
    if (lost || join_at_ == steady_point::max()) join(now, out);
    std::erase_if(own_, [&](const auto& one) { return now.wall > one.second.record.expires(); });
    for (auto& [place, one] : own_) {
        if (one.publish_at > now.steady) continue;
        one.publish_at = now.steady + options_.publish_every;
        out.renew(one.record.name());
        begin_storing(one.bytes, one.record, reason::publish, now, out);
    }
    // Not all at once, and not all nodes at the same moment.
    const auto noise = derive<point>(secret_, 'n', ++drawn_);
    const auto jitter = options_.replicate_every / 1024 * noise.data()[0];
    while (upkeep_running_ < upkeep_at_once) {
        const auto idle = table_.idle_bucket(now.steady - options_.refresh_every);
        if (!idle) break;
        pump(begin(at_prefix(place_, *idle, derive<point>(secret_, 'n', ++drawn_)), lookup::purpose::find_node,
                   reason::refresh, now),
             now, out);
    }
    while (upkeep_running_ < upkeep_at_once) {
        const auto* idle = storage_.idle(now.steady - options_.replicate_every - jitter);
        if (!idle) break;
        const auto bytes = idle->bytes;
        const auto record = idle->record;
        storage_.touch(record.place(), now.steady);
        begin_storing(bytes, record, reason::replicate, now, out);
    }
    upkeep_at_ = now.steady + (upkeep_running_ > 0 ? std::chrono::seconds{10} : std::chrono::seconds{60});
}

// --- commands --------------------------------------------------------------------------------------------------

inline result<ticket> node::find(const amid& who, const moment& now, NodeSink auto& out) {
    const auto of_owner = std::count_if(running_.begin(), running_.end(),
                                        [](const auto& one) { return one.second.why == reason::owner; });
    if (static_cast<std::size_t>(of_owner) >= options_.lookups) return fail(errc::lookup_limit);
    const auto job = begin(point_of(who), lookup::purpose::find_value, reason::owner, now);
    auto& one = running_.at(job);
    // Where nobody is known, the next tick says so: the owner must have the ticket first.
    if (one.search.is_over())
        one.ends = now.steady;
    else
        pump(job, now, out);
    return ticket{job};
}

inline result<void> node::publish(discovery_record record, const moment& now, NodeSink auto& out) {
    AGENTMESH_CHECK(check_record(record, now.wall));
    const auto place = record.place();
    const auto known = own_.find(place);
    if (known != own_.end() && !supersedes(record, known->second.record)) return fail(errc::old_record, "AM-DHT-016");
    if (known == own_.end() && own_.size() >= own_records) return fail(errc::lookup_limit);
    own_record kept{std::move(record), {}, now.steady + options_.publish_every};
    kept.bytes = kept.record.bytes();
    const auto& one = own_.insert_or_assign(place, std::move(kept)).first->second;
    begin_storing(one.bytes, one.record, reason::publish, now, out);
    return {};
}

}  // namespace agentmesh::dht
