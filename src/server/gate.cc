#include "server/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/shown_text.h"
#include "base/utf8.h"
#include "domain/reasons.h"

namespace rollcall::server {
namespace {

using base::Error;
using base::Result;
namespace reason = domain::reason;

Error Bad(std::string message) {
  return domain::MakeError(reason::kBadRequest, std::move(message), "");
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// RFC 9110 §5.6.2.
bool IsTokenChar(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return IsDigit(c) || IsLetter(c) || kOthers.find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenChar);
}

// Printable ASCII and bytes of UTF-8; a tab in between.
bool IsFieldChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// The next line without its end, which is CR LF; `rest` begins behind it.
Result<std::string_view> NextLine(std::string_view& rest, const GateLimits& limits) {
  const std::size_t end = rest.find('\n');
  const std::size_t length = end == std::string_view::npos ? rest.size() : end;
  if (length > limits.line_bytes_max) {
    return domain::MakeError(reason::kHeadTooLarge,
                             fmt::format("a line of more than {} bytes", limits.line_bytes_max));
  }
  if (end == std::string_view::npos) return Bad("a line without an end");
  if (end == 0 || rest[end - 1] != '\r') return Bad("a line that does not end in CR LF");
  const std::string_view line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return line;
}

Result<void> ReadRequestLine(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Bad("the first line is not METHOD TARGET HTTP/1.1");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method)) return Bad("the method is no token");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Bad(fmt::format("the version is \"{}\", not HTTP/1.1", base::Shown(version)));
  }
  if (!target.starts_with('/') || target.starts_with("//")) {
    return Bad("the target is not a path of this server (origin form)");
  }
  const bool is_plain = std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_plain || target.find('#') != std::string_view::npos) {
    return Bad("the target has characters that are to be percent-encoded");
  }
  head.method = method;
  head.target = target;
  head.minor = version.back() - '0';
  return {};
}

// "name", "name:8765", "[::1]:8765": the name in lower case, or nothing.
std::optional<std::string> HostName(std::string_view host) {
  std::string_view name = host;
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    name = host.substr(0, end + 1);
    port = host.substr(end + 1);
    const auto is_part = [](char c) { return IsDigit(c) || IsLetter(c) || c == ':' || c == '.'; };
    if (!std::ranges::all_of(name.substr(1, name.size() - 2), is_part)) return std::nullopt;
  } else {
    name = host.substr(0, host.find(':'));
    port = host.substr(name.size());
    const auto is_part = [](char c) {
      return IsDigit(c) || IsLetter(c) || c == '-' || c == '.' || c == '_';
    };
    if (name.empty() || !std::ranges::all_of(name, is_part)) return std::nullopt;
  }
  constexpr std::size_t kPortDigitsMax = 6;  // With the colon.
  const bool is_port = port.empty() || (port.size() > 1 && port.size() <= kPortDigitsMax &&
                                        std::ranges::all_of(port.substr(1), IsDigit));
  return is_port ? std::optional(Lower(name)) : std::nullopt;
}

Result<std::uint64_t> LengthIn(std::string_view text) {
  constexpr std::size_t kDigitsMax = 18;
  std::uint64_t length = 0;
  const bool is_number =
      !text.empty() && text.size() <= kDigitsMax && std::ranges::all_of(text, IsDigit);
  if (!is_number) return Bad("Content-Length is not one number");
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

// What is said once at the most.
struct Seen {
  bool has_host = false;
  bool has_encoding = false;
};

Result<void> ReadField(std::string_view line, Seen& seen, RequestHead& head) {
  if (line.starts_with(' ') || line.starts_with('\t')) return Bad("a folded line (obs-fold)");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Bad("a field without a colon");
  if (!IsToken(line.substr(0, colon))) return Bad("the name of a field is no token");
  const std::string name = Lower(line.substr(0, colon));
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (!std::ranges::all_of(value, IsFieldChar)) {
    return Bad(fmt::format("a control character in {}", name));
  }
  if (name == "host") {
    if (std::exchange(seen.has_host, true)) return Bad("more than one Host");
    head.host = value;
  } else if (name == "content-length") {
    if (head.content_length) return Bad("more than one Content-Length");
    ROLLCALL_TRY_ASSIGN(head.content_length, LengthIn(value));
  } else if (name == "transfer-encoding") {
    if (std::exchange(seen.has_encoding, true)) return Bad("more than one Transfer-Encoding");
    if (Lower(value) != "chunked") return Bad("a Transfer-Encoding other than chunked");
    head.is_chunked = true;
  }
  return {};
}

Result<void> CheckFraming(const Seen& seen, const RequestHead& head, const GateLimits& limits) {
  if (head.is_chunked && head.content_length) {
    return Bad("both Transfer-Encoding and Content-Length");
  }
  if (head.is_chunked && head.minor == 0) return Bad("Transfer-Encoding in HTTP/1.0");
  if (!seen.has_host) return Bad("no Host");
  const auto name = HostName(head.host);
  if (!name) return Bad("Host is no name");
  const bool is_ours =
      limits.hosts.empty() || std::ranges::find(limits.hosts, *name) != limits.hosts.end();
  if (is_ours) return {};
  return domain::MakeError(reason::kMisdirected,
                           fmt::format("this server is not called {}", base::Shown(head.host)));
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus { kIsPlus, kIsSpace };

Result<std::string> Decoded(std::string_view text, Plus plus) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == Plus::kIsSpace) c = ' ';
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Bad("a % that is not followed by two hexadecimal digits");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return Bad("a control character in the target");
    decoded += c;
  }
  if (!base::IsUtf8(decoded)) return Bad("the target is no UTF-8");
  return decoded;
}

Result<void> ReadPath(std::string_view text, Target& target) {
  if (!text.starts_with('/')) return Bad("a target that does not begin with /");
  text.remove_prefix(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('/'), text.size());
    ROLLCALL_TRY_ASSIGN(std::string segment, Decoded(text.substr(0, end), Plus::kIsPlus));
    const bool is_path = segment == "." || segment == ".." || segment.find('/') != segment.npos;
    if (segment.empty() || is_path) return Bad("a path with an empty segment, dots or slashes");
    target.path.push_back(std::move(segment));
    if (end + 1 == text.size()) return Bad("a path with an empty segment");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

Result<void> ReadQuery(std::string_view text, Target& target) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    const std::size_t equals = std::min(part.find('='), part.size());
    ROLLCALL_TRY_ASSIGN(std::string name, Decoded(part.substr(0, equals), Plus::kIsSpace));
    ROLLCALL_TRY_ASSIGN(std::string value,
                        Decoded(part.substr(std::min(equals + 1, part.size())), Plus::kIsSpace));
    if (!part.empty()) target.query.emplace_back(std::move(name), std::move(value));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return {};
}

}  // namespace

HeadFound FindHead(std::string_view bytes, const GateLimits& limits) {
  std::size_t line_begin = 0;
  while (true) {
    const std::size_t end = bytes.find('\n', line_begin);
    const std::size_t so_far = end == std::string_view::npos ? bytes.size() : end + 1;
    const bool is_too_long =
        so_far > limits.head_bytes_max || so_far - line_begin > limits.line_bytes_max + 2;
    const bool is_bare = end != std::string_view::npos && (end == 0 || bytes[end - 1] != '\r');
    if (is_too_long || is_bare) return {.is_hopeless = true, .size = so_far};
    if (end == std::string_view::npos) return {};
    if (end == line_begin + 1) return {.is_complete = true, .size = so_far};
    line_begin = end + 1;
  }
}

Result<RequestHead> CheckHead(std::string_view head, const GateLimits& limits) {
  if (head.size() > limits.head_bytes_max) {
    return domain::MakeError(reason::kHeadTooLarge,
                             fmt::format("a head of more than {} bytes", limits.head_bytes_max));
  }
  RequestHead read;
  Seen seen;
  ROLLCALL_TRY_ASSIGN(const std::string_view first, NextLine(head, limits));
  ROLLCALL_TRY(ReadRequestLine(first, read));
  while (true) {
    ROLLCALL_TRY_ASSIGN(const std::string_view line, NextLine(head, limits));
    if (line.empty()) break;
    ROLLCALL_TRY(ReadField(line, seen, read));
  }
  ROLLCALL_TRY(CheckFraming(seen, read, limits));
  return read;
}

Result<Target> ParseTarget(std::string_view target) {
  Target parsed;
  const std::size_t mark = std::min(target.find('?'), target.size());
  ROLLCALL_TRY(ReadPath(target.substr(0, mark), parsed));
  ROLLCALL_TRY(ReadQuery(target.substr(std::min(mark + 1, target.size())), parsed));
  return parsed;
}

}  // namespace rollcall::server
