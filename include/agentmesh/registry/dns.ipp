// Bodies of registry/dns.hpp.
#pragma once

#include <agentmesh/registry/dns.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace agentmesh::registry {

namespace detail {

inline constexpr std::uint16_t dns_cname = 5;
inline constexpr std::uint16_t dns_txt = 16;
inline constexpr std::uint16_t dns_in = 1;
inline constexpr std::size_t dns_header = 12;

[[nodiscard]] constexpr std::uint8_t lower_octet(std::uint8_t c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c - 'A' + 'a') : c;
}

/// Reads from the front of a message; a fault sticks.
class dns_reader {
public:
    explicit dns_reader(byte_view whole) noexcept : whole_{whole} {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t at() const noexcept { return at_; }
    [[nodiscard]] bool finished() const noexcept { return ok_ && at_ == whole_.size(); }

    [[nodiscard]] byte_view take(std::size_t count) noexcept {
        if (!ok_ || count > whole_.size() - at_) {
            ok_ = false;
            return {};
        }
        at_ += count;
        return whole_.subspan(at_ - count, count);
    }
    [[nodiscard]] std::uint16_t u16() noexcept {
        const auto two = take(2);
        return two.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(two[0] << 8 | two[1]);
    }
    /// A name in wire form, without compression and in lower case.
    [[nodiscard]] std::string name() {
        std::string out;
        std::size_t from = at_, before = at_;
        bool followed = false;
        while (ok_) {
            if (from >= whole_.size()) break;
            const std::size_t length = whole_[from];
            if (length >= 0xc0) {
                if (from + 1 >= whole_.size()) break;
                const std::size_t to = (length & 0x3f) << 8 | whole_[from + 1];
                if (!followed) at_ = from + 2;
                followed = true;
                // Each pointer leads before the last one, so that this ends.
                if (to >= before || to < dns_header) break;
                from = before = to;
                continue;
            }
            if (length > 63 || length >= whole_.size() - from || out.size() + length + 2 > 255) break;
            if (length == 0) {
                if (!followed) at_ = from + 1;
                return out;
            }
            out.push_back(static_cast<char>(length));
            for (const auto c : whole_.subspan(from + 1, length)) out.push_back(static_cast<char>(lower_octet(c)));
            from += 1 + length;
        }
        ok_ = false;
        return {};
    }

private:
    byte_view whole_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

/// The strings of a TXT record, joined; nothing if they do not fill it exactly.
[[nodiscard]] inline std::optional<std::string> joined_strings(byte_view data) {
    if (data.empty()) return std::nullopt;
    std::string out;
    while (!data.empty()) {
        const std::size_t length = data.front();
        if (length >= data.size()) return std::nullopt;
        out.append(as_text(data.subspan(1, length)));
        data = data.subspan(1 + length);
    }
    return out;
}

}  // namespace detail

inline result<buffer> write_text_question(std::string_view name, std::uint16_t id) {
    const auto refused = fail(errc::wrong_member, "AM-ORG-020");
    buffer out{static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    if (name.empty() || name.size() > 253) return refused;
    while (true) {
        const auto end = std::min(name.find('.'), name.size());
        if (end == 0 || end > 63) return refused;
        out.push_back(static_cast<std::uint8_t>(end));
        const auto label = as_bytes(name.substr(0, end));
        out.insert(out.end(), label.begin(), label.end());
        if (end == name.size()) break;
        name.remove_prefix(end + 1);
    }
    for (const int one : {0, 0, 16, 0, 1}) out.push_back(static_cast<std::uint8_t>(one));
    return out;
}

inline result<std::optional<text_reply>> parse_text_reply(byte_view message, byte_view question, bool exact_case) {
    using detail::dns_header;
    if (message.size() < question.size() || message[0] != question[0] || message[1] != question[1]) return std::nullopt;
    const bool answers = (message[2] & 0x80) != 0 && (message[2] & 0x78) == 0 && message[4] == 0 && message[5] == 1;
    const auto asked = question.subspan(dns_header), echoed = message.subspan(dns_header, asked.size());
    const bool same = std::equal(asked.begin(), asked.end(), echoed.begin(), [](std::uint8_t a, std::uint8_t b) {
        return detail::lower_octet(a) == detail::lower_octet(b);
    });
    if (!answers || !same) return std::nullopt;
    const bool truncated = (message[2] & 0x02) != 0;
    if (truncated || (exact_case && !std::equal(asked.begin(), asked.end(), echoed.begin())))
        return text_reply{.truncated = true};
    const int code = message[3] & 0x0f;
    const auto refused = fail(errc::bad_datagram, "AM-ORG-021");
    if (message.size() > dns_limits::message) return refused;

    detail::dns_reader in{message};
    (void)in.take(6);
    const std::size_t answered = in.u16();
    std::size_t records = answered;
    records += in.u16();
    records += in.u16();
    if (records > dns_limits::records) return refused;
    (void)in.take(asked.size());
    std::map<std::string, std::string> aliases;
    std::vector<std::pair<std::string, std::string>> texts;
    for (std::size_t i = 0; i < records && in.ok(); ++i) {
        auto owner = in.name();
        const auto type = in.u16(), of_class = in.u16();
        (void)in.take(4);
        const std::size_t length = in.u16();
        const auto begin = in.at();
        if (i < answered && of_class == detail::dns_in && type == detail::dns_cname) {
            auto target = in.name();
            if (!in.ok() || in.at() != begin + length || !aliases.emplace(std::move(owner), std::move(target)).second)
                return refused;
            continue;
        }
        const auto data = in.take(length);
        if (i >= answered || of_class != detail::dns_in || type != detail::dns_txt || !in.ok()) continue;
        auto text = detail::joined_strings(data);
        if (!text) return refused;
        texts.emplace_back(std::move(owner), *std::move(text));
    }
    if (!in.finished()) return refused;
    // No such name is an answer as good as no such record.
    if (code != 0 && code != 3) return text_reply{.refused = true};
    std::string name;
    for (const auto c : asked.first(asked.size() - 5)) name.push_back(static_cast<char>(detail::lower_octet(c)));
    for (std::size_t steps = 0; aliases.contains(name); ++steps) {
        if (steps == dns_limits::aliases) return refused;
        name = aliases[name];
    }
    text_reply out;
    for (auto& [owner, text] : texts)
        if (owner == name) out.texts.push_back(std::move(text));
    return out;
}

template <class Out>
result<void> text_lookup::start(const moment& now, RandomSource auto& random, Out& out) {
    if (servers_ == 0) {
        phase_ = phase::done;
        return fail(errc::registry_failed, "AM-ORG-005");
    }
    auto begun = ask(false, now, random, out);
    if (!begun) phase_ = phase::done;
    return begun;
}

template <class Out>
result<void> text_lookup::ask(bool stream, const moment& now, RandomSource auto& random, Out& out) {
    std::array<std::uint8_t, 34> drawn;
    AGENTMESH_CHECK(random.fill(drawn));
    // Whoever would answer in the place of the server has to guess the port, these 16 bits, and one more a letter.
    std::string name = name_;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool upper = (drawn[2 + i / 8 % 32] >> (i % 8) & 1) != 0;
        if (upper && name[i] >= 'a' && name[i] <= 'z') name[i] = static_cast<char>(name[i] - 'a' + 'A');
    }
    AGENTMESH_TRY(written, write_text_question(name, static_cast<std::uint16_t>(drawn[0] << 8 | drawn[1])));
    question_ = std::move(written);
    strangers_ = 0;
    phase_ = stream ? phase::stream : phase::datagram;
    deadline_ = now.steady + (stream ? dns_limits::stream_time : dns_limits::try_time);
    const auto server = static_cast<std::size_t>(tries_) % servers_;
    if (stream)
        out.ask_stream(server, byte_view{question_});
    else
        out.ask_datagram(server, byte_view{question_});
    return {};
}

template <class Out>
void text_lookup::next(const moment& now, RandomSource auto& random, Out& out) {
    if (++tries_ >= dns_limits::tries) return settle(fail(errc::timed_out, "AM-ORG-005"), out);
    if (const auto asked = ask(false, now, random, out); !asked) settle(fail(asked.error()), out);
}

template <class Out>
void text_lookup::settle(result<std::vector<std::string>> texts, Out& out) {
    phase_ = phase::done;
    out.answered(std::move(texts));
}

template <class Out>
void text_lookup::take(const text_reply& reply, const moment& now, RandomSource auto& random, Out& out) {
    if (reply.refused || (reply.truncated && phase_ == phase::stream)) return next(now, random, out);
    if (!reply.truncated) return settle(reply.texts, out);
    if (const auto asked = ask(true, now, random, out); !asked) settle(fail(asked.error()), out);
}

template <class Out>
void text_lookup::on_datagram(byte_view message, const moment& now, RandomSource auto& random, Out& out) {
    if (phase_ != phase::datagram) return;
    const auto reply = parse_text_reply(message, question_, true);
    if (reply && *reply) return take(**reply, now, random, out);
    // It may be the answer to an earlier try, or one of many guesses: those are not waited for forever.
    if (!reply || ++strangers_ >= dns_limits::strangers) take({.truncated = true}, now, random, out);
}

template <class Out>
void text_lookup::on_stream(byte_view message, const moment& now, RandomSource auto& random, Out& out) {
    if (phase_ != phase::stream) return;
    const auto reply = parse_text_reply(message, question_, false);
    if (reply && *reply) return take(**reply, now, random, out);
    next(now, random, out);
}

}  // namespace agentmesh::registry
