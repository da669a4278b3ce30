// What a client may send as the head of a request, as hostile bytes. Whatever the gate lets through
// is the same request to Boost.Beast, which reads it next: the same method, target, length and
// framing, of the same bytes. A target that is taken apart and written again is the same one, and
// holds nothing that leads elsewhere. Where it names a place in the log of events, that is one.

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/http.h"
#include "api/place.h"
#include "base/check.h"
#include "server/gate.h"

namespace {

namespace http = boost::beast::http;
namespace server = rollcall::server;
namespace api = rollcall::api;

void CompareWithBeast(std::string_view head, const server::RequestHead& checked) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(1 << 20);
  parser.skip(true);  // Of the body nothing is read here.
  boost::system::error_code failure;
  const std::size_t taken = parser.put(boost::asio::buffer(head.data(), head.size()), failure);
  if (failure) return;  // Refused by one of them is refused.
  ROLLCALL_CHECK(parser.is_header_done() && taken == head.size());
  const auto& message = parser.get();
  ROLLCALL_CHECK(message.method_string() == checked.method);
  ROLLCALL_CHECK(message.target() == checked.target);
  ROLLCALL_CHECK(message.count(http::field::host) == 1);
  ROLLCALL_CHECK(parser.chunked() == checked.is_chunked);
  const auto length = parser.content_length();
  ROLLCALL_CHECK(length.has_value() == checked.content_length.has_value());
  ROLLCALL_CHECK(!length || *length == *checked.content_length);
}

void CheckTarget(std::string_view text) {
  auto target = server::ParseTarget(text);
  if (!target.ok()) return;
  for (const std::string& segment : target->path) {
    ROLLCALL_CHECK(!segment.empty() && segment != "." && segment != "..");
    ROLLCALL_CHECK(segment.find('/') == std::string::npos);
    ROLLCALL_CHECK(std::none_of(segment.begin(), segment.end(),
                                [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
  }
  const api::Request request{.path = target->path, .query = target->query};
  const auto again = server::ParseTarget(request.Target());
  ROLLCALL_CHECK(again.ok() && again->path == target->path && again->query == target->query);
  for (const auto& [name, value] : target->query) {
    const auto place = api::PlaceOf(value);
    if (!place) continue;
    const auto written = api::PlaceOf(place->Text());
    ROLLCALL_CHECK(written && written->epoch == place->epoch);
    ROLLCALL_CHECK(written->position == place->position && place->position >= 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const server::GateLimits limits{.hosts = {"localhost"}};
  const server::HeadFound found = server::FindHead(bytes, limits);
  ROLLCALL_CHECK(found.size <= bytes.size());
  // However it comes in pieces, it ends where it ends.
  if (found.is_complete && found.size > 0) {
    const auto cut = server::FindHead(bytes.substr(0, found.size - 1), limits);
    ROLLCALL_CHECK(!cut.is_complete);
  }
  const std::string_view head = bytes.substr(0, found.size);
  const auto checked = server::CheckHead(head, limits);
  if (found.is_hopeless) ROLLCALL_CHECK(!checked.ok());
  if (found.is_complete && checked.ok()) {
    CompareWithBeast(head, *checked);
    CheckTarget(checked->target);
  }
  CheckTarget(bytes);
  return 0;
}
