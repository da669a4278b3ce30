#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::base {

// Unix sockets by paths of any length. A socket address holds 107 bytes; a longer path is reached
// through the descriptor of its folder (/proc/self/fd/N/name). Errors of ErrnoError.

// An address for a path, and what keeps it valid. Its sun_path is a path, too: a short one that
// leads there.
struct UnixAddress {
  UniqueFd folder;
  sockaddr_un socket{};
};
Result<UnixAddress> UnixAddressOf(const std::filesystem::path& path);

// A listening socket at `path`, for this user only. Nothing that is there is replaced: an error
// then.
Result<UniqueFd> ListenAtUnixSocket(const std::filesystem::path& path);

// At once, or not at all.
Result<UniqueFd> ConnectToUnixSocket(const std::filesystem::path& path);

// Who is at the other end of a connected socket, or began to listen there.
struct SocketPeer {
  pid_t pid = 0;  // 0: of another namespace of processes, or unknown.
  uid_t uid = static_cast<uid_t>(-1);
};
SocketPeer PeerOf(int fd);

}  // namespace rollcall::base
