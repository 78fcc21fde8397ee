// A node of the DHT: answers others, finds agents, keeps its own record with those nearest to it. Kademlia without
// sockets and clock.
//
//     AGENTMESH_TRY(node, dht::node::create(keys, {}, random));
//     node.start(bootstrap, now, sink);                  // sink.send(endpoint, bytes)
//     node.on_datagram(from, bytes, now, sink);
//     AGENTMESH_TRY(ticket, node.find(bob, now, sink));  // later sink.found(ticket, record) or sink.not_found(ticket)
#pragma once

#include <agentmesh/dht/lookup.hpp>
#include <agentmesh/dht/storage.hpp>
#include <agentmesh/dht/tokens.hpp>

#include <deque>

namespace agentmesh::dht {

struct node_options {
    bool passive = false;        ///< asks only: behind a translator of addresses, or on a phone
    bool local_network = false;  ///< speaks to addresses that are not global too, and lets them be alike. For one LAN
    bool v4 = true;              ///< families of addresses that there is a socket for
    bool v6 = true;
    diversity rules{};
    storage_limits room{};
    std::size_t lookups = 32;                         ///< of the owner, at once
    std::size_t pings = 64;                           ///< to strangers, at once
    duration answer_limit = std::chrono::seconds{1};  ///< of one question
    duration lookup_limit = std::chrono::seconds{5};
    duration refresh_every = std::chrono::hours{1};    ///< a bucket in which nothing was looked for
    duration replicate_every = std::chrono::hours{1};  ///< a record that nobody brought again
    duration publish_every = std::chrono::hours{4};    ///< our own records
    /// While fewer than twenty nodes are known; doubles up to `refresh_every`. Those who join at once find each other
    /// so.
    duration join_again = std::chrono::seconds{10};
    std::size_t question_size = 400;  ///< of one without a token: a long answer may come back
};

/// What the owner asked for, and hears of later.
enum class ticket : std::uint64_t {};

/// Where a node's actions go. Views live as long as the call; none of it calls back into the node.
template <class S>
concept NodeSink = requires(S& out, const endpoint& to, byte_view bytes, ticket what, const discovery_record& record,
                            const amid& who, std::size_t holders) {
    out.send(to, bytes);
    out.found(what, record);  ///< checked in full; whether its card is too old is for `known_epochs` to say
    out.not_found(what);
    out.published(who, holders);  ///< a record of ours lies with so many others
    out.renew(who);               ///< it is time to sign a record of ours anew, with a higher sequence number
};

/// One node. Single-threaded. Its memory is bounded by its options; see `routing_table`, `storage`, `lookup`.
class node {
public:
    /// @param keys  the node's own; must outlive it
    /// @errors those of the random source
    [[nodiscard]] static result<node> create(const node_key_pair& keys, node_options chosen, RandomSource auto& random);

    // --- events -------------------------------------------------------------------------------------------
    /// @param bootstrap  addresses of any nodes; asked again and again as long as few are known
    void start(std::vector<endpoint> bootstrap, const moment& now, NodeSink auto& out);
    /// @errors bad_datagram for what is none, or answers no question of ours; bad_signature for a proof that does not
    ///         hold; those of read_record for a value that does not. Nothing was believed of it then
    result<void> on_datagram(const endpoint& from, byte_view bytes, const moment& now, NodeSink auto& out);
    void on_tick(const moment& now, NodeSink auto& out);
    [[nodiscard]] steady_point next_deadline() const noexcept;

    // --- commands -------------------------------------------------------------------------------------------
    /// @errors lookup_limit
    [[nodiscard]] result<ticket> find(const amid& who, const moment& now, NodeSink auto& out);
    /// Brings a record of ours to the nodes nearest to it, at once and every four hours until it is over its time.
    /// @errors those of check_record; old_record unless it supersedes what was published before; lookup_limit beyond
    ///         sixteen agents
    [[nodiscard]] result<void> publish(discovery_record record, const moment& now, NodeSink auto& out);
    /// Publishes no record of this agent any more. Those who hold one forget it when its time is over.
    void withdraw(const amid& who) { own_.erase(point_of(who)); }

    [[nodiscard]] const point& place() const noexcept { return place_; }
    [[nodiscard]] const routing_table& table() const noexcept { return table_; }
    [[nodiscard]] const storage& records() const noexcept { return storage_; }
    [[nodiscard]] std::size_t questions() const noexcept { return waiting_.size(); }
    [[nodiscard]] std::size_t lookups() const noexcept { return running_.size(); }
    /// Of the lookup that ended last. For measurements.
    [[nodiscard]] unsigned last_hops() const noexcept { return last_hops_; }

    static constexpr std::size_t own_records = 16;
    static constexpr std::size_t upkeep_at_once = 2;  ///< lookups of refreshing and replicating
    static constexpr std::size_t known_tokens = 1024;

private:
    enum class reason : std::uint8_t { owner, join, refresh, replicate, publish };
    /// A lookup under way; for `replicate` and `publish`, afterwards the storing.
    struct running {
        lookup search;
        reason why;
        steady_point ends;
        buffer record{};  // to be stored
        std::optional<amid> of{};
        std::size_t storing = 0;  // questions that wait for `stored`
        std::size_t holders = 0;
        bool over = false;  // the search
    };
    /// A question that waits for its answer.
    struct waiting {
        endpoint to;
        std::optional<node_public_key> key{};  // nothing: a bootstrap address
        kind asked = kind::ping;
        bool proof_wanted = false;
        std::uint64_t job = 0;  // key in `running_`; 0: a ping
        std::size_t path = 0;
        bool again = false;  // a store that was refused for its token once
    };
    struct own_record {
        discovery_record record;
        buffer bytes;
        steady_point publish_at{};
    };
    struct known_token {
        address_token token;
        endpoint at;
        steady_point given{};
    };

    node(const node_key_pair& keys, node_options chosen, node_secret secret);

    [[nodiscard]] bool may_speak_to(const endpoint& at) const noexcept;
    [[nodiscard]] std::optional<address_token> token_for(const contact& who, steady_point now) const;
    void keep_token(const contact& who, const address_token& token, steady_point now);

    void ask(datagram question, waiting about, const moment& now, NodeSink auto& out);
    void ping(const endpoint& at, const std::optional<node_public_key>& key, const moment& now, NodeSink auto& out);
    void serve(const endpoint& from, const datagram& asked, std::size_t size, const moment& now, NodeSink auto& out);
    [[nodiscard]] store_answer take(const endpoint& from, const datagram& asked, bool proven, const moment& now);
    [[nodiscard]] result<void> settle(const endpoint& from, byte_view bytes, const datagram& answer, const moment& now,
                                      NodeSink auto& out);
    void failed(const waiting& about, const moment& now, NodeSink auto& out);
    void note_alive(const contact& who, const moment& now, NodeSink auto& out);

    std::uint64_t begin(const point& target, lookup::purpose what, reason why, const moment& now);
    void begin_storing(const buffer& record, const discovery_record& parsed, reason why, const moment& now,
                       NodeSink auto& out);
    void pump(std::uint64_t job, const moment& now, NodeSink auto& out);
    void search_over(std::uint64_t job, running& one, const moment& now, NodeSink auto& out);
    void store_at(std::uint64_t job, const running& one, const contact& who, bool again, const moment& now,
                  NodeSink auto& out);
    void finish(std::uint64_t job, NodeSink auto& out);
    void upkeep(const moment& now, NodeSink auto& out);
    void join(const moment& now, NodeSink auto& out);

    node_options options_;
    const node_key_pair* keys_;
    point place_;
    node_secret secret_;
    token_mint mint_;
    routing_table table_;
    storage storage_;
    std::uint64_t drawn_ = 0;
    std::uint64_t jobs_ = 0;
    std::unordered_map<transaction, waiting, fixed_bytes_hash> waiting_;
    std::deque<std::pair<steady_point, transaction>> deadlines_;  // all of one length, so in order
    std::map<std::uint64_t, running> running_;
    std::map<point, own_record> own_;
    std::unordered_map<point, known_token, fixed_bytes_hash> tokens_;
    std::deque<point> tokens_order_;
    std::vector<endpoint> bootstrap_;
    steady_point join_at_ = steady_point::max();
    duration join_delay_{};
    bool had_contacts_ = false;
    steady_point upkeep_at_ = steady_point::max();
    std::set<endpoint> pinged_;          // one question to each of them waits
    std::size_t bootstrap_waiting_ = 0;  // of those, to addresses whose key we do not know
    std::size_t upkeep_running_ = 0;
    unsigned last_hops_ = 0;
};

}  // namespace agentmesh::dht

#include <agentmesh/dht/node.ipp>
