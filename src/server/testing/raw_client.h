#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace rollcall::server::testing {

// A client that sends whatever it is told and knows nothing of HTTP.
class RawClient {
 public:
  static RawClient AtUnixSocket(const std::filesystem::path& path);
  static RawClient AtPort(std::uint16_t port);

  // What the socket takes at once and then; false when the server takes no more.
  bool Send(std::string_view bytes);
  void SayAll();  // Ends its side.
  // All until the server ends its side.
  std::string ReadAll();
  // Until what has been read holds `text`, or the server has ended; all that has been read.
  std::string ReadUntil(std::string_view text);
  // Whether the server has ended its side. Waits at most `limit`.
  bool HasEnded(std::chrono::milliseconds limit);

 private:
  explicit RawClient(base::UniqueFd fd) : fd_(std::move(fd)) {}
  bool ReadMore(std::chrono::milliseconds limit);

  base::UniqueFd fd_;
  std::string read_;
  bool has_ended_ = false;
};

}  // namespace rollcall::server::testing
