// The saved state against the model in memory: whatever is committed, wherever an operation fails or the power goes,
// what is found afterwards is what was acknowledged, or that and the one commit that was under way.
#include "tests/support/catch.hpp"
#include "tests/support/shaky_disk.hpp"

#include <agentmesh/crypto/random.hpp>
#include <agentmesh/store/file_state.hpp>

#include <rapidcheck.h>

using namespace agentmesh;

namespace {

using shaky_state = store::basic_file_state<test::shaky_files>;

local_identity agent() {
    crypto::scripted_random random{1};
    return *local_identity::create(random, {});
}

std::string image(auto& state) {
    std::string out;
    for (const auto& name : state.names("")) out += name + "=" + to_hex(**state.load(name)) + "\n";
    return out;
}

/// A commit of up to four changes over few names, so that they meet.
struct commit {
    std::vector<std::pair<std::string, std::optional<buffer>>> changes;

    [[nodiscard]] std::vector<record_change> views() const {
        std::vector<record_change> out;
        for (const auto& [name, bytes] : changes)
            out.push_back({name, bytes ? std::optional{byte_view{*bytes}} : std::nullopt});
        return out;
    }
    static commit draw() {
        commit out;
        for (int i = *rc::gen::inRange(0, 5); i > 0; --i) {
            const std::string name(1, static_cast<char>(*rc::gen::inRange<int>('a', 'f')));
            if (*rc::gen::inRange(0, 4) == 0)
                out.changes.emplace_back(name, std::nullopt);
            else
                out.changes.emplace_back(name, buffer(*rc::gen::inRange<std::size_t>(0, 60),
                                                      static_cast<std::uint8_t>(*rc::gen::inRange(0, 256))));
        }
        return out;
    }
};

/// One life after another on one disk, each ended by a failure somewhere or by closing.
void lives(test::shaky_disk::trouble kind) {
    const auto owner = agent();
    test::shaky_disk disk;
    disk.dice.seed(*rc::gen::inRange(1u, 1'000'000u));
    crypto::scripted_random random{*rc::gen::arbitrary<std::uint64_t>()};
    memory_state model;
    std::string possible = image(model);
    for (int life = *rc::gen::inRange(1, 6); life > 0; --life) {
        disk.step = 0;
        disk.kind = kind;
        disk.trouble_at = *rc::gen::inRange<std::size_t>(0, 80);
        auto state = shaky_state::open(test::shaky_files{disk}, owner.signing(), random, {200});
        if (state) {
            const auto found = image(*state);
            RC_ASSERT(found == image(model) || found == possible);
            if (found != image(model)) {  // the commit under way counts from now on
                model = {};
                for (const auto& name : state->names("")) {
                    const auto bytes = **state->load(name);
                    const record_change one{name, byte_view{bytes}};
                    RC_ASSERT(model.commit({&one, 1}).has_value());
                }
            }
            possible = found;
            for (int i = *rc::gen::inRange(0, 12); i > 0; --i) {
                const auto next = commit::draw();
                const bool done = state->commit(next.views()).has_value();
                auto after = model;
                RC_ASSERT(after.commit(next.views()).has_value());
                if (done) model = after;
                possible = image(after);
                RC_ASSERT(image(*state) == image(model));
                if (disk.off) break;
                // A failure that the process outlives leaves nothing behind once the next commit has succeeded; until
                // then the failed one may still turn up.
                if (done) possible = image(model);
            }
        } else {
            RC_ASSERT(state.error().code == errc::io_failed || state.error().code == errc::state_access);
        }
        state = fail(errc::timed_out);
        disk.power_on();
    }
    auto last = shaky_state::open(test::shaky_files{disk}, owner.signing(), random);
    RC_ASSERT(last.has_value());
    const auto found = image(*last);
    RC_ASSERT(found == image(model) || found == possible);
}

}  // namespace

TEST_CASE("State on disk follows the model through failing operations", "[property][store]") {
    CHECK(rc::check([] { lives(test::shaky_disk::trouble::error); }));
}

TEST_CASE("State on disk follows the model through power failures", "[property][store]") {
    CHECK(rc::check([] { lives(test::shaky_disk::trouble::power_off); }));
}

TEST_CASE("A log cut, changed or extended anywhere is refused or loses nothing", "[property][store][AM-RAT-032]") {
    const auto owner = agent();
    test::shaky_disk disk;
    crypto::scripted_random random{3};
    memory_state model;
    {
        auto state = *shaky_state::open(test::shaky_files{disk}, owner.signing(), random);
        for (int i = 0; i < 10; ++i) {
            const std::string bytes(static_cast<std::size_t>(i * 3), 'x');
            const record_change one{i % 2 == 0 ? "a" : "b", as_bytes(bytes)};
            REQUIRE(state.commit({&one, 1}));
            REQUIRE(model.commit({&one, 1}));
        }
    }
    const buffer log = disk.cached["state.log"]->cached, record = disk.cached["state.generation"]->cached;
    CHECK(rc::check([&] {
        buffer bytes = log;
        switch (*rc::gen::inRange(0, 4)) {
            case 0: bytes.resize(*rc::gen::inRange<std::size_t>(0, log.size())); break;
            case 1:
                bytes[*rc::gen::inRange<std::size_t>(0, log.size())] ^= *rc::gen::inRange<std::uint8_t>(1, 255);
                break;
            case 2: {
                const auto more = *rc::gen::arbitrary<buffer>();
                bytes.insert(bytes.end(), more.begin(), more.end());
                break;
            }
            default: {
                const auto at = *rc::gen::inRange<std::size_t>(0, log.size());
                const auto size = *rc::gen::inRange<std::size_t>(1, 100);
                bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, log.size())));
            }
        }
        disk.cached["state.log"]->cached = bytes;
        disk.cached["state.generation"]->cached = record;
        auto state = shaky_state::open(test::shaky_files{disk}, owner.signing(), random);
        if (state)
            RC_ASSERT(image(*state) == image(model));
        else
            RC_ASSERT(state.error().code == errc::bad_snapshot || state.error().code == errc::snapshot_rollback);
    }));
}
