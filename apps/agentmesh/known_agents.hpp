// What this agent has learned of others, kept in its home between two commands: registry::client_memory in a file.
#pragma once

#include <agentmesh/registry/client_memory.hpp>
#include <agentmesh/store/files.hpp>

#include <chrono>
#include <thread>

/// `registry/known` of a home. One process at a time adds to it. Another waits a little for its turn, because commands
/// are short; beside a listener, which has it for as long as it runs, it only reads, and what it learns goes with it.
class known_agents {
public:
    /// @errors state_access, io_failed; bad_snapshot for a file that is none
    [[nodiscard]] static agentmesh::result<known_agents> open(const std::string& home,
                                                              std::chrono::milliseconds patience = std::chrono::seconds{
                                                                  1}) {
        using namespace agentmesh;
        store::posix_files files{home + "/registry"};
        AGENTMESH_CHECK(files.enter());
        AGENTMESH_TRY(lock, files.open_or_create("lock"));
        known_agents out{std::move(files), lock};
        const auto give_up = std::chrono::steady_clock::now() + patience;
        while (true) {
            const auto held = out.files_.lock(lock);
            out.writes_ = held.has_value();
            if (!held && held.error().code != errc::state_in_use) return fail(held.error());
            if (held || std::chrono::steady_clock::now() > give_up) break;
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        AGENTMESH_TRY(file, out.files_.open("known"));
        if (!file) return out;
        const auto bytes = out.files_.read(*file);
        out.files_.close(*file);
        if (!bytes) return fail(bytes.error());
        AGENTMESH_TRY(memory, registry::client_memory::restore(*bytes));
        out.memory_ = std::move(memory);
        return out;
    }
    known_agents(known_agents&& other) noexcept
        : files_{std::move(other.files_)},
          lock_{std::exchange(other.lock_, -1)},
          writes_{other.writes_},
          memory_{std::move(other.memory_)} {}
    known_agents& operator=(known_agents&&) = delete;
    ~known_agents() {
        if (lock_ >= 0) files_.close(lock_);
    }

    /// Whether `save` keeps anything: not beside another process that has the file.
    [[nodiscard]] bool writes() const noexcept { return writes_; }
    [[nodiscard]] agentmesh::registry::client_memory& memory() noexcept { return memory_; }

    /// @errors not_persisted; what was there before is still there
    [[nodiscard]] agentmesh::result<void> save() {
        using namespace agentmesh;
        if (!writes_) return {};
        const auto written = [&]() -> result<void> {
            AGENTMESH_TRY(file, files_.create("known.new"));
            auto done = files_.append(file, memory_.save());
            if (done) done = files_.sync(file);
            files_.close(file);
            AGENTMESH_CHECK(done);
            AGENTMESH_CHECK(files_.rename("known.new", "known"));
            return files_.sync_folder();
        };
        return written() ? result<void>{} : fail(errc::not_persisted);
    }

private:
    known_agents(agentmesh::store::posix_files files, int lock) : files_{std::move(files)}, lock_{lock} {}

    agentmesh::store::posix_files files_;
    int lock_;
    bool writes_ = false;
    agentmesh::registry::client_memory memory_{};
};
