#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::server {

// Listening sockets of TCP; of the data directory: unix_socket.h.

struct TcpListener {
  base::UniqueFd fd;
  std::uint16_t port = 0;  // The one that the kernel chose where 0 was asked for.
};
// `address` as numbers: "127.0.0.1", "::1". kInvalidArgument / ERR_BAD_CONFIG for what is none,
// kAlreadyExists / ERR_ADDRESS_IN_USE, else as ErrnoError.
base::Result<TcpListener> ListenAtTcp(const std::string& address, std::uint16_t port);

}  // namespace rollcall::server
