// Correct but unusual registries: the reference behind a proxy that changes what a client may not rely on.
#include "conformance/zoo/loopback.hpp"
#include "conformance/zoo/oddballs.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

namespace agentmesh::conformance::zoo {

namespace {

using json = nlohmann::ordered_json;

/// An answer of the registry, as far as it matters here.
struct answer {
    std::string start;   ///< the status line, with its line end
    std::string fields;  ///< the others, each with its line end, without Content-Length
    std::string body;

    [[nodiscard]] bool bodiless() const { return start.starts_with("HTTP/1.1 1") || start.starts_with("HTTP/1.1 204"); }
};

/// How one proxy differs. The defaults change nothing.
struct habits {
    /// Rewrites the JSON of a body; answers with another body are left alone.
    std::string (*text)(const std::string&) = nullptr;
    /// Rewrites status line and fields.
    void (*head)(answer&) = [](answer&) {};
    bool chunked = false;                ///< bodies in chunks, with trailers
    bool closing = false;                ///< `Connection: close` on every answer, and the end behind it
    bool early_hints = false;            ///< an interim answer before each
    std::size_t segment = 0;             ///< bytes per TCP segment; 0 = as they come
    std::chrono::milliseconds delay{0};  ///< before each answer
};

class http_proxy final : public target {
public:
    http_proxy(std::uint16_t port, habits with)
        : server_{[port, with](socket_handle& client) { carry(client, port, with); }} {}
    [[nodiscard]] std::string url() const override { return server_.http_url(); }

private:
    static void carry(const socket_handle& client, std::uint16_t port, const habits& with) {
        const auto registry = connect_loopback(port);
        if (!registry) return;
        std::atomic<bool> head_only{false};
        std::thread upstream{[&] {
            for (auto bytes = client.read_some(); !bytes.empty(); bytes = client.read_some()) {
                if (bytes.starts_with("HEAD ")) head_only = true;
                if (!registry.write(bytes)) break;
            }
            ::shutdown(registry.fd(), SHUT_WR);
        }};
        std::string rest;
        while (const auto one = read_answer(registry, rest, head_only)) {
            if (with.delay.count() > 0) std::this_thread::sleep_for(with.delay);
            if (!put(client, rewritten(*one, with, head_only), with) || (with.closing && !one->bodiless())) break;
        }
        ::shutdown(client.fd(), SHUT_RDWR);
        ::shutdown(registry.fd(), SHUT_RDWR);
        upstream.join();
    }

    static std::optional<answer> read_answer(const socket_handle& registry, std::string& rest, bool head_only) {
        const auto head = read_head(registry, rest);
        if (!head) return std::nullopt;
        answer out;
        const auto first = head->find("\r\n") + 2;
        out.start = head->substr(0, first);
        std::size_t size = 0;
        for (auto at = first; at + 2 < head->size();) {
            const auto end = head->find("\r\n", at) + 2;
            const auto line = head->substr(at, end - at);
            if (line.starts_with("Content-Length: ")) size = std::strtoul(line.c_str() + 16, nullptr, 10);
            else out.fields += line;
            at = end;
        }
        if (head_only) size = 0;
        while (rest.size() < size) {
            const auto more = registry.read_some();
            if (more.empty()) return std::nullopt;
            rest += more;
        }
        out.body = rest.substr(0, size);
        rest.erase(0, size);
        return out;
    }

    static std::string rewritten(answer of, const habits& with, bool head_only) {
        if (of.bodiless()) return of.start + of.fields + "\r\n";
        if (with.text != nullptr && of.body.starts_with('{')) of.body = with.text(of.body);
        with.head(of);
        if (with.closing) of.fields += "Connection: close\r\n";
        std::string body = of.body;
        if (with.chunked && !head_only) {
            of.fields += "Transfer-Encoding: chunked\r\n";
            body = in_chunks(of.body);
        } else {
            of.fields += "Content-Length: " + std::to_string(of.body.size()) + "\r\n";
        }
        const std::string early = with.early_hints ? "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" : "";
        return early + of.start + of.fields + "\r\n" + body;
    }

    static std::string in_chunks(std::string_view body) {
        constexpr std::string_view digits = "0123456789abcdef";
        std::string out;
        for (std::size_t size = 1; !body.empty(); size = size % 15 + 3) {
            const auto piece = body.substr(0, size);
            (out += digits[piece.size() / 16]) += digits[piece.size() % 16];
            out.append("\r\n").append(piece).append("\r\n");
            body.remove_prefix(piece.size());
        }
        return out + "0\r\nX-Trailer: not to be believed\r\n\r\n";
    }

    static bool put(const socket_handle& client, std::string_view bytes, const habits& with) {
        while (with.segment > 0 && bytes.size() > with.segment) {
            if (!client.write(bytes.substr(0, with.segment))) return false;
            bytes.remove_prefix(with.segment);
        }
        return client.write(bytes);
    }

    loopback_server server_;
};

template <class Change>
std::string changed(const std::string& text, Change change, int indent = -1) {
    auto value = json::parse(text, nullptr, false);
    if (value.is_discarded()) return text;
    change(value);
    return value.dump(indent);
}

/// Every object in it, however deep.
void each_object(json& value, void (*change)(json&)) {
    for (auto& member : value)
        if (member.is_structured()) each_object(member, change);
    if (value.is_object()) change(value);
}

std::string reversed(const std::string& text) {
    return changed(text, [](json& all) {
        each_object(all, [](json& value) {
            auto out = json::object();
            for (auto it = value.rbegin(); it != value.rend(); ++it) out[it.key()] = *it;
            value = out;
        });
    });
}

std::string with_extras(const std::string& text) {
    return changed(text, [](json& value) {
        auto out = json::object({{"x-trace", {{"hop", 1}, {"via", nullptr}}}});
        for (const auto& [name, member] : value.items()) out[name] = member;
        out["x-note"] = "ignore me";
        value = out;
    });
}

std::string offset_times(const std::string& text) {
    return changed(text, [](json& all) {
        each_object(all, [](json& value) {
            for (const char* name : {"last_seen", "last_updated", "next_update", "revoked_at", "created_at", "created",
                                     "updated", "expires_at"})
                if (value.contains(name) && value[name].is_string())
                    if (auto time = value[name].get<std::string>(); time.ends_with('Z'))
                        value[name] = time.substr(0, time.size() - 1) + "+00:00";
        });
    });
}

std::string own_words(const std::string& text) {
    return changed(text, [](json& value) {
        if (value.contains("error")) value["message"] = "That did not work. (\u00e7a ne va pas)";
    });
}

void lower_case_names(answer& of) {
    bool name = true;
    for (char& c : of.fields) {
        if (name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        name = c == '\n' || (name && c != ':');
    }
}

void other_head(answer& of) {
    of.start = of.start.substr(0, 12) + " \r\n";
    of.fields = "Server: somebody else\r\ndate: Sat, 01 Jan 2000 00:00:00 GMT\r\nVary: *\r\nX-Empty:\r\n" + of.fields +
                "Cache-Control: no-store\r\nKeep-Alive: timeout=5\r\n";
}

void charset(answer& of) {
    if (const auto at = of.fields.find("application/json"); at != std::string::npos)
        of.fields.insert(at + 16, "; charset=utf-8");
}

template <class Set>
std::unique_ptr<target> with(std::uint16_t port, Set set) {
    habits own;
    set(own);
    return std::make_unique<http_proxy>(port, own);
}

}  // namespace

const std::vector<oddball>& registry_oddballs() {
    const auto odd = [](std::string_view name, std::string_view what, auto start) {
        return oddball{.name = name, .what = what, .start = start};
    };
    static const std::vector<oddball> all{
        odd("registry_reordered-members", "members in another order",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.text = reversed; }); }),
        odd("registry_extra-members", "members nobody has heard of, before and after",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.text = with_extras; }); }),
        odd("registry_pretty-printed", "JSON over many lines",
            [](std::uint16_t p) {
                return with(p, [](habits& h) {
                    h.text = [](const std::string& t) { return changed(t, [](json&) {}, 2) + "\r\n"; };
                });
            }),
        odd("registry_escaped-text", "every character of every string as an escape",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.text = escaped_text; }); }),
        odd("registry_offset-times", "times end in +00:00",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.text = offset_times; }); }),
        odd("registry_own-words", "sentences of its own, in another language",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.text = own_words; }); }),
        odd("registry_lower-case-fields", "names of fields in lower case",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.head = lower_case_names; }); }),
        odd("registry_other-http-head", "no reason phrase, and more fields",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.head = other_head; }); }),
        odd("registry_charset", "the type of JSON with a charset",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.head = charset; }); }),
        odd("registry_chunked", "every body in small chunks, with a trailer",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.chunked = true; }); }),
        odd("registry_one-byte-segments", "one byte in each TCP segment",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.segment = 1; }); }),
        odd("registry_always-close", "closes the connection behind every answer",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.closing = true; }); }),
        odd("registry_early-hints", "an interim answer before each",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.early_hints = true; }); }),
        odd("registry_distant", "200 ms further away",
            [](std::uint16_t p) { return with(p, [](habits& h) { h.delay = std::chrono::milliseconds{200}; }); }),
    };
    return all;
}

}  // namespace agentmesh::conformance::zoo
