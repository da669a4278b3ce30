#include "base/path_text.h"

#include <algorithm>
#include <optional>

#include "base/utf8.h"

namespace rollcall::base {
namespace {

constexpr std::string_view kScheme = "file://";
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/-._~").find(c) != std::string_view::npos;
}

std::optional<unsigned> HexValue(char c) {
  if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  const std::size_t value = kHexDigits.find(c);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(value);
}

// The bytes of "a%F1b"; nullopt where a % is not followed by two digits.
std::optional<std::string> Decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      bytes += text[at];
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    const auto high = HexValue(text[at + 1]);
    const auto low = HexValue(text[at + 2]);
    if (!high || !low) return std::nullopt;
    bytes += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  return bytes;
}

}  // namespace

std::string PathToText(const std::filesystem::path& path) {
  const std::string& bytes = path.native();
  if (IsUtf8(bytes)) return bytes;
  std::string text(kScheme);
  for (const char c : bytes) {
    if (IsPlain(c)) {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text += '%';
    text += kHexDigits[byte >> 4U];
    text += kHexDigits[byte & 15U];
  }
  return text;
}

std::filesystem::path PathFromText(std::string_view text) {
  if (!text.starts_with(kScheme)) return text;
  const auto decoded = Decoded(text.substr(kScheme.size()));
  return decoded ? std::filesystem::path(*decoded) : std::filesystem::path(text);
}

}  // namespace rollcall::base
