// Preloaded into a program under test: raises a signal in front of its nth step that leaves a trace outside.
//
//     AGENTMESH_KILL_AT=37:9 LD_PRELOAD=libkill_point.so agentmesh send bob hello
//
// So a program dies between any two of its writes, syncs and sends, however fast the machine is.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

void step() {
    static std::atomic<long> left = [] {
        const char* const chosen = std::getenv("AGENTMESH_KILL_AT");
        return chosen ? std::strtol(chosen, nullptr, 10) : 0L;
    }();
    if (left.load() <= 0 || --left != 0) return;
    const char* const number = std::strchr(std::getenv("AGENTMESH_KILL_AT"), ':');
    ::kill(::getpid(), number ? std::atoi(number + 1) : SIGKILL);
}

/// Calls the function of this name that would have been called without us.
template <class F, class... A>
auto next(const char* name, A... arguments) {
    step();
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name))(arguments...);
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* from, size_t size) {
    return next<ssize_t(int, const void*, size_t)>("write", file, from, size);
}
ssize_t pwrite(int file, const void* from, size_t size, off_t at) {
    return next<ssize_t(int, const void*, size_t, off_t)>("pwrite", file, from, size, at);
}
ssize_t pwrite64(int file, const void* from, size_t size, off64_t at) {
    return next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64", file, from, size, at);
}
ssize_t writev(int file, const iovec* parts, int count) {
    return next<ssize_t(int, const iovec*, int)>("writev", file, parts, count);
}
ssize_t send(int to, const void* from, size_t size, int flags) {
    return next<ssize_t(int, const void*, size_t, int)>("send", to, from, size, flags);
}
ssize_t sendmsg(int to, const msghdr* what, int flags) {
    return next<ssize_t(int, const msghdr*, int)>("sendmsg", to, what, flags);
}
int fsync(int file) { return next<int(int)>("fsync", file); }
int fdatasync(int file) { return next<int(int)>("fdatasync", file); }
int ftruncate(int file, off_t size) noexcept { return next<int(int, off_t)>("ftruncate", file, size); }
int ftruncate64(int file, off64_t size) noexcept { return next<int(int, off64_t)>("ftruncate64", file, size); }
int rename(const char* from, const char* to) noexcept {
    return next<int(const char*, const char*)>("rename", from, to);
}
int unlink(const char* path) noexcept { return next<int(const char*)>("unlink", path); }

}  // extern "C"
