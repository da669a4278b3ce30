#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/job_view.h"
#include "base/json.h"
#include "base/result.h"

namespace rollcall::control {

// What the server serves: the engine, as app wires it.
//
// Thread-safe: called by several threads at once.
class Service {
 public:
  virtual ~Service() = default;
  // One request other than job.watch. kUnimplemented / ERR_BAD_REQUEST for an unknown method.
  virtual base::Result<base::Json> Call(std::string_view method, const base::Json& params) = 0;
  // The job now. kNotFound / ERR_JOB_NOT_FOUND.
  virtual base::Result<api::JobView> View(std::int64_t job_id) = 0;
  // The number of connected clients changed to this.
  virtual void OnClientCount(int count) = 0;
};

// Answers commands at the data directory's socket.
//
// One thread does all input and output, and waits for nothing else; others run the calls, one begun
// whenever all are busy, so that no call waits for another: a cancel is not held up by any number
// of slow ones (starts that read large files, a check of the whole store). Another one looks at
// what is watched. A client has at most one call running: its later lines wait in the socket. One
// that has shut down its side of the connection still gets what it asked for. A watcher gets a
// snapshot at once, at every transition, and as often as `watch_interval` in between; one that
// reads slowly misses snapshots, never the last one.
//
// Borrows `service`. Stops and joins its threads when destroyed; a call that runs is waited for.
class ControlServer {
 public:
  struct Options {
    std::filesystem::path socket;
    int clients_max = 64;                           // More are told so and closed.
    std::size_t line_bytes_max = 1 << 20;           // A longer line ends the connection.
    std::chrono::milliseconds watch_interval{500};  // Progress: at most two a second.
    int call_threads = 2;                           // To begin with.
    int call_threads_max = 256;                     // Clients that left have calls running, too.
    // While the process has no descriptor left for another client: how long none is accepted, at
    // first and at most (doubled in between). Who waits meanwhile, waits in the socket.
    std::chrono::milliseconds accept_pause{50};
    std::chrono::milliseconds accept_pause_max{1000};
    // How often it is looked whether somebody has removed the socket: then there is a new one.
    std::chrono::milliseconds look_interval{1000};
    // A line for the log. Called by the server's own thread.
    std::function<void(const std::string& line)> log = [](const std::string&) {};
  };

  // Listens on return. Errors as ListenAt.
  static base::Result<std::unique_ptr<ControlServer>> Create(Service& service, Options options);
  virtual ~ControlServer() = default;

  // A job may have changed: look at the watched ones now. Any thread, cheap.
  virtual void NotifyChanged() = 0;
};

}  // namespace rollcall::control
