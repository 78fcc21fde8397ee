// What the relay knows of each agent that is connected or was a minute ago.
#pragma once

#include <agentmesh/identity/agent_id.hpp>
#include <agentmesh/relay/rate.hpp>
#include <agentmesh/wire/vocabulary.hpp>

#include <bit>
#include <cstring>
#include <deque>
#include <memory>

namespace agentmesh::relay {

/// With whom an agent has exchanged an offer and an answer. Only what the agent itself does, and the answers of those
/// to whom it made an offer, change it; so nobody else can push its entries out. @spec AM-RLY-065
class signalling_record {
public:
    static constexpr std::size_t max_peers = 32;  ///< the oldest goes first

    void offered(const amid& peer) { (void)entry(peer); }
    [[nodiscard]] bool has_offered(const amid& peer) const { return find(peer) != nullptr; }
    void exchanged(const amid& peer) { entry(peer).complete = true; }
    [[nodiscard]] bool has_exchanged(const amid& peer) const {
        const auto* found = find(peer);
        return found != nullptr && found->complete;
    }

private:
    struct exchange {
        amid peer;
        bool complete = false;
    };
    [[nodiscard]] const exchange* find(const amid& peer) const {
        const auto at = std::find_if(peers_.begin(), peers_.end(), [&](const exchange& e) { return e.peer == peer; });
        return at == peers_.end() ? nullptr : &*at;
    }
    exchange& entry(const amid& peer) {
        if (const auto* found = find(peer)) return const_cast<exchange&>(*found);
        if (peers_.size() == max_peers) peers_.erase(peers_.begin());
        return peers_.emplace_back(exchange{peer});
    }

    std::vector<exchange> peers_;
};

inline constexpr std::uint32_t nowhere = 0xFFFFFFFF;

/// One agent. Exists while it is connected, and until its rate counters are idle.
struct agent {
    amid name;
    wire::presence status = wire::presence::online;  ///< meaningful while connected
    std::uint32_t route = nowhere;                   ///< its connection
    rate_counters rates{};
    std::unique_ptr<signalling_record> signalling{};  ///< of the present connection; most agents never need it
};

/// Agents by the text of their AMID: one probe and no decoding for a name that is known. Records keep their address.
class agent_table {
public:
    /// Makes it hard to choose names that collide. To be set while the table is empty.
    void seed(std::uint64_t value) noexcept { seed_ = value; }

    /// Null for an agent that has no record, and for text that is no AMID.
    [[nodiscard]] agent* find(std::string_view text) noexcept {
        if (text.size() < limits::amid_min_text || slots_.empty()) return nullptr;
        const auto hashed = hash(text);
        for (std::size_t i = hashed & mask();; i = (i + 1) & mask()) {
            const slot& at = slots_[i];
            if (at.index == nowhere) return nullptr;
            if (at.hash == hashed && records_[at.index].name.text() == text) return &records_[at.index];
        }
    }

    agent& find_or_add(const amid& name);
    /// @pre nobody keeps a pointer to the record
    void remove(const amid& name);

    [[nodiscard]] std::size_t size() const noexcept { return used_; }

    /// Calls `f` with each record, in no particular order.
    template <class F>
    void visit(F&& f) const {
        for (const auto& one : slots_)
            if (one.index != nowhere) f(records_[one.index]);
    }

private:
    struct slot {
        std::uint32_t hash = 0;
        std::uint32_t index = nowhere;
    };

    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
    [[nodiscard]] std::uint32_t hash(std::string_view text) const noexcept;
    void place(slot what) noexcept;
    void grow();

    std::vector<slot> slots_;     // linear probing, at most half full, a power of two
    std::deque<agent> records_;
    std::vector<std::uint32_t> free_;
    std::size_t used_ = 0;
    std::uint64_t seed_ = 0;
};

}  // namespace agentmesh::relay

#include <agentmesh/relay/agents.ipp>
