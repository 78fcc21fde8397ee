// Bodies of dht/lan.hpp.
#pragma once

namespace agentmesh::dht {

/// Pieces of a record for a TXT record: `r0=...`, `r1=...`, each of at most 200 characters.
inline std::vector<std::string> lan_text(const discovery_record& record) {
    constexpr std::size_t piece = 200;
    const auto whole = to_base64(record.bytes(), base64_form::url_unpadded);
    std::vector<std::string> out{"txtvers=1"};
    for (std::size_t at = 0, number = 0; at < whole.size(); at += piece, ++number)
        out.push_back("r" + std::to_string(number) + "=" + whole.substr(at, piece));
    return out;
}

/// @errors bad_record unless the pieces are there, each once; as decode_record
inline result<discovery_record> read_lan_text(std::span<const std::string> text) {
    constexpr std::size_t pieces_most = 8;
    std::array<std::optional<std::string_view>, pieces_most> pieces{};
    for (const std::string_view one : text) {
        if (one.size() < 3 || one[0] != 'r' || one[1] < '0' || one[1] > '7' || one[2] != '=') continue;
        auto& piece = pieces[static_cast<std::size_t>(one[1] - '0')];
        if (piece) return fail(errc::bad_record);
        piece = one.substr(3);
    }
    std::string whole;
    for (std::size_t i = 0; i < pieces_most && pieces[i]; ++i) {
        whole += *pieces[i];
        pieces[i].reset();
    }
    if (std::any_of(pieces.begin(), pieces.end(), [](const auto& one) { return one.has_value(); }))
        return fail(errc::bad_record);
    AGENTMESH_TRY(bytes, from_base64(whole, base64_form::url_unpadded));
    return decode_record(bytes);
}

inline buffer lan::own_records(std::uint32_t ttl) const {
    const auto service = dns_name::of(lan_service);
    const auto instance = service.below(own_->name().text());
    const auto host = dns_name::of("local").below(own_->name().text());
    dns_message out{.answer = true};
    out.records.push_back({.name = service, .type = dns_type::ptr, .ttl = ttl, .target = instance});
    out.records.push_back(
        {.name = instance, .type = dns_type::srv, .flush = true, .ttl = ttl, .target = host, .port = where_.port});
    out.records.push_back(
        {.name = instance, .type = dns_type::txt, .flush = true, .ttl = ttl, .text = lan_text(*own_)});
    for (const auto& at : where_.at) {
        const auto bytes = at.bytes();
        out.records.push_back({.name = host,
                               .type = at.v6 ? dns_type::aaaa : dns_type::a,
                               .flush = true,
                               .ttl = ttl,
                               .address = {bytes.begin(), bytes.end()}});
    }
    // An AMID is a label, a piece a string, and all of it far below the limit.
    return *write_dns(out);
}

inline result<void> lan::announce(discovery_record record, lan_place where, const moment& now, LanSink auto& out) {
    if (where.port == 0 || where.at.empty() || where.at.size() > addresses_most) return fail(errc::bad_record);
    own_ = std::move(record);
    where_ = std::move(where);
    // RFC 6762 section 8.3; without probing, because a name that follows from a key cannot be another's by chance.
    answered_ = now.steady;
    answer_at_ = now.steady + answer_gap;
    out.send(own_records(lan_ttl));
    return {};
}

inline void lan::withdraw(LanSink auto& out) {
    if (!own_) return;
    out.send(own_records(0));
    own_.reset();
    answer_at_ = steady_point::max();
}

inline void lan::browse(const moment& now, LanSink auto& out) {
    browse_gap_ = std::chrono::seconds{1};
    ask(now, out);
}

inline void lan::ask(const moment& now, LanSink auto& out) {
    browse_at_ = now.steady + browse_gap_;
    browse_gap_ = std::min(browse_gap_ * 3, browse_gap_most);
    const auto service = dns_name::of(lan_service);
    dns_message question{.questions = {{.name = service}}};
    // Those that we know for more than half of their time need not answer: section 7.1.
    for (const auto& [who, one] : known_) {
        if (question.records.size() >= 20 || one.until - now.steady <= std::chrono::seconds{lan_ttl / 2}) continue;
        const auto left = std::chrono::floor<std::chrono::seconds>(one.until - now.steady);
        question.records.push_back({.name = service,
                                    .type = dns_type::ptr,
                                    .ttl = static_cast<std::uint32_t>(left.count()),
                                    .target = service.below(who.text())});
    }
    if (const auto bytes = write_dns(question)) out.send(*bytes);
}

inline result<void> lan::on_message(const endpoint& from, byte_view bytes, const moment& now, LanSink auto& out) {
    AGENTMESH_TRY(message, parse_dns(bytes));
    if (!message.answer)
        answer(message, now);
    else if (from.port == mdns_port)
        learn(message, now, out);
    return {};
}

inline void lan::answer(const dns_message& asked, const moment& now) {
    if (!own_) return;
    const auto service = dns_name::of(lan_service);
    const auto instance = service.below(own_->name().text());
    const auto host = dns_name::of("local").below(own_->name().text());
    const bool ours = std::any_of(asked.questions.begin(), asked.questions.end(), [&](const dns_question& one) {
        const bool any = one.type == dns_type::any;
        if (one.name == service) return any || one.type == dns_type::ptr;
        if (one.name == instance) return any || one.type == dns_type::srv || one.type == dns_type::txt;
        return one.name == host && (any || one.type == dns_type::a || one.type == dns_type::aaaa);
    });
    const bool heard = std::any_of(asked.records.begin(), asked.records.end(), [&](const dns_record& one) {
        return one.type == dns_type::ptr && one.name == service && one.target == instance && one.ttl >= lan_ttl / 2;
    });
    if (!ours || heard) return;
    // A while later, so that not all answer at once, and so that one answer serves many who ask: section 6.
    const auto noise = derive<fixed_bytes<8, struct lan_noise_tag>>(secret_, 'l', ++drawn_);
    const auto at = now.steady + std::chrono::milliseconds{20 + noise.data()[0] % 100};
    answer_at_ = std::min(answer_at_, std::max(at, answered_ + answer_gap));
}

inline void lan::learn(const dns_message& told, const moment& now, LanSink auto& out) {
    const auto service = dns_name::of(lan_service);
    for (const auto& text : told.records) {
        const bool instance = text.type == dns_type::txt && text.name.labels.size() == service.labels.size() + 1 &&
                              text.name == service.below(text.name.labels[0]);
        if (!instance) continue;
        auto record = read_lan_text(text.text);
        // The name is the AMID of the record, whose letters have a case.
        if (!record || record->name().text() != text.name.labels[0]) continue;
        const auto held = known_.find(record->name());
        if (own_ && own_->name() == record->name()) continue;
        if (text.ttl == 0) {
            // It may be that somebody else says so; then the next answer brings it back: section 10.1.
            if (held != known_.end())
                held->second.until = std::min(held->second.until, now.steady + std::chrono::seconds{1});
            continue;
        }
        const bool same = held != known_.end() && held->second.record == *record;
        if (!same && held != known_.end() && !supersedes(*record, held->second.record)) continue;
        if (held == known_.end() && known_.size() >= agents_most) continue;
        if (!check_record(*record, now.wall)) continue;
        std::vector<endpoint> at;
        for (const auto& srv : told.records) {
            if (srv.type != dns_type::srv || srv.name != text.name || srv.port == 0) continue;
            for (const auto& host : told.records) {
                const bool address = host.type == dns_type::a || host.type == dns_type::aaaa;
                if (!address || host.name != srv.target || at.size() >= addresses_most) continue;
                endpoint one{.v6 = host.type == dns_type::aaaa, .port = srv.port};
                std::copy(host.address.begin(), host.address.end(), one.address.begin());
                at.push_back(one);
            }
        }
        std::sort(at.begin(), at.end());
        const auto until = now.steady + std::chrono::seconds{std::min(text.ttl, lan_ttl)};
        const auto who = record->name();
        if (same && (at.empty() || at == held->second.at)) {
            held->second.until = until;
            continue;
        }
        const auto& kept = known_.insert_or_assign(who, known{*std::move(record), std::move(at), until}).first->second;
        out.appeared(kept.record, kept.at);
    }
}

inline void lan::on_tick(const moment& now, LanSink auto& out) {
    if (own_ && answer_at_ <= now.steady) {
        answered_ = now.steady;
        answer_at_ = steady_point::max();
        out.send(own_records(lan_ttl));
    }
    if (browse_at_ <= now.steady) ask(now, out);
    for (auto at = known_.begin(); at != known_.end();) {
        const auto one = at++;
        if (one->second.until > now.steady) continue;
        const auto who = one->first;
        known_.erase(one);
        out.gone(who);
    }
}

inline steady_point lan::next_deadline() const noexcept {
    auto out = std::min(answer_at_, browse_at_);
    for (const auto& [who, one] : known_) out = std::min(out, one.until);
    return out;
}

}  // namespace agentmesh::dht
