// How a conversation sends a file.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "api/problem.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"
#include "server/answer_head.h"
#include "server/byte_range.h"
#include "server/conversation.h"

namespace rollcall::server {

namespace asio = boost::asio;
namespace reason = domain::reason;
using api::Answer;
using api::Request;

namespace {

constexpr std::size_t kFileBytes = 256 * 1024;

}  // namespace

asio::awaitable<bool> Conversation::SendFile(const Request& request, const Answer& answer,
                                             bool keeps_alive) {
  const base::UniqueFd file(::open(answer.file->path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts {};
  if (!file.is_open() || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    const Answer problem = api::ProblemAnswer(
        domain::MakeError(reason::kNoSuchResource, "the file is not there"), request.Path());
    const bool is_sent = co_await Send(request, problem, keeps_alive);
    co_return is_sent;
  }
  const std::string tag = TagOf(facts);
  const auto if_range = request.Field("if-range");
  const bool is_same = !if_range || *if_range == tag || *if_range == HttpDate(facts.st_mtime);
  const auto field = is_same ? request.Field("range") : std::nullopt;
  const ByteRange range =
      RangeOf(field ? std::optional<std::string_view>(*field) : std::nullopt, facts.st_size);
  Answer head = answer;
  head.fields.emplace_back("ETag", tag);
  head.fields.emplace_back("Cache-Control", "no-cache");
  if (!answer.file->name.empty()) {
    head.fields.emplace_back("Content-Disposition", DispositionOf(answer.file->name));
  }
  if (const auto known = request.Field("if-none-match"); known && api::NamesTag(*known, tag)) {
    head.status = 304;
    const std::string text = HeadOf(head, keeps_alive, std::nullopt);
    const bool is_sent = co_await SendText(text);
    co_return is_sent;
  }
  head.content_type = answer.file->content_type;
  head.fields.emplace_back("Accept-Ranges", "bytes");
  head.fields.emplace_back("Last-Modified", HttpDate(facts.st_mtime));
  if (range.kind == ByteRange::Kind::kUnsatisfiable) {
    head.status = 416;
    head.content_type.clear();
    head.fields.emplace_back("Content-Range", fmt::format("bytes */{}", facts.st_size));
    const std::string text = HeadOf(head, keeps_alive, 0);
    const bool is_sent = co_await SendText(text);
    co_return is_sent;
  }
  if (range.kind == ByteRange::Kind::kPart) {
    head.status = 206;
    head.fields.emplace_back("Content-Range",
                             fmt::format("bytes {}-{}/{}", range.first, range.last, facts.st_size));
  }
  const std::string text = HeadOf(head, keeps_alive, static_cast<std::uint64_t>(range.length()));
  bool is_sent = co_await SendText(text);
  if (is_sent && request.method != "HEAD") {
    is_sent = co_await SendPart(file.get(), range.first, range.last + 1);
  }
  co_return is_sent;
}

// The kernel takes the bytes from the file to the socket; others have their turn after each piece.
asio::awaitable<bool> Conversation::SendPart(int file, std::int64_t at, std::int64_t end) {
  Protocol::socket& socket = stream_.socket();
  boost::system::error_code failure;
  socket.native_non_blocking(true, failure);
  while (!failure && at < end) {
    off_t from = at;
    const auto most = std::min(kFileBytes, static_cast<std::size_t>(end - at));
    const ssize_t n = ::sendfile(socket.native_handle(), file, &from, most);
    if (n > 0) {
      at += n;
      co_await asio::post(around_.io, kTuple);
    } else if (n < 0 && errno == EAGAIN) {
      const bool is_writable = co_await WaitForRoom();
      if (!is_writable) co_return false;
    } else if (n == 0 || errno != EINTR) {
      co_return false;  // Shorter than promised, or gone: the client sees the connection end.
    }
  }
  co_return !failure;
}

// Until the socket takes more; false when it does not for too long.
asio::awaitable<bool> Conversation::WaitForRoom() {
  asio::steady_timer limit(around_.io, around_.options.write_limit);
  limit.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    boost::system::error_code ignored;
    if (!error) self->stream_.socket().cancel(ignored);
  });
  const auto waited = co_await stream_.socket().async_wait(Protocol::socket::wait_write, kTuple);
  limit.cancel();
  co_return !std::get<0>(waited);
}

}  // namespace rollcall::server
