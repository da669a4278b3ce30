#include "server/answer_head.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "api/problem.h"
#include "base/shown_text.h"

namespace rollcall::server {

std::string HttpDate(std::time_t at) {
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", parts);
}

std::string TagOf(const struct stat& facts) {
  return fmt::format("\"{:x}-{:x}-{:x}.{:x}\"", facts.st_ino, facts.st_size, facts.st_mtim.tv_sec,
                     facts.st_mtim.tv_nsec);
}

std::string DispositionOf(std::string_view name) {
  const std::string shown = base::ShownBytes(name);
  std::string plain;
  std::string whole;
  for (const char c : shown) {
    const bool is_safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    plain += is_safe || c == ' ' ? c : '_';
    whole += is_safe ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return fmt::format("inline; filename=\"{}\"; filename*=UTF-8''{}", plain, whole);
}

std::string HeadOf(const api::Answer& answer, bool keeps_alive,
                   std::optional<std::uint64_t> content_length) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", answer.status,
                                 api::StatusTitle(answer.status), HttpDate(std::time(nullptr)));
  if (!answer.content_type.empty()) head += "Content-Type: " + answer.content_type + "\r\n";
  if (content_length) head += fmt::format("Content-Length: {}\r\n", *content_length);
  head += "X-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : answer.fields) head += name + ": " + value + "\r\n";
  if (!keeps_alive) head += "Connection: close\r\n";
  return head + "\r\n";
}

}  // namespace rollcall::server
