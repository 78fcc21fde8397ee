// The DNS client as a machine: what it asks, what it believes, and what it does when nobody answers.
#include <agentmesh/registry/dns.hpp>

#include <agentmesh/crypto/random.hpp>

#include "tests/support/catch.hpp"

using namespace agentmesh;
using namespace agentmesh::registry;
using namespace std::chrono_literals;

namespace {

/// A message as a server writes it: header, question, records.
struct message {
    buffer bytes;

    explicit message(byte_view question, std::uint8_t flags = 0x81, std::uint8_t code = 0x80)
        : bytes{question.begin(), question.end()} {
        bytes[2] = flags;
        bytes[3] = code;
    }
    message& raw(std::initializer_list<int> all) {
        for (const int one : all) bytes.push_back(static_cast<std::uint8_t>(one));
        return *this;
    }
    message& name(std::string_view dotted) {
        while (!dotted.empty()) {
            const auto end = std::min(dotted.find('.'), dotted.size());
            bytes.push_back(static_cast<std::uint8_t>(end));
            for (const char c : dotted.substr(0, end)) bytes.push_back(static_cast<std::uint8_t>(c));
            dotted.remove_prefix(std::min(end + 1, dotted.size()));
        }
        bytes.push_back(0);
        return *this;
    }
    message& count() {
        ++bytes[7];
        return *this;
    }
    /// For the name of the question, by a pointer.
    message& text(const std::vector<std::string>& strings) {
        count().raw({0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60});
        std::size_t size = 0;
        for (const auto& one : strings) size += 1 + one.size();
        raw({static_cast<int>(size >> 8), static_cast<int>(size & 255)});
        for (const auto& one : strings) {
            bytes.push_back(static_cast<std::uint8_t>(one.size()));
            bytes.insert(bytes.end(), one.begin(), one.end());
        }
        return *this;
    }
    message& text_of(std::string_view owner, std::string_view text) {
        count().name(owner).raw(
            {0, 16, 0, 1, 0, 0, 0, 60, 0, static_cast<int>(text.size() + 1), static_cast<int>(text.size())});
        bytes.insert(bytes.end(), text.begin(), text.end());
        return *this;
    }
    message& alias(std::string_view owner, std::string_view target) {
        count().name(owner).raw({0, 5, 0, 1, 0, 0, 0, 60, 0, static_cast<int>(target.size() + 2)});
        return name(target);
    }
};

buffer question(std::string_view name = "_agentmesh.acme.example") { return write_text_question(name, 0x1234).value(); }

std::optional<std::vector<std::string>> texts(const message& of, const buffer& asked = question()) {
    const auto reply = parse_text_reply(of.bytes, asked, true);
    REQUIRE(reply);
    if (!*reply || (*reply)->truncated || (*reply)->refused) return std::nullopt;
    return (*reply)->texts;
}

void check_refused(const message& of) {
    const auto reply = parse_text_reply(of.bytes, question(), true);
    REQUIRE_FALSE(reply);
    CHECK(reply.error() == error{errc::bad_datagram, "AM-ORG-021"});
}

struct recorder {
    struct asked {
        bool stream;
        std::size_t server;
        buffer bytes;
    };
    std::vector<asked> questions{};
    std::vector<result<std::vector<std::string>>> answers{};

    void ask_datagram(std::size_t server, byte_view bytes) {
        questions.push_back({false, server, {bytes.begin(), bytes.end()}});
    }
    void ask_stream(std::size_t server, byte_view bytes) {
        questions.push_back({true, server, {bytes.begin(), bytes.end()}});
    }
    void answered(result<std::vector<std::string>> texts) { answers.push_back(std::move(texts)); }
};

struct lookup_world {
    crypto::scripted_random random{5};
    recorder out{};
    moment now{};
    text_lookup lookup{"_agentmesh.acme.example", 2};

    lookup_world() { REQUIRE(lookup.start(now, random, out)); }
    [[nodiscard]] const buffer& last() const { return out.questions.back().bytes; }
    void datagram(const message& of) { lookup.on_datagram(of.bytes, now, random, out); }
    void stream(const message& of) { lookup.on_stream(of.bytes, now, random, out); }
};

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("a question is what RFC 1035 says", "[unit][registry][dns][AM-ORG-020]") {
    const auto out = write_text_question("_a.bc", 0xabcd).value();
    const buffer expected{0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, '_', 'a', 2, 'b', 'c', 0, 0, 16, 0, 1};
    CHECK(out == expected);
    CHECK(write_text_question(std::string(63, 'a') + ".b", 1));
    for (const auto& wrong : {std::string{}, std::string{"a..b"}, std::string{"."}, std::string{"a."},
                              std::string(64, 'a') + ".b", std::string(254, 'a')})
        CHECK_FALSE(write_text_question(wrong, 1));
}

TEST_CASE("texts are those of the name that was asked for", "[unit][registry][dns][AM-ORG-021]") {
    const auto asked = question();
    CHECK(texts(message{asked}) == list{});
    CHECK(texts(message{asked, 0x81, 0x83}) == list{});  // no such name
    CHECK(texts(message{asked}.text({"one"}).text({"two", " and ", "three"})) == list{"one", "two and three"});
    CHECK(texts(message{asked}.text({""})) == list{""});
    CHECK(texts(message{asked}.text_of("_AGENTMESH.acme.EXAMPLE", "any case")) == list{"any case"});
    CHECK(texts(message{asked}.text_of("evil.example", "not asked for").text({"mine"})) == list{"mine"});
    CHECK(texts(message{asked}.alias("_agentmesh.acme.example", "a.b").alias("A.b", "c.d").text_of("c.D", "there")) ==
          list{"there"});
    CHECK(texts(message{asked}.alias("other.example", "c.d").text_of("c.d", "not there")) == list{});
    // Another class or type, and what is not in the answer, says nothing.
    CHECK(texts(message{asked}.count().raw({0xc0, 12, 0, 16, 0, 3, 0, 0, 0, 0, 0, 2, 1, 'x'})) == list{});
    CHECK(texts(message{asked}.count().raw({0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4})) == list{});
    auto additional = message{asked}.text({"beside"});
    std::swap(additional.bytes[7], additional.bytes[11]);
    CHECK(texts(additional) == list{});
}

TEST_CASE("an answer to something else is none", "[unit][registry][dns][AM-ORG-020]") {
    const auto asked = question();
    const auto none = [&](const message& of) {
        const auto reply = parse_text_reply(of.bytes, asked, true);
        return reply && !*reply;
    };
    auto other_id = message{asked}.text({"x"});
    other_id.bytes[1] ^= 1;
    CHECK(none(other_id));
    CHECK(none(message{asked, 0x01}.text({"x"})));  // a question
    CHECK(none(message{asked, 0x89}.text({"x"})));  // another opcode
    CHECK(none(message{question("_agentmesh.acme.examplf")}.text({"x"})));
    auto other_type = message{asked}.text({"x"});
    other_type.bytes[asked.size() - 3] = 1;
    CHECK(none(other_type));
    auto two = message{asked}.text({"x"});
    two.bytes[5] = 2;
    CHECK(none(two));
    CHECK(none(message{buffer(asked.begin(), asked.end() - 1)}));

    // The right question in other letters may be a guess: it is asked again over TCP, where it counts.
    const auto upper = message{question("_agentmesh.ACME.example")}.text({"x"});
    CHECK(parse_text_reply(upper.bytes, asked, true).value()->truncated);
    CHECK(parse_text_reply(upper.bytes, asked, false).value()->texts == list{"x"});
    CHECK(parse_text_reply(message{asked, 0x83}.bytes, asked, true).value()->truncated);
    for (const std::uint8_t code : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{4}, std::uint8_t{5}})
        CHECK(parse_text_reply(message{asked, 0x81, code}.bytes, asked, true).value()->refused);
}

TEST_CASE("what is not a message to its last byte is refused", "[unit][registry][dns][AM-ORG-021]") {
    const auto asked = question();
    const auto good = message{asked}.text({"some text"});
    for (std::size_t size = asked.size(); size < good.bytes.size(); ++size) {
        auto cut = good;
        cut.bytes.resize(size);
        CAPTURE(size);
        check_refused(cut);
    }
    auto longer = good;
    check_refused(longer.raw({0}));
    check_refused(message{asked}.count().raw({0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0}));          // no string
    check_refused(message{asked}.count().raw({0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 2, 'x'}));  // beyond the record
    check_refused(message{asked}.count().raw({0xc0, 41, 0, 16, 0, 1, 0, 0, 0, 0, 0, 1, 0}));       // a name of itself
    check_refused(message{asked}.count().raw({0xc0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 1, 0}));        // into the header
    check_refused(message{asked}.count().raw({0xff, 0xff, 0, 16, 0, 1, 0, 0, 0, 0, 0, 1, 0}));     // forwards
    check_refused(message{asked}.count().raw({0x40, 1, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 1, 0}));     // no label
    check_refused(message{asked}.alias("a", "b").alias("a", "c"));
    check_refused(message{asked}.alias("_agentmesh.acme.example", "_agentmesh.acme.example"));
    check_refused(message{asked}.alias("_agentmesh.acme.example", "b").alias("b", "_agentmesh.acme.example"));
    auto many = message{asked};
    for (int i = 0; i < 129; ++i) many.text({"x"});
    check_refused(many);
    std::string name = "aaaaaaaaa";
    while (name.size() < 250) name += ".aaaaaaaaa";
    check_refused(message{asked}.text_of(name + ".aaaaaaaa", "x"));  // 259 bytes
}

TEST_CASE("each try has an id and a case of its own, and servers take turns", "[unit][registry][dns][AM-ORG-020]") {
    lookup_world w;
    CHECK_FALSE(w.out.questions[0].stream);
    for (int i = 0; i < 3; ++i) {
        CHECK(w.lookup.next_deadline() == w.now.steady + 2s);
        w.now = w.now + 1999ms;
        w.lookup.on_deadline(w.now, w.random, w.out);
        CHECK(w.out.questions.size() == static_cast<std::size_t>(i) + 1);
        w.now = w.now + 1ms;
        w.lookup.on_deadline(w.now, w.random, w.out);
    }
    REQUIRE(w.out.questions.size() == 4);
    std::size_t upper = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(w.out.questions[i].server == i % 2);
        for (std::size_t j = 0; j < i; ++j) CHECK(w.out.questions[i].bytes != w.out.questions[j].bytes);
        for (const auto c : w.out.questions[i].bytes) upper += c >= 'A' && c <= 'Z' ? 1U : 0U;
    }
    CHECK(upper > 10);  // of 4 times 20 letters
    CHECK(w.out.answers.empty());
    w.now = w.now + 2s;
    w.lookup.on_deadline(w.now, w.random, w.out);
    REQUIRE(w.out.answers.size() == 1);
    CHECK(w.out.answers[0].error().code == errc::timed_out);
    CHECK(w.lookup.done());
    CHECK_FALSE(w.lookup.next_deadline());
    w.datagram(message{w.last()}.text({"late"}));
    CHECK(w.out.answers.size() == 1);
}

TEST_CASE("the answer ends the lookup, and a foreign one does not", "[unit][registry][dns][AM-ORG-020]") {
    lookup_world w;
    auto forged = message{w.last()}.text({"forged"});
    forged.bytes[0] ^= 0x80;
    for (int i = 0; i < 15; ++i) w.datagram(forged);
    CHECK(w.out.questions.size() == 1);
    w.datagram(message{w.last()}.text({"true"}));
    REQUIRE(w.out.answers.size() == 1);
    CHECK(w.out.answers[0].value() == list{"true"});
}

TEST_CASE("whoever seems to guess, and what does not fit, is settled over TCP",
          "[unit][registry][dns][AM-ORG-020][AM-ORG-021]") {
    lookup_world w;
    const int how = GENERATE(0, 1, 2);
    auto forged = message{w.last()}.text({"forged"});
    forged.bytes[0] ^= 0x80;
    for (int i = 0; how == 0 && i < 16; ++i) w.datagram(forged);
    if (how == 1) w.datagram(message{w.last(), 0x83});     // truncated
    if (how == 2) w.datagram(message{w.last()}.raw({1}));  // not a message
    REQUIRE(w.out.questions.size() == 2);
    CHECK(w.out.questions[1].stream);
    CHECK(w.out.questions[1].server == 0);
    CHECK(w.lookup.next_deadline() == w.now.steady + 4s);
    w.datagram(message{w.last()}.text({"no longer asked for"}));
    CHECK(w.out.answers.empty());
    SECTION("answered") {
        w.stream(message{w.last()}.text({"true"}));
        REQUIRE(w.out.answers.size() == 1);
        CHECK(w.out.answers[0].value() == list{"true"});
    }
    SECTION("what is wrong there sends to the next server") {
        w.stream(message{w.last(), 0x83});
        REQUIRE(w.out.questions.size() == 3);
        CHECK(w.out.questions[2].server == 1);
        CHECK_FALSE(w.out.questions[2].stream);
        w.datagram(message{w.last(), 0x81, 0x82});  // that one cannot say
        CHECK(w.out.questions.size() == 4);
        w.lookup.on_failure(w.now, w.random, w.out);
        CHECK(w.out.questions.size() == 5);
        w.lookup.on_failure(w.now, w.random, w.out);
        REQUIRE(w.out.answers.size() == 1);
        CHECK_FALSE(w.out.answers[0]);
    }
}

TEST_CASE("without a server, or a name that can be asked for, nothing is asked", "[unit][registry][dns]") {
    crypto::scripted_random random{1};
    recorder out;
    text_lookup none{"a.b", 0}, wrong{"a..b", 1};
    CHECK_FALSE(none.start({}, random, out));
    CHECK_FALSE(wrong.start({}, random, out));
    CHECK(none.done());
    CHECK(wrong.done());
    CHECK(out.questions.empty());
}
