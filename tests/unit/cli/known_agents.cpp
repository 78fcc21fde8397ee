#include "apps/agentmesh/known_agents.hpp"

#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>

using namespace agentmesh;
using namespace std::chrono_literals;

namespace {

/// A home of its own, gone with the test.
struct temporary_home {
    std::string path = (std::filesystem::temp_directory_path() / "agentmesh-known-XXXXXX").string();

    temporary_home() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    temporary_home(const temporary_home&) = delete;
    temporary_home& operator=(const temporary_home&) = delete;
    ~temporary_home() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::string file() const { return path + "/registry/known"; }
};

const amid bob = *amid::parse("38wiyXBfpANY7wQt1hpUMmtsdF75");

}  // namespace

TEST_CASE("what was learned of an agent is known to the next run", "[unit][cli]") {
    temporary_home home;
    {
        auto first = known_agents::open(home.path, 0ms);
        REQUIRE(first);
        CHECK(first->writes());
        CHECK(first->memory().size() == 0);
        CHECK(first->memory().note_revoked(bob, std::nullopt));
        REQUIRE(first->save());
    }
    auto second = known_agents::open(home.path, 0ms);
    REQUIRE(second);
    CHECK(second->memory().check_standing(bob).error().code == errc::certificate_revoked);
    CHECK((std::filesystem::status(home.file()).permissions() & std::filesystem::perms::others_all) ==
          std::filesystem::perms::none);
}

TEST_CASE("beside another process what is known is read, and nothing is written", "[unit][cli]") {
    temporary_home home;
    auto listener = known_agents::open(home.path, 0ms);
    REQUIRE(listener);
    CHECK(listener->memory().note_revoked(bob, std::nullopt));
    REQUIRE(listener->save());
    {
        auto command = known_agents::open(home.path, 0ms);
        REQUIRE(command);
        CHECK_FALSE(command->writes());
        CHECK_FALSE(command->memory().check_standing(bob));
        command->memory().forget(bob);
        CHECK(command->save());
    }
    const auto moved = std::move(*listener);  // still has the lock
    CHECK_FALSE(known_agents::open(home.path, 0ms)->writes());
    CHECK_FALSE(known_agents::open(home.path, 0ms)->memory().check_standing(bob));
}

TEST_CASE("a file that is damaged is refused, not begun anew", "[unit][cli]") {
    temporary_home home;
    {
        auto first = known_agents::open(home.path, 0ms);
        REQUIRE(first);
        CHECK(first->memory().note_revoked(bob, std::nullopt));
        REQUIRE(first->save());
    }
    std::filesystem::resize_file(home.file(), std::filesystem::file_size(home.file()) - 1);
    CHECK(known_agents::open(home.path, 0ms).error().code == errc::bad_snapshot);
    // What an interrupted run has left is not in the way.
    std::filesystem::remove(home.file());
    std::ofstream{home.path + "/registry/known.new"} << "half a fi";
    auto again = known_agents::open(home.path, 0ms);
    REQUIRE(again);
    CHECK(again->memory().note_revoked(bob, std::nullopt));
    CHECK(again->save());
    CHECK_FALSE(std::filesystem::exists(home.path + "/registry/known.new"));
}
