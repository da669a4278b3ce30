#include "control/control_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "api/error_json.h"
#include "api/params.h"
#include "base/file.h"
#include "base/held_folder.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "control/line_buffer.h"
#include "control/protocol.h"
#include "domain/reasons.h"
#include "server/unix_socket.h"

namespace rollcall::control {
namespace {

using base::Json;
using base::MutexLock;
using base::Result;
using base::UniqueFd;
using SteadyTime = std::chrono::steady_clock::time_point;
namespace reason = domain::reason;

constexpr std::size_t kReadBytes = 64 * 1024;
// A client that lets this much pile up has stopped reading.
constexpr std::size_t kOutBytesMax = 32 << 20;

using ClientId = std::uint64_t;

struct Watch {
  std::int64_t job_id = 0;
  SteadyTime sent_at{};
  std::string transition;  // What changes only when something happened, as of `sent_at`.
};

struct Client {
  Client(UniqueFd socket, std::size_t line_bytes_max) : fd(std::move(socket)), in(line_bytes_max) {}
  UniqueFd fd;
  LineBuffer in;
  std::string out;
  bool is_busy = false;       // A call of it runs.
  bool is_ending = false;     // Closed once `out` is sent.
  bool has_said_all = false;  // It sends nothing more, but may still read.
  bool is_gone = false;
  std::vector<Watch> watches;
};

struct Call {
  ClientId client = 0;
  Request request;
};

struct Reply {
  ClientId client = 0;
  std::string line;
  std::optional<api::JobView> watched;  // Of a job.watch that succeeded.
};

// Differs between two views of a job exactly when more than its progress changed.
std::string TransitionOf(const api::JobView& view) {
  std::string text{domain::JobStateName(view.state)};
  for (const api::StageView& stage : view.stages) {
    text += '|';
    text += domain::JobStateName(stage.state);
    text += ':' + std::to_string(stage.generation) + ':' + std::to_string(stage.attempt);
    text += stage.is_stalled ? ":stalled:" : "::";
    text += stage.phase + ':' + stage.wait_reason;
    if (stage.error) text += ':' + stage.error->reason;
  }
  return text;
}

// Whether a connection could not be accepted for want of something that may come back.
bool IsWant(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
         error_number == ENOMEM;
}

// Device and inode, which differ while both files exist; nullopt when there is none.
std::optional<std::pair<dev_t, ino_t>> InodeOf(const std::filesystem::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) return std::nullopt;
  return std::pair{facts.st_dev, facts.st_ino};
}

class SocketServer final : public ControlServer {
 public:
  SocketServer(Service& service, Options options, base::HeldFolder folder, UniqueFd listener,
               UniqueFd wake)
      : service_(service),
        options_(std::move(options)),
        folder_(std::move(folder)),
        inode_(InodeOf(options_.socket)),
        listener_(std::move(listener)),
        wake_(std::move(wake)),
        look_at_(std::chrono::steady_clock::now() + options_.look_interval) {
    for (int i = 0; i < options_.call_threads; ++i) {
      callers_.emplace_back([this] { RunCalls(); });
    }
    looker_ = std::thread([this] { RunLooks(); });
    io_ = std::thread([this] { RunIo(); });
  }

  ~SocketServer() override {
    is_stopping_ = true;
    std::vector<std::thread> callers;
    {
      MutexLock lock(mutex_);
      calls_.clear();
      callers.swap(callers_);
      call_ready_.NotifyAll();
      look_wanted_.NotifyAll();
    }
    for (std::thread& caller : callers) caller.join();
    looker_.join();
    Wake();
    io_.join();
    // Never the socket of an engine that has taken this one's place.
    if (InodeOf(options_.socket) == inode_) ::unlink(options_.socket.c_str());
  }

  void NotifyChanged() override {
    if (!is_changed_.exchange(true)) Wake();
  }

 private:
  void Wake() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the thread wakes anyway.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  }

  // --- Call threads

  void RunCalls() {
    while (std::optional<Call> call = NextCall()) {
      Reply reply = Run(*call);
      {
        MutexLock lock(mutex_);
        replies_.push_back(std::move(reply));
      }
      Wake();
    }
  }

  std::optional<Call> NextCall() {
    MutexLock lock(mutex_);
    ++idle_callers_;
    while (calls_.empty() && !is_stopping_) call_ready_.Wait(mutex_);
    --idle_callers_;
    if (is_stopping_) return std::nullopt;
    Call call = std::move(calls_.front());
    calls_.pop_front();
    return call;
  }

  void Enqueue(Call call) {
    MutexLock lock(mutex_);
    calls_.push_back(std::move(call));
    if (idle_callers_ < calls_.size()) AddCaller();
    call_ready_.NotifyOne();
  }

  void AddCaller() ROLLCALL_REQUIRES(mutex_) {
    const bool is_full = std::ssize(callers_) >= options_.call_threads_max;
    if (is_full || is_stopping_) return;
    try {
      callers_.emplace_back([this] { RunCalls(); });
    } catch (const std::system_error&) {
      // There are no threads left: the call waits for one of those that are there.
    }
  }

  Reply Run(const Call& call) {
    const Request& request = call.request;
    if (request.method == method::kJobWatch) {
      auto view = WatchedJob(request.params);
      if (!view.ok()) return {call.client, ErrorLine(request.id, view.error()), std::nullopt};
      std::string line = ResultLine(request.id, ToJson(*view));
      return {call.client, std::move(line), std::move(*view)};
    }
    const auto result = service_.Call(request.method, request.params);
    return {call.client,
            result.ok() ? ResultLine(request.id, *result) : ErrorLine(request.id, result.error()),
            std::nullopt};
  }

  Result<api::JobView> WatchedJob(const Json& params) {
    ROLLCALL_TRY_ASSIGN(const std::int64_t job_id, api::IntegerParam(params, "job_id", 0));
    return service_.View(job_id);
  }

  // --- The thread that looks at watched jobs

  void RunLooks() {
    while (const std::optional<std::int64_t> job_id = NextLook()) {
      auto view = service_.View(*job_id);
      {
        MutexLock lock(mutex_);
        views_.insert_or_assign(*job_id, std::move(view));
      }
      Wake();
    }
  }

  std::optional<std::int64_t> NextLook() {
    MutexLock lock(mutex_);
    while (looks_wanted_.empty() && !is_stopping_) look_wanted_.Wait(mutex_);
    if (is_stopping_) return std::nullopt;
    return looks_wanted_.extract(looks_wanted_.begin()).value();
  }

  // --- The input and output thread; everything below runs in it

  void RunIo() {
    while (!is_stopping_) {
      Poll();
      LookAtSocket();
      TakeReplies();
      Accept();
      for (auto& [id, client] : clients_) Serve(id, client);
      FeedWatchers();
      for (auto& [id, client] : clients_) Send(client);
      ForgetGone();
    }
    // The last replies (to engine.leave, say) are already made: sent as far as the sockets take.
    TakeReplies();
    for (auto& [id, client] : clients_) Send(client);
  }

  void Poll() {
    const short listening = accept_again_at_ ? 0 : POLLIN;
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}, {listener_.get(), listening, 0}};
    for (const auto& [id, client] : clients_) {
      short events = 0;
      if (!client.is_busy && !client.is_ending && !client.has_said_all) events |= POLLIN;
      if (!client.out.empty()) events |= POLLOUT;
      fds.push_back({client.fd.get(), events, 0});
    }
    // EINTR and time-out lead to the same look around.
    ::poll(fds.data(), fds.size(), PollTimeout());
    if ((fds[0].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t n = ::read(wake_.get(), &count, sizeof count);
    }
    std::size_t at = 2;
    for (auto& [id, client] : clients_) {
      // Gone while its call runs, when nobody reads from it.
      if ((fds[at].revents & (POLLHUP | POLLERR)) != 0 && (fds[at].revents & POLLIN) == 0) {
        client.is_gone = true;
      }
      ++at;
    }
  }

  int PollTimeout() const {
    if (is_changed_) return 0;
    std::optional<SteadyTime> due = accept_again_at_;
    for (const auto& [id, client] : clients_) {
      for (const Watch& watch : client.watches) {
        if (looking_at_.contains(watch.job_id)) continue;  // It wakes us.
        const SteadyTime next = watch.sent_at + options_.watch_interval;
        if (!due || next < *due) due = next;
      }
    }
    due = std::min(due.value_or(look_at_), look_at_);
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*due - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }

  // Who removes the socket's file shuts everybody out, and nothing else would ever tell us. Never
  // in a folder that has taken the place of ours.
  void LookAtSocket() {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now < look_at_) return;
    look_at_ = now + options_.look_interval;
    struct stat ignored {};
    if (::lstat(options_.socket.c_str(), &ignored) == 0 || errno != ENOENT) return;
    if (!folder_.IsInPlace()) return;
    Accept();  // Who waits at the old one.
    auto listener = server::ListenAt(folder_.held_path() / options_.socket.filename());
    if (!listener.ok()) return;
    listener_ = std::move(*listener);
    inode_ = InodeOf(options_.socket);
    options_.log("the socket was removed; a new one is in its place");
  }

  void TakeReplies() {
    std::vector<Reply> replies;
    {
      MutexLock lock(mutex_);
      replies.swap(replies_);
    }
    for (Reply& reply : replies) {
      const auto found = clients_.find(reply.client);
      if (found == clients_.end()) continue;
      Client& client = found->second;
      client.is_busy = false;
      client.out += reply.line;
      if (reply.watched && reply.watched->is_open()) {
        client.watches.push_back({.job_id = reply.watched->job_id,
                                  .sent_at = std::chrono::steady_clock::now(),
                                  .transition = TransitionOf(*reply.watched)});
      }
    }
  }

  void Accept() {
    if (accept_again_at_ && std::chrono::steady_clock::now() < *accept_again_at_) return;
    accept_again_at_.reset();
    while (true) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd.is_open()) {
        if (IsWant(errno)) PauseAccepting(errno);
        return;
      }
      if (accept_pause_.count() > 0) options_.log("commands are let in again");
      accept_pause_ = {};
      Client client(std::move(fd), options_.line_bytes_max);
      if (clients_.size() >= static_cast<std::size_t>(options_.clients_max)) {
        client.out =
            ErrorLine(nullptr, domain::MakeError(reason::kEngineUnavailable,
                                                 "too many commands talk to this engine already",
                                                 "wait until one of them has ended"));
        Send(client);
        continue;
      }
      clients_.emplace(next_client_++, std::move(client));
      TellCount();
    }
  }

  // The listener stays readable while nothing can be accepted: polling it would spin.
  void PauseAccepting(int error_number) {
    if (accept_pause_.count() == 0) {
      options_.log(std::string("commands have to wait, none can be let in: ") +
                   std::strerror(error_number));
    }
    accept_pause_ = std::clamp(accept_pause_ * 2, options_.accept_pause, options_.accept_pause_max);
    accept_again_at_ = std::chrono::steady_clock::now() + accept_pause_;
  }

  void Serve(ClientId id, Client& client) {
    if (client.is_gone || client.is_ending || client.is_busy) return;
    if (Dispatch(id, client) || client.has_said_all) return;
    char buffer[kReadBytes];
    const ssize_t n = ::recv(client.fd.get(), buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) {
      client.is_gone = true;
      return;
    }
    client.has_said_all = n == 0;
    // The end of what it says ends its last line too.
    const bool is_cut = client.has_said_all && client.in.has_rest();
    client.in.Feed(is_cut ? "\n" : std::string_view(buffer, static_cast<std::size_t>(n)));
    Dispatch(id, client);
  }

  // What has said all stays for its replies and for what it watches.
  static bool HasBeenTold(const Client& client) {
    return client.has_said_all && !client.is_busy && client.out.empty() && client.watches.empty();
  }

  // Hands the next request to a call thread; true if the client is now busy or ending.
  bool Dispatch(ClientId id, Client& client) {
    while (std::optional<std::string> line = client.in.Next()) {
      auto request = ParseRequest(*line);
      if (!request.ok()) {
        client.out += ErrorLine(nullptr, request.error());
        continue;
      }
      client.is_busy = true;
      Enqueue({id, std::move(*request)});
      return true;
    }
    if (!client.in.is_overflown()) return false;
    client.out += ErrorLine(
        nullptr, domain::MakeError(
                     reason::kBadRequest,
                     "a line of more than " + std::to_string(options_.line_bytes_max) + " bytes"));
    client.is_ending = true;
    return true;
  }

  void Send(Client& client) {
    while (!client.is_gone && !client.out.empty()) {
      const ssize_t n = ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) {
        if (client.out.size() > kOutBytesMax) client.is_gone = true;
        return;
      }
      if (n < 0) {
        client.is_gone = true;
        return;
      }
      client.out.erase(0, static_cast<std::size_t>(n));
    }
    if (client.is_ending || HasBeenTold(client)) client.is_gone = true;
  }

  void FeedWatchers() {
    const bool is_changed = is_changed_.exchange(false);
    const SteadyTime now = std::chrono::steady_clock::now();
    const auto views = TakeViews();
    for (auto& [id, client] : clients_) {
      // Still sending: the next snapshot tells more than this one would.
      if (client.is_gone || !client.out.empty()) {
        for (Watch& watch : client.watches) watch.sent_at = now;
        continue;
      }
      std::erase_if(client.watches, [&, &client = client](Watch& watch) {
        const bool is_due = now - watch.sent_at >= options_.watch_interval;
        const auto found = views.find(watch.job_id);
        const bool is_over = found != views.end() &&
                             Feed(client, watch, found->second, {.now = now, .is_due = is_due});
        if (is_over) return true;
        // A look that has begun may have come before the change.
        const bool is_asked = looking_at_.contains(watch.job_id);
        if (is_changed || (found == views.end() && is_due && !is_asked)) AskFor(watch.job_id);
        return false;
      });
    }
  }

  // One look per job, however many watch it.
  void AskFor(std::int64_t job_id) {
    looking_at_.insert(job_id);
    MutexLock lock(mutex_);
    looks_wanted_.insert(job_id);
    look_wanted_.NotifyOne();
  }

  std::map<std::int64_t, Result<api::JobView>> TakeViews() {
    MutexLock lock(mutex_);
    for (const auto& [job_id, view] : views_) looking_at_.erase(job_id);
    return std::exchange(views_, {});
  }

  struct Turn {
    SteadyTime now;
    bool is_due = false;
  };

  // True when there is nothing more to watch.
  static bool Feed(Client& client, Watch& watch, const Result<api::JobView>& view, Turn turn) {
    if (!view.ok()) {
      client.out += NotificationLine(
          {.method = std::string(method::kJobWatchFailed),
           .params = {{"job_id", watch.job_id}, {"error", api::ErrorToJson(view.error())}}});
      return true;
    }
    std::string transition = TransitionOf(*view);
    if (!turn.is_due && transition == watch.transition) return false;
    watch.transition = std::move(transition);
    watch.sent_at = turn.now;
    client.out += NotificationLine({.method = std::string(method::kJobSnapshot),
                                    .params = {{"job_id", watch.job_id}, {"job", ToJson(*view)}}});
    return !view->is_open();
  }

  void ForgetGone() {
    const std::size_t before = clients_.size();
    std::erase_if(clients_, [](const auto& entry) { return entry.second.is_gone; });
    if (clients_.size() != before) TellCount();
  }

  void TellCount() { service_.OnClientCount(static_cast<int>(clients_.size())); }

  Service& service_;
  const Options options_;
  const base::HeldFolder folder_;                 // In which the socket is.
  std::optional<std::pair<dev_t, ino_t>> inode_;  // Of the socket; as the listener, of that thread.
  UniqueFd listener_;
  const UniqueFd wake_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_changed_{false};

  base::Mutex mutex_;
  base::CondVar call_ready_;
  std::deque<Call> calls_ ROLLCALL_GUARDED_BY(mutex_);
  std::size_t idle_callers_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> callers_ ROLLCALL_GUARDED_BY(mutex_);
  std::vector<Reply> replies_ ROLLCALL_GUARDED_BY(mutex_);
  base::CondVar look_wanted_;
  std::set<std::int64_t> looks_wanted_ ROLLCALL_GUARDED_BY(mutex_);  // Of jobs.
  std::map<std::int64_t, Result<api::JobView>> views_ ROLLCALL_GUARDED_BY(mutex_);

  std::map<ClientId, Client> clients_;  // Of the input and output thread, as are the next two.
  ClientId next_client_ = 1;
  std::set<std::int64_t> looking_at_;  // Jobs whose view was asked for and has not come.
  // Likewise. Set while nothing is accepted; the pause is zero while all is well.
  std::optional<SteadyTime> accept_again_at_;
  std::chrono::milliseconds accept_pause_{0};
  SteadyTime look_at_;  // Likewise.

  std::thread looker_;
  std::thread io_;
};

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::Create(Service& service, Options options) {
  ROLLCALL_CHECK(options.clients_max > 0 && options.call_threads > 0);
  ROLLCALL_TRY_ASSIGN(auto folder, base::HeldFolder::Open(options.socket.parent_path()));
  // That of an owner who has ended: the lock of the data directory is ours.
  ::unlink(options.socket.c_str());
  ROLLCALL_TRY_ASSIGN(UniqueFd listener, server::ListenAt(options.socket));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return base::ErrnoError(errno, "make an eventfd for", options.socket);
  return std::unique_ptr<ControlServer>(std::make_unique<SocketServer>(
      service, std::move(options), std::move(folder), std::move(listener), std::move(wake)));
}

}  // namespace rollcall::control
