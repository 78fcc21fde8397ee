// Saved state on disk: encrypted, durable before `commit` returns, and never silently older than it was.
//
// `state.log` holds batches of changes, one a commit, behind a batch with all that was there when the file was begun.
// Each is sealed under a key of this file alone, with its number as the nonce and bound to the one before it: none can
// be moved, left out or taken from another file. A batch that a crash cut off at the end was never acknowledged and is
// dropped; anything else that does not fit is refused.
//
// `state.generation` holds the number of the last acknowledged batch. Whoever puts an older `state.log` back is found
// out by it. Putting back both is not noticed: nothing on the same disk could.
#pragma once

#include <agentmesh/core/state.hpp>
#include <agentmesh/crypto/aead.hpp>
#include <agentmesh/crypto/kdf.hpp>
#include <agentmesh/identity/local_identity.hpp>
#include <agentmesh/store/files.hpp>

namespace agentmesh::store {

struct file_state_options {
    std::size_t rewrite_above = 1024 * 1024;  ///< bytes of a log that is begun anew, if half of it is out of date
};

/// Model of StateStore for one agent. Records are kept in memory, wiped with the object, and on disk only encrypted
/// under a key that follows from the agent's signing key.
///
/// On an error of `commit` nothing has changed, and the next one begins a new file without the failed batch. Only if
/// the process ends before that can the failed batch turn up again, whole. Used from one thread.
template <FileOperations Files = posix_files>
class basic_file_state {
public:
    /// Opens the state of `owner`, or begins it, and keeps other processes out.
    /// @spec   AM-RAT-032
    /// @errors state_access, state_in_use; bad_snapshot for damage, and for the state of another agent;
    ///         snapshot_rollback if the log is older than the record; those of the random source
    [[nodiscard]] static result<basic_file_state> open(Files files, const signing_key_pair& owner,
                                                       RandomSource auto& random,
                                                       const file_state_options& options = {});

    basic_file_state(basic_file_state&&) noexcept = default;
    basic_file_state& operator=(basic_file_state&&) = delete;
    ~basic_file_state() { close(); }

    /// @spec   AM-RAT-033
    /// @errors not_persisted
    [[nodiscard]] result<void> commit(std::span<const record_change> changes);
    /// The caller wipes what it loaded.
    [[nodiscard]] result<std::optional<buffer>> load(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> names(std::string_view prefix) const;

    /// Rises with every commit.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

    /// Lets other processes in and wipes records and keys. Nothing can be committed or loaded afterwards.
    void close() noexcept;

private:
    using aead = crypto::chacha20poly1305_ietf;
    using tag = std::array<std::uint8_t, aead::tag_size>;
    using records = std::map<std::string, crypto::secret_buffer, std::less<>>;

    /// A file that is open; moving leaves none behind.
    struct handle {
        int file = -1;
        handle() = default;
        handle(handle&& other) noexcept : file{std::exchange(other.file, -1)} {}
        handle& operator=(handle&& other) noexcept {
            std::swap(file, other.file);
            return *this;
        }
        [[nodiscard]] bool is_open() const noexcept { return file >= 0; }
    };

    static constexpr const char* log_name = "state.log";
    static constexpr const char* draft_name = "state.log.new";
    static constexpr const char* record_name = "state.generation";
    static constexpr std::string_view magic = "AMSTATE1";
    static constexpr std::size_t header_size = 8 + 32 + 8;  // magic, salt, generation of the first batch
    static constexpr std::size_t slot_size = 8 + 32;        // generation, its HMAC
    static constexpr std::uint64_t slot_distance = 512;     // a torn write destroys one slot

    basic_file_state(Files files, const signing_key_pair& owner, const file_state_options& options)
        : files_{std::move(files)}, options_{options}, seed_{owner.seed()} {}

    [[nodiscard]] result<void> start();
    [[nodiscard]] result<void> read_record();
    [[nodiscard]] result<void> write_record(std::uint64_t generation);
    [[nodiscard]] result<void> read_log(byte_view bytes);
    [[nodiscard]] result<void> rewrite();
    [[nodiscard]] result<void> append(byte_view plain, std::uint64_t generation);
    void begin_file(byte_view header);
    void seal(buffer& out, byte_view plain);
    [[nodiscard]] result<crypto::secret_buffer> unseal(byte_view sealed);
    [[nodiscard]] aead::nonce nonce() const noexcept;
    [[nodiscard]] buffer associated_data() const;
    [[nodiscard]] crypto::secret_buffer write_all_records() const;
    void apply(std::span<const record_change> changes);
    [[nodiscard]] result<void> apply_saved(byte_view plain);
    void close(handle& which) noexcept;

    Files files_;
    file_state_options options_;
    signing_seed seed_;
    crypto::secret<32, struct file_salt_seed_tag> salts_;  // from it follows the salt of each file that we begin
    std::uint64_t files_begun_ = 0;
    records records_;
    std::size_t live_bytes_ = 0;

    handle record_;
    std::uint64_t recorded_ = 0;   // the highest in the record that is certain to be there; 0: none
    bool second_slot_ = false;     // holds it
    std::uint64_t generation_ = 0; // of what is in memory
    std::uint64_t used_ = 0;       // the highest that may be on disk

    handle log_;
    bool suspect_ = true;          // the log must be begun anew before anything is appended
    std::size_t log_bytes_ = 0;
    buffer header_;
    aead::key key_;
    std::uint64_t batches_ = 0;    // in this file
    tag last_{};                   // of the batch before
};

using file_state = basic_file_state<posix_files>;

/// The state of an agent in a folder of its own.
/// @errors as basic_file_state::open
[[nodiscard]] result<file_state> open_state(std::string folder, const local_identity& owner,
                                            RandomSource auto& random) {
    return file_state::open(posix_files{std::move(folder)}, owner.signing(), random);
}

static_assert(StateStore<file_state>);

}  // namespace agentmesh::store

#include <agentmesh/store/file_state.ipp>
