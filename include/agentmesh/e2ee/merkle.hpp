// Merkle tree of SHA-256 over numbered one-time prekeys: one signature for a batch, a short proof for each key.
//
// The tree is that of RFC 6962: leaves in the order of their ids; level by level, neighbours are hashed in pairs and a
// last node without neighbour moves up unchanged. So a tree of any number of leaves has one shape. A path holds the
// neighbours from the leaf upwards; a level where the node has none adds nothing.
#pragma once

#include <agentmesh/crypto/sha256.hpp>
#include <agentmesh/e2ee/transcript.hpp>
#include <agentmesh/identity/keys.hpp>

namespace agentmesh::e2ee {

/// Keys in one batch, and neighbours in a path of the largest one.
inline constexpr std::uint32_t batch_max = 1024;
inline constexpr std::size_t batch_path_max = 10;

/// SHA-256(00 ‖ u32 id ‖ key): a leaf's hash is never a node's, so a path cannot be cut short.
[[nodiscard]] inline crypto::sha256_digest prekey_leaf(std::uint32_t id, const exchange_public_key& key) {
    buffer bytes{0x00};
    append_u32be(bytes, id);
    append(bytes, key.bytes());
    return crypto::sha256(bytes);
}

/// SHA-256(01 ‖ left ‖ right)
[[nodiscard]] inline crypto::sha256_digest merkle_node(const crypto::sha256_digest& left,
                                                       const crypto::sha256_digest& right) {
    buffer bytes{0x01};
    append(bytes, left.bytes());
    append(bytes, right.bytes());
    return crypto::sha256(bytes);
}

/// All levels of a tree, from the leaves to the root.
/// @spec AM-KEX-014
class merkle_tree {
public:
    /// @param leaves  at least one
    explicit merkle_tree(std::vector<crypto::sha256_digest> leaves) {
        assert(!leaves.empty());
        levels_.push_back(std::move(leaves));
        while (levels_.back().size() > 1) {
            const auto& below = levels_.back();
            std::vector<crypto::sha256_digest> level;
            for (std::size_t i = 0; i + 1 < below.size(); i += 2) level.push_back(merkle_node(below[i], below[i + 1]));
            if (below.size() % 2 != 0) level.push_back(below.back());
            levels_.push_back(std::move(level));
        }
    }

    [[nodiscard]] const crypto::sha256_digest& root() const noexcept { return levels_.back().front(); }

    /// @param index  of a leaf
    [[nodiscard]] std::vector<crypto::sha256_digest> path(std::size_t index) const {
        assert(index < levels_.front().size());
        std::vector<crypto::sha256_digest> out;
        for (const auto& level : levels_) {
            const std::size_t neighbour = index ^ 1;
            if (neighbour < level.size()) out.push_back(level[neighbour]);
            index /= 2;
        }
        return out;
    }

private:
    std::vector<std::vector<crypto::sha256_digest>> levels_;
};

/// The root to which a path leads from the leaf at `index` of `count`; nothing if the path has another length than
/// that place in that tree has.
[[nodiscard]] inline std::optional<crypto::sha256_digest> merkle_root(crypto::sha256_digest leaf, std::uint32_t index,
                                                                      std::uint32_t count,
                                                                      std::span<const crypto::sha256_digest> path) {
    if (index >= count) return std::nullopt;
    for (std::uint32_t last = count - 1; last > 0; last /= 2, index /= 2) {
        if ((index ^ 1) > last) continue;  // moves up unchanged
        if (path.empty()) return std::nullopt;
        leaf = index % 2 != 0 ? merkle_node(path.front(), leaf) : merkle_node(leaf, path.front());
        path = path.subspan(1);
    }
    if (!path.empty()) return std::nullopt;
    return leaf;
}

}  // namespace agentmesh::e2ee
