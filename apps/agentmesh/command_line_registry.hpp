// The commands of the command line that ask a registry. Bodies of command_line.hpp.
#pragma once

inline void command_line::add_registry() {
    const auto peer_of = [this](CLI::App* command) {
        command->add_option("peer", registry_peer_, "whom")->required()->type_name("PEER");
    };
    const auto reasons = CLI::Validator{
        [](std::string& text) {
            return agentmesh::registry::parse_reason(text) ? std::string{} : printable(text) + " is no reason";
        },
        "", "reason"};
    const auto tiers = CLI::IsMember(std::vector<std::string>{"anonymous", "verified", "organization"});

    auto* const registering = app_.add_subcommand("register", "let a registry tell others of this agent");
    registering
        ->add_option("--capability", registration_.capabilities, "what it does, as in travel/flights; repeatable")
        ->type_name("CAPABILITY")
        ->take_all();
    registering
        ->add_option("--login", registration_.login,
                     "begin a login with this provider, for an agent that is registered")
        ->type_name("PROVIDER");
    registering->add_option("--token", registration_.token, "of a login that ended before this agent was registered")
        ->type_name("TOKEN");
    registering->add_option("--certificate", registration_.certificate, "chain that vouches for this agent, PEM")
        ->type_name("FILE");
    explain(registering,
            "Also gives out prekeys, so that others can knock while this agent is away. Again for an agent\n"
            "that is registered: sets its capabilities, if there are some, and brings prekeys.\n"
            "  agentmesh --registry https://registry.example --name bob register --capability travel");
    when(registering, [this] { return register_agent(with_, registration_); });

    auto* const looking =
        app_.add_subcommand("lookup", "what the registry tells of an agent, and what of it is proved");
    peer_of(looking);
    explain(looking,
            "Tier and organization count if a certificate proves them to one of --roots. Exit code 1 also if\n"
            "the agent is revoked.");
    when(looking, [this] { return lookup(with_, registry_peer_); });

    auto* const searching = app_.add_subcommand("search", "find agents by what they do");
    searching->add_option("capability", search_.capability, "travel also finds travel/flights; * is any text")
        ->capture_default_str()
        ->type_name("CAPABILITY");
    searching->add_option("--tier", search_.at_least, "at least this one, in the registry's word")
        ->type_name("TIER")
        ->check(tiers);
    searching->add_option("--reputation-ppm", search_.reputation_ppm, "at least this, in parts per million")
        ->check(CLI::Range(0, 1'000'000));
    searching->add_option("--status", search_.status, "online, away, dnd or offline")
        ->type_name("STATUS")
        ->check(CLI::IsMember(std::vector<std::string>{"online", "away", "dnd", "offline"}));
    searching->add_option("--limit", search_.limit, "agents at most")->capture_default_str()->check(CLI::Range(1, 100));
    searching->add_option("--offset", search_.offset, "agents to pass over")
        ->capture_default_str()
        ->check(CLI::Range(0, 1'000'000));
    explain(searching,
            "One line an agent, best reputation first. Agents whose keys do not hold are left out, and counted.\n"
            "  agentmesh search travel --status online");
    when(searching, [this] { return search(with_, search_); });

    auto* const verifying =
        app_.add_subcommand("verify", "hold all that the registry tells of an agent against its proofs");
    peer_of(verifying);
    explain(verifying,
            "Keys, DID document, prekeys, certificate, revocation, and what was known before. Exit code 1 if\n"
            "anything does not hold, or the agent is revoked.");
    when(verifying, [this] { return verify(with_, registry_peer_); });

    auto* const rates = app_.add_subcommand("rate", "say how a session with an agent was");
    rates->add_option("peer", rating_.peer, "whom")->required()->type_name("PEER");
    rates->add_option("--session", rating_.session, "which one")->required()->type_name("ID");
    rates->add_option("--score-ppm", rating_.score_ppm, "0 to 1000000")->required()->check(CLI::Range(0, 1'000'000));
    rates->add_option("--tag", rating_.tags, "such as helpful, reliable, slow_response; repeatable")
        ->type_name("TAG")
        ->take_all();
    explain(rates,
            "One rating a session. What it counts for depends on who this agent is.\n"
            "  agentmesh rate bob --session 0f0e...01 --score-ppm 900000 --tag helpful");
    when(rates, [this] { return rate(with_, rating_); });

    auto* const revoking =
        app_.add_subcommand("revoke", "end the identity of this agent, or of one of its organization");
    revoking->add_option("peer", withdrawal_.peer, "of the organization that this agent administers; else this agent")
        ->type_name("PEER");
    revoking->add_option("--reason", withdrawal_.reason, "why")
        ->capture_default_str()
        ->type_name("REASON")
        ->check(reasons);
    revoking->add_option("--notes", withdrawal_.notes, "for whoever asks")->type_name("TEXT");
    revoking->add_flag("--yes", withdrawal_.sure, "yes, this agent, for good");
    explain(revoking,
            "REASON is key_compromise, policy_violation, superseded, cessation_of_operation,\n"
            "privilege_withdrawn, admin_request or other. The statement is signed by this agent, so nobody has to\n"
            "take the registry's word for it. It cannot be taken back.");
    when(revoking, [this] { return revoke(with_, withdrawal_); });

    auto* const node =
        app_.add_subcommand("dht", "run a node of the distributed table, in which agents find each other");
    node->add_option("--listen", node_.addresses, "numeric address, at most one of each family")
        ->capture_default_str()
        ->type_name("ADDRESS")
        ->take_all();
    node->add_option("--port", node_.port, "UDP; 0 for any free one")->capture_default_str();
    node->add_option("--for", node_.seconds, "end after this time")->type_name("SECONDS")->check(seconds);
    explain(node,
            "Needs no identity. Prints where it listens; others begin there with --dht. It begins itself with the\n"
            "nodes of --dht, if there are some. Bound to an address of the local network, it serves that network.\n"
            "  agentmesh dht                                  the first node, at UDP port 8468\n"
            "  agentmesh --dht 203.0.113.5:8468 dht           another one");
    when(node, [this] { return run_node(with_, node_); });
}

inline void command_line::add_prekeys() {
    auto* const keys = app_.add_subcommand("prekeys", "renew what others need to write to this agent, and show it");
    keys->add_flag("--show", look_, "renew and publish nothing");
    explain(keys,
            "A listener does this by itself every hour. An agent that is away for long has no valid prekey\n"
            "any more, and cannot be knocked at until it has run this, or listened.");
    auto* const uploading = keys->add_subcommand("upload", "the same, and give them to the registry");
    explain(uploading, "The registry hands each one-time prekey out once. One that it has already is not taken again.");
    auto* const status = keys->add_subcommand("status", "what the registry still has of them");
    explain(status, "");
    // The callback of the outer command comes last.
    when(keys, [this, uploading, status] {
        return uploading->parsed() ? prekeys_upload(with_)
               : status->parsed()  ? prekeys_status(with_)
                                   : prekeys(with_, look_);
    });
    uploading->fallthrough();
    status->fallthrough();
}
