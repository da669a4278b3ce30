#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <utility>

#include "base/held_folder.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::server {

// The unix socket at which the owner of a folder is found. Whoever removes its file shuts everybody
// out, and nothing tells the owner: he looks now and then and makes it anew, but never in a folder
// that has taken the place of his own. When destroyed the file goes, unless it is another owner's.
//
// Thread-compatible.
class OwnSocket {
 public:
  // Replaces the file that an owner who has ended left. Errors of HeldFolder::Open and
  // ListenAtUnixSocket.
  static base::Result<OwnSocket> Make(const std::filesystem::path& path);
  OwnSocket(OwnSocket&&) = default;
  OwnSocket& operator=(OwnSocket&&) = delete;
  OwnSocket(const OwnSocket&) = delete;
  OwnSocket& operator=(const OwnSocket&) = delete;
  ~OwnSocket();

  // Listening; once, then it is the caller's.
  base::UniqueFd TakeListener() { return std::move(listener_); }
  // Looks whether the file is gone. True: there is a new one, with another listener.
  bool RestoreIfRemoved();

 private:
  using Inode = std::pair<dev_t, ino_t>;

  OwnSocket(std::filesystem::path path, base::HeldFolder folder, base::UniqueFd listener)
      : path_(std::move(path)),
        folder_(std::move(folder)),
        listener_(std::move(listener)),
        inode_(InodeOf(path_)) {}
  // Nullopt when there is no file.
  static std::optional<Inode> InodeOf(const std::filesystem::path& path);

  std::filesystem::path path_;
  base::HeldFolder folder_;
  base::UniqueFd listener_;
  std::optional<Inode> inode_;  // Differs from that of any other file while both exist.
};

}  // namespace rollcall::server
