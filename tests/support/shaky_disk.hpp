// A disk in memory whose operations can be made to fail one by one, and which loses what was not synced when the power
// goes: a model of store::FileOperations.
#pragma once

#include <agentmesh/store/files.hpp>

#include <map>
#include <memory>
#include <random>

namespace agentmesh::test {

/// What survives: shared by all handles on it, over simulated restarts.
struct shaky_disk {
    struct inode {
        buffer cached;   // what a reader sees
        buffer durable;  // what a crash leaves
    };
    using folder = std::map<std::string, std::shared_ptr<inode>>;

    enum class trouble {
        error,      // one operation does a part of its work and fails
        power_off,  // likewise, and nothing works until power_on
    };

    folder cached, durable;
    std::minstd_rand dice{1};
    std::size_t step = 0;                   // operations that change something, since the last reset
    std::size_t trouble_at = ~std::size_t{0};
    trouble kind = trouble::error;
    bool off = false;
    bool locked = false;

    /// Counts a step; true if it is to fail.
    bool strikes() {
        if (off) return true;
        if (step++ != trouble_at) return false;
        off = kind == trouble::power_off;
        return true;
    }
    [[nodiscard]] std::size_t part(std::size_t of) { return of == 0 ? 0 : dice() % (of + 1); }

    /// The power comes back: of what was written and not synced, some is there and some is not.
    void power_on() {
        off = locked = false;
        trouble_at = ~std::size_t{0};
        folder names;
        for (const auto& [name, file] : durable) names[name] = file;
        for (const auto& [name, file] : cached)
            if (dice() % 2 == 0) names[name] = file;
        for (const auto& [name, file] : names) {
            if (file->cached == file->durable) continue;
            buffer left = file->durable;
            const std::size_t reached = part(file->cached.size());
            if (left.size() < reached) left.resize(reached);
            std::copy_n(file->cached.begin(), reached, left.begin());
            file->cached = file->durable = left;
        }
        cached = durable = names;
    }
};

class shaky_files {
public:
    explicit shaky_files(shaky_disk& disk) : disk_{&disk} {}
    shaky_files(shaky_files&&) = default;
    shaky_files& operator=(shaky_files&&) = default;

    result<void> enter() { return disk_->off ? fail(errc::state_access) : result<void>{}; }
    result<std::optional<int>> open(const char* name) {
        if (disk_->off) return fail(errc::state_access);
        const auto found = disk_->cached.find(name);
        if (found == disk_->cached.end()) return std::optional<int>{};
        return std::optional{keep(found->second)};
    }
    result<int> open_or_create(const char* name) {
        AGENTMESH_TRY(there, open(name));
        if (there) return *there;
        return create(name);
    }
    result<int> create(const char* name) {
        if (disk_->strikes()) return fail(errc::io_failed);
        return keep(disk_->cached[name] = std::make_shared<shaky_disk::inode>());
    }
    result<buffer> read(int file) {
        if (disk_->off) return fail(errc::state_access);
        return open_[at(file)]->cached;
    }
    result<void> append(int file, byte_view bytes) { return write_at(file, open_[at(file)]->cached.size(), bytes); }
    result<void> write_at(int file, std::uint64_t offset, byte_view bytes) {
        const bool was_off = disk_->off, failed = disk_->strikes();
        if (was_off) return fail(errc::io_failed);
        if (failed) bytes = bytes.first(disk_->part(bytes.size()));
        buffer& to = open_[at(file)]->cached;
        if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
        std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(offset));
        return failed ? fail(errc::io_failed) : result<void>{};
    }
    result<void> sync(int file) {
        const bool was_off = disk_->off, failed = disk_->strikes();
        auto& node = *open_[at(file)];
        // A sync that fails may have done its work all the same.
        if (!was_off && (!failed || disk_->dice() % 2 == 0)) node.durable = node.cached;
        return failed ? fail(errc::io_failed) : result<void>{};
    }
    result<void> rename(const char* from, const char* to) {
        const bool was_off = disk_->off, failed = disk_->strikes();
        if (!was_off && (!failed || disk_->dice() % 2 == 0)) {
            disk_->cached[to] = disk_->cached[from];
            disk_->cached.erase(from);
        }
        return failed ? fail(errc::io_failed) : result<void>{};
    }
    result<void> sync_folder() {
        const bool was_off = disk_->off, failed = disk_->strikes();
        if (!was_off && (!failed || disk_->dice() % 2 == 0)) disk_->durable = disk_->cached;
        return failed ? fail(errc::io_failed) : result<void>{};
    }
    result<void> lock(int file) {
        if (std::exchange(disk_->locked, true)) return fail(errc::state_in_use);
        lock_ = file;
        return {};
    }
    void close(int file) {
        if (file == lock_) disk_->locked = false;
        open_[at(file)].reset();
    }

private:
    static std::size_t at(int file) { return static_cast<std::size_t>(file); }
    int keep(std::shared_ptr<shaky_disk::inode> node) {
        open_.push_back(std::move(node));
        return static_cast<int>(open_.size() - 1);
    }

    shaky_disk* disk_;
    std::vector<std::shared_ptr<shaky_disk::inode>> open_;
    int lock_ = -1;
};

static_assert(store::FileOperations<shaky_files>);

}  // namespace agentmesh::test
