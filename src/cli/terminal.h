#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/measure_text.h"

namespace rollcall::cli {

// What an output stream can show.
struct Terminal {
  bool is_tty = false;
  bool is_coloured = false;  // Takes escape codes: colours, and a display drawn over itself.
  int width = 80;

  using Environment = std::function<std::optional<std::string>(const std::string& name)>;
  // Escape codes: on a terminal that is not "dumb", unless NO_COLOR says something. Width: the
  // terminal's, COLUMNS, or 80.
  static Terminal Of(int fd, const Environment& environment);
};

// Marks text; does nothing where colours are not wanted.
class Paint {
 public:
  explicit Paint(bool is_coloured) : is_coloured_(is_coloured) {}

  std::string Bold(std::string_view text) const { return Wrap("1", text); }
  std::string Dim(std::string_view text) const { return Wrap("2", text); }
  std::string Good(std::string_view text) const { return Wrap("32", text); }
  std::string Warn(std::string_view text) const { return Wrap("33", text); }
  std::string Bad(std::string_view text) const { return Wrap("31", text); }
  std::string Accent(std::string_view text) const { return Wrap("36", text); }

 private:
  std::string Wrap(std::string_view code, std::string_view text) const;
  bool is_coloured_;
};

// `text` as it may be written to a terminal: line ends and, where `is_coloured`, the codes of Paint
// stay; every other control character is written out (base/shown_text.h). The last gate: what comes
// from outside has been through base::Shown before it was painted.
std::string OnScreen(std::string_view text, bool is_coloured);

// Columns that the text takes: colour codes none, each UTF-8 character one (wide ones, such as CJK
// and emoji, two).
int DisplayWidth(std::string_view text);
// Cut to at most `width` columns, with "…" where something is missing. For text without colours.
std::string Clip(std::string_view text, int width);
// Filled with spaces to `width` columns.
std::string PadRight(std::string_view text, int width);
std::string PadLeft(std::string_view text, int width);

// A horizontal bar of `width` columns, `share` of it (0…1) filled to an eighth of a column.
std::string BlockBar(double share, int width);

using api::Bytes;
using api::ExactDuration;
using api::Grouped;
using api::ShortDuration;

}  // namespace rollcall::cli
