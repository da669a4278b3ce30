#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rollcall::server {

// What stands before everything that reads a request: whatever two readers of HTTP could take
// differently is no request here. (RFC 9112 leaves much of it to the recipient; Boost.Beast 1.81
// takes, for example, `Transfer-Encoding: gzip` beside a Content-Length, or `Content-Length: 5,
// 5`.)
struct GateLimits {
  std::size_t line_bytes_max = 8 * 1024;
  std::size_t head_bytes_max = 16 * 1024;
  // Names that a Host may have, without port, in lower case; empty: any that is one.
  std::vector<std::string> hosts;
};

struct RequestHead {
  std::string method;  // "GET"
  std::string target;  // Origin form, as it came: "/api/jobs?limit=5".
  std::string host;    // As it came, with its port.
  int minor = 1;       // HTTP/1.minor
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
};

// Whether `bytes`, which a client has sent so far, hold a whole head, and how long it is, its empty
// line included; or that they are a head of no use: a line that does not end in CR LF, too long.
struct HeadFound {
  bool is_complete = false;
  bool is_hopeless = false;  // CheckHead says why.
  std::size_t size = 0;
};
HeadFound FindHead(std::string_view bytes, const GateLimits& limits);

// kInvalidArgument / ERR_BAD_REQUEST, ERR_HEAD_TOO_LARGE, ERR_MISDIRECTED_REQUEST. After an error
// the connection is to be closed: where the next request begins is not known.
base::Result<RequestHead> CheckHead(std::string_view head, const GateLimits& limits);

// A target taken apart and decoded once.
struct Target {
  std::vector<std::string> path;  // {"api", "jobs"}: none is empty, "." or "..".
  std::vector<std::pair<std::string, std::string>> query;  // In their order.
};
// kInvalidArgument / ERR_BAD_REQUEST: what is no percent-encoding, NUL or another control
// character, no UTF-8, an empty segment or one of dots, a slash within a segment.
base::Result<Target> ParseTarget(std::string_view target);

}  // namespace rollcall::server
