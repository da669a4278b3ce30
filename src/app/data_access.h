#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "app/config.h"
#include "app/data_directory.h"
#include "base/result.h"

namespace rollcall::app {

// Who may read a data directory. Its owner; where data.group names one, the members of that group;
// nobody else.

// The group that data.group names, by name or number; nullopt where none is set. ERR_BAD_CONFIG
// when there is no such group.
base::Result<std::optional<gid_t>> GroupOf(const Config& config);

// Gives a folder to `group` to read, and all that is made in it from now on. ERR_PERMISSION when
// this user is not in the group.
base::Result<void> ShareFolder(const std::filesystem::path& folder, gid_t group);

// The umask for a process that works in `data`: 027 where all of its folders are shared with
// `group`, so that new files are the group's to read, else 077. The process's files have no other
// guard than this where a library makes them, so it is set before there are threads.
mode_t UmaskFor(const DataDirectory& data, std::optional<gid_t> group);

// Makes files with `mask` while it lives. For a process with one thread that makes files.
class ScopedUmask {
 public:
  explicit ScopedUmask(mode_t mask);
  ~ScopedUmask();
  ScopedUmask(const ScopedUmask&) = delete;
  ScopedUmask& operator=(const ScopedUmask&) = delete;

 private:
  const mode_t before_;
};

// Who may read the directory as it stands. Its own modes decide: who may not enter it reaches
// nothing in it.
struct Readers {
  bool has_others = false;     // Every user of this host.
  std::string unwanted_group;  // Members of this group, which data.group does not name.
  bool lacks_group = false;    // The group that data.group names cannot read it yet.
  unsigned mode = 0;           // Of the directory itself.
};
Readers ReadersOf(const DataDirectory& data, std::optional<gid_t> group);

// What MendAccess has done.
struct MendedAccess {
  std::int64_t changed = 0;
  std::int64_t failed = 0;
  std::string first_failure;
};
// Takes the rights of everybody but the owner and `group` from the directory and all in it; what
// links lead to is left alone. Nothing becomes readable for `group` that its owner may not read.
base::Result<MendedAccess> MendAccess(const DataDirectory& data, std::optional<gid_t> group);

}  // namespace rollcall::app
