#include "conformance/report/exhibit.hpp"

#include "conformance/engine/ws.hpp"
#include "conformance/report/tests/sample.hpp"
#include "tests/support/catch.hpp"

using namespace agentmesh::conformance;
using namespace agentmesh::conformance::report;

namespace {

constexpr std::array<std::uint8_t, 4> mask{1, 2, 3, 4};

exhibit shown(std::string bytes, direction dir = direction::out, std::string layer = "ws") {
    evidence_record record;
    record.seq = 7;
    record.conn = 2;
    record.dir = dir;
    record.layer = std::move(layer);
    record.bytes = std::move(bytes);
    return read_exhibit(record);
}

ws_frame frame(std::string payload, opcode op = opcode::text) {
    ws_frame out;
    out.payload = std::move(payload);
    out.op = op;
    return out;
}

}  // namespace

TEST_CASE("a masked text frame is shown unmasked", "[unit][report]") {
    const auto one = shown(encode(frame("hello"), mask));
    CHECK(one.kind == "text");
    CHECK(one.payload == "hello");
    CHECK(one.peculiar.empty());
}

TEST_CASE("every length form is read", "[unit][report]") {
    for (const std::size_t size : {0U, 125U, 126U, 65'535U, 65'536U}) {
        const auto one = shown(encode(frame(std::string(size, 'x')), mask));
        CHECK(one.payload == std::string(size, 'x'));
        CHECK(one.peculiar.empty());
    }
}

TEST_CASE("a close frame shows its code and its reason", "[unit][report]") {
    auto close = frame(close_payload(1002, "bye"), opcode::close);
    close.masked = false;
    const auto one = shown(encode(close, mask), direction::in);
    CHECK(one.kind == "close 1002");
    CHECK(one.payload == "bye");
}

TEST_CASE("what is unusual about a frame is named", "[unit][report]") {
    auto odd = frame("x");
    odd.masked = false;
    odd.rsv = 4;
    odd.form = length_form::eight_bytes;
    odd.fin = false;
    CHECK(shown(encode(odd, mask)).peculiar == "not masked, RSV1, length not in its shortest form, not final");
    CHECK(shown(encode(odd, mask), direction::in).peculiar == "RSV1, length not in its shortest form, not final");
    auto lying = frame("x");
    lying.length = 1000;
    CHECK(shown(encode(lying, mask)).peculiar == "announces 1,000 bytes");
}

TEST_CASE("fragments are joined and counted", "[unit][report]") {
    auto first = frame("he");
    first.fin = false;
    const auto one = shown(encode(first, mask) + encode(frame("llo", opcode::continuation), mask));
    CHECK(one.kind == "text in 2 frames");
    CHECK(one.payload == "hello");
    CHECK(one.peculiar.empty());
}

TEST_CASE("any bytes can be shown, cut anywhere", "[unit][report]") {
    const auto whole = encode(frame(std::string(300, 'x')), mask);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const auto one = shown(whole.substr(0, size));
        CHECK(one.payload.size() <= 300);
    }
}

TEST_CASE("events that are no bytes are named in words", "[unit][report]") {
    CHECK(shown("fin", direction::in, "tcp").kind == "end of stream");
    CHECK(shown("timeout", direction::none, "timer").kind == "nothing in time");
    CHECK(shown("fin", direction::in, "raw").payload == "fin");
}

TEST_CASE("a check is shown with the records it cites, and no others", "[unit][report]") {
    const auto made = sample_run();
    for (const auto& result : made.report.cases) {
        for (const auto& check : result.checks) {
            const auto found = exhibits_of(made.recorded, result, check);
            REQUIRE(found.size() == check.evidence.size());
            for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].seq == check.evidence[i]);
        }
    }
}

TEST_CASE("the gist of a record is one line", "[unit][report]") {
    const auto line = gist(shown("a\nb" + std::string(1000, 'x'), direction::in, "raw"), 40);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.starts_with("raw bytes a\\nbxxx"));
    CHECK(line.ends_with("…"));
}
