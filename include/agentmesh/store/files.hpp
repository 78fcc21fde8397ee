// The few operations on files that a durable store needs, so that tests can let each of them fail.
#pragma once

#include <agentmesh/core/bytes.hpp>
#include <agentmesh/identity/identity_file.hpp>

#include <concepts>
#include <optional>

#include <sys/file.h>

namespace agentmesh::store {

/// Files of one folder. What was written is certain to survive a crash only after `sync`; that a name stands for a
/// file, only after `sync_folder`. Any call may fail with `io_failed`; how much of it was done is then unknown.
///
/// `enter()` makes the folder if it is missing and refuses one that others may read (`state_access`). `open(name)`
/// opens an existing file, `open_or_create(name)` makes an empty one if there is none, `create(name)` makes one
/// whatever stood there. `read(file)` gives all of it.
/// `append(file, bytes)` and `write_at(file, offset, bytes)` write all. `rename(from, to)` replaces `to` at once or not
/// at all. `lock(file)` keeps every other process out until the file is closed (`state_in_use`).
///
/// Models: `posix_files`; the failing disk of the tests.
template <class F>
concept FileOperations =
    std::movable<F> && requires(F& files, const char* name, int file, byte_view bytes, std::uint64_t offset) {
        { files.enter() } -> std::same_as<result<void>>;
        { files.open(name) } -> std::same_as<result<std::optional<int>>>;
        { files.open_or_create(name) } -> std::same_as<result<int>>;
        { files.create(name) } -> std::same_as<result<int>>;
        { files.read(file) } -> std::same_as<result<buffer>>;
        { files.append(file, bytes) } -> std::same_as<result<void>>;
        { files.write_at(file, offset, bytes) } -> std::same_as<result<void>>;
        { files.sync(file) } -> std::same_as<result<void>>;
        { files.rename(name, name) } -> std::same_as<result<void>>;
        { files.sync_folder() } -> std::same_as<result<void>>;
        { files.lock(file) } -> std::same_as<result<void>>;
        { files.close(file) };
    };

/// A folder with mode 0700, files with mode 0600. Links are not followed.
class posix_files {
public:
    explicit posix_files(std::string folder) : path_{std::move(folder)} {}
    posix_files(posix_files&& other) noexcept
        : path_{std::move(other.path_)}, folder_{std::exchange(other.folder_, -1)} {}
    posix_files& operator=(posix_files&& other) noexcept {
        std::swap(path_, other.path_);
        std::swap(folder_, other.folder_);
        return *this;
    }
    ~posix_files() {
        if (folder_ >= 0) ::close(folder_);
    }

    [[nodiscard]] result<void> enter() {
        if (!identity::make_folders(path_)) return fail(errc::state_access);
        folder_ = ::open(path_.empty() ? "." : path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return is_private(folder_) ? result<void>{} : fail(errc::state_access);
    }

    [[nodiscard]] result<std::optional<int>> open(const char* name) noexcept {
        const int file = ::openat(folder_, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file < 0 && errno == ENOENT) return std::optional<int>{};
        AGENTMESH_CHECK(check(file));
        return std::optional{file};
    }
    [[nodiscard]] result<int> open_or_create(const char* name) noexcept {
        const int file =
            ::openat(folder_, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, S_IRUSR | S_IWUSR);
        AGENTMESH_CHECK(check(file));
        return file;
    }
    [[nodiscard]] result<int> create(const char* name) noexcept {
        ::unlinkat(folder_, name, 0);
        const int file = ::openat(folder_, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (file < 0) return fail(errc::io_failed);
        return file;
    }
    void close(int file) noexcept { ::close(file); }

    [[nodiscard]] result<buffer> read(int file) {
        struct stat about{};
        if (::fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) return fail(errc::state_access);
        buffer out(static_cast<std::size_t>(about.st_size));
        for (std::size_t size = 0; size < out.size();) {
            const auto count = ::pread(file, out.data() + size, out.size() - size, static_cast<off_t>(size));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return fail(errc::io_failed);
            size += static_cast<std::size_t>(count);
        }
        return out;
    }
    [[nodiscard]] result<void> append(int file, byte_view bytes) noexcept {
        if (::lseek(file, 0, SEEK_END) < 0) return fail(errc::io_failed);
        return done(identity::write_all(file, bytes));
    }
    [[nodiscard]] result<void> write_at(int file, std::uint64_t offset, byte_view bytes) noexcept {
        while (!bytes.empty()) {
            const auto count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return fail(errc::io_failed);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        }
        return {};
    }
    [[nodiscard]] result<void> sync(int file) noexcept { return done(::fsync(file) == 0); }
    [[nodiscard]] result<void> rename(const char* from, const char* to) noexcept {
        return done(::renameat(folder_, from, folder_, to) == 0);
    }
    /// Some file systems cannot, and say so; those keep names safe in their own way.
    [[nodiscard]] result<void> sync_folder() noexcept { return done(::fsync(folder_) == 0 || errno == EINVAL); }
    [[nodiscard]] result<void> lock(int file) noexcept {
        if (::flock(file, LOCK_EX | LOCK_NB) == 0) return {};
        return fail(errno == EWOULDBLOCK ? errc::state_in_use : errc::state_access);
    }

private:
    static result<void> done(bool well) noexcept { return well ? result<void>{} : fail(errc::io_failed); }
    static bool is_private(int file) noexcept {
        struct stat about{};
        return file >= 0 && ::fstat(file, &about) == 0 && about.st_uid == ::geteuid() &&
               (about.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    }

    /// Closes a file that others may read.
    static result<void> check(int file) noexcept {
        if (is_private(file)) return {};
        if (file >= 0) ::close(file);
        return fail(errc::state_access);
    }

    std::string path_;
    int folder_ = -1;
};

static_assert(FileOperations<posix_files>);

}  // namespace agentmesh::store
