#pragma once

#include <sys/types.h>

#include <filesystem>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::base {

// A folder and the path at which it was found: tells when the path does not lead to it any more,
// because the folder was renamed away or removed, or because another one has taken its place. Holds
// the folder open, so that its inode cannot become another's. Thread-safe: it never changes.
class HeldFolder {
 public:
  // Errors of ErrnoError.
  static Result<HeldFolder> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  // A path that leads to this folder wherever it is now, for this process only: what is written
  // below it never comes into a folder that has taken its place.
  std::filesystem::path held_path() const;
  // Costs one stat. A path that cannot be looked at for another reason counts as in place.
  bool IsInPlace() const;

 private:
  HeldFolder(std::filesystem::path path, UniqueFd folder, dev_t device, ino_t inode)
      : path_(std::move(path)), folder_(std::move(folder)), device_(device), inode_(inode) {}

  std::filesystem::path path_;
  UniqueFd folder_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace rollcall::base
