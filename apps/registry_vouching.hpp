// What agentmesh-registry reads to vouch for agents: providers of logins, its root, the roots that it trusts.
#pragma once

#include "registry_command_line.hpp"

#include <agentmesh/crypto/openssl_signature.hpp>
#include <agentmesh/registry/x509_desk.hpp>

#include <openssl/pem.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

/// Everything that lives as long as the service.
class vouching {
public:
    vouching() : desk_{random_, [this] { return read_withdrawn(); }} {}
    vouching(const vouching&) = delete;
    vouching& operator=(const vouching&) = delete;

    /// Reads what the options name, and tells the service of it.
    /// @return a sentence for the operator if something is wrong
    [[nodiscard]] std::optional<std::string> read(registry_options& options) {
        withdrawn_file_ = options.withdrawn_file;
        if (!options.login_files.empty()) options.service.check_token = check_token;
        for (const auto& file : options.login_files) {
            const auto text = contents(file);
            auto provider = text ? agentmesh::registry::login_provider::parse(*text)
                                 : agentmesh::result<agentmesh::registry::login_provider>{
                                       agentmesh::fail(agentmesh::errc::io_failed)};
            if (!provider) return complaint("provider", file, provider.error());
            options.service.logins.push_back(*std::move(provider));
        }
        for (const auto& file : options.trusted_files) {
            const auto roots = certificates(file);
            if (!roots) return complaint("roots", file, roots.error());
            for (const auto& one : *roots)
                if (const auto added = desk_.trust(one); !added) return complaint("roots", file, added.error());
        }
        if (!options.ca_certificate_file.empty()) {
            const auto root = certificates(options.ca_certificate_file);
            if (!root) return complaint("root", options.ca_certificate_file, root.error());
            auto key = read_key(options.ca_key_file);
            if (!key) return complaint("key", options.ca_key_file, key.error());
            const auto issuing = desk_.issue_under(root->front(), *std::move(key));
            if (!issuing) return complaint("root", options.ca_certificate_file, issuing.error());
        }
        if (desk_.issues() || !options.trusted_files.empty()) options.service.certificates = &desk_;
        return std::nullopt;
    }

private:
    using fingerprints = std::set<agentmesh::identity::certificate_fingerprint>;

    [[nodiscard]] static std::string complaint(std::string_view what, const std::string& file,
                                               const agentmesh::error& why) {
        return "cannot use " + std::string{what} + " " + file + ": " + to_string(why);
    }

    [[nodiscard]] static std::optional<std::string> contents(const std::string& file) {
        std::ifstream in{file, std::ios::binary};
        if (!in) return std::nullopt;
        std::string out{std::istreambuf_iterator<char>{in}, {}};
        if (in.bad()) return std::nullopt;
        return out;
    }

    [[nodiscard]] static agentmesh::result<std::vector<agentmesh::buffer>> certificates(const std::string& file) {
        const auto text = contents(file);
        if (!text) return agentmesh::fail(agentmesh::errc::io_failed);
        return agentmesh::identity::parse_pem(*text);
    }

    /// Of a file that nobody else may read: whoever has this key can make anybody anything.
    [[nodiscard]] static agentmesh::result<agentmesh::signing_key_pair> read_key(const std::string& file) {
        const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat about{};
        std::FILE* const in = opened >= 0 ? ::fdopen(opened, "r") : nullptr;
        if (in == nullptr) return agentmesh::fail(agentmesh::errc::identity_file_access);
        const bool own = ::fstat(opened, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 077) == 0;
        EVP_PKEY* const key = own ? PEM_read_PrivateKey(in, nullptr, nullptr, nullptr) : nullptr;
        std::fclose(in);
        if (!own) return agentmesh::fail(agentmesh::errc::identity_file_access);
        agentmesh::signing_seed seed;
        std::size_t size = agentmesh::signing_seed::size;
        const bool read = key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 &&
                          EVP_PKEY_get_raw_private_key(key, seed.reveal_storage().data(), &size) == 1;
        EVP_PKEY_free(key);
        if (!read) return agentmesh::fail(agentmesh::errc::bad_certificate);
        return agentmesh::signing_key_pair{seed};
    }

    [[nodiscard]] agentmesh::result<fingerprints> read_withdrawn() const {
        if (withdrawn_file_.empty()) return fingerprints{};
        const auto text = contents(withdrawn_file_);
        if (!text) return agentmesh::fail(agentmesh::errc::io_failed);
        return agentmesh::registry::parse_withdrawn(*text);
    }

    static agentmesh::result<void> check_token(const agentmesh::registry::provider_key& with, agentmesh::byte_view text,
                                               agentmesh::byte_view proof) {
        namespace openssl = agentmesh::crypto::openssl;
        if (with.algorithm == agentmesh::registry::token_algorithm::rs256)
            return openssl::verify_rs256(with.first, with.second, text, proof);
        return openssl::verify_es256(with.first, with.second, text, proof);
    }

    agentmesh::crypto::system_random random_;
    agentmesh::registry::x509_desk<agentmesh::crypto::system_random> desk_;
    std::string withdrawn_file_;
};
