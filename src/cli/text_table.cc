#include "cli/text_table.h"

#include <algorithm>
#include <cstddef>

namespace rollcall::cli {
namespace {

// Narrower than this a broken text is harder to read than one that the terminal breaks.
constexpr int kRoomMin = 20;

// `text` as lines of at most `room` columns, broken at spaces; a longer word has its own line.
std::vector<std::string> BrokenAtSpaces(const std::string& text, int room) {
  std::vector<std::string> lines(1);
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    std::string& line = lines.back();
    if (line.empty()) {
      line = word;
    } else if (DisplayWidth(line) + 1 + DisplayWidth(word) <= room) {
      line += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

std::string WithoutSpacesAtTheEnd(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Line(const std::vector<std::string>& cells, const std::vector<int>& widths, int width) {
  std::string line;
  int indent = 0;
  for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
    line += PadRight(cells[i], widths[i]) + "  ";
    indent += widths[i] + 2;
  }
  const int room = width - indent;
  const bool fits = width == 0 || room < kRoomMin || DisplayWidth(cells.back()) <= room;
  if (fits) return WithoutSpacesAtTheEnd(line + cells.back());
  const auto broken = BrokenAtSpaces(cells.back(), room);
  for (std::size_t i = 0; i < broken.size(); ++i) {
    if (i > 0) line += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
    line += broken[i];
  }
  return line;
}

}  // namespace

std::string TextTable::ToString(const Paint& paint, int width) const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    int widest = DisplayWidth(heads_[i]);
    for (const auto& row : rows_) widest = std::max(widest, DisplayWidth(row[i]));
    widths.push_back(widest);
  }
  std::string text = paint.Dim(Line(heads_, widths, 0)) + "\n";
  for (const auto& row : rows_) text += Line(row, widths, width) + "\n";
  return text;
}

}  // namespace rollcall::cli
