// Bodies of relay/agents.hpp.
#pragma once

namespace agentmesh::relay {

// Names in the table belong to keys, so an attacker can only search for collisions; the seed takes even that away.
inline std::uint32_t agent_table::hash(std::string_view text) const noexcept {
    std::uint64_t a, b, c, d;  // 20 to 28 characters, all covered
    std::memcpy(&a, text.data(), 8);
    std::memcpy(&b, text.data() + 8, 8);
    std::memcpy(&c, text.data() + text.size() - 16, 8);
    std::memcpy(&d, text.data() + text.size() - 8, 8);
    std::uint64_t mixed = (a ^ seed_) * 0x9E3779B97F4A7C15u;
    mixed = (std::rotl(mixed, 29) ^ b) * 0xBF58476D1CE4E5B9u;
    mixed = (std::rotl(mixed, 29) ^ c) * 0x94D049BB133111EBu;
    mixed = (std::rotl(mixed, 29) ^ d) * 0x9E3779B97F4A7C15u;
    return static_cast<std::uint32_t>(mixed >> 32);
}

inline void agent_table::place(slot what) noexcept {
    std::size_t i = what.hash & mask();
    while (slots_[i].index != nowhere) i = (i + 1) & mask();
    slots_[i] = what;
}

inline void agent_table::grow() {
    const auto before = std::exchange(slots_, std::vector<slot>(std::max<std::size_t>(16, slots_.size() * 2)));
    for (const slot& at : before)
        if (at.index != nowhere) place(at);
}

inline agent& agent_table::find_or_add(const amid& name) {
    if (agent* const known = find(name.text())) return *known;
    if ((used_ + 1) * 2 > slots_.size()) grow();
    std::uint32_t index;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(records_.size());
        records_.push_back(agent{name});
    } else {
        index = free_.back();
        free_.pop_back();
        records_[index] = agent{name};
    }
    place({hash(name.text()), index});
    ++used_;
    return records_[index];
}

inline void agent_table::remove(const amid& name) {
    const agent* const gone = find(name.text());
    if (gone == nullptr) return;
    std::size_t hole = hash(name.text()) & mask();
    while (&records_[slots_[hole].index] != gone) hole = (hole + 1) & mask();
    free_.push_back(slots_[hole].index);
    records_[slots_[hole].index].signalling.reset();
    --used_;
    // Close the gap: whatever probed across the hole moves into it.
    for (std::size_t i = (hole + 1) & mask(); slots_[i].index != nowhere; i = (i + 1) & mask()) {
        const std::size_t home = slots_[i].hash & mask();
        if (((i - home) & mask()) < ((i - hole) & mask())) continue;
        slots_[hole] = slots_[i];
        hole = i;
    }
    slots_[hole] = {};
}

}  // namespace agentmesh::relay
