#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "base/shown_text.h"

namespace rollcall::cli {
namespace {

constexpr int kWidthMin = 40;
constexpr int kWidthMax = 200;

int WidthOf(int fd, const Terminal::Environment& environment) {
  winsize size{};
  int width = 80;
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    width = size.ws_col;
  } else if (const auto columns = environment("COLUMNS")) {
    std::from_chars(columns->data(), columns->data() + columns->size(), width);
  }
  return std::clamp(width, kWidthMin, kWidthMax);
}

// One character of UTF-8 (or one bad byte) from the front of `text`.
struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

Character FirstCharacter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (bytes == 1 || lead < 0xC2 || text.size() < bytes) return {lead, 1};
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {lead, 1};
    code = (code << 6) | (next & 0x3FU);
  }
  return {code, bytes};
}

// The blocks that terminals draw two columns wide, and combining marks that take none.
int WidthOfCharacter(char32_t code) {
  if (code >= 0x300 && code <= 0x36F) return 0;
  const bool is_wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                       (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                       (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                       (code >= 0x1F300 && code <= 0x1FAFF) || (code >= 0x20000 && code <= 0x3FFFD);
  return is_wide ? 2 : 1;
}

std::size_t EscapeLength(std::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  std::size_t length = 2;
  while (length < text.size() && (text[length] < '@' || text[length] > '~')) ++length;
  return std::min(length + 1, text.size());
}

// The length of a code of Paint at the front of `text`, 0 if there is none.
std::size_t PaintLength(std::string_view text) {
  constexpr std::array<std::string_view, 7> kCodes{"\x1b[0m",  "\x1b[1m",  "\x1b[2m", "\x1b[31m",
                                                   "\x1b[32m", "\x1b[33m", "\x1b[36m"};
  for (const std::string_view code : kCodes) {
    if (text.starts_with(code)) return code.size();
  }
  return 0;
}

}  // namespace

std::string OnScreen(std::string_view text, bool is_coloured) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t escape = is_coloured ? text.find('\x1b') : text.npos;
    shown += base::ShownLines(text.substr(0, escape));
    if (escape == text.npos) break;
    text.remove_prefix(escape);
    const std::size_t paint = PaintLength(text);
    shown += paint > 0 ? std::string(text.substr(0, paint)) : base::Shown(text.substr(0, 1));
    text.remove_prefix(std::max<std::size_t>(paint, 1));
  }
  return shown;
}

Terminal Terminal::Of(int fd, const Environment& environment) {
  Terminal terminal;
  terminal.is_tty = ::isatty(fd) == 1;
  terminal.width = WidthOf(fd, environment);
  const auto no_colour = environment("NO_COLOR");
  const auto kind = environment("TERM");
  terminal.is_coloured =
      terminal.is_tty && (!no_colour || no_colour->empty()) && kind.value_or("dumb") != "dumb";
  return terminal;
}

std::string Paint::Wrap(std::string_view code, std::string_view text) const {
  if (!is_coloured_ || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    if (const std::size_t escape = EscapeLength(text); escape > 0) {
      text.remove_prefix(escape);
      continue;
    }
    const Character character = FirstCharacter(text);
    width += WidthOfCharacter(character.code);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string Clip(std::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string clipped;
  int used = 0;
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    used += WidthOfCharacter(character.code);
    if (used > width - 1) break;
    clipped += text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
  }
  return width > 0 ? clipped + "…" : std::string{};
}

std::string PadRight(std::string_view text, int width) {
  const int missing = std::max(0, width - DisplayWidth(text));
  return std::string(text) + std::string(static_cast<std::size_t>(missing), ' ');
}

std::string PadLeft(std::string_view text, int width) {
  const int missing = std::max(0, width - DisplayWidth(text));
  return std::string(static_cast<std::size_t>(missing), ' ') + std::string(text);
}

std::string BlockBar(double share, int width) {
  constexpr std::array<std::string_view, 8> kParts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double filled = std::clamp(std::isfinite(share) ? share : 0.0, 0.0, 1.0) * width;
  const auto eighths = static_cast<int>(std::lround(filled * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  bar += kParts[static_cast<std::size_t>(eighths % 8)];
  return bar;
}

}  // namespace rollcall::cli
