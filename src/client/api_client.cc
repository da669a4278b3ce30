#include "client/api_client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/unix_socket.h"
#include "domain/reasons.h"

namespace rollcall::client {
namespace {

namespace reason = domain::reason;
using api::Request;
using base::Json;
using base::Result;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// More is no answer of an engine. All jobs ever come to 2 KB each.
constexpr std::size_t kAnswerBytesMax = 256U << 20;

// How long somebody who has other things to do meanwhile is kept waiting.
constexpr milliseconds kTurn{200};

struct CleanupEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct CleanupMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One request on its way, and what has come of it.
struct Transfer {
  std::unique_ptr<CURL, CleanupEasy> easy;
  std::unique_ptr<curl_slist, FreeList> fields;
  std::string url;
  std::string method;
  std::string sent;
  std::string body;
  EventReader* events = nullptr;  // Where the body of a good answer goes, if anywhere.
  bool has_head = false;
  bool has_ended = false;
  CURLcode code = CURLE_OK;

  long status() const {
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  std::string type() const {
    const char* type = nullptr;
    curl_easy_getinfo(easy.get(), CURLINFO_CONTENT_TYPE, &type);
    return type == nullptr ? "" : type;
  }
};

std::size_t OnBody(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.events != nullptr && transfer.status() == 200) {
    transfer.events->Feed({bytes, count});
    return transfer.events->pending() > kAnswerBytesMax ? 0 : count;
  }
  if (transfer.body.size() + count > kAnswerBytesMax) return 0;
  transfer.body.append(bytes, count);
  return count;
}

std::size_t OnHeadLine(char* bytes, std::size_t, std::size_t count, void* user) {
  const std::string_view line(bytes, count);
  if (line == "\r\n") static_cast<Transfer*>(user)->has_head = true;
  return count;
}

class CurlClient final : public ApiClient {
 public:
  CurlClient(base::UnixAddress address, base::UniqueFd first, CURLM* multi)
      : address_(std::move(address)),
        first_(std::move(first)),
        engine_(base::PeerOf(first_.get())),
        multi_(multi) {}

  ~CurlClient() override {
    Forget(call_);
    Forget(stream_);
  }

  Result<Json> Ask(const Request& request, milliseconds limit,
                   const Meanwhile& meanwhile) override {
    const auto until = SteadyClock::now() + limit;
    call_ = std::make_unique<Transfer>();
    ROLLCALL_TRY(Begin(*call_, request));
    const auto is_answered = [this] { return call_->has_ended; };
    bool is_done = false;
    while (meanwhile && !is_done && SteadyClock::now() < until) {
      is_done = Drive(std::min(until, SteadyClock::now() + kTurn), is_answered);
      if (!is_done) meanwhile();
    }
    is_done = is_done || Drive(until, is_answered);
    auto answer = is_done ? AnswerOf(*call_) : NotInTime(request);
    Forget(call_);
    return answer;
  }

  Result<void> Listen(const Request& request, milliseconds limit) override {
    const auto until = SteadyClock::now() + limit;
    Forget(stream_);
    events_ = {};
    stream_ = std::make_unique<Transfer>();
    stream_->events = &events_;
    ROLLCALL_TRY(Begin(*stream_, request));
    const bool is_answered =
        Drive(until, [this] { return stream_->has_ended || stream_->has_head; });
    if (!is_answered) return NotInTime(request).error();
    if (stream_->status() == 200) return {};
    // A problem ends.
    Drive(until, [this] { return stream_->has_ended; });
    auto problem = AnswerOf(*stream_);
    Forget(stream_);
    return problem.ok() ? domain::MakeError(reason::kProtocol, "no events came") : problem.error();
  }

  Result<std::optional<Event>> Next(milliseconds limit) override {
    const auto until = SteadyClock::now() + limit;
    bool may_come = true;
    while (true) {
      Perform();
      if (auto event = events_.Next()) return event;
      if (!stream_ || stream_->has_ended) return Lost("it ended the stream of events");
      if (!may_come) return std::optional<Event>{};
      may_come = SteadyClock::now() < until && Wait(until);
    }
  }

  bool is_lost() const override { return is_lost_; }
  pid_t engine_pid() const override { return engine_.pid; }

 private:
  // No program that this one starts inherits it.
  static curl_socket_t OpenSocket(void* user, curlsocktype, curl_sockaddr* address) {
    auto& self = *static_cast<CurlClient*>(user);
    self.newest_socket_ =
        ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return self.newest_socket_;
  }
  // Before a request is sent: that the connection leads to the same engine.
  static int OnConnection(void* user, char*, char*, int, int) {
    auto& self = *static_cast<CurlClient*>(user);
    const int fd = std::exchange(self.newest_socket_, CURL_SOCKET_BAD);
    if (fd == CURL_SOCKET_BAD) return CURL_PREREQFUNC_OK;  // One that was there before.
    if (base::PeerOf(fd).pid != self.engine_.pid) return CURL_PREREQFUNC_ABORT;
    self.first_.Reset();
    return CURL_PREREQFUNC_OK;
  }

  Result<void> Begin(Transfer& transfer, const Request& request) {
    transfer.easy.reset(curl_easy_init());
    if (!transfer.easy) return domain::MakeError(reason::kInternal, "libcurl does not start");
    CURL* easy = transfer.easy.get();
    transfer.url = "http://rollcall" + request.Target();
    transfer.method = request.method;
    curl_easy_setopt(easy, CURLOPT_URL, transfer.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, address_.socket.sun_path);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &OnConnection);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 86400L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "rollcall/" ROLLCALL_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeadLine);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
    // The connection of the calls stays theirs.
    if (transfer.events != nullptr) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (request.method != "GET") {
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer.method.c_str());
      if (!request.body.empty()) transfer.sent = request.body.dump();
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer.sent.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.sent.c_str());
      curl_slist* fields = curl_slist_append(nullptr, "Content-Type: application/json");
      for (const auto& [name, value] : request.fields) {
        fields = curl_slist_append(fields, (name + ": " + value).c_str());
      }
      transfer.fields.reset(fields);
      curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.fields.get());
    }
    if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
      return domain::MakeError(reason::kInternal, "libcurl takes no request");
    }
    return {};
  }

  void Forget(std::unique_ptr<Transfer>& transfer) {
    if (transfer && transfer->easy) curl_multi_remove_handle(multi_.get(), transfer->easy.get());
    transfer.reset();
  }

  void Perform() {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      transfer->has_ended = true;
      transfer->code = message->data.result;
    }
  }

  // False when nothing happened: the time is over, or a signal came.
  bool Wait(SteadyClock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now());
    int ready = 0;
    curl_multi_poll(multi_.get(), nullptr, 0,
                    static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000)), &ready);
    return ready > 0;
  }

  // Until it is so; false when the time is over first.
  template <typename IsSo>
  bool Drive(SteadyClock::time_point until, const IsSo& is_so) {
    while (true) {
      Perform();
      if (is_so()) return true;
      if (SteadyClock::now() >= until) return false;
      Wait(until);
    }
  }

  Result<Json> AnswerOf(const Transfer& transfer) {
    switch (transfer.code) {
      case CURLE_OK:
        return api::DocumentOf({.status = static_cast<int>(transfer.status()),
                                .content_type = transfer.type(),
                                .body = transfer.body});
      case CURLE_UNSUPPORTED_PROTOCOL:  // An answer without a head.
      case CURLE_WEIRD_SERVER_REPLY:
        return domain::MakeError(reason::kEngineOtherVersion, "what answers speaks no HTTP");
      case CURLE_ABORTED_BY_CALLBACK:
        return Lost("another one has taken its place");
      case CURLE_WRITE_ERROR:
        return Lost(fmt::format("it sent more than {} bytes", kAnswerBytesMax));
      default:
        return Lost(curl_easy_strerror(transfer.code));
    }
  }

  static Result<Json> NotInTime(const Request& request) {
    return domain::MakeError(
        reason::kEngineUnavailable,
        fmt::format("the engine did not answer {} {} in time", request.method, request.Path()));
  }

  base::Error Lost(std::string_view why) {
    is_lost_ = true;
    return domain::MakeError(reason::kEngineUnavailable,
                             fmt::format("the engine is gone: {}", why));
  }

  const base::UnixAddress address_;
  base::UniqueFd first_;  // Keeps the engine until there is a connection of libcurl's.
  const base::SocketPeer engine_;
  const std::unique_ptr<CURLM, CleanupMulti> multi_;
  std::unique_ptr<Transfer> call_;
  std::unique_ptr<Transfer> stream_;
  EventReader events_;
  curl_socket_t newest_socket_ = CURL_SOCKET_BAD;  // Not looked at yet.
  bool is_lost_ = false;
};

}  // namespace

Result<std::unique_ptr<ApiClient>> ApiClient::Connect(const std::filesystem::path& socket) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto address = base::UnixAddressOf(socket);
  if (!address.ok()) return domain::MakeError(reason::kEngineUnavailable, address.error().message);
  auto fd = base::ConnectToUnixSocket(socket);
  if (!fd.ok()) return domain::MakeError(reason::kEngineUnavailable, fd.error().message);
  CURLM* multi = kReady == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) return domain::MakeError(reason::kInternal, "libcurl does not start");
  return std::unique_ptr<ApiClient>(
      std::make_unique<CurlClient>(std::move(*address), std::move(*fd), multi));
}

}  // namespace rollcall::client
