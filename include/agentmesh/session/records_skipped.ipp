// Bodies of session/records.hpp: skipped message keys, which have records of their own.
#pragma once

namespace agentmesh::session {
namespace record {

inline void write_skipped(session_core& core, const std::optional<am1_ratchet>& ratchet, record_batch& batch) {
    struct block_keys {
        skipped_block block;
        std::array<byte_view, skipped_block::size> keys{};
    };
    std::vector<block_keys> now;
    crypto::secret_buffer snapshot;
    if (ratchet && ratchet->skipped() > 0) {
        snapshot = e2ee::save(*ratchet);
        e2ee::byte_cursor in{byte_view{snapshot}.last(ratchet->skipped() * skipped_entry)};
        for (auto left = ratchet->skipped(); left > 0; --left) {
            const auto dh = in.fixed<exchange_public_key>();
            const auto n = in.u32be();
            const auto key = in.take(skipped_key);
            if (now.empty() || !now.back().block.is_of(dh, n))
                now.push_back({{dh, n / skipped_block::size * skipped_block::size, 0}});
            now.back().block.held |= 1u << n % skipped_block::size;
            now.back().keys[n % skipped_block::size] = key;
        }
    }
    for (const auto& one : now) {
        if (std::find(core.skipped.begin(), core.skipped.end(), one.block) != core.skipped.end()) continue;
        byte_writer to{1 + skipped_block::size * skipped_key};
        for (const auto& key : one.keys) to.raw(key);
        batch.put(skip_name(core.id, one.block), to.take());
    }
    for (const auto& old : core.skipped)
        if (std::none_of(now.begin(), now.end(), [&](const auto& one) { return one.block.is_of(old.dh, old.first); }))
            batch.erase(skip_name(core.id, old));
    core.skipped.clear();
    for (const auto& one : now) core.skipped.push_back(one.block);
}

inline result<crypto::secret_buffer> read_skipped(const skipped_block& block, byte_view bytes) {
    byte_reader in{bytes};
    const auto keys = in.raw(static_cast<std::size_t>(std::popcount(block.held)) * skipped_key);
    if (!in.done()) return fail(errc::bad_snapshot);
    return secret_copy(keys);
}

inline result<am1_ratchet> join_skipped(byte_view ratchet, const std::vector<skipped_block>& blocks, byte_view keys) {
    const auto count = keys.size() / skipped_key;
    crypto::secret_buffer all;
    all.reserve(ratchet.size() + skipped_count + count * skipped_entry);
    e2ee::append(all, ratchet);
    all.push_back(static_cast<std::uint8_t>(count >> 8));
    all.push_back(static_cast<std::uint8_t>(count));
    for (const auto& block : blocks)
        for (std::uint32_t i = 0; i < skipped_block::size; ++i) {
            if ((block.held >> i & 1) == 0) continue;
            if (keys.size() < skipped_key) return fail(errc::bad_snapshot);
            e2ee::append(all, block.dh.bytes());
            e2ee::append_u32be(all, block.first + i);
            e2ee::append(all, keys.first(skipped_key));
            keys = keys.subspan(skipped_key);
        }
    if (!keys.empty()) return fail(errc::bad_snapshot);
    auto out = e2ee::restore<e2ee::am1>(all);
    if (!out) return fail(errc::bad_snapshot);
    return out;
}

}  // namespace record
}  // namespace agentmesh::session
