// vectors/dht against dht/.
#include <agentmesh/dht/storage.hpp>
#include <agentmesh/dht/table.hpp>

#include "tests/support/vectors.hpp"

using namespace agentmesh;
using namespace vectors;

namespace {

/// The class of a refusal of this layer.
std::string_view class_here(const error& why) {
    switch (why.code) {
        case errc::too_large: return "limit";
        case errc::amid_mismatch:
        case errc::stale_record:
        case errc::stale_prekey: return "auth";
        case errc::bad_signature: return "crypto";
        case errc::old_record: return "replay";
        default: return "parse";
    }
}

judge judged(operation compute) {
    return [compute = std::move(compute)](fields& input, const row& of) {
        const outcome found = compute(input, of);
        if (of.refused) {
            REQUIRE_FALSE(found);
            INFO(to_string(found.error()));
            CHECK("reject:" + std::string{class_here(found.error())} == of.expect);
            return;
        }
        if (!found) FAIL(to_string(found.error()));
        CHECK(found->output == of.output);
    };
}

template <class Fixed>
Fixed fixed_of(const buffer& bytes) {
    const auto out = Fixed::from(bytes);
    REQUIRE(out);
    return *out;
}

dht::endpoint endpoint_of(const buffer& address, std::uint16_t port) {
    dht::endpoint out{.v6 = address.size() == 16, .port = port};
    REQUIRE((address.size() == 4 || address.size() == 16));
    std::copy(address.begin(), address.end(), out.address.begin());
    return out;
}

dht::contact contact_of(const vectors::json& from) {
    fields in{from};
    const auto key = fixed_of<dht::node_public_key>(in.bytes("key"));
    const auto address = in.bytes("address");
    return dht::contact::of(key, endpoint_of(address, in.value<std::uint16_t>("port", 0)));
}

dht::point own_point(const row& of) {
    return dht::point_of(fixed_of<dht::node_public_key>(*from_hex(of.shared.at("key").get<std::string>())));
}

}  // namespace

TEST_CASE("nodes and agents lie where the vectors say", "[vectors][dht][AM-DHT-001]") {
    const auto rows = for_each_row(
        "dht/points", {{"dht.point", judged([](fields& in, const row&) -> outcome {
                            const auto bytes = in.bytes("bytes");
                            const auto at = in.text("of") == "node"
                                                ? dht::point_of(fixed_of<dht::node_public_key>(bytes))
                                                : dht::point_of(amid::from_raw(fixed_of<amid::raw>(bytes)));
                            return answer{.output = {{"point", to_hex(at.bytes())}}};
                        })}});
    CHECK(rows >= 7);
}

TEST_CASE("records are written and read as in the vectors",
          "[vectors][dht][AM-DHT-002][AM-DHT-003][AM-DHT-004][AM-DHT-005][AM-DHT-006][AM-DHT-007]") {
    const auto rows = for_each_row(
        "dht/records",
        {
            {"dht_record.make", judged([](fields& in, const row& of) -> outcome {
                 AGENTMESH_TRY(seed, signing_seed::from(*from_hex(of.shared.at("seed").get<std::string>())));
                 AGENTMESH_TRY(exchange, exchange_secret_key::from(
                                             *from_hex(of.shared.at("exchange_private_key").get<std::string>())));
                 const local_identity self{signing_key_pair{seed}, exchange_key_pair{std::move(exchange)}, {}};
                 std::optional<e2ee::signed_prekey> prekey;
                 if (const auto& asked = in["prekey"]; !asked.is_null()) {
                     fields times{asked};
                     const auto begin = times["not_before"].get<std::int64_t>();
                     prekey = e2ee::signed_prekey::make(self, 7, self.exchange().public_key(), begin,
                                                        times["not_after"].get<std::int64_t>());
                 }
                 AGENTMESH_TRY(record,
                               dht::discovery_record::make(
                                   self, in["epoch"].get<std::uint32_t>(), in["sequence"].get<std::uint64_t>(),
                                   time_point{std::chrono::seconds{in["issued"].get<std::int64_t>()}}, in.text("relay"),
                                   prekey, std::chrono::seconds{in["lifetime"].get<std::int64_t>()}));
                 return answer{.output = {{"record", to_hex(record.bytes())}}};
             })},
            {"dht_record.read", judged([](fields& in, const row& of) -> outcome {
                 const auto place = fixed_of<dht::point>(in.bytes("place"));
                 AGENTMESH_TRY(record, dht::read_record(in.bytes("record"), place, time_of(of.now)));
                 return answer{.output = {{"amid", record.name().text()},
                                          {"sequence", record.sequence},
                                          {"issued", record.issued},
                                          {"lifetime", record.lifetime},
                                          {"relay", record.relay},
                                          {"prekey", record.prekey.has_value()}}};
             })},
        });
    CHECK(rows >= 55);
}

TEST_CASE("datagrams, proofs and addresses are judged as in the vectors",
          "[vectors][dht][AM-DHT-008][AM-DHT-009][AM-DHT-010][AM-DHT-011]") {
    const auto rows = for_each_row(
        "dht/datagrams",
        {
            {"dht_datagram.read", judged([](fields& in, const row&) -> outcome {
                 const auto bytes = in.bytes("datagram");
                 AGENTMESH_TRY(read, dht::parse_datagram(bytes));
                 if (dht::is_request(read.what)) {
                     CHECK(dht::write_request(read, bytes.size()) == bytes);
                 }
                 return answer{.output = {{"kind", static_cast<int>(read.what)},
                                          {"flags", (read.prove ? 1 : 0) + (read.passive ? 2 : 0)},
                                          {"transaction", to_hex(read.id.bytes())},
                                          {"sender", to_hex(read.sender.bytes())}}};
             })},
            {"dht_answer.prove", judged([](fields& in, const row& of) -> outcome {
                 AGENTMESH_TRY(seed, crypto::ed25519_seed::from(*from_hex(of.shared.at("seed").get<std::string>())));
                 const dht::node_key_pair keys{seed};
                 const auto asker = fixed_of<dht::node_public_key>(in.bytes("asker"));
                 auto bytes = in.bytes("answer");
                 // The answer as it is before its proof, read by way of room for one.
                 bytes.resize(bytes.size() + signature::size);
                 AGENTMESH_TRY(read, dht::parse_datagram(bytes));
                 const auto whole = dht::write_answer(read, asker, &keys);
                 return answer{.output = {{"proof", to_hex(byte_view{whole}.last(signature::size))}}};
             })},
            {"dht_answer.check", judged([](fields& in, const row&) -> outcome {
                 const auto bytes = in.bytes("answer");
                 const auto asker = fixed_of<dht::node_public_key>(in.bytes("asker"));
                 AGENTMESH_TRY(read, dht::parse_datagram(bytes));
                 AGENTMESH_CHECK(dht::check_proof(bytes, read, asker));
                 return answer{};
             })},
            {"dht.address",
             [](fields& in, const row& of) {
                 const auto address = in.bytes("address");
                 CHECK(dht::is_global(endpoint_of(address, in.value<std::uint16_t>("port", 0))) != of.refused);
                 if (of.refused) CHECK(of.expect == "reject:policy");
             }},
        });
    CHECK(rows >= 130);
}

TEST_CASE("the table takes and tells contacts as in the vectors", "[vectors][dht][AM-DHT-014][AM-DHT-015]") {
    using result_of = dht::routing_table::outcome;
    const auto rows = for_each_row(
        "dht/tables", {
                          {"dht_table.note",
                           [](fields& in, const row& of) {
                               dht::routing_table table{own_point(of)};
                               const steady_point now{};
                               for (const auto& one : in["before"])
                                   REQUIRE(table.note_alive(contact_of(one), now) != result_of::refused);
                               const auto got = table.note_alive(contact_of(in["last"]), now);
                               CHECK((got == result_of::refused) == of.refused);
                               if (of.refused) {
                                   CHECK(of.expect == "reject:limit");
                                   return;
                               }
                               const std::string word = got == result_of::added   ? "added"
                                                        : got == result_of::known ? "known"
                                                                                  : "spare";
                               CHECK(word == of.output.at("outcome").get<std::string>());
                           }},
                          {"dht_table.closest", judged([](fields& in, const row& of) -> outcome {
                               dht::routing_table table{own_point(of)};
                               for (const auto& one : in["contacts"])
                                   REQUIRE(table.note_alive(contact_of(one), {}) == result_of::added);
                               const auto target = fixed_of<dht::point>(in.bytes("target"));
                               auto keys = vectors::json::array();
                               for (const auto& one : table.closest(target, in["count"].get<std::size_t>()))
                                   keys.push_back(to_hex(one.key.bytes()));
                               return answer{.output = {{"keys", keys}}};
                           })},
                      });
    CHECK(rows >= 25);
}

TEST_CASE("records are held and given out as in the vectors", "[vectors][dht][AM-DHT-016][AM-DHT-017]") {
    const auto source = dht::endpoint::v4(0x05000001, 8468);
    const auto rows = for_each_row(
        "dht/storage", {
                           {"dht_storage.put", judged([&](fields& in, const row& of) -> outcome {
                                dht::storage store{{}};
                                const moment now{{}, time_of(of.now)};
                                for (const auto& one : in["held"])
                                    REQUIRE(store.put(*from_hex(one.get<std::string>()), source, now));
                                AGENTMESH_TRY(fresh, store.put(in.bytes("last"), source, now));
                                return answer{.output = {{"new", fresh}}};
                            })},
                           {"dht_storage.find", judged([&](fields& in, const row& of) -> outcome {
                                dht::storage store{{}};
                                const moment now{{}, time_of(of.now)};
                                const auto bytes = in.bytes("record");
                                REQUIRE(store.put(bytes, source, now));
                                const auto place = dht::decode_record(bytes)->place();
                                const auto later = now + std::chrono::seconds{in["seconds"].get<std::int64_t>()} +
                                                   std::chrono::microseconds{in["microseconds"].get<std::int64_t>()};
                                CHECK(dht::decode_record(bytes)->lifetime == in["lifetime"].get<std::uint32_t>());
                                const auto* held = store.find(place, later);
                                return answer{.output = {{"record", held ? to_hex(held->bytes) : ""}}};
                            })},
                       });
    CHECK(rows >= 18);
}
