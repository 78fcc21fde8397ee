#include "conformance/report/exhibit.hpp"

#include "conformance/report/text.hpp"

#include <algorithm>
#include <array>

namespace agentmesh::conformance::report {
namespace {

/// One WebSocket frame at the front of some bytes, however wrong; what is missing of it is missing.
struct frame_view {
    bool fin = false, masked = false, long_form = false, whole = false;
    unsigned rsv = 0, op = 0;
    std::uint64_t announced = 0;
    std::string payload;
    std::size_t size = 0;  ///< bytes taken
};

frame_view read_frame(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    frame_view seen;
    seen.size = bytes.size();
    if (bytes.size() < 2) return seen;
    seen.fin = (at(0) & 0x80U) != 0;
    seen.rsv = at(0) >> 4U & 7U;
    seen.op = at(0) & 15U;
    seen.masked = (at(1) & 0x80U) != 0;
    const auto short_length = at(1) & 0x7fU;
    const std::size_t extra = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    const std::size_t head = 2 + extra + (seen.masked ? 4 : 0);
    if (bytes.size() < head) return seen;
    seen.announced = extra == 0 ? short_length : 0;
    for (std::size_t i = 0; i < extra; ++i) seen.announced = seen.announced << 8U | at(2 + i);
    seen.long_form = (extra == 2 && seen.announced < 126) || (extra == 8 && seen.announced < 65'536);
    seen.whole = seen.announced <= bytes.size() - head;
    const auto length = seen.whole ? static_cast<std::size_t>(seen.announced) : bytes.size() - head;
    for (std::size_t i = 0; i < length; ++i) {
        const unsigned mask = seen.masked ? at(2 + extra + i % 4) : 0U;
        seen.payload += static_cast<char>(at(head + i) ^ mask);
    }
    seen.size = head + length;
    return seen;
}

std::string opcode_name(const frame_view& frame) {
    switch (frame.op) {
        case 0: return "continuation";
        case 1: return "text";
        case 2: return "binary";
        case 8:
            if (frame.payload.size() < 2) return "close";
            return "close " + std::to_string(static_cast<std::uint8_t>(frame.payload[0]) << 8U |
                                             static_cast<std::uint8_t>(frame.payload[1]));
        case 9: return "ping";
        case 10: return "pong";
        default: return "opcode " + std::to_string(frame.op);
    }
}

void add_word(std::string& list, std::string_view word) {
    if (list.find(word) != std::string::npos) return;
    if (!list.empty()) list += ", ";
    list += word;
}

void note_peculiarities(exhibit& out, const frame_view& frame) {
    const bool masked_as_usual = frame.masked == (out.dir == direction::out);
    if (!masked_as_usual) add_word(out.peculiar, frame.masked ? "masked" : "not masked");
    for (unsigned bit = 0; bit < 3; ++bit) {
        if ((frame.rsv & 4U >> bit) != 0) add_word(out.peculiar, "RSV" + std::to_string(bit + 1));
    }
    if (frame.long_form) add_word(out.peculiar, "length not in its shortest form");
    if (!frame.whole) add_word(out.peculiar, "announces " + grouped(frame.announced) + " bytes");
}

void read_websocket(exhibit& out) {
    std::string_view rest = out.bytes;
    std::size_t frames = 0;
    bool finished = false;
    for (; !rest.empty(); ++frames) {
        const auto frame = read_frame(rest);
        if (frames == 0) out.kind = opcode_name(frame);
        note_peculiarities(out, frame);
        const bool close = frame.op == 8 && frame.payload.size() >= 2;
        out.payload += close ? frame.payload.substr(2) : frame.payload;
        finished = frame.fin;
        rest.remove_prefix(frame.size);
    }
    if (frames > 1) out.kind += " in " + std::to_string(frames) + " frames";
    if (frames > 0 && !finished) add_word(out.peculiar, "not final");
}

struct layer_words {
    std::string_view layer, bytes, kind;  // `bytes` empty: whatever they are
};
constexpr std::array layers{
    layer_words{"tcp", "connect", "TCP connect"},   layer_words{"tcp", "open", "connection open"},
    layer_words{"tcp", "fin", "end of stream"},     layer_words{"tcp", "reset", "reset"},
    layer_words{"tcp", "refused", "refused"},       layer_words{"timer", "timeout", "nothing in time"},
    layer_words{"timer", "waited", "time waited"},
};

}  // namespace

exhibit read_exhibit(const evidence_record& record) {
    exhibit out{record.seq, record.conn, record.dir, {}, {}, {}, record.bytes};
    const auto fixed = std::find_if(layers.begin(), layers.end(), [&](const layer_words& words) {
        return words.layer == record.layer && words.bytes == record.bytes;
    });
    if (fixed != layers.end()) {
        out.kind = fixed->kind;
        out.bytes.clear();
    } else if (record.layer == "ws") {
        read_websocket(out);
    } else {
        out.kind = record.layer == "http" ? "HTTP" : record.layer == "raw" ? "raw bytes" : record.layer;
        out.payload = record.bytes;
    }
    return out;
}

std::vector<exhibit> exhibits_of(const evidence& from, const case_result& of, const check_result& check) {
    std::vector<exhibit> out;
    const auto found = std::find_if(from.cases.begin(), from.cases.end(),
                                    [&](const ledger& one) { return one.case_id() == of.id; });
    if (found == from.cases.end()) return out;
    for (const auto& record : found->records()) {
        const bool cited = std::find(check.evidence.begin(), check.evidence.end(), record.seq) != check.evidence.end();
        if (cited && !record.is_verdict()) out.push_back(read_exhibit(record));
    }
    return out;
}

std::string label(std::uint64_t seq) {
    auto digits = std::to_string(seq);
    if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
    return "#" + digits;
}

std::string gist(const exhibit& shown, std::size_t limit) {
    // Decoding a little more than is shown is enough; payloads can be large.
    const auto text = visible(std::string_view(shown.payload).substr(0, limit * 4));
    return shortened(shown.kind + (text.empty() ? "" : " " + text), limit);
}

}  // namespace agentmesh::conformance::report
