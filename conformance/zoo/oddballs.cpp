#include "conformance/zoo/oddballs.hpp"

#include "conformance/zoo/loopback.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

namespace agentmesh::conformance::zoo {

namespace {

using json = nlohmann::ordered_json;

/// How one proxy differs. The defaults change nothing.
struct habits {
    /// Rewrites the relay's HTTP answer.
    std::string (*head)(std::string) = [](std::string same) { return same; };
    /// Rewrites the text of each text frame from the relay.
    std::string (*text)(const std::string&) = [](const std::string& same) { return same; };
    /// Turns opcode and payload into the bytes on the wire.
    std::string (*frame)(std::uint8_t, const std::string&) = [](std::uint8_t opcode, const std::string& payload) {
        return server_frame(opcode, payload);
    };
    std::size_t segment = 0;              ///< bytes per TCP segment, at both ends of each write; 0 = as they come
    bool batch = false;                   ///< holds frames back until the relay has paused
    std::chrono::milliseconds delay{0};   ///< between what the relay writes and what the client gets
};

class proxy final : public target {
public:
    proxy(std::uint16_t port, habits with)
        : server_{[port, with](socket_handle& client) { carry(client, port, with); }} {}
    [[nodiscard]] std::string url() const override { return server_.url(); }

private:
    static void carry(socket_handle& client, std::uint16_t port, const habits& with) {
        const auto relay = connect_loopback(port);
        if (!relay) return;
        if (with.delay.count() > 0) return carry_late(client, relay, with.delay);
        std::thread upstream{[&] {
            for (auto bytes = client.read_some(); !bytes.empty() && relay.write(bytes);) bytes = client.read_some();
            ::shutdown(relay.fd(), SHUT_WR);
        }};
        downstream(client, relay, with);
        ::shutdown(client.fd(), SHUT_RDWR);
        ::shutdown(relay.fd(), SHUT_RDWR);
        upstream.join();
    }

    /// Bytes in both directions unchanged; those of the relay later, all of them by the same time.
    static void carry_late(const socket_handle& client, const socket_handle& relay, std::chrono::milliseconds delay) {
        using clock = std::chrono::steady_clock;
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<std::pair<clock::time_point, std::string>> under_way;  // an empty string is the end
        std::thread upstream{[&] {
            for (auto bytes = client.read_some(); !bytes.empty() && relay.write(bytes);) bytes = client.read_some();
            ::shutdown(relay.fd(), SHUT_WR);
        }};
        std::thread arrivals{[&] {
            for (;;) {
                std::unique_lock lock{mutex};
                changed.wait(lock, [&] { return !under_way.empty(); });
                const auto due = under_way.front().first;
                changed.wait_until(lock, due, [&] { return clock::now() >= due; });
                const auto bytes = std::move(under_way.front().second);
                under_way.pop_front();
                lock.unlock();
                if (bytes.empty()) break;
                client.write(bytes);
            }
            ::shutdown(client.fd(), SHUT_RDWR);
        }};
        for (bool more = true; more;) {
            auto bytes = relay.read_some();
            more = !bytes.empty();
            const std::lock_guard lock{mutex};
            under_way.emplace_back(clock::now() + delay, std::move(bytes));
            changed.notify_one();
        }
        arrivals.join();
        ::shutdown(relay.fd(), SHUT_RDWR);
        upstream.join();
    }

    static void downstream(const socket_handle& client, const socket_handle& relay, const habits& with) {
        std::string rest;
        const auto head = read_head(relay, rest);
        if (!head || !put(client, with.head(*head), with)) return;
        if (!head->starts_with("HTTP/1.1 101")) {
            for (put(client, rest, with); !(rest = relay.read_some()).empty() && put(client, rest, with);) {}
            return;
        }
        std::string held;
        while (const auto frame = read_frame(relay, rest)) {
            held += with.frame(frame->opcode, frame->opcode == 1 ? with.text(frame->payload) : frame->payload);
            if (with.batch && (!rest.empty() || more_soon(relay))) continue;
            if (!put(client, std::exchange(held, {}), with)) return;
        }
        put(client, held, with);
    }

    /// Whether the relay writes again within a moment that is short against every deadline.
    static bool more_soon(const socket_handle& relay) {
        const timeval moment{0, 3000};
        ::setsockopt(relay.fd(), SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
        char byte = 0;
        const bool more = ::recv(relay.fd(), &byte, 1, MSG_PEEK) > 0;
        const timeval for_ever{0, 0};
        ::setsockopt(relay.fd(), SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever);
        return more;
    }

    static bool put(const socket_handle& client, std::string_view bytes, const habits& with) {
        // The middle of a long frame goes in larger pieces: a million segments take seconds of a slow machine and show
        // nothing that thousands do not.
        constexpr std::size_t ends = 2048;
        constexpr std::size_t piece = 1021;
        const auto whole = bytes.size();
        while (with.segment > 0 && bytes.size() > with.segment) {
            const bool middle = whole - bytes.size() >= ends && bytes.size() > ends;
            const auto size = middle ? std::min(bytes.size() - ends, piece) : with.segment;
            if (!client.write(bytes.substr(0, size))) return false;
            bytes.remove_prefix(size);
        }
        return client.write(bytes);
    }

    loopback_server server_;
};

template <class Change>
std::string rewritten(const std::string& text, Change change, int indent = -1) {
    auto value = json::parse(text);
    change(value);
    return value.dump(indent);
}

std::string reversed(const std::string& text) {
    const auto value = json::parse(text);
    auto out = json::object();
    for (auto it = value.rbegin(); it != value.rend(); ++it) out[it.key()] = *it;
    return out.dump();
}

std::string with_extras(const std::string& text) {
    return rewritten(text, [](json& value) {
        auto out = json::object({{"x-trace", {{"hop", 1}, {"via", nullptr}}}});
        for (const auto& [name, member] : value.items()) out[name] = member;
        out["x-note"] = "ignore me";
        value = out;
    });
}

std::string offset_times(const std::string& text) {
    return rewritten(text, [](json& value) {
        for (const char* name : {"timestamp", "last_seen"})
            if (value.contains(name) && value["type"] != "pong")
                if (auto time = value[name].get<std::string>(); time.ends_with('Z'))
                    value[name] = time.substr(0, time.size() - 1) + "+00:00";
    });
}

std::string own_words(const std::string& text) {
    return rewritten(text, [](json& value) {
        if (value["type"] == "error") value["message"] = "That did not work. (\u00e7a ne va pas)";
    });
}

std::string shuffled_head(std::string head) {
    if (!head.starts_with("HTTP/1.1 101")) return head;
    const auto name = head.find("Sec-WebSocket-Accept:");
    const auto from = head.find_first_not_of(' ', name + 21);
    const auto value = head.substr(from, head.find("\r\n", from) - from);
    return "HTTP/1.1 101 OK then\r\nDATE: Sat, 01 Jan 2000 00:00:00 GMT\r\nsec-websocket-accept:   " + value +
           "  \r\nX-Served-By: somebody else\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n\r\n";
}

std::string in_fragments(std::uint8_t opcode, const std::string& payload) {
    if (opcode != 1 || payload.size() < 3) return server_frame(opcode, payload);
    const auto third = payload.size() / 3;
    return server_frame(1, payload.substr(0, third), false) + server_frame(0, payload.substr(third, third), false) +
           server_frame(9, "between") + server_frame(0, payload.substr(2 * third));
}

std::string with_heartbeats(std::uint8_t opcode, const std::string& payload) {
    if (opcode == 8) return server_frame(opcode, payload);
    return server_frame(10, "unsolicited") + server_frame(opcode, payload) + server_frame(9, "beat");
}

std::string silent_close(std::uint8_t opcode, const std::string& payload) {
    // A reason is for people; the code is all that a client may rely on.
    return server_frame(opcode, opcode == 8 ? payload.substr(0, 2) : payload);
}

std::string wordy_close(std::uint8_t opcode, const std::string& payload) {
    if (opcode != 8 || payload.size() < 2) return server_frame(opcode, payload);
    return server_frame(opcode, payload.substr(0, 2) + "so long, and thanks for all the frames");
}

std::string upper_case_ids(const std::string& text) {
    return rewritten(text, [](json& value) {
        if (value["type"] != "connected") return;
        auto id = value["session_id"].get<std::string>();
        for (auto& c : id) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        value["session_id"] = id;
    });
}

std::string spelled_out_nulls(const std::string& text) {
    return rewritten(text, [](json& value) {
        if (value["type"] == "receive" && !value.contains("ice_candidates")) value["ice_candidates"] = nullptr;
        if (value["type"] == "error" && !value.contains("retry_after_seconds")) value["retry_after_seconds"] = nullptr;
        if (value["type"] == "presence_response" && !value.contains("last_seen")) value["last_seen"] = nullptr;
    });
}

template <class Set>
std::unique_ptr<target> with(std::uint16_t port, Set set) {
    habits own;
    set(own);
    return std::make_unique<proxy>(port, own);
}

}  // namespace

std::string escaped_text(const std::string& text) {
    std::string out;
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') inside = !inside;
        if (!inside || c == '"' || static_cast<unsigned char>(c) >= 0x80) {
            out += c;
        } else if (c == '\\') {
            const std::size_t length = text[i + 1] == 'u' ? 6 : 2;
            out.append(text, i, length);
            i += length - 1;
        } else {
            constexpr std::string_view digits = "0123456789abcdef";
            out += "\\u00";
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        }
    }
    return out;
}

const std::vector<oddball>& oddballs() {
    static const std::vector<oddball> all{
        {"reordered-members", "members in another order", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.text = reversed; }); }},
        {"extra-members", "members nobody has heard of, before and after", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.text = with_extras; }); }},
        {"pretty-printed", "JSON over many lines", false,
         [](std::uint16_t p) {
             return with(p, [](habits& h) {
                 h.text = [](const std::string& t) { return rewritten(t, [](json&) {}, 2) + "\r\n"; };
             });
         }},
        {"escaped-text", "every character of every string as an escape", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.text = escaped_text; }); }},
        {"offset-times", "times end in +00:00", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.text = offset_times; }); }},
        {"own-words", "error texts of its own, in another language", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.text = own_words; }); }},
        {"upper-case-ids", "session ids in capitals", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.text = upper_case_ids; }); }},
        {"spelled-out-nulls", "absent members written as null", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.text = spelled_out_nulls; }); }},
        {"other-http-head", "fields in other order and case, other reason phrase, more fields", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.head = shuffled_head; }); }},
        {"one-byte-segments", "one byte in each TCP segment, but for the middle of long frames", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.segment = 1; }); }},
        {"batched-frames", "frames held back and sent together", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.batch = true; }); }},
        {"fragmented-messages", "each message in three fragments with a Ping between", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.frame = in_fragments; }); }},
        {"heartbeats", "an unsolicited Pong before and a Ping after each frame", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.frame = with_heartbeats; }); }},
        {"silent-close", "Close frames without a reason", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.frame = silent_close; }); }},
        {"wordy-close", "Close frames with a long reason", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.frame = wordy_close; }); }},
        {"distant", "100 ms further away", false,
         [](std::uint16_t p) { return with(p, [](habits& h) { h.delay = std::chrono::milliseconds{100}; }); },
         std::chrono::seconds{8}},
        {"features-off", "speaks plain 0.2 only", true,
         [](std::uint16_t p) { return with(p, [](habits&) {}); }},
    };
    return all;
}

}  // namespace agentmesh::conformance::zoo
