#include "server/own_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unix_socket.h"

namespace rollcall::server {

namespace fs = std::filesystem;
using base::Result;

Result<OwnSocket> OwnSocket::Make(const fs::path& path) {
  ROLLCALL_TRY_ASSIGN(auto folder, base::HeldFolder::Open(path.parent_path()));
  ::unlink(path.c_str());
  ROLLCALL_TRY_ASSIGN(auto listener, base::ListenAtUnixSocket(path));
  return OwnSocket(path, std::move(folder), std::move(listener));
}

OwnSocket::~OwnSocket() {
  // What was moved from has none.
  if (inode_ && !path_.empty() && InodeOf(path_) == inode_) ::unlink(path_.c_str());
}

bool OwnSocket::RestoreIfRemoved() {
  struct stat ignored {};
  if (::lstat(path_.c_str(), &ignored) == 0 || errno != ENOENT) return false;
  if (!folder_.IsInPlace()) return false;
  auto listener = base::ListenAtUnixSocket(folder_.held_path() / path_.filename());
  if (!listener.ok()) return false;
  listener_ = std::move(*listener);
  inode_ = InodeOf(path_);
  return true;
}

std::optional<OwnSocket::Inode> OwnSocket::InodeOf(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) return std::nullopt;
  return Inode{facts.st_dev, facts.st_ino};
}

}  // namespace rollcall::server
