// Where a registry keeps its rows: the concept, and a model in memory.
#pragma once

#include <agentmesh/identity/mesh_did.hpp>
#include <agentmesh/registry/model.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <tuple>

namespace agentmesh::registry {

/// What a service does within one transaction. All of it happens, durably, or none of it.
///
/// `insert_*` answer false, and change nothing, where the name is taken. `take_one_time` hands out the lowest id once
/// and for all: whatever else fails or runs at the same time, no other caller is given it. `remember` answers false for
/// a nonce that is known. `erase_agent` takes the row and the prekeys of an agent; what was said and proved stays: its
/// revocation, ratings, reports, scores and nonces. Errors are `registry_failed`; a transaction that saw one is rolled
/// back.
template <class T>
concept RegistryTransaction =
    requires(T& tx, const amid& who, const agent_row& agent, const agent_query& query, const prekey_row& keys,
             std::span<const one_time_row> one_time, byte_view nonce, time_point at, const revocation_row& gone,
             const rating_row& rating, const session_report& report, const organization_row& organization,
             std::string_view text, std::uint32_t number) {
        { tx.agent(who) } -> std::same_as<result<std::optional<agent_row>>>;
        { tx.insert_agent(agent) } -> std::same_as<result<bool>>;
        { tx.update_agent(agent) } -> std::same_as<result<void>>;
        { tx.erase_agent(who) } -> std::same_as<result<bool>>;  // with its prekeys; false: there was none
        { tx.agent_of_did(text) } -> std::same_as<result<std::optional<agent_row>>>;  // `did:mesh:` of its signing key
        { tx.agents_of_owner(text) } -> std::same_as<result<std::uint64_t>>;          // nobody's: 0
        { tx.search(query) } -> std::same_as<result<page<agent_row>>>;
        { tx.stats() } -> std::same_as<result<registry_stats>>;

        { tx.prekeys(who) } -> std::same_as<result<std::optional<prekey_row>>>;
        { tx.put_prekeys(who, keys, one_time) } -> std::same_as<result<void>>;  // replaces the unspent one-time prekeys
        { tx.take_one_time(who) } -> std::same_as<result<std::optional<one_time_row>>>;
        { tx.one_time_left(who) } -> std::same_as<result<std::uint64_t>>;

        { tx.remember(who, nonce, at) } -> std::same_as<result<bool>>;  // until `at`
        { tx.forget_nonces(at) } -> std::same_as<result<void>>;         // those of before

        { tx.insert_revocation(gone) } -> std::same_as<result<bool>>;
        { tx.revocation(who) } -> std::same_as<result<std::optional<revocation_row>>>;
        {
            tx.revocations(number, number)
        } -> std::same_as<result<page<revocation_row>>>;  // limit, offset; oldest first

        { tx.insert_rating(rating) } -> std::same_as<result<bool>>;  // false: this author has rated this session
        { tx.ratings_about(who) } -> std::same_as<result<std::vector<rating_row>>>;  // in order of time
        { tx.insert_report(report) } -> std::same_as<result<bool>>;  // false: this reporter has reported it
        { tx.reports_of(text) } -> std::same_as<result<std::vector<session_report>>>;
        { tx.reports_about(who) } -> std::same_as<result<std::vector<session_report>>>;  // as either party
        { tx.add_score(who, at, number) } -> std::same_as<result<void>>;
        { tx.scores(who, at) } -> std::same_as<result<std::vector<published_score>>>;  // from `at` on, in order of time

        { tx.insert_organization(organization) } -> std::same_as<result<bool>>;  // false: id or domain taken
        { tx.update_organization(organization) } -> std::same_as<result<void>>;
        { tx.organization(text) } -> std::same_as<result<std::optional<organization_row>>>;
        { tx.organization_of_domain(text) } -> std::same_as<result<std::optional<organization_row>>>;
        { tx.members_of(text) } -> std::same_as<result<std::uint64_t>>;

        { tx.insert_login(text, text, at) } -> std::same_as<result<void>>;  // state, content, until
        {
            tx.take_login(text, at)
        } -> std::same_as<result<std::optional<std::string>>>;  // once, and only before its end
    };

/// `transact(f)` runs `f(transaction&)`, which returns a result, as if nothing else ran at the same time. It commits if
/// that has a value, durably before it returns, and rolls back if not. `f` may be run again after a conflict.
template <class S>
concept RegistryStore =
    RegistryTransaction<typename S::transaction> && requires(S& store, result<int> (*f)(typename S::transaction&)) {
        { store.transact(f) } -> std::same_as<result<int>>;
    };

/// Whether a capability is what a query asks for: itself, one below it, or one that its `*` fit.
[[nodiscard]] bool fits(std::string_view asked, std::string_view capability) noexcept;

/// A store that lives as long as the object: for tests, and small registries. A transaction changes it in place and
/// notes how to undo each change, so that a request costs what it touches; only a search looks at every agent.
class memory_store {
    struct tables {
        std::map<amid, agent_row> agents;
        std::map<std::string, std::uint64_t, std::less<>> agents_of_owner, members_of;
        std::map<amid, prekey_row> prekeys;
        std::map<amid, std::map<std::uint32_t, one_time_row>> one_time;
        std::map<std::pair<amid, buffer>, time_point> nonces;
        std::set<std::pair<time_point, std::pair<amid, buffer>>> nonces_by_end;
        std::map<amid, revocation_row> revocations;
        std::set<std::pair<time_point, amid>> revocations_by_time;
        std::map<amid, std::map<std::tuple<time_point, amid, std::string>, rating_row>> ratings;  // by whom about
        std::set<std::pair<amid, std::string>> rated;
        std::map<std::string, std::map<amid, session_report>, std::less<>> reports;
        std::map<amid, std::set<std::tuple<time_point, std::string, amid>>> reports_about;
        std::map<amid, std::multimap<time_point, ppm>> scores;
        std::map<std::string, organization_row, std::less<>> organizations;
        std::map<std::string, std::string, std::less<>> domains;  // to the id
        std::map<std::string, std::pair<std::string, time_point>, std::less<>> logins;

        /// Puts a row in the place of another, or takes it away, and counts owners and members.
        void set_agent(const amid& who, std::optional<agent_row> row);
    };

public:
    class transaction {
    public:
        transaction(const transaction&) = delete;
        transaction& operator=(const transaction&) = delete;
        /// Undoes what was not kept, also when something was thrown.
        ~transaction() {
            for (auto at = undo_.rbegin(); at != undo_.rend(); ++at) (*at)(*in_);
        }

        [[nodiscard]] result<std::optional<agent_row>> agent(const amid& who) const;
        [[nodiscard]] result<bool> insert_agent(const agent_row& row);
        [[nodiscard]] result<void> update_agent(const agent_row& row);
        [[nodiscard]] result<bool> erase_agent(const amid& who);
        [[nodiscard]] result<std::optional<agent_row>> agent_of_did(std::string_view did) const;
        [[nodiscard]] result<std::uint64_t> agents_of_owner(std::string_view owner) const;
        [[nodiscard]] result<page<agent_row>> search(const agent_query& query) const;
        [[nodiscard]] result<registry_stats> stats() const;
        [[nodiscard]] result<std::optional<prekey_row>> prekeys(const amid& who) const;
        [[nodiscard]] result<void> put_prekeys(const amid& who, const prekey_row& keys,
                                               std::span<const one_time_row> one_time);
        [[nodiscard]] result<std::optional<one_time_row>> take_one_time(const amid& who);
        [[nodiscard]] result<std::uint64_t> one_time_left(const amid& who) const;
        [[nodiscard]] result<bool> remember(const amid& who, byte_view nonce, time_point until);
        [[nodiscard]] result<void> forget_nonces(time_point before);
        [[nodiscard]] result<bool> insert_revocation(const revocation_row& row);
        [[nodiscard]] result<std::optional<revocation_row>> revocation(const amid& who) const;
        [[nodiscard]] result<page<revocation_row>> revocations(std::uint32_t limit, std::uint32_t offset) const;
        [[nodiscard]] result<bool> insert_rating(const rating_row& row);
        [[nodiscard]] result<std::vector<rating_row>> ratings_about(const amid& who) const;
        [[nodiscard]] result<bool> insert_report(const session_report& row);
        [[nodiscard]] result<std::vector<session_report>> reports_of(std::string_view session) const;
        [[nodiscard]] result<std::vector<session_report>> reports_about(const amid& who) const;
        [[nodiscard]] result<void> add_score(const amid& who, time_point at, ppm score);
        [[nodiscard]] result<std::vector<published_score>> scores(const amid& who, time_point from) const;
        [[nodiscard]] result<bool> insert_organization(const organization_row& row);
        [[nodiscard]] result<void> update_organization(const organization_row& row);
        [[nodiscard]] result<std::optional<organization_row>> organization(std::string_view id) const;
        [[nodiscard]] result<std::optional<organization_row>> organization_of_domain(std::string_view domain) const;
        [[nodiscard]] result<std::uint64_t> members_of(std::string_view id) const;
        [[nodiscard]] result<void> insert_login(std::string_view state, std::string_view content, time_point until);
        [[nodiscard]] result<std::optional<std::string>> take_login(std::string_view state, time_point now);

    private:
        friend memory_store;
        explicit transaction(tables& in) noexcept : in_{&in} {}

        /// What a transaction that fails does last to first.
        template <class Undo>
        void later(Undo&& undo) {
            undo_.emplace_back(std::forward<Undo>(undo));
        }
        /// Gives an entry of one of the tables a value, or none.
        template <auto Table, class Key, class Value>
        void set(const Key& key, std::optional<Value> value);

        tables* in_;
        std::vector<std::function<void(tables&)>> undo_;
    };

    memory_store() = default;
    /// With `true`, each transaction is run, undone and run again, as a database does that has many callers: for tests.
    explicit memory_store(bool twice) noexcept : twice_{twice} {}

    template <class F>
    [[nodiscard]] auto transact(F&& f) {
        if (twice_) {
            transaction tried{tables_};
            (void)f(tried);
        }
        transaction tx{tables_};
        auto out = std::forward<F>(f)(tx);
        if (out) tx.undo_.clear();
        return out;
    }

private:
    tables tables_;
    bool twice_ = false;
};

static_assert(RegistryStore<memory_store>);

}  // namespace agentmesh::registry

#include <agentmesh/registry/memory_store.ipp>
