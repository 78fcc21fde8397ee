// The names seen so far in each open object of a JSON text, so that json::reader can refuse a repeated one.
//
// Few names are compared one by one by a cheap hash; from `few` on, those of the object are kept sorted and found
// by bisection. So the cost is bounded by the count of names whatever an attacker chooses them to be: no secret
// hash seed is needed. Nothing is allocated for texts with fewer than `inline_names` names open at once.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/core/limits.hpp>

#include <cstring>

namespace agentmesh::json {

class name_stack {
public:
    enum class outcome { fresh, duplicate, too_many };

    name_stack() noexcept = default;
    name_stack(const name_stack&) = delete;
    name_stack& operator=(const name_stack&) = delete;

    /// An object begins; its names are apart from those of the objects around it.
    /// @param depth  of the object, below limits::json_depth
    void open(std::size_t depth) noexcept { first_[depth] = size_; }
    /// The object at `depth`, which is the innermost, ends.
    void close(std::size_t depth) noexcept { size_ = first_[depth]; }

    /// Adds a name to the innermost object, which is at `depth`. The characters must outlive the object.
    [[nodiscard]] outcome add(std::size_t depth, std::string_view name, std::size_t max_members) {
        const std::size_t first = first_[depth];
        const std::size_t count = size_ - first;
        if (count >= max_members) return outcome::too_many;
        if (size_ == capacity_) grow();
        const entry added{name.data(), static_cast<std::uint32_t>(name.size()), hash(name)};
        entry* const begin = entries_ + first;
        entry* const end = entries_ + size_;
        if (count < few) {
            for (const entry* seen = begin; seen != end; ++seen)
                if (seen->hash == added.hash && seen->name() == name) return outcome::duplicate;
            *end = added;
            ++size_;
            if (count + 1 == few) std::sort(begin, end + 1, before);
            return outcome::fresh;
        }
        entry* const place = std::lower_bound(begin, end, added, before);
        if (place != end && place->hash == added.hash && place->name() == name) return outcome::duplicate;
        std::move_backward(place, end, end + 1);
        *place = added;
        ++size_;
        return outcome::fresh;
    }

private:
    static constexpr std::size_t few = 24;
    static constexpr std::size_t inline_names = 40;

    struct entry {
        const char* data;
        std::uint32_t size;
        std::uint32_t hash;
        [[nodiscard]] std::string_view name() const noexcept { return {data, size}; }
    };

    static bool before(const entry& a, const entry& b) noexcept {
        return a.hash != b.hash ? a.hash < b.hash : a.name() < b.name();
    }

    // Only to tell names apart quickly; equal hashes are compared in full.
    static std::uint32_t hash(std::string_view name) noexcept {
        std::uint64_t head = 0, tail = 0;
        if (name.size() >= 8) {
            std::memcpy(&head, name.data(), 8);
            std::memcpy(&tail, name.data() + name.size() - 8, 8);
        } else {
            for (const char c : name) head = head << 8 | static_cast<unsigned char>(c);
        }
        const std::uint64_t mixed = (head ^ (tail << 7 | tail >> 57) ^ name.size()) * 0x9E3779B97F4A7C15u;
        return static_cast<std::uint32_t>(mixed >> 32);
    }

    void grow() {
        std::vector<entry> larger(capacity_ * 4);
        std::copy_n(entries_, size_, larger.begin());
        heap_.swap(larger);
        entries_ = heap_.data();
        capacity_ = heap_.size();
    }

    entry inline_[inline_names];  // left uninitialised on purpose: most texts use a few of them
    entry* entries_ = inline_;
    std::size_t size_ = 0;
    std::size_t capacity_ = inline_names;
    std::array<std::size_t, limits::json_depth> first_;
    std::vector<entry> heap_;
};

}  // namespace agentmesh::json
