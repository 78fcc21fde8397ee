// Agents that were found somewhere else than in the own directory, for as long as what was found counts; and a
// directory that knows them beside its own.
//
//     registry::found_agents found;
//     registry::found_directory agents{own_file, found};      // a Registry, for an agent
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/e2ee/prekey_store.hpp>
#include <agentmesh/registry/directory.hpp>

namespace agentmesh::registry {

/// What was found, checked in full by whoever notes it. Bounded: the one noted longest ago goes first.
class found_agents {
public:
    static constexpr std::size_t default_capacity = 1024;

    /// @param keep  for how long a find counts: who was revoked since is trusted no longer than this
    explicit found_agents(duration keep = std::chrono::seconds{10}, std::size_t capacity = default_capacity)
        : keep_{keep}, capacity_{capacity} {
        assert(capacity > 0);
    }

    /// Keeps a record, and a bundle for one KNOCK.
    void note(agent_record record, std::optional<e2ee::prekey_bundle> bundle, const moment& now);
    void forget(const amid& who) { agents_.erase(who); }
    /// To be called before what is here is relied on.
    void expire(const moment& now);

    /// @errors unknown_peer
    [[nodiscard]] result<agent_record> find(const amid& who) const;
    /// Gives out a bundle once: its one-time prekey must not serve twice.
    /// @errors unknown_peer; unknown_prekey for a record without a bundle; those of e2ee::check_bundle
    [[nodiscard]] result<e2ee::prekey_bundle> take_bundle(const amid& who, time_point now);

    [[nodiscard]] std::size_t size() const noexcept { return agents_.size(); }
    [[nodiscard]] duration keep() const noexcept { return keep_; }

private:
    struct entry {
        agent_record record;
        std::optional<e2ee::prekey_bundle> bundle{};
        steady_point until{};
    };

    std::map<amid, entry> agents_;
    duration keep_;
    std::size_t capacity_;
};

/// What an agent publishes, kept until somebody brings it elsewhere.
struct kept_publication {
    e2ee::prekey_publication keys;
    std::string display_name{};
    std::string relay{};
};

/// An own directory first, then what was found elsewhere. Publishing writes to the own one, and is kept for whoever
/// brings it to the other places.
template <Registry Own>
class found_directory {
public:
    /// @param own, found  must outlive this
    found_directory(Own& own, found_agents& found) noexcept : own_{&own}, found_{&found} {}

    [[nodiscard]] result<agent_record> find(const amid& who) {
        auto out = own_->find(who);
        if (out || out.error().code != errc::unknown_peer) return out;
        return found_->find(who);
    }
    [[nodiscard]] result<e2ee::prekey_bundle> fetch_bundle(const amid& who, time_point now) {
        auto out = own_->fetch_bundle(who, now);
        if (out || out.error().code != errc::unknown_peer) return out;
        return found_->take_bundle(who, now);
    }
    [[nodiscard]] result<void> publish(const publication& own) {
        AGENTMESH_CHECK(own_->publish(own));
        published_ = kept_publication{.keys = {.card = own.bundle.card,
                                               .signed_key = own.bundle.signed_key,
                                               .one_time = {own.one_time.begin(), own.one_time.end()}},
                                      .display_name = std::string{own.display_name},
                                      .relay = std::string{own.relay}};
        return {};
    }
    /// What has counted for too long does no more.
    void expire(const moment& now) { found_->expire(now); }

    /// What was published since this was asked last.
    [[nodiscard]] std::optional<kept_publication> take_publication() { return std::exchange(published_, std::nullopt); }

private:
    Own* own_;
    found_agents* found_;
    std::optional<kept_publication> published_{};
};

static_assert(Registry<found_directory<memory_registry>>);

// --- bodies ---------------------------------------------------------------------------------------------------

inline void found_agents::note(agent_record record, std::optional<e2ee::prekey_bundle> bundle, const moment& now) {
    const auto who = record.name();
    if (agents_.size() >= capacity_ && !agents_.contains(who))
        agents_.erase(std::min_element(agents_.begin(), agents_.end(),
                                       [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
    agents_.insert_or_assign(who, entry{std::move(record), std::move(bundle), now.steady + keep_});
}

inline void found_agents::expire(const moment& now) {
    std::erase_if(agents_, [&](const auto& one) { return one.second.until <= now.steady; });
}

inline result<agent_record> found_agents::find(const amid& who) const {
    const auto at = agents_.find(who);
    if (at == agents_.end()) return fail(errc::unknown_peer);
    return at->second.record;
}

inline result<e2ee::prekey_bundle> found_agents::take_bundle(const amid& who, time_point now) {
    const auto at = agents_.find(who);
    if (at == agents_.end()) return fail(errc::unknown_peer);
    if (!at->second.bundle) return fail(errc::unknown_prekey);
    auto out = *std::exchange(at->second.bundle, std::nullopt);
    AGENTMESH_CHECK(e2ee::check_bundle(out, who, now));
    return out;
}

}  // namespace agentmesh::registry
