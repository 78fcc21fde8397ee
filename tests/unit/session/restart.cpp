#include "world.hpp"

#include "tests/support/catch.hpp"

using namespace session_test;

namespace {

/// As if a side had lost a session, and nothing else.
void forget_session(party& who, const session_id& id, const moment& now) {
    std::string prefix = "session/";
    append_hex(prefix, id.bytes());
    for (const auto& name : who.out.store.names(prefix)) {
        const record_change gone{name, std::nullopt};
        REQUIRE(who.out.store.commit({&gone, 1}));
    }
    REQUIRE(who.restart(now));
}

std::map<std::string, buffer> states(const party& who) {
    std::map<std::string, buffer> out;
    for (const auto& name : who.out.store.names("session/"))
        if (name.ends_with("/state")) out[name] = *who.out.store.load(name).value();
    return out;
}

void put_back(party& who, const std::map<std::string, buffer>& old) {
    for (const auto& [name, bytes] : old) {
        const record_change change{name, byte_view{bytes}};
        REQUIRE(who.out.store.commit({&change, 1}));
    }
}

}  // namespace

TEST_CASE("a conversation goes on whoever restarts between any two of its steps", "[unit][session][AM-RAT-030]") {
    const auto at = GENERATE(range(0, 9));
    const auto who = GENERATE(0, 1, 2);
    pair both;
    int step = 0;
    const auto here = [&] {
        if (step++ != at) return;
        if (who != 1) REQUIRE(both.a->restart(both.now));
        if (who != 0) REQUIRE(both.b->restart(both.now));
    };
    here();
    const auto id = both.knock(*both.a, haste::optimistic);
    here();
    REQUIRE(both.say(*both.a, id, "0"));
    here();
    REQUIRE(both.give(*both.a, 0));  // accepted
    here();
    REQUIRE(both.give(*both.a, 1));
    here();
    REQUIRE(both.say(*both.b, id, "1"));
    here();
    both.a_read = 2;
    both.settle();
    here();
    REQUIRE(both.say(*both.a, id, "2"));
    both.drop();
    here();
    both.pass(30s);
    here();
    REQUIRE(both.say(*both.b, id, "3"));
    both.settle();
    CHECK(both.b->out.texts == std::vector{pair::envelope("0"), pair::envelope("2")});
    CHECK(both.a->out.texts == std::vector{pair::envelope("1"), pair::envelope("3")});
    both.pass(30s);
    CHECK(both.a->mesh->find(id)->unacknowledged == 0);
    CHECK(both.b->mesh->find(id)->unacknowledged == 0);
}

TEST_CASE("a session that the peer has lost is replaced, and nothing is lost or repeated with it",
          "[unit][session][restart-heals][AM-KNK-029][AM-KNK-031]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "0"));
    both.settle();  // b has it, and has not said so
    forget_session(*both.b, id, both.now);
    REQUIRE(both.say(*both.a, id, "1"));
    REQUIRE(both.say(*both.a, id, "2"));
    both.settle();
    CHECK(both.b->out.count(audit_kind::notice_sent) == 1);
    REQUIRE(both.a->out.wanted.size() == 1);
    CHECK(both.a->out.closed_ones.at(0).second.code == errc::session_lost);
    CHECK(both.a->out.wanted[0].what == both.travel);
    CHECK(both.a->mesh->find(id)->phase == phase::lost);
    REQUIRE(both.say(*both.a, id, "3"));  // waits as well

    const auto next = both.open(*both.a);
    CHECK(next != id);
    CHECK(both.a->out.opened_ones.back().replaces == std::vector{id});
    REQUIRE(both.say(*both.a, next, "4"));
    both.settle();
    REQUIRE(both.b->out.texts.size() == 5);
    for (int i = 0; i < 5; ++i) CHECK(both.b->out.texts[static_cast<std::size_t>(i)] ==
        pair::envelope(std::to_string(i)));
    CHECK(both.a->out.lost.empty());
    both.pass(10s);
    CHECK(both.a->mesh->find(next)->unacknowledged == 0);
}

TEST_CASE("an envelope says for which session it was written", "[unit][session][AM-KNK-031]") {
    pair both;
    const auto id = both.open(*both.a);
    forget_session(*both.b, id, both.now);
    const auto text = "{\"type\":\"request\",\"session_id\":\"" + to_hex(id.bytes()) + "\"}";
    const auto sent = both.a->mesh->send(id, as_bytes(text), both.now, both.a->out);
    both.settle();
    const auto next = both.open(*both.a);
    REQUIRE(both.b->out.texts == std::vector{text});
    CHECK(both.b->out.ids.at(0) == *sent);
    CHECK(both.b->out.origins.at(0) == id);
    CHECK(next != id);
}

TEST_CASE("a peer hears of an unknown session once a minute", "[unit][session][AM-KNK-029]") {
    pair both;
    const auto id = both.open(*both.a);
    forget_session(*both.b, id, both.now);
    REQUIRE(both.say(*both.a, id, "0"));
    const auto frame = both.a->out.sent.size() - 1;
    for (int i = 0; i < 5; ++i) REQUIRE(both.give(*both.a, frame));
    CHECK(both.b->out.count(audit_kind::notice_sent) == 1);
    both.advance(59s);
    REQUIRE(both.give(*both.a, frame));
    CHECK(both.b->out.count(audit_kind::notice_sent) == 1);
    both.advance(1s);
    REQUIRE(both.give(*both.a, frame));
    CHECK(both.b->out.count(audit_kind::notice_sent) == 2);
}

TEST_CASE("a notice counts only from the peer, and over a frame that was sent", "[unit][session][AM-KNK-030]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "0"));
    const auto sent = crypto::sha256(from_payload(both.a->out.sent.back().payload).value());
    const auto given = [&](const buffer& notice, const amid& from) {
        both.advance(2s);
        REQUIRE(both.a->mesh->on_message(from, wire::message_type::status, to_payload(notice), both.now, both.a->out));
        return both.a->mesh->find(id)->phase == phase::lost;
    };
    const auto good = write_notice(id, sent, both.a->name(), both.b->self.signing());
    CHECK(good.size() == 82);
    CHECK_FALSE(given(write_notice(id, sent, both.a->name(), both.a->self.signing()), both.b->name()));
    CHECK(both.a->out.why(audit_kind::notice_dropped) == error{errc::bad_signature, "AM-KNK-030"});
    CHECK_FALSE(given(write_notice(id, crypto::sha256({}), both.a->name(), both.b->self.signing()), both.b->name()));
    CHECK_FALSE(given(write_notice(id, sent, both.b->name(), both.b->self.signing()), both.b->name()));
    CHECK_FALSE(given(write_notice({}, sent, both.a->name(), both.b->self.signing()), both.b->name()));
    CHECK_FALSE(given(good, both.a->name()));
    auto cut = good;
    cut.pop_back();
    CHECK_FALSE(given(cut, both.b->name()));
    // In another context the same bytes are no notice.
    buffer content{id.bytes().begin(), id.bytes().end()};
    e2ee::append(content, sent.bytes());
    e2ee::append(content, both.a->name().bytes().bytes());
    auto other = good;
    const auto proof = e2ee::sign_in(both.b->self.signing(), e2ee::signing_context::accept, content);
    std::copy(proof.bytes().begin(), proof.bytes().end(), other.begin() + 18);
    CHECK_FALSE(given(other, both.b->name()));
    CHECK(given(good, both.b->name()));
}

TEST_CASE("a state older than its record of generations is not continued",
          "[unit][session][rollback-stops][AM-KNK-034][AM-RAT-032]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.a, id, "0"));
    both.settle();
    const auto old = states(*both.a);
    REQUIRE(both.say(*both.a, id, "1"));
    both.drop();
    put_back(*both.a, old);
    const auto sent = both.a->out.sent.size();
    REQUIRE(both.a->restart(both.now));
    CHECK(both.a->out.sent.size() == sent);
    CHECK(both.a->out.closed_ones.at(0).second == error{errc::snapshot_rollback, "AM-RAT-032"});
    REQUIRE(both.a->out.wanted.size() == 1);
    REQUIRE(both.say(*both.a, id, "2"));
    both.pass(60s);
    for (auto at = sent; at < both.a->out.sent.size(); ++at)  // at most a notice
        CHECK(kind_of(from_payload(both.a->out.sent[at].payload).value()) == frame_kind::notice);
    both.open(*both.a);
    CHECK(both.b->out.texts == std::vector{pair::envelope("0"), pair::envelope("1"), pair::envelope("2")});
}

TEST_CASE("of several sessions of the past none sends while another is given up", "[unit][session][AM-KNK-034]") {
    pair both;
    const auto one = both.open(*both.a);
    both.a->policy.age = 1;
    const auto two = both.open(*both.a);
    REQUIRE(one != two);
    const auto old = states(*both.a);
    REQUIRE(both.say(*both.a, one, "0"));
    REQUIRE(both.say(*both.a, two, "1"));
    both.drop();
    put_back(*both.a, old);
    const auto sent = both.a->out.sent.size();
    REQUIRE(both.a->restart(both.now));
    CHECK(both.a->out.sent.size() == sent);
    both.open(*both.a);
    CHECK(both.b->out.texts.size() == 2);
}

TEST_CASE("without its record of generations a session is not continued either", "[unit][session][AM-KNK-034]") {
    pair both;
    const auto id = both.open(*both.a);
    const auto name = record::generation_name(id);
    const record_change gone{name, std::nullopt};
    REQUIRE(both.a->out.store.commit({&gone, 1}));
    REQUIRE(both.a->restart(both.now));
    CHECK(both.a->mesh->find(id)->phase == phase::closed);
    CHECK(both.a->out.closed_ones.at(0).second.code == errc::snapshot_rollback);
}

TEST_CASE("records that are cut, extended or another agent's are refused", "[unit][session][AM-RAT-031]") {
    pair both;
    const auto id = both.open(*both.a);
    const auto name = record::state_name(id);
    const auto good = *both.a->out.store.load(name).value();
    REQUIRE(record::read_state(good));
    for (std::size_t size = 0; size < good.size(); size += 5)
        CHECK_FALSE(record::read_state(byte_view{good}.first(size)));
    auto longer = good;
    longer.push_back(0);
    CHECK_FALSE(record::read_state(longer));
    auto other = good;
    other[0] = 2;
    CHECK_FALSE(record::read_state(other));
    put_back(*both.b, states(*both.a));
    const auto refused = both.b->restart(both.now);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::bad_snapshot);
}

TEST_CASE("a session restored after its time is over", "[unit][session][AM-KNK-032]") {
    pair both;
    const auto id = both.open(*both.a);
    both.now.wall += 3600s;  // the machine was off; its steady clock starts anew
    both.now.steady = steady_point{};
    REQUIRE(both.a->restart(both.now));
    CHECK(both.say(*both.a, id, "late").error().code == errc::session_expired);
    REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
    CHECK(both.a->out.closed_ones.at(0).second.code == errc::session_expired);
}

TEST_CASE("a clock that was set back does not lengthen a session", "[unit][session][AM-KNK-032]") {
    pair both;
    const auto id = both.open(*both.a);
    both.now.wall -= std::chrono::hours{24 * 365};
    REQUIRE(both.a->restart(both.now));
    both.now.steady += 3600s;
    CHECK(both.say(*both.a, id, "late").error().code == errc::session_expired);
}

TEST_CASE("what was saved and never left before the process was killed leaves at once after the restart",
          "[unit][session][restart-heals][AM-RAT-020]") {
    pair both;
    const auto id = both.open(*both.a);
    for (int i = 0; i < 20; ++i) REQUIRE(both.say(*both.a, id, std::to_string(i)));
    REQUIRE(both.say(*both.b, id, "hello"));
    SECTION("a message, the newest of many") {
        both.drop();
        const auto newest = both.a->out.sent.back().payload;
        REQUIRE(both.a->restart(both.now));
        REQUIRE(both.a->mesh->next_deadline() <= both.now.steady);
        both.tick();
        const auto& sent = both.a->out.sent;
        const auto again = std::count_if(sent.begin() + static_cast<std::ptrdiff_t>(both.a_read), sent.end(),
                                         [&](const auto& one) { return one.payload == newest; });
        CHECK(again == 1);
        both.settle();
        both.pass(1s);
        CHECK(both.b->out.texts.size() == 20);
    }
    SECTION("a receipt, and nothing else") {
        both.settle();
        both.pass(10s);
        REQUIRE(both.a->mesh->find(id)->unacknowledged == 0);
        REQUIRE(both.say(*both.b, id, "again"));
        both.settle();
        both.advance(3s);
        REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
        both.drop();  // the receipt
        REQUIRE(both.a->restart(both.now));
        both.tick();
        both.settle();
        CHECK(both.b->mesh->find(id)->unacknowledged == 0);
    }
}

TEST_CASE("an ACCEPT that never left before the process was killed leaves at once after the restart",
          "[unit][session][restart-heals][AM-KNK-014]") {
    pair both;
    const auto id = both.knock(*both.a);
    REQUIRE(both.give(*both.a, 0));
    both.drop();
    REQUIRE(both.b->restart(both.now));
    REQUIRE(both.b->mesh->next_deadline() <= both.now.steady);
    both.tick();
    both.settle();
    CHECK(both.a->mesh->find(id)->phase == phase::open);
}

TEST_CASE("a receipt that the transport refused does not wait for the next message", "[unit][session]") {
    pair both;
    const auto id = both.open(*both.a);
    REQUIRE(both.say(*both.b, id, "hello"));
    both.settle();
    both.a->out.fail_send = both.a->out.sends;
    both.advance(3s);
    REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
    REQUIRE(both.a->out.count(audit_kind::not_sent) == 1);
    for (int i = 0; i < 16; ++i) {
        both.advance(1s);
        REQUIRE(both.a->mesh->on_tick(both.now, both.a->out));
    }
    both.settle();
    CHECK(both.b->mesh->find(id)->unacknowledged == 0);
}
