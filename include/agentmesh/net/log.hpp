// Log lines of a server: one JSON object a line, of fixed fields. What a peer chose is never in them, but for its
// AMID; payloads, keys and signatures have no way in.
#pragma once

#include <agentmesh/core/error.hpp>
#include <agentmesh/core/time.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agentmesh::net {

enum class log_level : std::uint8_t { off, info, debug };

/// What one line says besides its time and name. Fields left empty are left out.
struct log_fields {
    std::optional<std::uint32_t> connection{};
    std::string_view amid{};  ///< the text form of an AMID, which is base58
    std::string_view code{};  ///< of an error frame, or of what the system refused
    std::string_view clause{};
    std::string_view detail{};              ///< a fixed sentence of ours, or the system's
    std::optional<std::uint64_t> number{};  ///< a close code, a status or a count
};

/// Writes lines to a sink. The sink is called once for each whole line.
/// @spec AM-PRV-002
class logger {
public:
    using sink = std::function<void(std::string_view line)>;

    logger() = default;
    logger(log_level level, sink out) : sink_{std::move(out)}, level_{level} {}

    [[nodiscard]] bool wants(log_level level) const noexcept {
        return level != log_level::off && level <= level_ && sink_ != nullptr;
    }
    /// `{"time":"...","level":"info","event":"connected","connection":7,"amid":"..."}` and a line feed.
    void write(log_level level, time_point at, std::string_view event, const log_fields& fields = {}) {
        if (!wants(level)) return;
        line_.assign(R"({"time":")");
        append_time(line_, at);
        line_.append(level == log_level::info ? R"(","level":"info")" : R"(","level":"debug")");
        add("event", event);
        if (fields.connection) add("connection", *fields.connection);
        add("amid", fields.amid);
        add("code", fields.code);
        add("clause", fields.clause);
        add("detail", fields.detail);
        if (fields.number) add("number", *fields.number);
        line_.append("}\n");
        sink_(line_);
    }

    /// Appends `text` as the inside of a JSON string; whatever is not printable ASCII becomes an escape, so that a
    /// line stays one line and no terminal is told anything.
    static void append_escaped(std::string& out, std::string_view text) {
        static constexpr char digits[] = "0123456789abcdef";
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\') {
                out.push_back('\\');
                out.push_back(c);
            } else if (byte < 0x20 || byte > 0x7E) {
                out.append("\\u00");
                out.push_back(digits[byte >> 4]);
                out.push_back(digits[byte & 15]);
            } else {
                out.push_back(c);
            }
        }
    }

private:
    void add(std::string_view name, std::string_view value) {
        if (value.empty()) return;
        line_.append(",\"").append(name).append("\":\"");
        append_escaped(line_, value);
        line_.push_back('"');
    }
    void add(std::string_view name, std::uint64_t value) {
        line_.append(",\"").append(name).append("\":").append(std::to_string(value));
    }

    sink sink_;
    std::string line_;
    log_level level_ = log_level::off;
};

}  // namespace agentmesh::net
