#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rollcall::app {

// Where everything lies in a data directory; the table is in docs/ARCHITECTURE.md. Knows names,
// not contents.
//
// It holds faces and face vectors of people, so from its first moment it is for its owner only
// (folders 0700, files 0600) or, where data.group is set, for that group to read too (2750, 0640:
// what is made in such a folder belongs to its group). What is there already stays as it is until
// somebody asks for more (data_access.h).
//
// Thread-compatible.
class DataDirectory {
 public:
  // Creates the folder and its fixed sub-folders when they are missing. ERR_PERMISSION,
  // ERR_DISK_FULL, or ERR_IO when something else is in the way.
  static base::Result<DataDirectory> Open(const std::filesystem::path& root,
                                          std::optional<gid_t> group = std::nullopt);
  // The same, but what is no data directory yet is not made one: ERR_NOT_FOUND.
  static base::Result<DataDirectory> OpenExisting(const std::filesystem::path& root,
                                                  std::optional<gid_t> group = std::nullopt);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path database() const { return root_ / "rollcall.db"; }
  std::filesystem::path socket() const { return root_ / "rollcall.sock"; }
  std::filesystem::path config_file() const { return root_ / "rollcall.toml"; }
  std::filesystem::path models() const { return root_ / "models"; }
  std::filesystem::path engine_log() const { return root_ / "logs" / "engine.log"; }

  std::filesystem::path job(std::string_view job_name) const { return root_ / "jobs" / job_name; }
  std::filesystem::path episode(std::string_view key) const { return root_ / "episodes" / key; }
  std::filesystem::path harvest(std::string_view key) const { return root_ / "harvest" / key; }
  std::filesystem::path outputs(std::string_view key) const { return root_ / "outputs" / key; }

  // The root and the fixed sub-folders, whether they are there or not.
  std::vector<std::filesystem::path> folders() const;

  // Whether this user may write in it and, if there is one, its store; full disks do not count.
  bool IsWritable() const;
  // Writes a small file and removes it: ERR_PERMISSION on a read-only file system or for another
  // owner, ERR_DISK_FULL when there is no room.
  base::Result<void> CheckWritable() const;
  // What is left for this user; 0 if it cannot be asked.
  std::int64_t FreeBytes() const;

 private:
  explicit DataDirectory(std::filesystem::path root) : root_(std::move(root)) {}
  base::Result<void> MakeMissing(std::optional<gid_t> group) const;
  std::filesystem::path root_;
};

}  // namespace rollcall::app
