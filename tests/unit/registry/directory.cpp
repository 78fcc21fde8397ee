#include <agentmesh/crypto/random.hpp>
#include <agentmesh/registry/directory.hpp>

#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

using namespace agentmesh;
namespace fs = std::filesystem;

namespace {

struct temporary_folder {
    fs::path path;
    temporary_folder() {
        std::string pattern = (fs::temp_directory_path() / "agentmesh-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    ~temporary_folder() {
        std::error_code ignored;
        fs::permissions(path, fs::perms::owner_all, ignored);
        fs::remove_all(path, ignored);
    }
};

const time_point now = parse_time("2026-01-31T12:00:00Z").value();
const std::int64_t now_seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();

/// What one agent publishes, made from a seed.
struct published {
    local_identity self;
    e2ee::prekey_bundle bundle;
    std::vector<e2ee::one_time_prekey> one_time;

    [[nodiscard]] const amid& name() const { return self.name(); }
    [[nodiscard]] registry::publication all() const {
        return {.bundle = bundle, .one_time = one_time, .display_name = "Alice", .relay = "ws://relay.test/"};
    }
};

exchange_public_key key_of(std::uint64_t seed) {
    crypto::scripted_random random{seed};
    return exchange_key_pair::generate(random)->public_key();
}

std::vector<e2ee::one_time_prekey> batch(const local_identity& self, std::uint32_t first, std::uint32_t count) {
    std::vector<exchange_public_key> keys;
    for (std::uint32_t i = 0; i < count; ++i) keys.push_back(key_of(1000 + first + i));
    const auto made = e2ee::prekey_batch::make(self, first, keys);
    std::vector<e2ee::one_time_prekey> out;
    for (std::uint32_t i = 0; i < count; ++i) out.push_back(made.prekey(first + i));
    return out;
}

published agent(std::uint64_t seed, std::uint32_t keys = 3) {
    crypto::scripted_random random{seed};
    auto self = local_identity::create(random, now).value();
    const auto card = e2ee::identity_card::make(self, 1);
    const auto prekey = e2ee::signed_prekey::make(self, 7, key_of(seed + 500), now_seconds - 60, now_seconds + 86'400);
    auto one_time = keys > 0 ? batch(self, 1, keys) : std::vector<e2ee::one_time_prekey>{};
    return {std::move(self), {.card = card, .signed_key = prekey}, std::move(one_time)};
}

std::string content(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream{path}.rdbuf();
    return out.str();
}
void write(const fs::path& path, std::string_view text) { std::ofstream{path} << text; }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string record_text(const published& of) {
    auto record = registry::stored_record{.who = of.name(), .trust = tier::verified, .reputation_ppm = 820'000};
    REQUIRE(registry::apply(record, of.all()));
    std::string out;
    registry::append_record(out, record);
    return out;
}

}  // namespace

TEMPLATE_TEST_CASE("who publishes is found, with what was said and no more trust than the directory gives",
                   "[unit][registry]", registry::memory_registry, registry::file_directory) {
    const temporary_folder folder;
    auto agents = [&] {
        if constexpr (std::is_same_v<TestType, registry::memory_registry>) return TestType{};
        else return TestType{(folder.path / GENERATE("agents.json", "agents/", "deep/er/agents.json")).string()};
    }();
    const auto alice = agent(1), bob = agent(2, 0);
    CHECK(agents.find(alice.name()).error().code == errc::unknown_peer);
    CHECK(agents.fetch_bundle(alice.name(), now).error().code == errc::unknown_peer);
    REQUIRE(agents.publish(alice.all()));
    REQUIRE(agents.publish(bob.all()));

    const auto found = agents.find(alice.name()).value();
    CHECK(found.name() == alice.name());
    CHECK(found.signing_key() == alice.self.signing().public_key());
    CHECK(found.relay == "ws://relay.test/");
    CHECK(found.display_name == "Alice");
    CHECK(found.trust == tier::anonymous);
    CHECK(found.reputation_ppm == 0);
    CHECK(found.one_time_left == 3);
    CHECK(e2ee::parse_bundle(found.bundle).value() == alice.bundle);
    CHECK(agents.find(bob.name())->one_time_left == 0);
}

TEMPLATE_TEST_CASE("each one-time prekey is handed out once, then none", "[unit][registry][AM-KEX-021]",
                   registry::memory_registry, registry::file_directory) {
    const temporary_folder folder;
    auto agents = [&] {
        if constexpr (std::is_same_v<TestType, registry::memory_registry>) return TestType{};
        else return TestType{(folder.path / GENERATE("agents.json", "agents/")).string()};
    }();
    const auto alice = agent(1);
    REQUIRE(agents.publish(alice.all()));
    std::vector<std::uint32_t> ids;
    for (int i = 0; i < 3; ++i) {
        const auto bundle = agents.fetch_bundle(alice.name(), now).value();
        REQUIRE(bundle.one_time);
        ids.push_back(bundle.one_time->id);
        CHECK(*bundle.one_time == alice.one_time[bundle.one_time->id - 1]);
    }
    CHECK(ids == std::vector<std::uint32_t>{1, 2, 3});
    CHECK_FALSE(agents.fetch_bundle(alice.name(), now)->one_time);

    SECTION("publishing them again does not bring them back") {
        REQUIRE(agents.publish(alice.all()));
        CHECK(agents.find(alice.name())->one_time_left == 0);
    }
    SECTION("a later batch comes, and what its owner has spent goes") {
        auto later = agent(1, 0);
        later.one_time = batch(later.self, 4, 2);
        REQUIRE(agents.publish(later.all()));
        CHECK(agents.find(alice.name())->one_time_left == 2);
        later.one_time.erase(later.one_time.begin());
        REQUIRE(agents.publish(later.all()));
        CHECK(agents.find(alice.name())->one_time_left == 1);
        CHECK(agents.fetch_bundle(alice.name(), now)->one_time->id == 5);
    }
    SECTION("an agent that lost its prekeys begins anew") {
        auto anew = agent(1);
        anew.bundle.signed_key = e2ee::signed_prekey::make(anew.self, 1, key_of(77), now_seconds, now_seconds + 100);
        REQUIRE(agents.publish(anew.all()));
        CHECK(agents.find(alice.name())->one_time_left == 3);
    }
}

TEST_CASE("a card that is older than the known one is not published", "[unit][registry][AM-KEX-007]") {
    registry::memory_registry agents;
    auto alice = agent(1);
    alice.bundle.card = e2ee::identity_card::make(alice.self, 5);
    REQUIRE(agents.publish(alice.all()));
    alice.bundle.card = e2ee::identity_card::make(alice.self, 4);
    CHECK(agents.publish(alice.all()).error().code == errc::epoch_rollback);
    CHECK(agents.find(alice.name())->card.epoch == 5);
}

TEST_CASE("two programs never get the same one-time prekey from one directory", "[unit][registry]") {
    const temporary_folder folder;
    const std::string path = (folder.path / "agents.json").string();
    const auto alice = agent(1, 40);
    REQUIRE(registry::file_directory{path}.publish(alice.all()));
    std::vector<std::vector<std::uint32_t>> got(4);
    std::vector<std::thread> takers;
    for (auto& ids : got)
        takers.emplace_back([&ids, &path, &alice] {
            registry::file_directory agents{path};
            for (int i = 0; i < 12; ++i)
                if (const auto bundle = agents.fetch_bundle(alice.name(), now); bundle && bundle->one_time)
                    ids.push_back(bundle->one_time->id);
        });
    for (auto& one : takers) one.join();
    std::set<std::uint32_t> different;
    std::size_t all = 0;
    for (const auto& ids : got) {
        all += ids.size();
        different.insert(ids.begin(), ids.end());
    }
    CHECK(all == 40);
    CHECK(different.size() == 40);
}

TEST_CASE("tier and reputation are what the directory's keeper wrote, and stay so when the agent publishes again",
          "[unit][registry]") {
    const temporary_folder folder;
    const auto path = folder.path / "agents.json";
    const auto alice = agent(1);
    write(path, R"({"comment": "ours", "agents": [)" + replaced(record_text(alice), R"("reputation_ppm")",
                                                               R"("note": {"a": [1]}, "reputation_ppm")") + "]}");
    registry::file_directory agents{path.string()};
    REQUIRE(agents.publish(agent(1).all()));
    const auto found = agents.find(alice.name()).value();
    CHECK(found.trust == tier::verified);
    CHECK(found.reputation_ppm == 820'000);
    CHECK(content(path).find(R"("note":{"a": [1]})") != std::string::npos);
    CHECK(agents.list()->size() == 1);
}

TEST_CASE("a directory that may only be read gives bundles without one-time prekeys", "[unit][registry]") {
    if (::geteuid() == 0) return;  // who may write everything cannot be kept from it
    const temporary_folder folder;
    const auto path = folder.path / "agents.json";
    const auto alice = agent(1);
    REQUIRE(registry::file_directory{path.string()}.publish(alice.all()));
    fs::remove(path.string() + ".lock");
    fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
    registry::file_directory agents{path.string()};
    const auto bundle = agents.fetch_bundle(alice.name(), now);
    REQUIRE(bundle);
    CHECK_FALSE(bundle->one_time);
    CHECK(agents.find(alice.name())->one_time_left == 3);
}

TEST_CASE("a record is believed only with its proofs", "[unit][registry][AM-KEX-005][AM-KEX-011][AM-KEX-020]") {
    const temporary_folder folder;
    const auto path = folder.path / "agents.json";
    const auto alice = agent(1), bob = agent(2), mallory = agent(3);
    registry::file_directory agents{path.string()};
    const auto set = [&](const std::string& record) { write(path, R"({"agents": [)" + record + "]}"); };

    SECTION("another agent's bundle under alice's name") {
        set(replaced(record_text(mallory), mallory.name().text(), alice.name().text()));
        CHECK(agents.find(alice.name()).error().code == errc::bad_bundle);
        CHECK(agents.fetch_bundle(alice.name(), now).error().code == errc::bad_bundle);
    }
    SECTION("a signed prekey that is not alice's") {
        auto forged = alice.bundle;
        forged.signed_key = mallory.bundle.signed_key;
        set(replaced(record_text(alice), e2ee::write_bundle(alice.bundle), e2ee::write_bundle(forged)));
        CHECK(agents.fetch_bundle(alice.name(), now).error() == error{errc::bad_bundle, "AM-KEX-011"});
    }
    SECTION("a signed prekey out of its time") {
        set(record_text(alice));
        CHECK(agents.fetch_bundle(alice.name(), now + std::chrono::hours{25}).error().code == errc::stale_prekey);
        CHECK(agents.find(alice.name()).has_value());
    }
    SECTION("a one-time prekey that is not alice's is passed over, and gone") {
        auto record = registry::stored_record{.who = alice.name()};
        REQUIRE(registry::apply(record, alice.all()));
        auto others = registry::stored_record{.who = bob.name()};
        REQUIRE(registry::apply(others, bob.all()));
        record.one_time.insert(record.one_time.begin(), others.one_time[0]);
        std::string text;
        registry::append_record(text, record);
        set(text);
        const auto bundle = agents.fetch_bundle(alice.name(), now).value();
        REQUIRE(bundle.one_time);
        CHECK(*bundle.one_time == alice.one_time[0]);
        CHECK(agents.find(alice.name())->one_time_left == 2);
    }
}

TEST_CASE("a directory that is not one says where", "[unit][registry]") {
    const temporary_folder folder;
    const auto path = folder.path / "agents.json";
    const auto alice = agent(1), bob = agent(2);
    registry::file_directory agents{path.string()};
    const std::string good = "{\"agents\": [\n" + record_text(alice) + ",\n" + record_text(bob) + "\n]}\n";
    const auto code = [](errc of) { return " " + std::to_string(static_cast<int>(of)); };
    const auto fault_of = [&](const std::string& text) {
        write(path, text);
        const auto outcome = agents.find(alice.name());
        REQUIRE_FALSE(outcome);
        return replaced(agents.fault().text(), path.string(), "F") + code(outcome.error().code);
    };
    const auto second = [&](std::string_view from, std::string_view to) {
        auto text = good;
        const auto at = text.rfind(from);
        REQUIRE(at != std::string::npos);
        return text.replace(at, from.size(), to);
    };
    write(path, good);
    REQUIRE(agents.find(alice.name()));
    CHECK(agents.fault().text().empty());

    CHECK(fault_of(second(R"("tier":"verified")", R"("tier":"Verified")")) ==
          "F:3: agents[1].tier" + code(errc::unknown_tier));
    CHECK(fault_of(second("820000", "1000001")) ==
          "F:3: agents[1].reputation_ppm" + code(errc::json_number_range));
    CHECK(fault_of(second("820000", "0.5")).starts_with("F:3: agents[1].reputation_ppm"));
    CHECK(fault_of(second(bob.name().text(), "bob")) ==
          "F:3: agents[1].amid" + code(errc::bad_amid));
    CHECK(fault_of(second(R"("amid")", R"("AMID")")) ==
          "F:3: agents[1].amid" + code(errc::missing_member));
    CHECK(fault_of(second(R"("one_time_prekeys":[)", R"("one_time_prekeys":[7,)")) ==
          "F:3: agents[1].one_time_prekeys" + code(errc::wrong_member));
    CHECK(fault_of(second(R"("relay":)", R"("tier":"verified","relay":)")) ==
          "F:3: agents[1].relay" + code(errc::json_duplicate_member));  // the one before
    CHECK(fault_of("{}") == "F:1: agents" + code(errc::missing_member));
    CHECK(fault_of("[]").starts_with("F:1"));
    CHECK(fault_of("").starts_with("F:1"));
    CHECK(fault_of(good.substr(0, good.size() - 3)).starts_with("F:3"));
    CHECK(fault_of(good + "x").starts_with("F"));
    CHECK(content(path) == good + "x");  // nothing was repaired
    CHECK_FALSE(agents.publish(alice.all()));
    CHECK(content(path) == good + "x");

    fs::remove(path);
    fs::create_directory(path);
    CHECK(agents.find(alice.name()).error().code == errc::registry_failed);
    CHECK(agents.fault().text() == path.string());
}
