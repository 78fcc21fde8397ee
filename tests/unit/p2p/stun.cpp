#include <agentmesh/p2p/stun.hpp>

#include <agentmesh/core/encoding.hpp>

#include <catch2/catch.hpp>

using namespace agentmesh;
namespace stun = p2p::stun;
using stun::attribute;

namespace {

buffer hex(std::string_view text) {
    std::string bare;
    for (const char c : text)
        if (c != ' ' && c != '\n') bare += c;
    return from_hex(bare).value();
}

// RFC 5769 section 2.
const buffer sample_request = hex(R"(
    00010058 2112a442 b7e7a701bc34d686fa87dfae
    80220010 5354554e 20746573 7420636c 69656e74
    00240004 6e0001ff
    80290008 932ff9b151263b36
    00060009 6576746a3a68367659202020
    00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
    80280004 e57a3bcf)");
const buffer sample_ipv4 = hex(R"(
    0101003c 2112a442 b7e7a701bc34d686fa87dfae
    8022000b 7465737420766563746f7220
    00200008 0001a147e112a643
    00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
    80280004 c07d4c96)");
const buffer sample_ipv6 = hex(R"(
    01010048 2112a442 b7e7a701bc34d686fa87dfae
    8022000b 7465737420766563746f7220
    00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
    00080014 a382954e4be67bf11784c97c8292c275bfe3ed41
    80280004 c8fb0b4c)");
const buffer sample_long_term = hex(R"(
    00010060 2112a442 78ad3433c6ad72c029da412e
    00060012 e3839ee38388e383aae38383e382afe382b90000
    0015001c 662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b 6578616d706c652e6f726700
    00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666)");
constexpr std::string_view sample_password = "VOkJxbRl1RmTxUk/WvJxBt";

stun::message parsed(const buffer& bytes) {
    auto out = stun::message::parse(bytes);
    REQUIRE(out);
    return *std::move(out);
}

const stun::transaction some_id{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

/// The same message with its fingerprint computed anew, so that only what a case changes is wrong.
buffer resealed(buffer bytes) {
    const auto mark = stun::detail::fingerprint_of(byte_view{bytes}.first(bytes.size() - 8));
    for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = static_cast<std::uint8_t>(mark >> (24 - 8 * i));
    return bytes;
}

}  // namespace

TEST_CASE("the request of RFC 5769 is read, and its proof holds", "[unit][p2p][AM-P2P-001][AM-P2P-004]") {
    const auto in = parsed(sample_request);
    CHECK(in.is(stun::kind::request, stun::method::binding));
    CHECK(in.has_fingerprint());
    CHECK(in.text(attribute::software).value() == "STUN test client");
    CHECK(in.text(attribute::username).value() == "evtj:h6vY");
    CHECK(in.number(attribute::priority).value() == 0x6e0001ff);
    CHECK(in.number64(attribute::ice_controlled).value() == 0x932ff9b151263b36);
    CHECK(in.check(stun::short_term_key(sample_password)));
    CHECK(in.check(stun::short_term_key("VOkJxbRl1RmTxUk/WvJxBT")).error() == error{errc::bad_integrity, "AM-P2P-004"});
    CHECK(in.unknown().empty());
}

TEST_CASE("the responses of RFC 5769 name their addresses", "[unit][p2p][AM-P2P-005]") {
    const auto v4 = parsed(sample_ipv4);
    CHECK(v4.is(stun::kind::success, stun::method::binding));
    CHECK(v4.check(stun::short_term_key(sample_password)));
    CHECK(v4.address(attribute::xor_mapped_address).value() == endpoint::v4(0xc0000201, 32853));

    const auto v6 = parsed(sample_ipv6);
    CHECK(v6.check(stun::short_term_key(sample_password)));
    const auto at = v6.address(attribute::xor_mapped_address).value();
    CHECK(at.v6);
    CHECK(to_hex(at.bytes()) == "20010db8123456780011223344556677");
    CHECK(at.port == 32853);
}

TEST_CASE("the request of RFC 5769 with a long-term credential is of its user", "[unit][p2p][AM-P2P-004]") {
    const auto in = parsed(sample_long_term);
    CHECK_FALSE(in.has_fingerprint());
    const auto key =
        stun::long_term_key(in.text(attribute::username).value(), in.text(attribute::realm).value(), "TheMatrIX");
    CHECK(in.check(key));
    CHECK_FALSE(in.check(stun::long_term_key("x", "example.org", "TheMatrIX")));
}

TEST_CASE("what the writer writes is what RFC 5769 has, where padding is zeros", "[unit][p2p][AM-P2P-001]") {
    const stun::transaction id = *stun::transaction::from(byte_view{sample_ipv4}.subspan(8, 12));
    stun::writer out{stun::kind::success, stun::method::binding, id};
    out.text(attribute::software, "test vector")
        .address(attribute::xor_mapped_address, endpoint::v4(0xc0000201, 32853));
    auto expected = sample_ipv4;
    expected[20 + 4 + 11] = 0;
    const auto mine = out.sign(stun::short_term_key(sample_password));
    // The padding is inside what the proof covers.
    CHECK(to_hex(byte_view{mine}.first(48)) == to_hex(byte_view{expected}.first(48)));
    CHECK(parsed(mine).check(stun::short_term_key(sample_password)));
}

TEST_CASE("every kind and method comes back as it was written", "[unit][p2p][AM-P2P-001]") {
    for (const auto what : {stun::kind::request, stun::kind::indication, stun::kind::success, stun::kind::failure})
        for (const auto about :
             {stun::method::binding, stun::method::allocate, stun::method::refresh, stun::method::send,
              stun::method::data, stun::method::create_permission, stun::method::channel_bind}) {
            const auto in = parsed(stun::writer{what, about, some_id}.finish());
            CHECK(in.is(what, about));
            CHECK(in.id() == some_id);
        }
    CHECK(stun::writer{stun::kind::failure, stun::method::channel_bind, some_id}.finish()[1] == 0x19);
}

TEST_CASE("both proofs are made and checked, and the better one decides", "[unit][p2p][AM-P2P-004]") {
    stun::writer out{stun::kind::request, stun::method::binding, some_id};
    out.text(attribute::username, "a:b");
    for (const bool sha256 : {false, true}) {
        const auto bytes = out.sign(stun::short_term_key("secret"), sha256);
        CHECK(parsed(bytes).check(stun::short_term_key("secret")));
        CHECK_FALSE(parsed(bytes).check(stun::short_term_key("secreT")));
        for (std::size_t at = 0; at + 8 < bytes.size(); ++at) {
            auto changed = bytes;
            changed[at] ^= 1;
            const auto again = resealed(changed);
            const auto in = stun::message::parse(again);
            CHECK_FALSE((in && in->check(stun::short_term_key("secret"))));
        }
    }
    // A wrong proof with SHA-256 is not made good by a right one with SHA-1 before it.
    auto both = out.sign(stun::short_term_key("secret"));
    both.resize(both.size() - 8);
    both.insert(both.end(), {0x00, 0x1c, 0x00, 0x20});
    both.resize(both.size() + 32);
    both[3] = static_cast<std::uint8_t>(both.size() - 20);
    const auto in = parsed(both);
    CHECK_FALSE(in.check(stun::short_term_key("secret")));
    CHECK_FALSE(parsed(out.finish()).check(stun::short_term_key("secret")));
    CHECK_FALSE(parsed(out.finish()).is_signed());
}

TEST_CASE("what stands behind a proof is not read", "[unit][p2p][AM-P2P-002]") {
    stun::writer out{stun::kind::request, stun::method::binding, some_id};
    auto bytes = out.text(attribute::username, "a:b").sign(stun::short_term_key("secret"));
    bytes.resize(bytes.size() - 8);
    bytes.insert(bytes.end(), {0x00, 0x25, 0x00, 0x00});  // use-candidate, added on the way
    bytes[3] = static_cast<std::uint8_t>(bytes.size() - 20);
    const auto in = parsed(bytes);
    CHECK(in.check(stun::short_term_key("secret")));
    CHECK(in.text(attribute::username).value() == "a:b");
    CHECK_FALSE(in.has(attribute::use_candidate));
}

TEST_CASE("a message of another form is refused", "[unit][p2p][AM-P2P-001][AM-P2P-003]") {
    const auto refused = [](buffer bytes, clause_id clause = "AM-P2P-001") {
        const auto in = stun::message::parse(bytes);
        REQUIRE_FALSE(in);
        CHECK(in.error() == error{errc::bad_stun, clause});
    };
    for (std::size_t size = 0; size < sample_request.size(); ++size)
        CHECK_FALSE(stun::message::parse(byte_view{sample_request}.first(size)));
    auto longer = sample_request;
    longer.push_back(0);
    refused(longer);
    auto channel = sample_request;
    channel[0] = 0x40;
    refused(channel);
    auto foreign = sample_request;
    foreign[4] ^= 1;
    refused(foreign);
    auto fingerprint = sample_request;
    fingerprint.back() ^= 1;
    refused(fingerprint, "AM-P2P-003");
    auto behind = sample_request;  // an attribute behind the fingerprint
    behind.insert(behind.end(), {0x80, 0x22, 0, 0});
    behind[3] += 4;
    refused(behind, "AM-P2P-003");
    stun::writer many{stun::kind::request, stun::method::binding, some_id};
    for (std::size_t i = 0; i < limits::stun_attributes - 1; ++i) many.flag(attribute::software);
    CHECK(stun::message::parse(many.finish()));
    refused(many.flag(attribute::software).finish());
}

TEST_CASE("attributes that must be understood are named, and others passed over", "[unit][p2p][AM-P2P-001]") {
    stun::writer out{stun::kind::request, stun::method::binding, some_id};
    for (const auto type : {0x7ffe, 0x7fff, 0x7ffe, 0x0002, 0x9999}) out.flag(static_cast<attribute>(type));
    const auto bytes = out.finish();
    const auto in = parsed(bytes);
    CHECK(in.unknown() == std::vector<std::uint16_t>{0x7ffe, 0x7fff, 0x0002});
    stun::writer answer{stun::kind::failure, in};
    const auto refusal = answer.error(420, "Unknown Attribute").unknown(in.unknown()).finish();
    const auto told = parsed(refusal);
    CHECK(told.id() == some_id);
    CHECK(told.error().value().code == 420);
    CHECK(told.error().value().reason == "Unknown Attribute");
    CHECK(to_hex(*told.find(attribute::unknown_attributes)) == "7ffe7fff0002");
}

TEST_CASE("addresses of a wrong length or family are refused", "[unit][p2p][AM-P2P-005]") {
    const auto with = [](std::string_view value) {
        return stun::writer{stun::kind::success, stun::method::binding, some_id}
            .bytes(attribute::xor_mapped_address, hex(value))
            .finish();
    };
    for (const auto value : {"", "0001a147", "0001a147e112a6", "0001a147e112a64300", "0002a147e112a643",
                             "0003a147e112a643", "0000a147e112a643", "0001a147e112a643e112a643e112a643e112a643"}) {
        const auto bytes = with(value);
        CHECK(parsed(bytes).address(attribute::xor_mapped_address).error() == error{errc::bad_stun, "AM-P2P-005"});
    }
    const auto bytes = with("ff01a147e112a643");  // the first byte says nothing
    CHECK(parsed(bytes).address(attribute::xor_mapped_address));
}

TEST_CASE("error codes outside 300 to 699 are refused", "[unit][p2p][AM-P2P-001]") {
    for (const auto& [value, code] : {std::pair{"00000300", 300},
                                      {"00000663", 699},
                                      {"00000264", 0},
                                      {"00000200", 0},
                                      {"00000700", 0},
                                      {"00000364", 0},
                                      {"000003", 0}}) {
        const auto bytes = stun::writer{stun::kind::failure, stun::method::binding, some_id}
                               .bytes(attribute::error_code, hex(value))
                               .finish();
        const auto got = parsed(bytes).error();
        CHECK(got.has_value() == (code != 0));
        if (got) CHECK(got->code == code);
    }
}
