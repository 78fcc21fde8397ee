// One iterative lookup: asks nearer and nearer nodes along paths that share no node, so that who controls one path
// does not control the answer.
#pragma once

#include <agentmesh/dht/table.hpp>

#include <limits>
#include <set>

namespace agentmesh::dht {

/// Pure algorithm: is told who answered what, says whom to ask next. Each path has one question under way, so that
/// the lookup has three, and its own list of candidates: of what a node on one path says, the others hear nothing.
///
/// A path is over when its nearest candidates have answered, seven of them where there are three paths, when it has
/// nobody left to ask, or when it has found a record. The lookup is over when all paths are, or when two have found a
/// record: what only one has found may be old, or the others may have been lied to.
class lookup {
public:
    static constexpr std::size_t candidates_of_path = 60;  ///< bounds what a path can be made to remember
    static constexpr std::size_t questions_most = 120;     ///< of one lookup, whatever it is told
    static constexpr unsigned paths_with_a_record = 2;
    /// So many nodes that one node told of do not answer, and none does: the rest of what it said is not looked at.
    static constexpr unsigned failures_of_an_informer = 3;

    enum class purpose : std::uint8_t { find_node, find_value };

    struct question {
        std::size_t path = 0;
        contact to;
    };

    /// @param begin  the nearest contacts that are known; dealt out to the paths in turn
    lookup(const point& target, purpose what, const std::vector<contact>& begin, const diversity& rules);

    [[nodiscard]] const point& target() const noexcept { return target_; }
    [[nodiscard]] purpose what() const noexcept { return what_; }

    /// The next question, if a path is free for one.
    [[nodiscard]] std::optional<question> next();

    /// @param nearer_ones  what it told; those that the caller will not speak to are left out
    void answered(const question& asked, const std::vector<contact>& nearer_ones);
    /// It answered with a record that holds for `target`.
    void found(const question& asked, discovery_record record);
    /// No answer in time, or one that must not be believed.
    void failed(const question& asked);

    [[nodiscard]] bool is_over() const noexcept;

    /// The record of the highest sequence number.
    [[nodiscard]] const std::optional<discovery_record>& best() const noexcept { return best_; }
    /// Those that answered, the nearest to the target first.
    [[nodiscard]] std::vector<contact> closest(std::size_t count) const;
    [[nodiscard]] std::size_t asked() const noexcept { return claimed_.size(); }
    /// Questions one after another that it took to come to the nearest node, or to the first record.
    [[nodiscard]] unsigned hops() const noexcept;

private:
    enum class state : std::uint8_t { fresh, asked, answered, failed };
    struct candidate {
        contact who;
        point informer{};  // who told of it; our own point for what we knew
        unsigned hop = 1;
        state is = state::fresh;
    };
    struct path {
        std::vector<candidate> list{};    // the nearest first
        std::map<point, int> failures{};  // by informer; very negative once one of its contacts has answered
        bool waiting = false;
        bool done = false;
    };

    void add(path& to, const candidate& one);
    [[nodiscard]] static candidate* best_of(path& in);
    [[nodiscard]] candidate* asked_in(path& in, const contact& who);
    void settle(path& in) const;

    point target_;
    purpose what_;
    diversity rules_;
    std::array<path, limits::dht_paths> paths_;
    std::size_t answers_of_path_;  // together at least the 20 holders of a record
    std::set<point> claimed_;      // asked by some path
    std::optional<discovery_record> best_;
    unsigned found_ = 0;
    unsigned found_hops_ = 0;
};

}  // namespace agentmesh::dht

#include <agentmesh/dht/lookup.ipp>
