// What waits to be written to one connection: bytes in at the back, out at the front.
//
// An idle connection owns no storage. Storage goes round between the connections that have something to say,
// through a pool, so that a message on the steady path allocates nothing.
#pragma once

#include <agentmesh/core/bytes.hpp>

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace agentmesh::net {

/// Storage that no connection uses at the moment. Keeps a bounded number of small blocks, frees the others.
class storage_pool {
public:
    struct free_storage {
        void operator()(std::uint8_t* p) const noexcept { std::free(p); }  // NOLINT: pairs with realloc below
    };
    struct block {
        std::unique_ptr<std::uint8_t, free_storage> bytes;
        std::uint32_t capacity = 0;
    };

    /// Larger blocks are not kept: they come from a burst to a slow reader.
    static constexpr std::uint32_t largest_kept = 32 * 1024;
    static constexpr std::size_t blocks_kept = 64;

    [[nodiscard]] block take() noexcept {
        if (free_.empty()) return {};
        block out = std::move(free_.back());
        free_.pop_back();
        return out;
    }
    void give_back(block unused) {
        if (unused.bytes && unused.capacity <= largest_kept && free_.size() < blocks_kept)
            free_.push_back(std::move(unused));
    }

private:
    std::vector<block> free_;
};

/// A queue of bytes. Also a `ws::ByteSink`, so that frames are laid down where they are sent from.
class output_queue {
public:
    using value_type = std::uint8_t;

    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
    [[nodiscard]] byte_view front() const noexcept { return {storage_.bytes.get() + begin_, size()}; }
    [[nodiscard]] bool has_storage() const noexcept { return storage_.capacity > 0; }

    /// Room for `n` more bytes at the back; `commit` says how many of them were written.
    [[nodiscard]] std::uint8_t* prepare(std::size_t n) {
        if (storage_.capacity - end_ < n) make_room(n);
        return storage_.bytes.get() + end_;
    }
    void commit(std::size_t n) noexcept {
        assert(storage_.capacity - end_ >= n);
        end_ += static_cast<std::uint32_t>(n);
    }
    void append(const void* bytes, std::size_t n) {
        if (n == 0) return;
        std::memcpy(prepare(n), bytes, n);
        commit(n);
    }
    /// Drops `n` bytes that have been sent.
    void consume(std::size_t n) noexcept {
        assert(n <= size());
        begin_ += static_cast<std::uint32_t>(n);
        if (begin_ == end_) begin_ = end_ = 0;
    }

    /// Takes storage from the pool before the first byte; without this the queue allocates its own.
    void adopt(storage_pool& pool) noexcept {
        if (!has_storage()) storage_ = pool.take();
    }
    /// Returns the storage of an empty queue.
    void release(storage_pool& pool) {
        assert(empty());
        pool.give_back(std::exchange(storage_, {}));
    }

    // What ws::ByteSink asks for.
    [[nodiscard]] std::uint8_t* data() noexcept { return storage_.bytes.get() + begin_; }
    [[nodiscard]] std::uint8_t* end() noexcept { return storage_.bytes.get() + end_; }
    void insert(std::uint8_t*, const std::uint8_t* first, const std::uint8_t* last) {
        append(first, static_cast<std::size_t>(last - first));
    }
    void reserve(std::size_t total) {
        if (total > size()) (void)prepare(total - size());
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return storage_.capacity - begin_; }

private:
    void make_room(std::size_t n) {
        if (begin_ > 0) {
            std::memmove(storage_.bytes.get(), storage_.bytes.get() + begin_, size());
            end_ -= begin_, begin_ = 0;
            if (storage_.capacity - end_ >= n) return;
        }
        std::size_t wanted = storage_.capacity ? storage_.capacity : 512;
        while (wanted < end_ + n) wanted *= 2;
        auto* grown = static_cast<std::uint8_t*>(std::realloc(storage_.bytes.get(), wanted));  // NOLINT
        if (!grown) throw std::bad_alloc{};
        (void)storage_.bytes.release();
        storage_.bytes.reset(grown);
        storage_.capacity = static_cast<std::uint32_t>(wanted);
    }

    storage_pool::block storage_;
    std::uint32_t begin_ = 0;
    std::uint32_t end_ = 0;
};

}  // namespace agentmesh::net
