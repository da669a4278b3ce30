#include "control/control_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "api/error_json.h"
#include "api/params.h"
#include "domain/reasons.h"
#include "server/unix_socket.h"

namespace rollcall::control {
namespace {

using base::Json;
using base::Result;
using SteadyClock = std::chrono::steady_clock;
namespace reason = domain::reason;

}  // namespace

Result<std::unique_ptr<ControlClient>> ControlClient::Connect(const std::filesystem::path& socket) {
  ROLLCALL_TRY_ASSIGN(base::UniqueFd fd, server::ConnectTo(socket));
  return std::unique_ptr<ControlClient>(new ControlClient(std::move(fd)));
}

Result<Json> ControlClient::Call(std::string_view method, const Json& params,
                                 std::chrono::milliseconds limit) {
  const auto until = SteadyClock::now() + limit;
  const std::int64_t id = next_id_++;
  answer_.reset();
  ROLLCALL_TRY(
      Send(RequestLine({.id = id, .method = std::string(method), .params = params}), until));
  while (true) {
    if (answer_) {
      const Json answer = *std::exchange(answer_, std::nullopt);
      // An answer without an id is about a line that the engine could not read: ours.
      if (answer.at("id").is_null() || answer.at("id") == id) {
        if (answer.contains("error")) {
          return api::ErrorFromJson(answer["error"].value("data", Json::object()));
        }
        return answer.value("result", Json(nullptr));
      }
    }
    if (WaitFor(POLLIN, until) == Wait::kTimeout) {
      return domain::MakeError(reason::kEngineUnavailable,
                               "the engine did not answer " + std::string(method) + " in time");
    }
    ROLLCALL_TRY(Receive());
  }
}

Result<std::optional<Notification>> ControlClient::Next(std::chrono::milliseconds limit) {
  const auto until = SteadyClock::now() + limit;
  while (notifications_.empty()) {
    const Wait wait = WaitFor(POLLIN, until);
    if (wait != Wait::kReadable) return std::optional<Notification>{};
    ROLLCALL_TRY(Receive());
  }
  std::optional<Notification> notification = std::move(notifications_.front());
  notifications_.pop_front();
  return notification;
}

ControlClient::Wait ControlClient::WaitFor(short events, SteadyClock::time_point until) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
  pollfd fd{fd_.get(), events, 0};
  const int ready =
      ::poll(&fd, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000)));
  if (ready < 0) return Wait::kSignal;
  return ready == 0 ? Wait::kTimeout : Wait::kReadable;
}

Result<void> ControlClient::Send(std::string_view line, SteadyClock::time_point until) {
  while (!line.empty()) {
    const ssize_t n = ::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      line.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Lost(std::strerror(errno));
    if (WaitFor(POLLOUT, until) == Wait::kTimeout) return Lost("it takes no requests");
  }
  return {};
}

Result<void> ControlClient::Receive() {
  char buffer[64 * 1024];
  const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (n < 0) return Lost(std::strerror(errno));
  if (n == 0) return Lost("it closed the connection");
  in_.Feed({buffer, static_cast<std::size_t>(n)});
  while (std::optional<std::string> line = in_.Next()) ROLLCALL_TRY(Take(*line));
  if (in_.is_overflown()) return Lost("it sent a line without end");
  return {};
}

Result<void> ControlClient::Take(const std::string& line) {
  auto document = base::ParseJson(line, "answer of the engine");
  if (!document.ok() || !document->is_object()) return Lost("it sent something else than answers");
  if (document->contains("id")) {
    answer_ = std::move(*document);
    return {};
  }
  auto method = api::TextParam(*document, "method", "");
  if (!method.ok()) return Lost("it sent a notification without a name");
  notifications_.push_back(
      {.method = std::move(*method), .params = document->value("params", Json::object())});
  return {};
}

base::Error ControlClient::Lost(std::string why) {
  is_lost_ = true;
  return domain::MakeError(reason::kEngineUnavailable, "the engine is gone: " + std::move(why));
}

}  // namespace rollcall::control
