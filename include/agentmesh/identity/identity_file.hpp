// The identity file on disk. The only file I/O of this layer.
#pragma once

#include <agentmesh/identity/local_identity.hpp>

#include <string>

namespace agentmesh::identity {

/// Reads an identity file.
/// @spec   AM-ID-011, AM-ID-012
/// @errors identity_file_access if it cannot be read, is not a regular file, or others than its owner may read or
///         write it; those of parse_identity
[[nodiscard]] result<local_identity> load(const std::string& path);

/// Writes an identity to a file that does not exist yet, mode 0600. Missing directories are made with mode 0700.
/// The file appears whole or not at all, and is on disk before this returns.
/// @spec   AM-ID-010
/// @errors identity_file_access; also if the file exists, which is never overwritten
[[nodiscard]] result<void> save_new(const std::string& path, const local_identity& self);

/// Whether the path names anything, be it a dangling link.
[[nodiscard]] bool something_at(const std::string& path) noexcept;

/// Loads the identity at `path`; if there is none, creates one. Of two programs that do so at once, both get the
/// identity of the one that was first.
/// @errors those of load, save_new and the random source
[[nodiscard]] result<local_identity> open(const std::string& path, RandomSource auto& random, time_point now) {
    if (!something_at(path)) {
        AGENTMESH_TRY(fresh, local_identity::create(random, now));
        if (save_new(path, fresh)) return fresh;
    }
    return load(path);
}

}  // namespace agentmesh::identity

#include <agentmesh/identity/identity_file.ipp>
