#include "server/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <list>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "api/http.h"
#include "base/unix_socket.h"
#include "domain/reasons.h"
#include "server/conversation.h"
#include "server/own_socket.h"

namespace rollcall::server {
namespace {

namespace asio = boost::asio;
using Protocol = Conversation::Protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;

// How long answers that are made may take to be sent when the server ends.
constexpr std::chrono::seconds kEnd{1};

// Whether a connection could not be accepted for want of something that may come back. By number:
// to ask the error's category is a virtual call, and without a descriptor Clang's sanitizer, which
// looks at the object then, cannot.
bool IsWant(const boost::system::error_code& error) {
  const int number = error.value();
  return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

class AsioServer final : public HttpServer {
 public:
  AsioServer(const Router& router, Options options, std::optional<OwnSocket> socket)
      : router_(router),
        options_(std::move(options)),
        socket_(std::move(socket)),
        tick_(io_),
        look_(io_),
        work_(asio::make_work_guard(io_)),
        calls_(std::in_place, options_.call_threads, options_.call_threads_max) {
    if (socket_) {
      Listen(socket_->TakeListener(), api::Door::kUnixSocket);
      asio::co_spawn(io_, LookAfterSocket(), asio::detached);
    }
    if (options_.tcp_listener.is_open()) {
      Listen(std::move(options_.tcp_listener), api::Door::kTcp);
    }
    thread_ = std::thread([this] { io_.run(); });
  }

  ~AsioServer() override {
    // From now on nothing is asked; what is being made is waited for.
    asio::post(io_, [this] { BeginToEnd(); });
    calls_.reset();
    asio::post(io_, [this] { EndWithin(kEnd); });
    thread_.join();
  }

  void Notify(News news) override {
    auto& is_told = news == News::kTransition ? is_changed_ : has_progress_;
    if (is_told.exchange(true)) return;
    asio::post(io_, [this, news] { Spread(news); });
  }

 private:
  void Listen(base::UniqueFd listener, api::Door door) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    auto& acceptor = acceptors_.emplace_back(io_);
    boost::system::error_code failure;
    acceptor.assign(Protocol(address.ss_family, 0), listener.get(), failure);
    if (failure) return options_.log("cannot listen: " + failure.message());
    listener.Release();
    asio::co_spawn(io_, Accept(acceptor, door), asio::detached);
  }

  // Who waits at the socket that was removed is let in until the next look.
  asio::awaitable<void> LookAfterSocket() {
    Acceptor* current = &acceptors_.back();
    Acceptor* removed = nullptr;
    boost::system::error_code ignored;
    while (!is_ending_) {
      look_.expires_after(options_.look_interval);
      co_await look_.async_wait(kTuple);
      if (is_ending_) break;
      if (removed != nullptr) std::exchange(removed, nullptr)->close(ignored);
      if (!socket_->RestoreIfRemoved()) continue;
      removed = current;
      Listen(socket_->TakeListener(), api::Door::kUnixSocket);
      current = &acceptors_.back();
      options_.log("the socket was removed; a new one is in its place");
    }
  }

  asio::awaitable<void> Accept(Acceptor& acceptor, api::Door door) {
    asio::steady_timer timer(io_);
    std::chrono::milliseconds pause{0};  // Zero while all is well.
    while (acceptor.is_open()) {
      Protocol::socket socket(io_);
      const auto accepted = co_await acceptor.async_accept(socket, kTuple);
      const boost::system::error_code failure = std::get<0>(accepted);
      if (!failure) {
        if (pause.count() > 0) options_.log("clients are let in again");
        pause = {};
        Begin(std::move(socket), door);
        continue;
      }
      if (!acceptor.is_open()) break;
      if (!IsWant(failure)) continue;  // That client has gone again.
      // The listener stays readable meanwhile: to wait for that would spin.
      if (pause.count() == 0) {
        options_.log(std::string("clients have to wait, none can be let in: ") +
                     std::strerror(failure.value()));
      }
      pause = std::clamp(pause * 2, options_.accept_pause, options_.accept_pause_max);
      timer.expires_after(pause);
      co_await timer.async_wait(kTuple);
    }
  }

  void Begin(Protocol::socket socket, api::Door door) {
    const auto conversation = std::make_shared<Conversation>(
        Conversation::Surroundings{
            .router = router_, .options = options_, .calls = *calls_, .io = io_},
        std::move(socket), door);
    if (door == api::Door::kUnixSocket && IsForeign(conversation->peer())) {
      const auto foreign = domain::MakeError(domain::reason::kForbidden,
                                             "this socket is for the user whose engine it is");
      asio::co_spawn(io_, conversation->TurnAway(api::ProblemAnswer(foreign, "/")),
                     [conversation](const std::exception_ptr&) {});
      return;
    }
    const bool is_full = std::ssize(conversations_) >= options_.clients_max;
    const auto at = conversations_.insert(conversations_.end(), conversation);
    TellCount();
    const auto forget = [this, at](const std::exception_ptr&) {
      conversations_.erase(at);
      TellCount();
    };
    if (is_full) {
      api::Answer full =
          api::ProblemAnswer(domain::MakeError(domain::reason::kTooManyOpenFiles,
                                               "there are too many connections already",
                                               "try again when some of them have ended"),
                             "/");
      full.fields.emplace_back("Retry-After", "1");
      asio::co_spawn(io_, conversation->TurnAway(std::move(full)), forget);
    } else {
      asio::co_spawn(io_, conversation->Run(), forget);
    }
  }

  // The socket's permissions keep others out; where they were changed, this does.
  bool IsForeign(const base::SocketPeer& peer) const { return peer.uid != user_ && peer.uid != 0; }

  void TellCount() {
    std::set<pid_t> programs;
    int unknown = 0;
    for (const auto& conversation : conversations_) {
      if (conversation->door() != api::Door::kUnixSocket) continue;
      const pid_t pid = conversation->peer().pid;
      if (pid == 0) ++unknown;
      if (pid != 0) programs.insert(pid);
    }
    const int count = static_cast<int>(programs.size()) + unknown;
    if (std::exchange(unix_clients_, count) != count) options_.on_unix_clients(count);
  }

  void Spread(News news) {
    if (news == News::kTransition) {
      is_changed_ = false;
      return NotifyAll();
    }
    tick_.expires_after(options_.tick);
    tick_.async_wait([this](const boost::system::error_code& error) {
      has_progress_ = false;
      if (!error) NotifyAll();
    });
  }

  void NotifyAll() {
    for (const auto& conversation : conversations_) conversation->Notify();
  }

  void BeginToEnd() {
    is_ending_ = true;
    look_.cancel();
    boost::system::error_code ignored;
    for (Acceptor& acceptor : acceptors_) acceptor.close(ignored);
    for (const auto& conversation : conversations_) conversation->End();
    tick_.cancel();
  }

  // What is still being sent has so long.
  void EndWithin(std::chrono::milliseconds limit) {
    work_.reset();
    end_.emplace(io_, limit);
    end_->async_wait([this](const boost::system::error_code&) { io_.stop(); });
    LookWhetherAllHaveEnded();
  }

  void LookWhetherAllHaveEnded() {
    if (conversations_.empty()) return io_.stop();
    constexpr std::chrono::milliseconds kLook{5};
    tick_.expires_after(kLook);
    tick_.async_wait([this](const boost::system::error_code&) { LookWhetherAllHaveEnded(); });
  }

  const Router& router_;
  const uid_t user_ = ::geteuid();
  Options options_;
  std::optional<OwnSocket> socket_;  // Of the thread, once that has begun.
  asio::io_context io_{1};
  std::list<Acceptor> acceptors_;
  std::list<std::shared_ptr<Conversation>> conversations_;  // Of the thread, as is all but flags.
  asio::steady_timer tick_;
  asio::steady_timer look_;
  std::optional<asio::steady_timer> end_;
  int unix_clients_ = 0;
  bool is_ending_ = false;
  std::atomic<bool> is_changed_{false};
  std::atomic<bool> has_progress_{false};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::optional<CallThreads> calls_;
  std::thread thread_;
};

}  // namespace

base::Result<std::unique_ptr<HttpServer>> HttpServer::Create(const Router& router,
                                                             Options options) {
  ROLLCALL_CHECK(options.clients_max > 0);
  std::optional<OwnSocket> socket;
  if (!options.unix_socket.empty()) {
    ROLLCALL_TRY_ASSIGN(auto made, OwnSocket::Make(options.unix_socket));
    socket.emplace(std::move(made));
  }
  return std::unique_ptr<HttpServer>(
      std::make_unique<AsioServer>(router, std::move(options), std::move(socket)));
}

}  // namespace rollcall::server
