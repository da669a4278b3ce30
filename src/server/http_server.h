#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "server/gate.h"
#include "server/router.h"

namespace rollcall::server {

// Serves routes over HTTP/1.1 at a unix socket, at a TCP address, or at both.
//
// One thread does all input and output and waits for nothing else; routes run on call threads. A
// connection has at most one request running: the next one waits in its socket, and none runs
// behind a request that the gate refused. Borrows `router`. When destroyed it takes no request any
// more, waits for those that run, and sends their answers as far as clients take them within a
// second.
class HttpServer {
 public:
  struct Options {
    std::filesystem::path unix_socket;  // Empty: none. What an owner who has ended left there goes.
    base::UniqueFd tcp_listener;        // Listening already (tcp_listener.h); not open: none.
    GateLimits unix_gate;  // Any Host: who may connect is decided by the socket's permissions.
    GateLimits tcp_gate;
    int clients_max = 1000;  // More are told so and closed.
    int call_threads = 2;    // To begin with.
    int call_threads_max = 256;
    std::chrono::milliseconds head_limit{10'000};   // For a whole head, once it has begun.
    std::chrono::milliseconds body_limit{30'000};   // For a whole body.
    std::chrono::milliseconds idle_limit{60'000};   // Between requests; over TCP only.
    std::chrono::milliseconds write_limit{30'000};  // While the client takes nothing.
    std::chrono::milliseconds keep_alive{10'000};   // Between two signs of an event stream.
    std::chrono::milliseconds tick{500};  // Streams are asked at most as often for mere progress.
    // How often it is looked whether somebody has removed the unix socket: then there is a new one.
    std::chrono::milliseconds look_interval{1000};
    // While the process has no descriptor left for another client: how long none is accepted, at
    // first and at most (doubled in between). Who waits meanwhile, waits in the socket.
    std::chrono::milliseconds accept_pause{50};
    std::chrono::milliseconds accept_pause_max{1000};
    // What a client at the unix socket is told that speaks as programs did before HTTP: a JSON
    // document a line.
    std::string answer_to_older;
    // How many programs are connected at the unix socket; each counts once, however many
    // connections it has. Called by the server's own thread.
    std::function<void(int count)> on_unix_clients = [](int) {};
    // A line for the log. Called by the server's own thread.
    std::function<void(const std::string& line)> log = [](const std::string&) {};
  };

  // Listens on return. Errors of OwnSocket::Make.
  static base::Result<std::unique_ptr<HttpServer>> Create(const Router& router, Options options);
  virtual ~HttpServer() = default;

  enum class News {
    kTransition,  // Streams are asked at once.
    kProgress,    // With the next tick.
  };
  // Any thread, cheap.
  virtual void Notify(News news) = 0;
};

}  // namespace rollcall::server
