// Bodies of registry/prekey_upload.hpp.
#pragma once

#include <set>
#include <tuple>

namespace agentmesh::registry {

inline std::string write_upload(const bundle_upload& of) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("card", to_base64(of.card.bytes(), base64_form::url_unpadded));
    e2ee::write_signed_prekey(to.name("signed_prekey"), of.signed_key);
    to.name("one_time_prekeys").begin_array();
    for (const auto& one : of.one_time) e2ee::write_one_time_prekey(to, one);
    to.end_array().end_object();
    return out;
}

inline result<bundle_upload> parse_upload(std::string_view text) {
    constexpr clause_id clause = "AM-REG-050";
    using card_bytes = fixed_bytes<e2ee::identity_card::size, struct uploaded_card_tag>;
    std::optional<card_bytes> card;
    std::optional<e2ee::signed_prekey> signed_key;
    std::vector<e2ee::one_time_prekey> one_time;
    json::reader in{text, {.bytes = upload_max_text}};
    e2ee::bundle_members read{in, base64_form::url_unpadded, clause};
    in.begin_object(clause);
    while (const auto member = in.next_member()) {
        if (*member == "card")
            card = read.bytes<card_bytes>();
        else if (*member == "signed_prekey")
            signed_key = e2ee::read_signed_prekey(in, read);
        else if (*member == "one_time_prekeys") {
            in.begin_array(clause);
            while (in.next_element()) {
                auto one = e2ee::read_one_time_prekey(in, read);
                if (one_time.size() == e2ee::batch_max) read.refuse(errc::too_large);
                if (one && in.ok()) one_time.push_back(*std::move(one));
            }
        }
    }
    AGENTMESH_CHECK(in.finish());
    if (!card || !signed_key) return fail(errc::missing_member, clause);
    AGENTMESH_TRY(owner, e2ee::decode_card(card->bytes()));
    return bundle_upload{owner, *signed_key, std::move(one_time)};
}

inline result<void> check_upload(const bundle_upload& of, const amid& owner, time_point now) {
    AGENTMESH_CHECK(e2ee::check_bundle({of.card, of.signed_key}, owner, now));
    using batch = std::tuple<std::uint32_t, std::uint32_t, std::array<std::uint8_t, 32>, std::array<std::uint8_t, 64>>;
    std::set<batch> verified;
    std::set<std::uint32_t> ids;
    for (const auto& one : of.one_time) {
        if (!ids.insert(one.id).second) return fail(errc::wrong_member, "AM-REG-023");
        const auto root =
            one.id >= one.first_id && one.id - one.first_id < one.count && one.count <= e2ee::batch_max
                ? e2ee::merkle_root(e2ee::prekey_leaf(one.id, one.key), one.id - one.first_id, one.count, one.path)
                : std::nullopt;
        if (root) {
            batch of_one{one.first_id, one.count, {}, {}};
            std::copy_n(root->data(), 32, std::get<2>(of_one).begin());
            std::copy_n(one.proof.data(), 64, std::get<3>(of_one).begin());
            if (one.id != e2ee::no_prekey && verified.contains(of_one)) continue;
            if (verified.size() == upload_max_batches) return fail(errc::too_large, "AM-REG-050");
            verified.insert(of_one);
        }
        AGENTMESH_CHECK(e2ee::check_one_time_prekey(one, of.card));
    }
    return {};
}

inline std::string one_time_text(const e2ee::one_time_prekey& of) {
    std::string out;
    json::writer to{out};
    e2ee::write_one_time_prekey(to, of);
    return out;
}

inline std::string bundle_text(std::string_view card, std::string_view signed_key, std::string_view one_time) {
    std::string out;
    json::writer to{out};
    to.begin_object().member("card", card).name("signed_prekey").verbatim(signed_key);
    if (!one_time.empty()) to.name("one_time_prekey").verbatim(one_time);
    to.end_object();
    return out;
}

}  // namespace agentmesh::registry
