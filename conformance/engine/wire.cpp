#include "conformance/engine/wire.hpp"

#include "conformance/engine/http.hpp"
#include "conformance/engine/ws.hpp"

namespace agentmesh::conformance {

observation read_observation(std::string_view layer, std::string_view bytes) {
    observation out;
    out.what = observation::kind::garbage;
    if (layer == "tcp" || layer == "tls") {
        if (bytes == "fin") out.what = observation::kind::fin;
        else if (bytes == "reset") out.what = observation::kind::reset;
        else if (bytes == "refused") out.what = observation::kind::refused;
        else out.what = observation::kind::opened;
        out.payload = bytes;
    } else if (layer == "timer") {
        out.what = observation::kind::timeout;
    } else if (layer == "http") {
        if (auto parsed = parse_response(bytes, true)) out = std::move(parsed->seen);
    } else if (layer == "ws") {
        ws_decoder decoder;
        decoder.feed(bytes);
        if (auto event = decoder.take()) out = std::move(event->seen);
    } else {
        out.payload = bytes;
    }
    return out;
}

std::string_view to_string(wire::action what) noexcept {
    switch (what) {
        case wire::action::end_writing: return "fin";
        case wire::action::reset: return "reset";
        case wire::action::close: return "close";
        case wire::action::stop_reading: return "stop";
        case wire::action::resume_reading: return "resume";
    }
    return "";
}

}  // namespace agentmesh::conformance
