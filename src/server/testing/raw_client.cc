#include "server/testing/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"
#include "base/unix_socket.h"

namespace rollcall::server::testing {
namespace {

constexpr std::chrono::seconds kPatience{60};

}  // namespace

RawClient RawClient::AtUnixSocket(const std::filesystem::path& path) {
  return RawClient(base::ConnectToUnixSocket(path).value());
}

RawClient RawClient::AtPort(std::uint16_t port) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int failed =
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ROLLCALL_CHECK(failed == 0, "nobody listens");
  return RawClient(std::move(fd));
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) {
      pollfd fd{fd_.get(), POLLOUT, 0};
      ::poll(&fd, 1, 1000);
      continue;
    }
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void RawClient::SayAll() { ::shutdown(fd_.get(), SHUT_WR); }

bool RawClient::ReadMore(std::chrono::milliseconds limit) {
  pollfd fd{fd_.get(), POLLIN, 0};
  if (::poll(&fd, 1, static_cast<int>(limit.count())) <= 0) return false;
  char buffer[16 * 1024];
  const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (n <= 0) {
    has_ended_ = true;
    return false;
  }
  read_.append(buffer, static_cast<std::size_t>(n));
  return true;
}

std::string RawClient::ReadAll() {
  while (ReadMore(kPatience)) {
  }
  ROLLCALL_CHECK(has_ended_, "the server does not end");
  return read_;
}

std::string RawClient::ReadUntil(std::string_view text) {
  while (read_.find(text) == std::string::npos && ReadMore(kPatience)) {
  }
  return read_;
}

bool RawClient::HasEnded(std::chrono::milliseconds limit) {
  while (ReadMore(limit)) {
  }
  return has_ended_;
}

}  // namespace rollcall::server::testing
