// The records that a node holds for others: each proved, none older than one before it, a few from each neighbourhood.
#pragma once

#include <agentmesh/core/clock.hpp>
#include <agentmesh/dht/datagram.hpp>

#include <map>
#include <unordered_map>

namespace agentmesh::dht {

struct storage_limits {
    std::size_t records = 4096;   ///< about 4.5 MiB at the most
    std::size_t per_narrow = 64;  ///< brought from one /24 or /48
    std::size_t per_wide = 512;   ///< brought from one /16 or /32
};

/// Bounded. When it is full, a record that lies nearer to us takes the place of the one that lies farthest away.
class storage {
public:
    struct held {
        buffer bytes;
        discovery_record record;
        endpoint source;              ///< who brought the first one of this agent
        steady_point received{};      ///< for the last time
        steady_point forgotten_at{};  ///< by the steady clock, if the wall clock is set back
    };

    explicit storage(const point& self, storage_limits chosen = {}) noexcept : self_{self}, limits_{chosen} {}

    /// @spec   AM-DHT-016
    /// @return true if it is new here, false for the one that is held already
    /// @errors those of read_record; old_record, storage_full
    [[nodiscard]] result<bool> put(byte_view bytes, const endpoint& source, const moment& now);

    /// What is held and current.
    [[nodiscard]] const held* find(const point& place, const moment& now) const;

    /// Drops what is over its time. To be called now and then; `find` does not give it out before either.
    /// @spec AM-DHT-017
    void expire(const moment& now);

    /// The next record that nobody has brought since `before`: those nearest to it are told of it again.
    [[nodiscard]] const held* idle(steady_point before) const;
    /// A record was brought to the others, or found with them.
    void touch(const point& place, steady_point now);

    [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }

private:
    [[nodiscard]] static bool is_over(const held& one, const moment& now) noexcept {
        return now.wall > one.record.expires() || now.steady > one.forgotten_at;
    }
    [[nodiscard]] bool make_room(const point& place, const endpoint& source, const moment& now);
    void erase(std::map<point, held>::iterator which);

    point self_;
    storage_limits limits_;
    std::map<point, held> records_;
    std::unordered_map<prefix, std::size_t> sources_;  // of both lengths
};

}  // namespace agentmesh::dht

#include <agentmesh/dht/storage.ipp>
