// Where agents find each other: the concept, a directory in memory, and one in a file or a folder.
//
//     auto agents = registry::file_directory{"agents.json"};
//     AGENTMESH_TRY(bob, agents.find(bob_name));               // who, where, how trusted
//     AGENTMESH_TRY(bundle, agents.fetch_bundle(bob_name, now)); // to knock with; spends one of bob's one-time prekeys
#pragma once

#include <agentmesh/registry/record.hpp>

#include <map>

namespace agentmesh::registry {

/// Finds agents, and lets an agent be found.
///
/// `find(who)` tells what is known, and spends nothing. `fetch_bundle(who, now)` gives what a KNOCK needs: a bundle
/// checked in full, with a one-time prekey that nobody else is ever given, or without one when none is left. Whatever
/// the source, nothing in it is believed without its proof: AMID, card, prekey signatures and times. `publish(own)`
/// replaces what the agent said of itself before; its tier and its reputation are not its own to say.
///
/// Errors: unknown_peer if nobody of this name is known, bad_bundle and its like for a record that does not hold,
/// registry_failed where the source cannot be read or written.
///
/// Models: `memory_registry` (tests, offline examples), `file_directory`.
template <class R>
concept Registry = requires(R& source, const amid& who, const publication& own, time_point now) {
    { source.find(who) } -> std::same_as<result<agent_record>>;
    { source.fetch_bundle(who, now) } -> std::same_as<result<e2ee::prekey_bundle>>;
    { source.publish(own) } -> std::same_as<result<void>>;
};

/// A directory that lives as long as the object. Who publishes here is as trusted as `newcomers` says.
class memory_registry {
public:
    explicit memory_registry(tier newcomers = tier::anonymous) noexcept : newcomers_{newcomers} {}

    [[nodiscard]] result<agent_record> find(const amid& who) const {
        const auto at = records_.find(who);
        if (at == records_.end()) return fail(errc::unknown_peer);
        return to_record(at->second);
    }
    [[nodiscard]] result<e2ee::prekey_bundle> fetch_bundle(const amid& who, time_point now) {
        const auto at = records_.find(who);
        if (at == records_.end()) return fail(errc::unknown_peer);
        return take_bundle(at->second, now);
    }
    [[nodiscard]] result<void> publish(const publication& own) {
        const auto& who = own.bundle.card.name;
        const auto at = records_.find(who);
        auto draft = at == records_.end() ? stored_record{.who = who, .trust = newcomers_} : at->second;
        AGENTMESH_CHECK(apply(draft, own));
        records_.insert_or_assign(who, std::move(draft));
        return {};
    }
    /// The word of whoever runs this directory. @errors unknown_peer
    [[nodiscard]] result<void> rate(const amid& who, tier trust, std::uint32_t reputation_ppm) {
        const auto at = records_.find(who);
        if (at == records_.end()) return fail(errc::unknown_peer);
        at->second.trust = trust;
        at->second.reputation_ppm = reputation_ppm;
        return {};
    }

private:
    std::map<amid, stored_record> records_;
    tier newcomers_;
};

/// A static directory: one JSON file of records, `{"agents": [record, ...]}`, or a folder with one record a file,
/// `<AMID>.json`. Programs of one machine share it: changes are made under a lock beside it (`agents.json.lock`, or
/// `.lock` in the folder) and appear whole or not at all; reading waits for nobody.
///
/// Whoever may write the file decides who is how trusted: `tier` and `reputation_ppm` are edited by hand. A new record
/// begins as `anonymous` with reputation 0, and publishing again changes neither. Where the file can be read but not
/// written, bundles come without a one-time prekey.
class file_directory {
public:
    /// @param path  a folder that exists, or a path that ends in `/`: the folder form; anything else: the file form.
    ///              Nothing need be there yet.
    explicit file_directory(std::string path);

    [[nodiscard]] result<agent_record> find(const amid& who);
    [[nodiscard]] result<e2ee::prekey_bundle> fetch_bundle(const amid& who, time_point now);
    [[nodiscard]] result<void> publish(const publication& own);

    /// Every record, in the order of the file, those that do not hold left out.
    [[nodiscard]] result<std::vector<agent_record>> list();

    /// Where the last refusal came from; empty if it was not one of form.
    [[nodiscard]] const directory_fault& fault() const noexcept { return fault_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    using records = std::vector<stored_record>;

    [[nodiscard]] std::string file_of(const amid& who) const;
    [[nodiscard]] std::string lock_file() const;
    [[nodiscard]] result<records> read(const std::string& file);
    [[nodiscard]] result<void> write(const std::string& file, const records& all) const;
    /// Runs `change(record*)` under the lock, and writes if it says so.
    template <class Change>
    [[nodiscard]] result<void> update(const amid& who, Change&& change);

    std::string path_;
    bool folder_ = false;
    directory_fault fault_;
};

static_assert(Registry<memory_registry> && Registry<file_directory>);

}  // namespace agentmesh::registry

#include <agentmesh/registry/directory.ipp>
