// The routing table: contacts that have proved themselves, in buckets by their distance, few of one neighbourhood.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/dht/datagram.hpp>

#include <map>
#include <unordered_map>

namespace agentmesh::dht {

/// How many contacts may share the beginning of their addresses. Keys cost nothing, addresses do: whoever holds one
/// network gets this many places and no more, however many keys he makes.
/// @spec AM-DHT-014
struct diversity {
    std::size_t bucket_narrow = 2;  ///< of one /24 or /48 in a bucket, spare ones counted too
    std::size_t bucket_wide = 4;    ///< of one /16 or /32 in a bucket, likewise
    std::size_t table_narrow = 8;
    std::size_t table_wide = 40;
    std::size_t answer_narrow = 1;  ///< among the candidates of one path of a lookup
    std::size_t answer_wide = 4;

    /// For one local network, where all addresses are alike.
    [[nodiscard]] static constexpr diversity none() noexcept {
        constexpr auto any = static_cast<std::size_t>(-1);
        return {any, any, any, any, any, any};
    }
};

/// A bucket holds the contacts whose points agree with ours in the same number of leading bits: at most 20, and at most
/// 10 spare ones that take the place of those that fall silent. Bounded: 256 buckets; and `table_wide` contacts for
/// each /16 whose hosts have answered.
class routing_table {
public:
    static constexpr std::size_t spare_contacts = 10;
    static constexpr unsigned failures_to_doubt = 2;  ///< not told to others; gives way to a spare contact
    static constexpr unsigned failures_to_forget = 5;

    enum class outcome : std::uint8_t { added, known, spare, refused };

    explicit routing_table(const point& self, diversity rules = {}) noexcept : self_{self}, rules_{rules} {}

    /// A contact has just proved its key at its address. One whose key or address is known under another address or
    /// key is refused as long as the known one answers.
    /// @spec AM-DHT-014
    outcome note_alive(const contact& who, steady_point now);
    /// A contact did not answer. Nothing happens for one that is not here.
    void note_failed(const contact& who);

    /// Whether `note_alive` would find room for it, or a spare place.
    [[nodiscard]] bool wants(const contact& who) const;
    [[nodiscard]] bool knows(const contact& who) const noexcept;

    /// The nearest contacts that are not in doubt, the nearest first.
    /// @spec AM-DHT-015
    [[nodiscard]] std::vector<contact> closest(const point& target, std::size_t count) const;

    /// The contact of the bucket of `place` that was heard of longest ago, if that was before `before`: to be pinged
    /// when somebody waits for its place.
    [[nodiscard]] std::optional<contact> longest_silent(const point& place, steady_point before) const;

    /// The next bucket in which nothing was looked for since `before`, from the farthest to the deepest that is in use.
    [[nodiscard]] std::optional<unsigned> idle_bucket(steady_point before) const;
    /// A lookup for `target` has begun.
    void touch(const point& target, steady_point now);

    [[nodiscard]] std::size_t size() const noexcept { return points_.size(); }
    [[nodiscard]] std::size_t spares() const noexcept;
    [[nodiscard]] std::vector<contact> contacts() const;

private:
    struct entry {
        contact who;
        steady_point heard{};
        unsigned failures = 0;
    };
    struct bucket {
        steady_point touched{};
        std::vector<entry> live{};   // heard of longest ago first
        std::vector<entry> spare{};  // likewise
    };

    [[nodiscard]] unsigned depth_of(const point& place) const noexcept { return common_prefix(self_, place); }
    [[nodiscard]] bool has_room_for(const bucket* in, const contact& who) const;
    void remember(const contact& who);
    void forget(const contact& who);
    void promote(bucket& in);

    point self_;
    diversity rules_;
    std::map<unsigned, bucket> buckets_;
    std::map<point, endpoint> points_;                // of those that are live
    std::map<endpoint, point> endpoints_;             // likewise
    std::unordered_map<prefix, std::size_t> narrow_;  // likewise
    std::unordered_map<prefix, std::size_t> wide_;    // likewise
};

}  // namespace agentmesh::dht

#include <agentmesh/dht/table.ipp>
