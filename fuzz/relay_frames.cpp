// Property: a frame of a client is either refused with an error that has a clause, or its parts, written out again as
// the relay writes them, are a frame that the client's parser reads back with the same values. Nothing that is passed
// on can break out of the frame around it. Input: one byte of features, then the text.
#include "fuzz/fuzz.hpp"

#include <agentmesh/wire/frame.hpp>
#include <agentmesh/wire/relay_frame.hpp>

AM_FUZZ(AM_ENC_010, AM_ENC_011, AM_ENC_012, AM_ENC_013, AM_ENC_014, AM_ENC_015, AM_ENC_019);

using namespace agentmesh;
using namespace agentmesh::wire;

namespace {

constexpr std::string_view name = "2VqD8Yd8q3u6aZJ2m1a7yFqGZq1x";

std::string value_of(std::string_view raw) {
    std::string out;
    json::unescape(out, raw);
    return out;
}

template <class Frame>
Frame read_back(relay_frame_parser& parser, const std::string& text) {
    const auto frame = parser.parse(text);
    REQUIRE_FUZZ(frame.has_value());
    REQUIRE_FUZZ(std::holds_alternative<Frame>(*frame));
    return std::get<Frame>(*frame);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text({data + 1, size - 1});
    client_frame_parser parser;
    relay_frame_parser reader;
    const auto frame = parser.parse(text, {.receipts = (data[0] & 1) != 0});
    if (!frame) {
        REQUIRE_FUZZ(!frame.error().clause.empty());
        REQUIRE_FUZZ(to_wire(frame.error().code) == error_code::invalid_message);
        REQUIRE_FUZZ(parser.refused_id().empty() || is_message_id(parser.refused_id()));
        frame_pieces answer;
        write_error(answer, frame.error(), 0, parser.refused_id());
        REQUIRE_FUZZ(read_back<error_frame>(reader, answer.text()).code == error_code::invalid_message);
        return 0;
    }
    REQUIRE_FUZZ(json::validate(text).has_value());
    frame_pieces out;
    if (const auto* send = std::get_if<send_frame>(&*frame)) {
        write_receive(out, name, send->raw_payload, send->type, "2026-03-01T12:00:00Z", send->raw_candidates);
        finish_receive(out, send->id);
        const std::string written = out.text();
        const auto back = read_back<receive_frame>(reader, written);
        REQUIRE_FUZZ(back.payload == value_of(send->raw_payload));
        REQUIRE_FUZZ(back.type == send->type && back.raw_candidates == send->raw_candidates && back.id == send->id);
    } else if (const auto* ice = std::get_if<ice_frame>(&*frame)) {
        write_ice(out, ice->answer, name, ice->raw_sdp, ice->raw_candidates);
        const std::string written = out.text();
        const auto back = read_back<relayed_ice_frame>(reader, written);
        REQUIRE_FUZZ(back.sdp == value_of(ice->raw_sdp) && back.raw_candidates == ice->raw_candidates);
    } else if (const auto* ping = std::get_if<ping_frame>(&*frame)) {
        write_pong(out, ping->raw_timestamp);
        const std::string written = out.text();
        REQUIRE_FUZZ(parse_time(read_back<pong_frame>(reader, written).timestamp).has_value());
    } else if (const auto* connect = std::get_if<connect_frame>(&*frame); connect && connect->features) {
        REQUIRE_FUZZ(connect->features->size() <= feature_list::max_names);
    }
    return 0;
}
