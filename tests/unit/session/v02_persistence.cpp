// Saved state of v02 agents: what survives the end of a process, a disk that fails, and a record of the past.
#include "tests/unit/session/v02_hostile.hpp"

#include "tests/support/catch.hpp"

using namespace v02_test;
using texts = std::vector<std::string>;

namespace {

/// Everything that is said in one conversation, with `at` before each step.
void converse(two& mesh, const std::function<void()>& at) {
    const auto until = [&](const auto& step) {
        for (int tries = 0; tries < 3; ++tries) {
            at();
            if (step()) break;
        }
        for (int steps = 0; mesh.a_read < mesh.a->out.sent.size() || mesh.b_read < mesh.b->out.sent.size(); ++steps) {
            if (steps < 6) at();  // a restart sends again what it does not know to have left
            const bool from_a = mesh.a_read < mesh.a->out.sent.size();
            auto& side = from_a ? *mesh.a : *mesh.b;
            auto& read = from_a ? mesh.a_read : mesh.b_read;
            if (mesh.give(side, read)) ++read;  // the relay gives again what was not taken
        }
    };
    until([&] { return mesh.knock(*mesh.b).has_value(); });
    until([&] { return mesh.say(*mesh.b, "\"b0\"").has_value(); });
    until([&] { return mesh.say(*mesh.a, "\"a0\"").has_value(); });
    until([&] { return mesh.say(*mesh.a, "\"a1\"").has_value(); });
    until([&] { return mesh.say(*mesh.b, "\"b1\"").has_value(); });
}

}  // namespace

TEST_CASE("v02 agents that stop at any moment go on where they were", "[unit][session][v02][AM-RAT-033]") {
    const auto stops = GENERATE(0, 1, 2);  // a, b, or both
    two mesh;
    converse(mesh, [&] {
        if (stops != 1) REQUIRE(mesh.a->restart(mesh.now));
        if (stops != 0) REQUIRE(mesh.b->restart(mesh.now));
    });
    CHECK(mesh.a->out.texts == texts{"\"b0\"", "\"b1\""});
    CHECK(mesh.b->out.texts == texts{"\"a0\"", "\"a1\""});
    CHECK(mesh.a->out.lost.empty());
    CHECK(mesh.b->out.lost.empty());
}

TEST_CASE("a persist of v02 that fails, at any step, changes nothing and lets nothing leave",
          "[unit][session][v02][AM-RAT-033][AM-RAT-020]") {
    for (std::size_t failing = 0; failing < 40; ++failing) {
        const bool then_stops = failing % 2 == 1;
        two mesh;
        std::size_t count = 0;
        std::map<std::string, std::string> keys;
        converse(mesh, [&] {
            for (auto* side : {mesh.a.get(), mesh.b.get()}) {
                side->out.fail_persist.reset();
                if (count++ == failing) side->out.fail_persist = side->out.persists;
            }
            if (then_stops && count > failing + 2) REQUIRE(mesh.a->restart(mesh.now));
        });
        INFO(failing);
        // One that was given and could not be marked as taken comes once more if the process stops.
        for (auto* side : {mesh.a.get(), mesh.b.get()}) {
            std::map<std::string, std::string> once;
            for (std::size_t i = 0; i < side->out.texts.size(); ++i) {
                const auto known = once.emplace(side->out.texts[i], side->out.ids[i]);
                CHECK(known.first->second == side->out.ids[i]);
            }
            CHECK(once.size() == 2);
            // Whatever left was saved before.
            for (std::size_t i = 0; i < side->out.log.size(); ++i)
                if (side->out.log[i] == "send") CHECK(i > 0);
        }
    }
}

TEST_CASE("a v02 agent sends nothing that it could not save", "[unit][session][v02][AM-RAT-033]") {
    two mesh;
    mesh.open(*mesh.a);
    const auto sent = mesh.a->out.sent.size();
    mesh.a->out.disk = false;
    CHECK(mesh.say(*mesh.a, "1").error().code == errc::not_persisted);
    CHECK(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out).error().code == errc::not_persisted);
    CHECK(mesh.a->out.sent.size() == sent);
    REQUIRE(mesh.say(*mesh.b, "2"));
    const auto frame = mesh.b->out.sent.back();
    CHECK(mesh.give(*mesh.b, frame).error().code == errc::not_persisted);
    CHECK(mesh.a->out.texts.empty());
    mesh.a->out.disk = true;
    REQUIRE(mesh.give(*mesh.b, frame));
    CHECK(mesh.a->out.texts == texts{"2"});
    REQUIRE(mesh.say(*mesh.a, "1"));
    mesh.settle();
    CHECK(mesh.b->out.texts == texts{"1"});
}

TEST_CASE("a v02 message that the application has not taken is given again after a restart", "[unit][session][v02]") {
    two mesh;
    mesh.open(*mesh.a);
    mesh.b->out.takes = false;
    REQUIRE(mesh.say(*mesh.a, "1"));
    mesh.settle();
    REQUIRE(mesh.b->restart(mesh.now));
    CHECK(mesh.b->out.texts == texts{"1", "1"});
    CHECK(mesh.b->out.ids.front() == mesh.b->out.ids.back());
    // It outlives its session, too.
    REQUIRE(mesh.b->agent->close(mesh.a->name(), mesh.now, mesh.b->out));
    REQUIRE(mesh.b->restart(mesh.now));
    CHECK(mesh.b->out.texts.size() == 3);
    REQUIRE(mesh.b->agent->confirm(mesh.a->name(), mesh.b->out.ids.back(), mesh.b->out));
    CHECK(mesh.b->out.store.names("v02/session/").empty());
    REQUIRE(mesh.b->restart(mesh.now));
    CHECK(mesh.b->out.texts.size() == 3);
}

TEST_CASE("a v02 message leaves until the relay has it, under one key", "[unit][session][v02][AM-RAT-020]") {
    two mesh;
    mesh.open(*mesh.a);
    mesh.a->out.receipts = true;
    REQUIRE(mesh.say(*mesh.a, "1"));
    const auto first = mesh.a->out.sent.back();
    REQUIRE(mesh.a->restart(mesh.now));
    REQUIRE(mesh.a->out.sent.back().receipt != first.receipt);
    CHECK(mesh.a->out.sent.back().text == first.text);
    mesh.a->agent->on_taken(mesh.a->out.sent.back().receipt, mesh.a->out);
    const auto count = mesh.a->out.sent.size();
    REQUIRE(mesh.a->restart(mesh.now));
    CHECK(mesh.a->out.sent.size() == count);
    mesh.settle();
    CHECK(mesh.b->out.texts == texts{"1"});
    SECTION("one that the relay refuses is given back") {
        REQUIRE(mesh.say(*mesh.a, "2"));
        mesh.a->agent->on_refused(mesh.a->out.sent.back().receipt, {errc::mailbox_full, {}}, mesh.a->out);
        CHECK(mesh.a->out.lost == texts{"2"});
    }
    SECTION("one said while the relay is away leaves when it is back, in order") {
        mesh.a->out.online = false;
        REQUIRE(mesh.say(*mesh.a, "2"));
        REQUIRE(mesh.say(*mesh.a, "3"));
        CHECK(mesh.a->out.sent.size() == count);
        mesh.a->out.online = true;
        mesh.a->agent->on_ready(mesh.a->out);
        mesh.settle();
        CHECK(mesh.b->out.texts == texts{"1", "2", "3"});
    }
}

TEST_CASE("a v02 session of the past is closed, not continued", "[unit][session][v02][AM-RAT-032]") {
    two mesh;
    mesh.open(*mesh.a);
    const auto name = "v02/session/" + std::string{mesh.b->name().text()} + "/state";
    const auto old = *mesh.a->out.store.load(name).value();
    const auto put_back = [&] {
        const record_change change{name, byte_view{old}};
        REQUIRE(mesh.a->out.store.commit({&change, 1}));
        REQUIRE(mesh.a->restart(mesh.now));
        CHECK(mesh.a->out.closings.back() == error{errc::snapshot_rollback, "AM-RAT-032"});
        CHECK_FALSE(mesh.a->agent->is_open(mesh.b->name()));
    };
    SECTION("of this session") {
        REQUIRE(mesh.say(*mesh.a, "1"));
        put_back();
    }
    SECTION("of an earlier one with the same peer") {
        REQUIRE(mesh.a->agent->close(mesh.b->name(), mesh.now, mesh.a->out));
        mesh.settle();
        mesh.advance(1s);
        REQUIRE(mesh.knock(*mesh.a));
        put_back();
    }
    // The peers knock anew.
    mesh.advance(1s);
    mesh.drop();
    REQUIRE(mesh.knock(*mesh.a));
    mesh.settle();
    REQUIRE(mesh.say(*mesh.a, "\"anew\""));
    mesh.settle();
    CHECK(mesh.b->out.texts.back() == "\"anew\"");
}

TEST_CASE("a damaged record of v02 stops the agent before it does anything", "[unit][session][v02][AM-RAT-031]") {
    two mesh;
    mesh.open(*mesh.a);
    auto& store = mesh.a->out.store;
    for (const auto& name : store.names("v02/")) {
        const auto whole = *store.load(name).value();
        for (const std::size_t size : {std::size_t{0}, whole.size() - 1, whole.size() + 1}) {
            buffer cut = whole;
            cut.resize(size);
            const record_change change{name, byte_view{cut}};
            REQUIRE(store.commit({&change, 1}));
            INFO(name << " of " << size << " bytes");
            CHECK(mesh.a->restart(mesh.now).error().code == errc::bad_snapshot);
        }
        const record_change back{name, byte_view{whole}};
        REQUIRE(store.commit({&back, 1}));
    }
    CHECK(mesh.a->restart(mesh.now));
}

TEST_CASE("time goes on for v02 sessions while their agent is away", "[unit][session][v02][AM-KNK-032]") {
    two mesh;
    mesh.open(*mesh.a);
    mesh.advance(599s);
    REQUIRE(mesh.a->restart({steady_point{}, mesh.now.wall}));
    CHECK(mesh.a->agent->next_deadline());
    mesh.a->agent->on_tick({steady_point{} + 2s, mesh.now.wall + 2s}, mesh.a->out);
    CHECK(mesh.a->out.closings == std::vector<error>{{errc::session_expired, {}}});
}
