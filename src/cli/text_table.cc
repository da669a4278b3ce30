#include "cli/text_table.h"

#include <algorithm>
#include <cstddef>

namespace rollcall::cli {
namespace {

std::string Line(const std::vector<std::string>& cells, const std::vector<int>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    // The last cell is not filled up: no spaces at the ends of lines.
    line += i + 1 < cells.size() ? PadRight(cells[i], widths[i]) + "  " : cells[i];
  }
  return line;
}

}  // namespace

std::string TextTable::ToString(const Paint& paint) const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    int width = DisplayWidth(heads_[i]);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[i]));
    widths.push_back(width);
  }
  std::string text = paint.Dim(Line(heads_, widths)) + "\n";
  for (const auto& row : rows_) text += Line(row, widths) + "\n";
  return text;
}

}  // namespace rollcall::cli
