#include "server/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <chrono>
#include <utility>

#include "api/problem.h"
#include "domain/reasons.h"
#include "server/answer_head.h"

namespace rollcall::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace reason = domain::reason;
using api::Answer;
using api::Request;
using base::Json;
using base::Result;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kBufferBytesMax = 256 * 1024;
// What is read of a refused client so that it gets the refusal.
constexpr std::size_t kLingerBytesMax = 1 << 20;
constexpr std::chrono::seconds kLinger{1};

std::string_view View(const beast::flat_buffer& buffer) {
  const auto bytes = buffer.cdata();
  return {static_cast<const char*>(bytes.data()), bytes.size()};
}

api::Fields FieldsOf(const http::request_parser<http::string_body>::value_type& message) {
  api::Fields fields;
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    fields.emplace_back(std::move(name), std::string(field.value()));
  }
  return fields;
}

bool IsJson(const Request& request) {
  const std::string type = request.Field("content-type").value_or("");
  const std::string media = type.substr(0, type.find(';'));
  return media == "application/json" || media == "application/json ";
}

Result<Json> BodyOf(const Request& request, const std::string& text) {
  if (text.empty()) return Json::object();
  if (!IsJson(request)) {
    return domain::MakeError(reason::kUnsupportedMedia, "the body is not said to be JSON");
  }
  auto body = base::ParseJson(text, "body");
  if (!body.ok()) return domain::MakeError(reason::kBadRequest, body.error().message, "");
  if (!body->is_object()) {
    return domain::MakeError(reason::kBadRequest, "the body is no JSON object", "");
  }
  return body;
}

base::Error TooLarge(std::size_t bytes_max) {
  return domain::MakeError(reason::kTooLarge,
                           fmt::format("a body of more than {} bytes", bytes_max));
}

Answer EndingAnswer(const Request& request) {
  return api::ProblemAnswer(
      domain::MakeError(reason::kEngineUnavailable, "the engine is about to end"), request.Path());
}

}  // namespace

Conversation::Conversation(const Surroundings& around, Protocol::socket socket, api::Door door)
    : around_(around),
      door_(door),
      peer_(door == api::Door::kUnixSocket ? base::PeerOf(socket.native_handle())
                                           : base::SocketPeer()),
      stream_(std::move(socket)),
      buffer_(kBufferBytesMax),
      news_(around.io) {}

bool Conversation::IsOlder(std::string_view head) const {
  return door_ == api::Door::kUnixSocket && head.starts_with('{') &&
         !around_.options.answer_to_older.empty();
}

const GateLimits& Conversation::gate() const {
  return door_ == api::Door::kUnixSocket ? around_.options.unix_gate : around_.options.tcp_gate;
}

template <typename T>
asio::awaitable<std::optional<T>> Conversation::OnCallThread(const std::function<T()>& make) {
  // Shared with a call thread, which may outlive this conversation.
  struct Outcome {
    explicit Outcome(asio::io_context& io) : done(io, asio::steady_timer::time_point::max()) {}
    std::optional<T> value;
    asio::steady_timer done;
  };
  const auto outcome = std::make_shared<Outcome>(around_.io);
  CallThreads::Call call = [outcome, make, &io = around_.io] {
    outcome->value = make();
    asio::post(io, [outcome] { outcome->done.cancel(); });
  };
  if (around_.calls.Post(std::move(call))) co_await outcome->done.async_wait(kTuple);
  co_return std::move(outcome->value);
}

asio::awaitable<void> Conversation::Run() {
  const auto self = shared_from_this();
  while (!is_ending_ && !is_gone_) {
    const std::optional<std::string> head = co_await ReadHead();
    if (!head) break;
    is_answering_ = true;
    if (IsOlder(*head)) {
      co_await SendText(around_.options.answer_to_older);
      break;
    }
    Answer answer;
    const std::optional<Asked> asked = co_await ReadRequest(*head, answer);
    if (!asked) {
      static const Request kNone;
      if (answer.status != 0) co_await Send(kNone, answer, false);
      break;
    }
    const std::function<Answer()> run = [request = asked->request, &router = around_.router] {
      return router.Run(request);
    };
    std::optional<Answer> made = co_await OnCallThread(run);
    answer = made ? *std::move(made) : EndingAnswer(asked->request);
    if (answer.events) {
      co_await SendEvents(answer.events);
      break;
    }
    const bool keeps_alive = asked->keeps_alive && !is_ending_;
    const bool is_sent = co_await Send(asked->request, answer, keeps_alive);
    is_answering_ = false;
    if (!is_sent || !keeps_alive) break;
  }
  co_await Close();
}

asio::awaitable<void> Conversation::TurnAway(Answer answer) {
  const auto self = shared_from_this();
  static const Request kNone;
  is_answering_ = true;
  co_await Send(kNone, answer, false);
  co_await Close();
}

void Conversation::Notify() {
  has_news_ = true;
  news_.cancel();
}

void Conversation::End() {
  is_ending_ = true;
  Notify();
  if (!is_answering_) stream_.cancel();
}

asio::awaitable<std::optional<std::string>> Conversation::ReadHead() {
  bool has_begun = buffer_.size() > 0;
  const bool is_patient = door_ == api::Door::kUnixSocket && !has_begun;
  if (is_patient) {
    stream_.expires_never();
  } else {
    stream_.expires_after(has_begun ? around_.options.head_limit : around_.options.idle_limit);
  }
  while (true) {
    const HeadFound found = FindHead(View(buffer_), gate());
    if (found.is_complete || found.is_hopeless) {
      co_return std::string(View(buffer_).substr(0, found.size));
    }
    const auto space = buffer_.prepare(kReadBytes);
    const auto read = co_await stream_.async_read_some(space, kTuple);
    if (std::get<0>(read)) co_return std::nullopt;
    buffer_.commit(std::get<1>(read));
    if (!std::exchange(has_begun, true)) stream_.expires_after(around_.options.head_limit);
  }
}

asio::awaitable<std::optional<Conversation::Asked>> Conversation::ReadRequest(
    const std::string& head, Answer& refusal) {
  const auto checked = CheckHead(head, gate());
  if (!checked.ok()) {
    refusal = api::ProblemAnswer(checked.error(), "/");
    co_return std::nullopt;
  }
  auto target = ParseTarget(checked->target);
  if (!target.ok()) {
    refusal = api::ProblemAnswer(target.error(), "/");
    co_return std::nullopt;
  }
  Asked asked{.request = {.method = checked->method,
                          .path = std::move(target->path),
                          .query = std::move(target->query),
                          .door = door_}};
  const auto match = around_.router.Find(asked.request);
  const std::size_t bytes_max = match.ok() ? match->route->body_bytes_max : 0;
  const std::string instance = asked.request.Path();
  if (checked->content_length.value_or(0) > bytes_max) {
    refusal = api::ProblemAnswer(match.ok() ? TooLarge(bytes_max) : match.error(), instance);
    co_return std::nullopt;
  }
  http::request_parser<http::string_body> parser;
  parser.body_limit(bytes_max);
  beast::error_code failure;
  const auto head_bytes = asio::buffer(head);
  buffer_.consume(parser.put(head_bytes, failure));
  if (!failure && !parser.is_done()) {
    stream_.expires_after(around_.options.body_limit);
    const auto read = co_await http::async_read(stream_, buffer_, parser, kTuple);
    failure = std::get<0>(read);
  }
  if (failure) {
    const bool is_large = failure == http::error::body_limit;
    const bool is_their_fault = failure.category() == http::make_error_code({}).category();
    refusal =
        api::ProblemAnswer(is_large ? TooLarge(bytes_max)
                                    : domain::MakeError(reason::kBadRequest, failure.message(), ""),
                           instance);
    if (!is_their_fault) refusal.status = 0;  // The client has gone.
    co_return std::nullopt;
  }
  asked.keeps_alive = parser.get().keep_alive();
  asked.request.fields = FieldsOf(parser.get());
  auto body = BodyOf(asked.request, parser.get().body());
  if (!body.ok()) {
    refusal = api::ProblemAnswer(body.error(), instance);
    co_return std::nullopt;
  }
  asked.request.body = *std::move(body);
  co_return asked;
}

asio::awaitable<bool> Conversation::SendText(std::string_view text) {
  while (!text.empty()) {
    stream_.expires_after(around_.options.write_limit);
    const auto bytes = asio::buffer(text.data(), text.size());
    const auto written = co_await stream_.async_write_some(bytes, kTuple);
    if (std::get<0>(written)) co_return false;
    text.remove_prefix(std::get<1>(written));
  }
  co_return true;
}

asio::awaitable<bool> Conversation::Send(const Request& request, const Answer& answer,
                                         bool keeps_alive) {
  if (answer.file) {
    const bool is_sent = co_await SendFile(request, answer, keeps_alive);
    co_return is_sent;
  }
  const bool has_body = request.method != "HEAD" && answer.status != 304;
  std::string text = HeadOf(answer, keeps_alive, answer.body.size());
  if (has_body) text += answer.body;
  const bool is_sent = co_await SendText(text);
  co_return is_sent;
}

// --- Event streams

asio::awaitable<void> Conversation::SendEvents(std::shared_ptr<api::EventStream> events) {
  Answer head{.status = 200,
              .fields = {{"Cache-Control", "no-store"}},
              .content_type = "text/event-stream"};
  const std::string text = HeadOf(head, false, std::nullopt);
  bool is_sent = co_await SendText(text);
  WatchForEnd();
  const std::function<std::string()> take = [events] { return events->Take(); };
  while (is_sent && !is_gone_ && !is_ending_) {
    has_news_ = false;
    const std::optional<std::string> said = co_await OnCallThread(take);
    const std::string news = said && !said->empty() ? *said : ": alive\n\n";
    is_sent = co_await SendText(news);
    if (events->is_over()) break;
    co_await WaitForNews(events->patience());
  }
}

asio::awaitable<void> Conversation::WaitForNews(std::chrono::milliseconds most) {
  if (has_news_ || is_gone_ || is_ending_) co_return;
  news_.expires_after(std::min(most, around_.options.keep_alive));
  co_await news_.async_wait(kTuple);
}

// A client that reads events sends nothing more: what can be read is its end.
void Conversation::WatchForEnd() {
  stream_.socket().async_wait(Protocol::socket::wait_read,
                              [self = shared_from_this()](const boost::system::error_code&) {
                                self->is_gone_ = true;
                                self->Notify();
                              });
}

asio::awaitable<void> Conversation::Close() {
  boost::system::error_code ignored;
  stream_.socket().shutdown(Protocol::socket::shutdown_send, ignored);
  stream_.expires_after(kLinger);
  std::array<char, 4096> rest;
  std::size_t total = 0;
  while (total < kLingerBytesMax && !is_gone_ && !is_ending_) {
    const auto space = asio::buffer(rest);
    const auto read = co_await stream_.async_read_some(space, kTuple);
    if (std::get<0>(read)) break;
    total += std::get<1>(read);
  }
  stream_.socket().close(ignored);
}

}  // namespace rollcall::server
