// One thread that runs what it is given, in order: for work that may wait for a disk while sockets must not.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace agentmesh::net {

/// How much waits is for whoever gives it to bound: of an HTTP server it is one request a connection.
class worker {
public:
    worker() : thread_{[this] { run(); }} {}
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    /// Does what it was given, and ends.
    ~worker() {
        {
            const std::lock_guard held{mutex_};
            ending_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }

    /// From any thread. @pre the destructor has not begun
    void post(std::function<void()> what) {
        {
            const std::lock_guard held{mutex_};
            waiting_.push_back(std::move(what));
        }
        wake_.notify_one();
    }

private:
    void run() {
        std::unique_lock held{mutex_};
        while (true) {
            wake_.wait(held, [this] { return ending_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            const auto next = std::move(waiting_.front());
            waiting_.pop_front();
            held.unlock();
            next();
            held.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> waiting_;
    bool ending_ = false;
    std::thread thread_;  // last: it uses all the others
};

}  // namespace agentmesh::net
