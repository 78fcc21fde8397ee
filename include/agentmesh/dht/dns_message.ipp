// Bodies of dht/dns_message.hpp.
#pragma once

namespace agentmesh::dht {

inline dns_name dns_name::of(std::string_view dotted) {
    dns_name out;
    while (!dotted.empty()) {
        const auto dot = std::min(dotted.find('.'), dotted.size());
        out.labels.emplace_back(dotted.substr(0, dot));
        dotted.remove_prefix(std::min(dot + 1, dotted.size()));
    }
    return out;
}

inline dns_name dns_name::below(std::string_view label) const {
    dns_name out{{std::string{label}}};
    out.labels.insert(out.labels.end(), labels.begin(), labels.end());
    return out;
}

inline std::size_t dns_name::size() const noexcept {
    std::size_t out = 1;
    for (const auto& label : labels) out += 1 + label.size();
    return out;
}

inline bool operator==(const dns_name& a, const dns_name& b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.labels.begin(), a.labels.end(), b.labels.begin(), b.labels.end(),
                      [&](const std::string& x, const std::string& y) {
                          return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                                            [&](char c, char d) { return lower(c) == lower(d); });
                      });
}

inline constexpr std::uint16_t dns_class_in = 1;
inline constexpr std::uint16_t dns_top_bit = 0x8000;  // of a class: unicast answer wanted, or flush

/// Reads from the front of a message; a fault sticks.
class dns_cursor {
public:
    explicit dns_cursor(byte_view whole) noexcept : whole_{whole} {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t at() const noexcept { return at_; }
    [[nodiscard]] bool finished() const noexcept { return ok_ && at_ == whole_.size(); }
    void refuse() noexcept { ok_ = false; }

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
    [[nodiscard]] std::uint32_t u32() noexcept {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }
    [[nodiscard]] dns_name name() {
        dns_name out;
        std::size_t from = at_, size = 1;
        // Each pointer leads before where the last one led, and so before the name that holds it.
        std::size_t before = at_;
        bool followed = false;
        while (ok_) {
            if (from >= whole_.size()) return refuse(), out;
            const std::size_t length = whole_[from];
            if (length >= 0xc0) {
                if (from + 1 >= whole_.size()) return refuse(), out;
                const std::size_t target = (length & 0x3f) << 8 | whole_[from + 1];
                if (!followed) at_ = from + 2;
                followed = true;
                if (target >= before) return refuse(), out;
                before = from = target;
                continue;
            }
            if (length > 63 || length > whole_.size() - from - 1) return refuse(), out;
            if (length == 0) {
                if (!followed) at_ = from + 1;
                return out;
            }
            size += 1 + length;
            if (size > dns_name_bytes) return refuse(), out;
            out.labels.emplace_back(as_text(whole_.subspan(from + 1, length)));
            from += 1 + length;
        }
        return out;
    }

private:
    byte_view whole_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

inline void read_dns_text(byte_view data, dns_cursor& in, dns_record& to) {
    while (!data.empty()) {
        const std::size_t length = data[0];
        if (length >= data.size()) return in.refuse();
        to.text.emplace_back(as_text(data.subspan(1, length)));
        data = data.subspan(1 + length);
    }
}

/// @return whether it is of a kind that is kept
inline bool read_dns_record(dns_cursor& in, dns_record& to) {
    to.name = in.name();
    to.type = static_cast<dns_type>(in.u16());
    const auto of_class = in.u16();
    to.flush = (of_class & dns_top_bit) != 0;
    to.ttl = in.u32();
    const std::size_t size = in.u16();
    const std::size_t begin = in.at();
    bool kept = (of_class & ~dns_top_bit) == dns_class_in;
    switch (kept ? to.type : dns_type::any) {
        case dns_type::ptr: to.target = in.name(); break;
        case dns_type::srv:
            (void)in.u32();  // priority and weight: there is one place for each name
            to.port = in.u16();
            to.target = in.name();
            break;
        case dns_type::a:
        case dns_type::aaaa: {
            if (size != (to.type == dns_type::a ? 4u : 16u)) in.refuse();
            const auto bytes = in.take(size);
            to.address.assign(bytes.begin(), bytes.end());
            break;
        }
        case dns_type::txt: read_dns_text(in.take(size), in, to); break;
        default: kept = false; (void)in.take(size);
    }
    if (in.ok() && in.at() != begin + size) in.refuse();
    return kept;
}

inline result<dns_message> parse_dns(byte_view bytes) {
    const auto refused = [] { return fail(errc::bad_datagram); };
    if (bytes.size() > dns_message_bytes) return refused();
    dns_cursor in{bytes};
    (void)in.u16();
    const auto flags = in.u16();
    const std::size_t questions = in.u16();
    std::size_t records = in.u16();
    records += in.u16();
    records += in.u16();
    // Opcode and response code, which RFC 6762 sections 18.3 and 18.11 have ignored by silence.
    if (!in.ok() || (flags & 0x780f) != 0 || questions > dns_questions || records > dns_records) return refused();
    dns_message out{.answer = (flags & 0x8000) != 0};
    for (std::size_t i = 0; i < questions && in.ok(); ++i) {
        dns_question one{.name = in.name(), .type = static_cast<dns_type>(in.u16())};
        const auto of_class = in.u16();
        one.unicast = (of_class & dns_top_bit) != 0;
        const auto bare = of_class & ~dns_top_bit;
        if (bare == dns_class_in || bare == 255) out.questions.push_back(std::move(one));
    }
    for (std::size_t i = 0; i < records && in.ok(); ++i) {
        dns_record one;
        if (read_dns_record(in, one)) out.records.push_back(std::move(one));
    }
    if (!in.finished()) return refused();
    return out;
}

/// Appends; a fault sticks.
class dns_writer {
public:
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] buffer& bytes() noexcept { return out_; }

    void u16(std::size_t value) {
        out_.push_back(static_cast<std::uint8_t>(value >> 8));
        out_.push_back(static_cast<std::uint8_t>(value));
    }
    void bounded(std::string_view text, std::size_t least, std::size_t most) {
        if (text.size() < least || text.size() > most) ok_ = false;
        out_.push_back(static_cast<std::uint8_t>(text.size()));
        for (const char c : text) out_.push_back(static_cast<std::uint8_t>(c));
    }
    void name(const dns_name& value) {
        if (value.size() > dns_name_bytes) ok_ = false;
        for (const auto& label : value.labels) bounded(label, 1, 63);
        out_.push_back(0);
    }

private:
    buffer out_;
    bool ok_ = true;
};

inline void append_dns_record(dns_writer& to, const dns_record& from) {
    to.name(from.name);
    to.u16(static_cast<std::uint16_t>(from.type));
    to.u16(dns_class_in | (from.flush ? dns_top_bit : 0u));
    to.u16(from.ttl >> 16);
    to.u16(from.ttl);
    dns_writer data;
    switch (from.type) {
        case dns_type::ptr: data.name(from.target); break;
        case dns_type::srv:
            data.u16(0);
            data.u16(0);
            data.u16(from.port);
            data.name(from.target);
            break;
        case dns_type::txt:
            for (const auto& one : from.text) data.bounded(one, 0, 255);
            break;
        default: data.bytes() = from.address;
    }
    to.u16(data.bytes().size());
    if (!data.ok()) to.bounded({}, 1, 1);  // refuses
    to.bytes().insert(to.bytes().end(), data.bytes().begin(), data.bytes().end());
}

inline result<buffer> write_dns(const dns_message& from) {
    dns_writer to;
    to.u16(0);
    to.u16(from.answer ? 0x8400 : 0);  // an answer of mDNS is always authoritative
    to.u16(from.questions.size());
    to.u16(from.records.size());
    to.u16(0);
    to.u16(0);
    for (const auto& one : from.questions) {
        to.name(one.name);
        to.u16(static_cast<std::uint16_t>(one.type));
        to.u16(dns_class_in | (one.unicast ? dns_top_bit : 0u));
    }
    for (const auto& one : from.records) append_dns_record(to, one);
    if (!to.ok() || to.bytes().size() > dns_message_bytes) return fail(errc::too_large);
    return std::move(to.bytes());
}

}  // namespace agentmesh::dht
