// Bodies of store/file_state.hpp.
#pragma once

namespace agentmesh::store {

// Bytes on disk; integers big-endian.
//   state.log         header: "AMSTATE1", salt 32, generation u64 of the first batch
//                     batches: length u32 of what follows, sealed text. The first holds all records, each later one the
//                     changes of one commit and a generation one higher. Key: HKDF(salt, signing seed, label, 32);
//                     nonce: 0 u32, number of the batch in the file u64; associated data: header, tag of the batch
//                     before (zeros for the first)
//   plain text        of each change: length u32 and name; 0, or 1 with length u32 and bytes
//   state.generation  two slots, 512 bytes apart: generation u64, HMAC-SHA-256 of it. Written in turn
inline constexpr std::string_view log_label = "AgentMesh-v1:state-log";
inline constexpr std::string_view record_label = "AgentMesh-v1:state-generation";

template <class Out>
void put_u32(Out& out, std::uint64_t value) {
    assert(value <= 0xffff'ffff);
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
template <class Out>
void put_u64(Out& out, std::uint64_t value) {
    put_u32(out, value >> 32);
    put_u32(out, value & 0xffff'ffff);
}
template <class Out>
void put(Out& out, byte_view bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}
inline std::uint64_t integer_at(byte_view bytes, std::size_t at, std::size_t size) noexcept {
    std::uint64_t out = 0;
    for (const std::uint8_t byte : bytes.subspan(at, size)) out = out << 8 | byte;
    return out;
}

inline void put_change(crypto::secret_buffer& out, std::string_view name, const std::optional<byte_view>& bytes) {
    put_u32(out, name.size());
    put(out, as_bytes(name));
    out.push_back(bytes ? 1 : 0);
    if (!bytes) return;
    put_u32(out, bytes->size());
    put(out, *bytes);
}

// --- sealing ----------------------------------------------------------------------------------------------------

template <FileOperations Files>
void basic_file_state<Files>::begin_file(byte_view header) {
    header_.assign(header.begin(), header.end());
    const auto derived =
        crypto::hkdf_sha256(key_.reveal_storage(), header.subspan(8, 32), seed_.reveal(), as_bytes(log_label));
    assert(derived.has_value());
    (void)derived;
    batches_ = 0;
    last_ = {};
}

template <FileOperations Files>
auto basic_file_state<Files>::nonce() const noexcept -> typename aead::nonce {
    typename aead::nonce out;
    for (std::size_t i = 0; i < 8; ++i) out.storage()[4 + i] = static_cast<std::uint8_t>(batches_ >> (56 - 8 * i));
    return out;
}

template <FileOperations Files>
buffer basic_file_state<Files>::associated_data() const {
    buffer out = header_;
    put(out, last_);
    return out;
}

template <FileOperations Files>
void basic_file_state<Files>::seal(buffer& out, byte_view plain) {
    put_u32(out, plain.size() + aead::tag_size);
    const std::size_t at = out.size();
    out.resize(at + plain.size() + aead::tag_size);
    aead::seal(std::span{out}.subspan(at), key_, nonce(), associated_data(), plain);
    std::copy(out.end() - static_cast<std::ptrdiff_t>(aead::tag_size), out.end(), last_.begin());
    ++batches_;
}

template <FileOperations Files>
result<crypto::secret_buffer> basic_file_state<Files>::unseal(byte_view sealed) {
    if (sealed.size() < aead::tag_size) return fail(errc::bad_snapshot);
    crypto::secret_buffer out(sealed.size() - aead::tag_size);
    if (!aead::open(out, key_, nonce(), associated_data(), sealed)) return fail(errc::bad_snapshot);
    const byte_view end = sealed.last(aead::tag_size);
    std::copy(end.begin(), end.end(), last_.begin());
    ++batches_;
    return out;
}

// --- records ----------------------------------------------------------------------------------------------------

template <FileOperations Files>
void basic_file_state<Files>::apply(std::span<const record_change> changes) {
    for (const auto& one : changes) {
        if (const auto old = records_.find(one.name); old != records_.end()) {
            live_bytes_ -= old->first.size() + old->second.size();
            records_.erase(old);
        }
        if (!one.bytes) continue;
        records_.emplace(std::string{one.name}, crypto::secret_buffer{one.bytes->begin(), one.bytes->end()});
        live_bytes_ += one.name.size() + one.bytes->size();
    }
}

template <FileOperations Files>
result<void> basic_file_state<Files>::apply_saved(byte_view plain) {
    std::vector<record_change> changes;
    const auto take = [&](std::uint64_t size) -> std::optional<byte_view> {
        if (size > plain.size()) return std::nullopt;
        const byte_view out = plain.first(size);
        plain = plain.subspan(size);
        return out;
    };
    const auto take_part = [&]() -> std::optional<byte_view> {
        const auto size = take(4);
        return size ? take(integer_at(*size, 0, 4)) : std::nullopt;
    };
    while (!plain.empty()) {
        const auto name = take_part();
        const auto there = name ? take(1) : std::nullopt;
        if (!there || (*there)[0] > 1) return fail(errc::bad_snapshot);
        record_change one{as_text(*name), std::nullopt};
        if ((*there)[0] == 1) {
            one.bytes = take_part();
            if (!one.bytes) return fail(errc::bad_snapshot);
        }
        changes.push_back(one);
    }
    apply(changes);
    return {};
}

template <FileOperations Files>
crypto::secret_buffer basic_file_state<Files>::write_all_records() const {
    crypto::secret_buffer out;
    out.reserve(live_bytes_ + 9 * records_.size());
    for (const auto& [name, bytes] : records_) put_change(out, name, byte_view{bytes});
    return out;
}

// --- the record of the generation -------------------------------------------------------------------------------

template <FileOperations Files>
result<void> basic_file_state<Files>::read_record() {
    AGENTMESH_TRY(bytes, files_.read(record_.file));
    crypto::secret<32, struct record_key_tag> key;
    AGENTMESH_CHECK(crypto::hkdf_sha256(key.reveal_storage(), {}, seed_.reveal(), as_bytes(record_label)));
    for (const bool second : {false, true}) {
        const std::size_t at = second ? slot_distance : 0;
        if (bytes.size() < at + slot_size) continue;
        const byte_view slot = byte_view{bytes}.subspan(at, slot_size);
        if (!crypto::verify_hmac_sha256(slot.subspan(8), key.reveal(), slot.first(8))) continue;
        const std::uint64_t generation = integer_at(slot, 0, 8);
        if (generation <= recorded_) continue;
        recorded_ = generation;
        second_slot_ = second;
    }
    // No slot was ever torn while the other one was not whole.
    const bool written = std::any_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte != 0; });
    if (recorded_ == 0 && written && bytes.size() > slot_size) return fail(errc::bad_snapshot, "AM-RAT-032");
    return {};
}

template <FileOperations Files>
result<void> basic_file_state<Files>::write_record(std::uint64_t generation) {
    crypto::secret<32, struct record_key_tag> key;
    AGENTMESH_CHECK(crypto::hkdf_sha256(key.reveal_storage(), {}, seed_.reveal(), as_bytes(record_label)));
    buffer slot;
    put_u64(slot, generation);
    slot.resize(slot_size);
    crypto::hmac_sha256(std::span{slot}.template subspan<8, 32>(), key.reveal(), byte_view{slot}.first(8));
    const bool second = recorded_ != 0 && !second_slot_;  // the slot that does not hold what we rely on
    AGENTMESH_CHECK(files_.write_at(record_.file, second ? slot_distance : 0, slot));
    AGENTMESH_CHECK(files_.sync(record_.file));
    recorded_ = generation;
    second_slot_ = second;
    return {};
}

// --- the log ----------------------------------------------------------------------------------------------------

template <FileOperations Files>
result<void> basic_file_state<Files>::read_log(byte_view bytes) {
    if (bytes.size() < header_size || as_text(bytes.first(8)) != magic) return fail(errc::bad_snapshot);
    begin_file(bytes.first(header_size));
    const std::uint64_t first = integer_at(bytes, 40, 8);
    if (first == 0 || first > ~std::uint64_t{0} / 2) return fail(errc::bad_snapshot);
    bytes = bytes.subspan(header_size);
    while (bytes.size() >= 4) {
        const std::uint64_t size = integer_at(bytes, 0, 4);
        if (size > bytes.size() - 4) break;
        const auto plain = unseal(bytes.subspan(4, size));
        if (!plain) break;
        AGENTMESH_CHECK(apply_saved(*plain));
        bytes = bytes.subspan(4 + size);
    }
    // What is left was cut off while it was written, or is damage: the record knows which.
    if (batches_ == 0) return fail(errc::bad_snapshot);
    generation_ = first + batches_ - 1;
    if (generation_ < recorded_)
        return fail(bytes.empty() ? errc::snapshot_rollback : errc::bad_snapshot, "AM-RAT-032");
    if (recorded_ == 0 && generation_ != 1) return fail(errc::snapshot_rollback, "AM-RAT-032");  // its record is gone
    return {};
}

template <FileOperations Files>
result<void> basic_file_state<Files>::rewrite() {
    suspect_ = true;
    buffer header;
    put(header, as_bytes(magic));
    buffer numbered;
    put_u64(numbered, ++files_begun_);
    header.resize(8 + 32);
    crypto::hmac_sha256(std::span{header}.template subspan<8, 32>(), salts_.reveal(), numbered);
    put_u64(header, used_);  // above whatever a failed attempt may have left behind
    begin_file(header);
    buffer content = header;
    seal(content, write_all_records());

    AGENTMESH_TRY(draft, files_.create(draft_name));
    handle fresh;
    fresh.file = draft;
    const auto written = [&]() -> result<void> {
        AGENTMESH_CHECK(files_.append(fresh.file, content));
        AGENTMESH_CHECK(files_.sync(fresh.file));
        AGENTMESH_CHECK(files_.rename(draft_name, log_name));
        return files_.sync_folder();
    }();
    close(log_);
    if (!written) {
        close(fresh);
        return fail(written.error());
    }
    log_ = std::move(fresh);
    log_bytes_ = content.size();
    generation_ = used_;
    suspect_ = false;
    return {};
}

template <FileOperations Files>
result<void> basic_file_state<Files>::append(byte_view plain, std::uint64_t generation) {
    buffer sealed;
    seal(sealed, plain);
    used_ = generation;
    AGENTMESH_CHECK(files_.append(log_.file, sealed));
    AGENTMESH_CHECK(files_.sync(log_.file));
    AGENTMESH_CHECK(write_record(generation));
    log_bytes_ += sealed.size();
    return {};
}

// --- the store --------------------------------------------------------------------------------------------------

template <FileOperations Files>
result<basic_file_state<Files>> basic_file_state<Files>::open(Files files, const signing_key_pair& owner,
                                                              RandomSource auto& random,
                                                              const file_state_options& options) {
    basic_file_state out{std::move(files), owner, options};
    AGENTMESH_CHECK(random.fill(out.salts_.reveal_storage()));
    AGENTMESH_CHECK(out.start());
    return out;
}

template <FileOperations Files>
result<void> basic_file_state<Files>::start() {
    AGENTMESH_CHECK(files_.enter());
    AGENTMESH_TRY(record, files_.open_or_create(record_name));
    record_.file = record;
    AGENTMESH_CHECK(files_.lock(record_.file));
    AGENTMESH_CHECK(read_record());
    AGENTMESH_TRY(log, files_.open(log_name));
    if (log) {
        log_.file = *log;
        AGENTMESH_TRY(bytes, files_.read(log_.file));
        AGENTMESH_CHECK(read_log(bytes));
    } else {
        if (recorded_ != 0) return fail(errc::snapshot_rollback, "AM-RAT-032");
        generation_ = 1;
    }
    used_ = generation_;
    // A new file gets a new key, so that a cut-off batch is never sealed again with other content under its nonce.
    AGENTMESH_CHECK(rewrite());
    if (recorded_ < generation_) AGENTMESH_CHECK(write_record(generation_));
    return {};
}

template <FileOperations Files>
result<void> basic_file_state<Files>::commit(std::span<const record_change> changes) {
    if (!record_.is_open()) return fail(errc::not_persisted, "AM-RAT-033");
    const bool large = log_bytes_ > options_.rewrite_above && log_bytes_ / 2 > live_bytes_;
    if ((suspect_ || large) && !rewrite()) return fail(errc::not_persisted, "AM-RAT-033");
    crypto::secret_buffer plain;
    std::size_t size = 0;
    for (const auto& one : changes) size += 9 + one.name.size() + (one.bytes ? one.bytes->size() : 0);
    plain.reserve(size);
    for (const auto& one : changes) put_change(plain, one.name, one.bytes);
    if (!append(plain, generation_ + 1)) {
        // How far it came is unknown, and a failed sync may never be noticed again: this file is not used any more.
        suspect_ = true;
        (void)rewrite();
        return fail(errc::not_persisted, "AM-RAT-033");
    }
    ++generation_;
    apply(changes);
    return {};
}

template <FileOperations Files>
result<std::optional<buffer>> basic_file_state<Files>::load(std::string_view name) const {
    if (!record_.is_open()) return fail(errc::state_access);
    const auto found = records_.find(name);
    if (found == records_.end()) return std::optional<buffer>{};
    return std::optional<buffer>{buffer{found->second.begin(), found->second.end()}};
}

template <FileOperations Files>
std::vector<std::string> basic_file_state<Files>::names(std::string_view prefix) const {
    std::vector<std::string> out;
    for (auto at = records_.lower_bound(prefix); at != records_.end() && at->first.starts_with(prefix); ++at)
        out.push_back(at->first);
    return out;
}

template <FileOperations Files>
void basic_file_state<Files>::close(handle& which) noexcept {
    if (which.is_open()) files_.close(std::exchange(which.file, -1));
}

template <FileOperations Files>
void basic_file_state<Files>::close() noexcept {
    close(log_);
    close(record_);
    records_.clear();
    seed_ = {};
    salts_ = {};
    key_ = {};
}

}  // namespace agentmesh::store
