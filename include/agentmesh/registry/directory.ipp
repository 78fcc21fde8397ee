// Bodies of registry/directory.hpp (POSIX).
#pragma once

#include <agentmesh/identity/identity_file.hpp>

#include <cstdio>

#include <dirent.h>
#include <sys/file.h>

namespace agentmesh::registry {

inline constexpr std::size_t directory_bytes = std::size_t{64} * 1024 * 1024;

/// The content of a file; nothing if there is none.
/// @errors registry_failed, too_large
[[nodiscard]] inline result<std::optional<std::string>> read_file(const std::string& path) {
    const identity::open_file file{path, O_RDONLY | O_NONBLOCK};
    struct stat about{};
    if (!file.ok() && errno == ENOENT) return std::nullopt;
    if (!file.ok() || ::fstat(file.fd(), &about) != 0 || !S_ISREG(about.st_mode)) return fail(errc::registry_failed);
    if (static_cast<std::size_t>(about.st_size) > directory_bytes) return fail(errc::too_large);
    std::string out(static_cast<std::size_t>(about.st_size), '\0');
    for (std::size_t size = 0; size < out.size();) {
        const auto count = ::read(file.fd(), out.data() + size, out.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return fail(errc::registry_failed);  // replaced files keep their content; this one was cut
        size += static_cast<std::size_t>(count);
    }
    return out;
}

/// Puts a file in the place of another: readers find the old content or the new, and nothing between.
/// @errors registry_failed
[[nodiscard]] inline result<void> replace_file(const std::string& path, std::string_view content) {
    const std::string draft = path + '.' + std::to_string(::getpid()) + ".new";
    struct stat about{};
    const bool exists = ::stat(path.c_str(), &about) == 0;
    bool written = false;
    {
        ::unlink(draft.c_str());  // left by a process of our number that was killed here
        const identity::open_file file{draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644};
        written = file.ok() && (!exists || ::fchmod(file.fd(), about.st_mode & 07777) == 0) &&
                  identity::write_all(file.fd(), as_bytes(content)) && ::fsync(file.fd()) == 0;
    }
    if (!written || std::rename(draft.c_str(), path.c_str()) != 0) {
        ::unlink(draft.c_str());
        return fail(errc::registry_failed);
    }
    const std::string folder = identity::folder_of(path);
    const identity::open_file entry{folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY};
    if (entry.ok()) ::fsync(entry.fd());
    return {};
}

inline file_directory::file_directory(std::string path) : path_{std::move(path)} {
    struct stat about{};
    folder_ = path_.ends_with('/') || (::stat(path_.c_str(), &about) == 0 && S_ISDIR(about.st_mode));
    while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
}

inline std::string file_directory::file_of(const amid& who) const {
    return folder_ ? path_ + '/' + std::string{who.text()} + ".json" : path_;
}
inline std::string file_directory::lock_file() const { return folder_ ? path_ + "/.lock" : path_ + ".lock"; }

inline result<file_directory::records> file_directory::read(const std::string& file) {
    fault_ = {};
    auto content = read_file(file);
    if (!content) {
        fault_ = {.file = file};
        return fail(content.error());
    }
    records out;
    if (!*content) return out;
    const std::string& text = **content;

    json::reader in{text, {.bytes = directory_bytes}};
    const char* at = text.data();
    std::string member;
    if (folder_) {
        if (auto one = read_record(in, at, member)) out.push_back(std::move(*one));
    } else {
        bool found = false;
        in.begin_object();
        while (const auto name = in.next_member()) {
            at = name->data();
            member = *name;
            if (*name != "agents") continue;
            found = true;
            in.begin_array();
            while (in.next_element()) {
                std::string inner;
                auto one = read_record(in, at, inner);
                member = "agents[" + std::to_string(out.size()) + ']' + (inner.empty() ? "" : '.' + inner);
                if (!one) break;
                out.push_back(std::move(*one));
            }
            if (!in.ok()) break;
        }
        if (in.ok() && !found) member = "agents", in.refuse(errc::missing_member);
    }
    if (const auto ended = in.finish(); !ended) {
        // A name with escapes is not a view of the text; the line is then that of the member before.
        const bool inside = at >= text.data() && at <= text.data() + text.size();
        const auto line = inside ? std::count(text.data(), at, '\n') + 1 : 0;
        fault_ = {.file = file, .line = static_cast<std::size_t>(line), .member = std::move(member)};
        return fail(ended.error());
    }
    return out;
}

inline result<void> file_directory::write(const std::string& file, const records& all) const {
    std::string text;
    if (folder_) {
        append_record(text, all.front());
    } else {
        text = "{\"agents\": [";
        for (const auto& one : all) append_record(text += &one == &all.front() ? "\n" : ",\n", one);
        text += "\n]}";
    }
    return replace_file(file, text += '\n');
}

template <class Change>
result<void> file_directory::update(const amid& who, Change&& change) {
    const identity::open_file lock{lock_file(), O_RDWR | O_CREAT, 0666};
    if (!lock.ok()) return fail(errc::registry_failed);
    while (::flock(lock.fd(), LOCK_EX) != 0)
        if (errno != EINTR) return fail(errc::registry_failed);
    const auto file = file_of(who);
    AGENTMESH_TRY(all, read(file));
    AGENTMESH_TRY(changed, change(all));
    if (!changed) return {};
    return write(file, all);
}

inline stored_record* record_of(std::vector<stored_record>& all, const amid& who) {
    const auto at = std::find_if(all.begin(), all.end(), [&](const stored_record& one) { return one.who == who; });
    return at == all.end() ? nullptr : &*at;
}

inline result<agent_record> file_directory::find(const amid& who) {
    AGENTMESH_TRY(all, read(file_of(who)));
    const auto* found = record_of(all, who);
    if (!found) return fail(errc::unknown_peer);
    return to_record(*found);
}

inline result<e2ee::prekey_bundle> file_directory::fetch_bundle(const amid& who, time_point now) {
    const auto take = [&](records& all) -> result<e2ee::prekey_bundle> {
        auto* found = record_of(all, who);
        if (!found) return fail(errc::unknown_peer);
        return take_bundle(*found, now);
    };
    std::optional<e2ee::prekey_bundle> out;
    const auto kept = update(who, [&](records& all) -> result<bool> {
        AGENTMESH_TRY(bundle, take(all));
        out.emplace(std::move(bundle));
        return out->one_time.has_value();
    });
    if (kept) return std::move(*out);
    if (kept.error().code != errc::registry_failed) return fail(kept.error());
    // Nothing can be taken off a directory that we may only read; a key that stays there is not given to us alone.
    AGENTMESH_TRY(all, read(file_of(who)));
    AGENTMESH_TRY(bundle, take(all));
    bundle.one_time.reset();
    return bundle;
}

inline result<void> file_directory::publish(const publication& own) {
    const auto& who = own.bundle.card.name;
    if (!identity::make_folders(folder_ ? path_ : identity::folder_of(path_))) return fail(errc::registry_failed);
    return update(who, [&](records& all) -> result<bool> {
        const auto* known = record_of(all, who);
        auto draft = known ? *known : stored_record{.who = who, .trust = tier::anonymous};
        AGENTMESH_CHECK(apply(draft, own));
        if (auto* place = record_of(all, who)) *place = std::move(draft);
        else all.push_back(std::move(draft));
        return true;
    });
}

inline result<std::vector<agent_record>> file_directory::list() {
    std::vector<agent_record> out;
    const auto add = [&](const records& all) {
        for (const auto& one : all)
            if (auto record = to_record(one)) out.push_back(std::move(*record));
    };
    if (!folder_) {
        AGENTMESH_TRY(all, read(path_));
        add(all);
        return out;
    }
    std::vector<std::string> names;
    if (DIR* const folder = ::opendir(path_.c_str())) {
        while (const dirent* const entry = ::readdir(folder)) names.emplace_back(entry->d_name);
        ::closedir(folder);
    }
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
        if (!name.ends_with(".json")) continue;
        AGENTMESH_TRY(all, read(path_ + '/' + name));
        add(all);
    }
    return out;
}

}  // namespace agentmesh::registry
