#include "base/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/file.h"

namespace rollcall::base {
namespace {

namespace fs = std::filesystem;

// A few commands at once; the kernel queues them until the engine accepts.
constexpr int kUnixBacklog = 64;

const sockaddr* Generic(const UnixAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.socket);
}

UniqueFd NewSocket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

Result<UnixAddress> UnixAddressOf(const fs::path& path) {
  UnixAddress address;
  address.socket.sun_family = AF_UNIX;
  std::string text = path.string();
  if (text.size() >= sizeof address.socket.sun_path) {
    address.folder = UniqueFd(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.folder.is_open()) return ErrnoError(errno, "open", path.parent_path());
    text = "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" + path.filename().string();
  }
  std::memcpy(address.socket.sun_path, text.c_str(), text.size() + 1);
  return address;
}

Result<UniqueFd> ListenAtUnixSocket(const fs::path& path) {
  ROLLCALL_TRY_ASSIGN(const UnixAddress address, UnixAddressOf(path));
  UniqueFd fd = NewSocket();
  if (!fd.is_open()) return ErrnoError(errno, "make a socket for", path);
  if (::bind(fd.get(), Generic(address), sizeof address.socket) != 0) {
    return ErrnoError(errno, "bind", path);
  }
  if (::chmod(path.c_str(), 0600) != 0) return ErrnoError(errno, "protect", path);
  if (::listen(fd.get(), kUnixBacklog) != 0) return ErrnoError(errno, "listen at", path);
  return fd;
}

Result<UniqueFd> ConnectToUnixSocket(const fs::path& path) {
  ROLLCALL_TRY_ASSIGN(const UnixAddress address, UnixAddressOf(path));
  UniqueFd fd = NewSocket();
  if (!fd.is_open()) return ErrnoError(errno, "make a socket for", path);
  // A non-blocking unix connect either succeeds or fails at once (EAGAIN: the backlog is full).
  if (::connect(fd.get(), Generic(address), sizeof address.socket) != 0) {
    return ErrnoError(errno, "connect to", path);
  }
  return fd;
}

SocketPeer PeerOf(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return {.pid = peer.pid, .uid = peer.uid};
}

}  // namespace rollcall::base
