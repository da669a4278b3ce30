#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "api/http.h"
#include "base/json.h"
#include "base/result.h"
#include "client/event_reader.h"

namespace rollcall::client {

// A command's side of the API, at the unix socket of a data directory.
//
// It talks to one engine, the process that listened when it connected, over as many connections as
// it needs. An engine that has taken that one's place is another: then this client is lost.
//
// Thread-compatible.
class ApiClient {
 public:
  // kUnavailable / ERR_ENGINE_UNAVAILABLE when nobody listens there.
  static base::Result<std::unique_ptr<ApiClient>> Connect(const std::filesystem::path& socket);
  virtual ~ApiClient() = default;

  // Called a few times a second while an answer is waited for. It may take events, and asks
  // nothing.
  using Meanwhile = std::function<void()>;

  // Asks and waits for the document that answers (api::DocumentOf). Errors as the engine has told
  // them; kUnavailable / ERR_ENGINE_UNAVAILABLE when the connection ends (ask is_lost()) or nothing
  // came within `limit`; ERR_ENGINE_OTHER_VERSION when what answers speaks no HTTP.
  virtual base::Result<base::Json> Ask(const api::Request& request,
                                       std::chrono::milliseconds limit = std::chrono::minutes{10},
                                       const Meanwhile& meanwhile = {}) = 0;

  // Begins a stream of events, in place of one before it. Errors as Ask.
  virtual base::Result<void> Listen(const api::Request& request,
                                    std::chrono::milliseconds limit = std::chrono::minutes{1}) = 0;
  // The next event; nullopt after `limit`, or when a signal came. Errors as Ask.
  virtual base::Result<std::optional<Event>> Next(std::chrono::milliseconds limit) = 0;

  // The engine has ended, or a stream of its.
  virtual bool is_lost() const = 0;
  // 0 where it cannot be known.
  virtual pid_t engine_pid() const = 0;
};

}  // namespace rollcall::client
