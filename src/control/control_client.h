#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "control/line_buffer.h"
#include "control/protocol.h"

namespace rollcall::control {

// A command's side of the control socket.
//
// Thread-compatible.
class ControlClient {
 public:
  // kUnavailable / ERR_ENGINE_UNAVAILABLE when nobody listens there.
  static base::Result<std::unique_ptr<ControlClient>> Connect(const std::filesystem::path& socket);

  // Sends a request and waits for its answer. The engine's own errors come back as they were;
  // kUnavailable / ERR_ENGINE_UNAVAILABLE when the connection ends (ask is_lost()) or nothing came
  // within `limit`.
  base::Result<base::Json> Call(std::string_view method, const base::Json& params,
                                std::chrono::milliseconds limit = std::chrono::minutes{10});

  // The next notification; nullopt after `limit`, or when a signal came. Errors as Call.
  base::Result<std::optional<Notification>> Next(std::chrono::milliseconds limit);

  // The engine has closed the connection, or is dead.
  bool is_lost() const { return is_lost_; }

 private:
  explicit ControlClient(base::UniqueFd fd) : fd_(std::move(fd)) {}

  enum class Wait { kReadable, kTimeout, kSignal };
  Wait WaitFor(short events, std::chrono::steady_clock::time_point until) const;
  base::Result<void> Send(std::string_view line, std::chrono::steady_clock::time_point until);
  // Reads what is there; lines become notifications or, with an id, `answer_`.
  base::Result<void> Receive();
  base::Result<void> Take(const std::string& line);
  base::Error Lost(std::string why);

  base::UniqueFd fd_;
  LineBuffer in_{64 << 20};
  std::int64_t next_id_ = 1;
  std::deque<Notification> notifications_;
  std::optional<base::Json> answer_;
  bool is_lost_ = false;
};

}  // namespace rollcall::control
