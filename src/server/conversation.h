#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http.h"
#include "base/unix_socket.h"
#include "server/call_threads.h"
#include "server/gate.h"
#include "server/http_server.h"

namespace rollcall::server {

// An asynchronous operation to co_await; gives (error_code, …) and throws nothing.
inline constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

// One connection, from its first byte to its last.
//
// Lives on the server's input and output thread. Held by its own coroutine and by whoever notifies
// or ends it.
class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  using Protocol = boost::asio::generic::stream_protocol;

  struct Surroundings {
    const Router& router;
    const HttpServer::Options& options;
    CallThreads& calls;
    boost::asio::io_context& io;
  };

  Conversation(const Surroundings& around, Protocol::socket socket, api::Door door);

  // Until the client has gone, or is not to be talked to any more.
  boost::asio::awaitable<void> Run();
  // Says why nothing is answered, and ends.
  boost::asio::awaitable<void> TurnAway(api::Answer answer);

  // A stream of its is asked.
  void Notify();
  // Ends it, after the answer that is being made or sent.
  void End();

  api::Door door() const { return door_; }
  // At the unix socket: whose program it is.
  const base::SocketPeer& peer() const { return peer_; }

 private:
  template <typename T>
  using Awaitable = boost::asio::awaitable<T>;
  using Stream = boost::beast::basic_stream<Protocol, boost::asio::any_io_executor>;

  struct Asked {
    api::Request request;
    bool keeps_alive = false;
  };

  const GateLimits& gate() const;
  // What begins like this is of a program that knows no HTTP yet.
  bool IsOlder(std::string_view head) const;
  // The bytes of a head, or of what can be none; nullopt when the client has gone.
  Awaitable<std::optional<std::string>> ReadHead();
  // With its body; an answer where there is no such request.
  Awaitable<std::optional<Asked>> ReadRequest(const std::string& head, api::Answer& refusal);
  // What `make` gives, made on a call thread; nullopt when none is made any more.
  template <typename T>
  Awaitable<std::optional<T>> OnCallThread(const std::function<T()>& make);
  // False when it could not be sent whole.
  Awaitable<bool> Send(const api::Request& request, const api::Answer& answer, bool keeps_alive);
  Awaitable<bool> SendText(std::string_view text);
  Awaitable<bool> SendFile(const api::Request& request, const api::Answer& answer,
                           bool keeps_alive);
  // Bytes [at, end) of a file.
  Awaitable<bool> SendPart(int file, std::int64_t at, std::int64_t end);
  Awaitable<bool> WaitForRoom();
  Awaitable<void> SendEvents(std::shared_ptr<api::EventStream> events);
  // Until there may be news, `most` has passed, or the time has come to say that it lives.
  Awaitable<void> WaitForNews(std::chrono::milliseconds most);
  // What is on its way is read for a while, else the client would not get the last answer.
  Awaitable<void> Close();
  void WatchForEnd();

  const Surroundings around_;
  const api::Door door_;
  const base::SocketPeer peer_;
  Stream stream_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer news_;  // Cancelled when there is some.
  bool has_news_ = false;
  bool is_answering_ = false;
  bool is_ending_ = false;
  bool is_gone_ = false;
};

}  // namespace rollcall::server
