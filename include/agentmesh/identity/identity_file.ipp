// Bodies of identity/identity_file.hpp (POSIX).
#pragma once

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace agentmesh::identity {

/// Closes a file descriptor.
class open_file {
public:
    open_file(const std::string& path, int flags, mode_t mode = 0) noexcept
        : fd_{::open(path.c_str(), flags | O_CLOEXEC, mode)} {}
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool ok() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

inline bool something_at(const std::string& path) noexcept {
    struct stat about{};
    return ::lstat(path.c_str(), &about) == 0;
}

inline result<local_identity> load(const std::string& path) {
    const open_file file{path, O_RDONLY | O_NONBLOCK};  // does not wait if somebody put a pipe there
    struct stat about{};
    if (!file.ok() || ::fstat(file.fd(), &about) != 0 || !S_ISREG(about.st_mode))
        return fail(errc::identity_file_access);
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) return fail(errc::identity_file_access, "AM-ID-012");

    crypto::secret_buffer content(limits::identity_file_bytes + 1);
    std::size_t size = 0;
    while (size < content.size()) {
        const auto count = ::read(file.fd(), content.data() + size, content.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errc::identity_file_access);
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    return parse_identity(as_text(byte_view{content}.first(size)));
}

/// The folder that a path lies in: "" for the current one, "/" for the root.
inline std::string folder_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return {};
    return path.substr(0, std::max<std::size_t>(slash, 1));
}

/// Makes a folder and those above it, each with mode 0700. Those that exist keep their mode.
inline bool make_folders(const std::string& folder) {
    if (folder.empty() || ::access(folder.c_str(), F_OK) == 0) return true;
    return make_folders(folder_of(folder)) && (::mkdir(folder.c_str(), S_IRWXU) == 0 || errno == EEXIST);
}

inline bool write_all(int fd, byte_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

inline result<void> save_new(const std::string& path, const local_identity& self) {
    const std::string folder = folder_of(path);
    if (!make_folders(folder)) return fail(errc::identity_file_access, "AM-ID-010");

    // Written under a name of its own, then linked to the wanted one: a link fails where a file exists.
    const std::string draft = path + "." + std::to_string(::getpid()) + ".new";
    bool written = false;
    {
        ::unlink(draft.c_str());  // left by a process of our number that was killed here
        const open_file file{draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR};
        written = file.ok() && ::fchmod(file.fd(), S_IRUSR | S_IWUSR) == 0 &&
                  write_all(file.fd(), write_identity(self)) && ::fsync(file.fd()) == 0;
    }
    const bool linked = written && ::link(draft.c_str(), path.c_str()) == 0;
    ::unlink(draft.c_str());
    if (!linked) return fail(errc::identity_file_access, "AM-ID-010");
    const open_file entry{folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY};
    if (entry.ok()) ::fsync(entry.fd());  // some file systems cannot; the file itself is safe
    return {};
}

}  // namespace agentmesh::identity
