#include "server/tcp_listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/shown_text.h"
#include "domain/reasons.h"

namespace rollcall::server {
namespace {

using base::Result;
using base::UniqueFd;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<Address> AddressOf(const std::string& text, std::uint16_t port) {
  Address address;
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    sockaddr_in of{};
    of.sin_family = AF_INET;
    of.sin_port = htons(port);
    of.sin_addr = v4;
    std::memcpy(&address.storage, &of, sizeof of);
    address.size = sizeof of;
    return address;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    sockaddr_in6 of{};
    of.sin6_family = AF_INET6;
    of.sin6_port = htons(port);
    of.sin6_addr = v6;
    std::memcpy(&address.storage, &of, sizeof of);
    address.size = sizeof of;
    return address;
  }
  return domain::MakeError(domain::reason::kBadConfig,
                           fmt::format("\"{}\" is no address", base::Shown(text)),
                           "give numbers: 127.0.0.1 or ::1");
}

std::uint16_t PortOf(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  if (storage.ss_family == AF_INET) {
    sockaddr_in of{};
    std::memcpy(&of, &storage, sizeof of);
    return ntohs(of.sin_port);
  }
  sockaddr_in6 of{};
  std::memcpy(&of, &storage, sizeof of);
  return ntohs(of.sin6_port);
}

}  // namespace

Result<TcpListener> ListenAtTcp(const std::string& address, std::uint16_t port) {
  constexpr int kBacklog = 256;
  const std::string name = fmt::format("{} port {}", address, port);
  ROLLCALL_TRY_ASSIGN(const Address to, AddressOf(address, port));
  UniqueFd fd(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return base::ErrnoError(errno, "make a socket for", name);
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd.get(), to.generic(), to.size) != 0) {
    if (errno != EADDRINUSE) return base::ErrnoError(errno, "bind", name);
    return domain::MakeError(domain::reason::kAddressInUse, name + " is in use already");
  }
  if (::listen(fd.get(), kBacklog) != 0) return base::ErrnoError(errno, "listen at", name);
  const std::uint16_t bound = PortOf(fd.get());
  return TcpListener{.fd = std::move(fd), .port = bound};
}

}  // namespace rollcall::server
