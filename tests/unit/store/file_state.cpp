#include "tests/support/catch.hpp"
#include "tests/support/shaky_disk.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/store/file_state.hpp>

#include <filesystem>
#include <fstream>

using namespace agentmesh;
namespace fs = std::filesystem;

namespace {

/// Why something was refused; nothing if it was not.
template <class T>
error why(const result<T>& outcome) {
    return outcome ? error{} : outcome.error();
}

using shaky_state = store::basic_file_state<test::shaky_files>;

local_identity agent(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return *local_identity::create(random, {});
}

struct folder {
    folder() {
        std::string name = (fs::temp_directory_path() / "agentmesh-state-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = fs::path{name} / "state";
    }
    ~folder() { fs::remove_all(path.parent_path()); }
    fs::path path;
    local_identity owner = agent(1);
    crypto::scripted_random random{5};

    [[nodiscard]] result<store::file_state> open() { return store::open_state(path.string(), owner, random); }
    [[nodiscard]] fs::path log() const { return path / "state.log"; }
    [[nodiscard]] fs::path record() const { return path / "state.generation"; }
};

std::string read(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}
void write(const fs::path& file, const std::string& bytes) {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

result<void> put(auto&& state, std::string_view name, std::string_view bytes) {
    const record_change one{name, as_bytes(bytes)};
    return state.commit({&one, 1});
}
result<void> erase(auto&& state, std::string_view name) {
    const record_change one{name, std::nullopt};
    return state.commit({&one, 1});
}
std::string get(auto&& state, std::string_view name) {
    const auto found = *state.load(name);
    return found ? std::string{as_text(*found)} : "(none)";
}

/// All records as one text, to compare two states.
std::string image(auto&& state) {
    std::string out;
    for (const auto& name : state.names("")) out += name + "=" + get(state, name) + "\n";
    return out;
}

/// Where the batches of a log begin, and its end.
std::vector<std::size_t> batches_of(const std::string& log) {
    std::vector<std::size_t> out;
    std::size_t at = 48;
    while (at + 4 <= log.size()) {
        out.push_back(at);
        std::size_t size = 0;
        for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(log[at + i]);
        at += 4 + size;
    }
    out.push_back(at);
    return out;
}

}  // namespace

TEST_CASE("What was committed is there after opening again", "[unit][store]") {
    folder w;
    {
        auto state = w.open();
        REQUIRE(state);
        CHECK(state->names("").empty());
        CHECK(put(*state, "a", "one"));
        CHECK(put(*state, "b/1", ""));
        CHECK(put(*state, "b/2", std::string(5000, 'x')));
        CHECK(put(*state, "a", "two"));
        CHECK(put(*state, "c", "gone"));
        CHECK(erase(*state, "c"));
        CHECK(erase(*state, "never there"));
        CHECK(get(*state, "a") == "two");
    }
    auto state = w.open();
    REQUIRE(state);
    CHECK(get(*state, "a") == "two");
    CHECK(get(*state, "b/1").empty());
    CHECK(get(*state, "b/2") == std::string(5000, 'x'));
    CHECK(get(*state, "c") == "(none)");
    CHECK(state->names("b/") == std::vector<std::string>{"b/1", "b/2"});
    CHECK(put(*state, "d", "more"));
    state->close();
    CHECK(get(*w.open(), "d") == "more");
}

TEST_CASE("Folder and files are the owner's alone", "[unit][store]") {
    folder w;
    { CHECK(put(*w.open(), "a", "one")); }
    const auto mode = [](const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); };
    CHECK(mode(w.path) == 0700);
    CHECK(mode(w.log()) == 0600);
    CHECK(mode(w.record()) == 0600);

    fs::permissions(w.log(), fs::perms{0644});
    CHECK(why(w.open()).code == errc::state_access);
    fs::permissions(w.log(), fs::perms{0600});
    fs::permissions(w.path, fs::perms{0750});
    CHECK(why(w.open()).code == errc::state_access);
    fs::permissions(w.path, fs::perms{0700});
    CHECK(w.open());
    fs::rename(w.log(), w.path / "elsewhere");
    fs::create_symlink(w.path / "elsewhere", w.log());
    CHECK(why(w.open()).code == errc::state_access);
}

TEST_CASE("Two processes cannot use one state", "[unit][store]") {
    folder w;
    auto first = w.open();
    REQUIRE(first);
    CHECK(why(w.open()).code == errc::state_in_use);
    first->close();
    CHECK(why(first->commit({})).code == errc::not_persisted);
    CHECK_FALSE(first->load("a"));
    CHECK(w.open());
}

TEST_CASE("No record and no name is readable on disk", "[unit][store]") {
    folder w;
    {
        auto state = *w.open();
        CHECK(put(state, "very-secret-name", "very-secret-bytes"));
    }
    for (int round = 0; round < 2; ++round) {
        const auto bytes = read(w.log()) + read(w.record());
        CHECK(bytes.find("very-secret") == std::string::npos);
        const auto seed = w.owner.signing().seed();
        CHECK(bytes.find(as_text(seed.reveal())) == std::string::npos);
        (void)w.open();
    }
}

TEST_CASE("Another agent cannot read the state", "[unit][store]") {
    folder w;
    { CHECK(put(*w.open(), "a", "one")); }
    w.owner = agent(2);
    CHECK(why(w.open()).code == errc::bad_snapshot);
}

TEST_CASE("A log put back in an older form is noticed", "[unit][store][AM-RAT-032]") {
    folder w;
    {
        auto state = *w.open();
        CHECK(put(state, "a", "one"));
    }
    const auto older = read(w.log());
    {
        auto state = *w.open();
        CHECK(put(state, "a", "two"));
    }
    const auto newer = read(w.log());
    write(w.log(), older);
    CHECK(why(w.open()) == error{errc::snapshot_rollback, "AM-RAT-032"});
    write(w.log(), newer);
    CHECK(get(*w.open(), "a") == "two");

    // A whole batch missing at the end is an older form, too.
    const auto last = read(w.log());
    {
        auto state = *w.open();
        CHECK(put(state, "a", "three"));
    }
    const auto long_log = read(w.log());
    write(w.log(), long_log.substr(0, batches_of(long_log)[1]));
    CHECK(why(w.open()).code == errc::snapshot_rollback);
    fs::remove(w.log());
    CHECK(why(w.open()).code == errc::snapshot_rollback);
    write(w.log(), long_log);
    fs::permissions(w.log(), fs::perms{0600});
    CHECK(get(*w.open(), "a") == "three");
    CHECK(last != newer);
}

TEST_CASE("A log without its record is not trusted", "[unit][store][AM-RAT-032]") {
    folder w;
    { CHECK(put(*w.open(), "a", "one")); }
    const auto record = read(w.record());
    fs::remove(w.record());
    CHECK(why(w.open()).code == errc::snapshot_rollback);
    write(w.record(), std::string(record.size(), 'x'));
    CHECK(why(w.open()).code == errc::bad_snapshot);
    // One slot of two is enough.
    auto half = record;
    std::fill_n(half.begin(), 40, 'x');
    write(w.record(), half);
    CHECK(w.open());
}

TEST_CASE("A log with any byte changed is refused", "[unit][store]") {
    folder w;
    std::string log, record;
    {
        auto state = *w.open();
        CHECK(put(state, "a", "one"));
        CHECK(put(state, "b", "two"));
        log = read(w.log());
        record = read(w.record());
    }
    for (std::size_t at = 0; at < log.size(); ++at) {
        auto bytes = log;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
        write(w.log(), bytes);
        CAPTURE(at);
        const auto opened = w.open();
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == errc::bad_snapshot);
    }
    for (std::size_t size = 0; size < log.size(); ++size) {
        write(w.log(), log.substr(0, size));
        CHECK_FALSE(w.open());
    }
    write(w.log(), log);
    CHECK(read(w.record()) == record);
    auto state = w.open();
    REQUIRE(state);
    CHECK(image(*state) == "a=one\nb=two\n");
}

TEST_CASE("Batches cannot be moved, left out, doubled or taken from another log", "[unit][store]") {
    folder w;
    std::string log, other;
    {
        auto state = *w.open();
        for (const auto* text : {"one", "two", "six", "ten"}) CHECK(put(state, "a", text));
        log = read(w.log());
    }
    {
        folder v;
        v.random = crypto::scripted_random{6};
        auto state = *v.open();
        for (const auto* text : {"one", "two", "six", "ten"}) CHECK(put(state, "a", text));
        other = read(v.log());
    }
    std::string forked;  // the same file, continued differently from its third commit on
    {
        folder v;
        auto state = *v.open();
        for (const auto* text : {"one", "two", "SIX", "ten"}) CHECK(put(state, "a", text));
        forked = read(v.log());
    }
    const auto begin = batches_of(log);
    REQUIRE(forked.substr(0, begin[3]) == log.substr(0, begin[3]));
    const auto piece = [&](const std::string& of, std::size_t index) {
        return of.substr(begin[index], begin[index + 1] - begin[index]);
    };
    const auto refused = [&](const std::vector<std::string>& pieces) {
        std::string bytes = log.substr(0, 48);
        for (const auto& one : pieces) bytes += one;
        write(w.log(), bytes);
        return !w.open();
    };
    const auto p = [&](std::size_t index) { return piece(log, index); };
    CHECK(refused({p(0), p(2), p(1), p(3), p(4)}));
    CHECK(refused({p(0), p(1), p(3), p(4)}));
    CHECK(refused({p(0), p(1), p(1), p(2), p(3), p(4)}));
    CHECK(refused({p(0), p(1), p(2), p(3), piece(other, 4)}));
    CHECK(refused({p(0), p(1), p(2), p(3), piece(forked, 4)}));
    CHECK(refused({p(1), p(2), p(3), p(4)}));
    CHECK_FALSE(refused({p(0), p(1), p(2), p(3), p(4)}));
}

TEST_CASE("A batch that a crash cut off is dropped, and only that", "[unit][store]") {
    test::shaky_disk disk;
    const auto owner = agent(1);
    crypto::scripted_random random{9};
    const auto open = [&] { return shaky_state::open(test::shaky_files{disk}, owner.signing(), random); };
    {
        auto state = *open();
        CHECK(put(state, "a", "one"));
        CHECK(put(state, "b", "two"));
    }
    for (const std::size_t junk : {1u, 3u, 4u, 5u, 20u, 100u}) {
        auto& log = disk.cached["state.log"]->cached;
        for (std::size_t i = 0; i < junk; ++i) log.push_back(static_cast<std::uint8_t>(i * 7));
        auto state = open();
        REQUIRE(state);
        CHECK(image(*state) == "a=one\nb=two\n");
    }
}

TEST_CASE("Whatever step of a commit fails, nothing has changed and the next one works", "[unit][store]") {
    const auto owner = agent(1);
    for (std::size_t step = 0; step < 40; ++step) {
        CAPTURE(step);
        test::shaky_disk disk;
        crypto::scripted_random random{step + 1};
        const auto open = [&] { return shaky_state::open(test::shaky_files{disk}, owner.signing(), random, {100}); };
        memory_state model;
        {
            auto state = open();
            REQUIRE(state);
            disk.step = 0;
            disk.trouble_at = step;
            for (int i = 0; i < 8; ++i) {
                const std::string name{static_cast<char>('a' + i % 3)}, bytes(static_cast<std::size_t>(20 + i), 'v');
                if (put(*state, name, bytes)) REQUIRE(put(model, name, bytes));
                CHECK(image(*state) == image(model));
            }
            CHECK(put(*state, "last", "one"));
            REQUIRE(put(model, "last", "one"));
        }
        disk.power_on();
        auto state = open();
        REQUIRE(state);
        CHECK(image(*state) == image(model));
    }
}

TEST_CASE("Whatever step the power fails in, nothing committed is lost and nothing is half there", "[unit][store]") {
    const auto owner = agent(1);
    const auto a_record = [](int i) {
        return std::string(static_cast<std::size_t>(20 + i), static_cast<char>('a' + i));
    };
    for (std::size_t step = 0; step < 60; ++step) {
        for (unsigned dice = 1; dice <= 4; ++dice) {
            CAPTURE(step, dice);
            test::shaky_disk disk;
            disk.dice.seed(static_cast<unsigned>(step) * 10 + dice);
            disk.trouble_at = step;
            disk.kind = test::shaky_disk::trouble::power_off;
            crypto::scripted_random random{step + 1};
            const auto open = [&] {
                return shaky_state::open(test::shaky_files{disk}, owner.signing(), random, {100});
            };
            std::string certain, possible;  // the state before the commit that the power failed in, and after it
            {
                auto state = open();
                memory_state model;
                for (int i = 0; state && i < 8; ++i) {
                    const std::string bytes = a_record(i);
                    const std::array<record_change, 3> changes = {
                        record_change{"x", as_bytes(bytes)}, record_change{"y", as_bytes(bytes)},
                        record_change{i % 2 == 0 ? "z" : "x", std::nullopt}};
                    const bool done = state->commit(changes).has_value();
                    REQUIRE(model.commit(changes));
                    possible = image(model);
                    if (!done) break;
                    certain = possible;
                }
            }
            disk.power_on();
            auto state = open();
            REQUIRE(state);
            const auto found = image(*state);
            CHECK((found == certain || found == possible));
            CHECK(put(*state, "after", "it"));
            state->close();
            auto again = open();
            REQUIRE(again);
            CHECK(image(*again) == "after=it\n" + found);
        }
    }
}

TEST_CASE("A log of which most is out of date is begun anew", "[unit][store]") {
    folder w;
    auto state = store::file_state::open(store::posix_files{w.path.string()}, w.owner.signing(), w.random, {4096});
    REQUIRE(state);
    std::uintmax_t largest = 0;
    for (int i = 0; i < 100; ++i) {
        CHECK(put(*state, "a", std::string(200, static_cast<char>('a' + i % 26))));
        largest = std::max(largest, fs::file_size(w.log()));
    }
    CHECK(largest < 5000);
    CHECK(state->generation() == 101);
    CHECK_FALSE(fs::exists(w.path / "state.log.new"));
    state->close();
    CHECK(get(*w.open(), "a") == std::string(200, static_cast<char>('a' + 99 % 26)));
}

// Under a sanitizer memory holds more than the program's own, and far more of it.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define AGENTMESH_WATCHED_MEMORY
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AGENTMESH_WATCHED_MEMORY
#endif
#if !defined(AGENTMESH_WATCHED_MEMORY)
namespace {

/// How often 32 bytes stand in the writable memory of this process, found by their complement, so that the search finds
/// none of its own.
std::size_t in_memory(const std::array<std::uint8_t, 32>& complement) {
    std::size_t out = 0;
    std::ifstream maps{"/proc/self/maps"};
    const int memory = ::open("/proc/self/mem", O_RDONLY);
    for (std::string line; std::getline(maps, line);) {
        std::size_t from = 0, to = 0;
        char mode[5] = {};
        if (std::sscanf(line.c_str(), "%zx-%zx %4s", &from, &to, mode) != 3) continue;
        if (mode[0] != 'r' || mode[1] != 'w') continue;
        static std::array<std::uint8_t, 1 << 16> block;
        for (std::size_t at = from; at + 32 <= to; at += block.size() - 31) {
            const auto size = ::pread(memory, block.data(), std::min(block.size(), to - at), static_cast<off_t>(at));
            if (size < 32) break;
            for (std::size_t i = 0; i + 32 <= static_cast<std::size_t>(size); ++i) {
                std::size_t same = 0;
                while (same < 32 && block[i + same] == static_cast<std::uint8_t>(~complement[same])) ++same;
                // The block itself is part of the memory that it looks through.
                const std::size_t place = at + i, mine = reinterpret_cast<std::size_t>(block.data());
                if (same == 32 && (place < mine || place >= mine + block.size())) ++out;
            }
            block.fill(0);
        }
    }
    ::close(memory);
    return out;
}

}  // namespace

TEST_CASE("Memory holds neither a saved secret nor the signing key once the state is closed", "[unit][store]") {
    folder w;
    std::array<std::uint8_t, 32> record{}, seed{};
    for (std::size_t i = 0; i < 32; ++i) record[i] = static_cast<std::uint8_t>(~(i * 37 + 11));
    {
        crypto::scripted_random random{4321};
        auto owner = local_identity::create(random, {});
        const auto known = owner->signing().seed();
        for (std::size_t i = 0; i < 32; ++i) seed[i] = static_cast<std::uint8_t>(~known.reveal()[i]);
        random = crypto::scripted_random{1};
        auto state = store::open_state(w.path.string(), *owner, random);
        REQUIRE(state);
        crypto::secret_buffer secret;
        for (const auto byte : record) secret.push_back(static_cast<std::uint8_t>(~byte));
        const record_change one{"a", byte_view{secret}};
        REQUIRE(state->commit({&one, 1}));
        CHECK(in_memory(record) >= 2);
        CHECK(in_memory(seed) >= 2);
    }
    CHECK(in_memory(record) == 0);
    CHECK(in_memory(seed) == 0);
}
#endif
