#include "cli/live_block.h"

#include <fmt/format.h>

namespace rollcall::cli {

std::string LiveBlock::ToItsBeginning() const {
  return lines_ > 0 ? fmt::format("\x1b[{}A\r", lines_) : std::string{"\r"};
}

void LiveBlock::Draw(const std::vector<std::string>& lines) {
  std::string frame = "\x1b[?2026h" + ToItsBeginning();
  for (const std::string& line : lines) frame += line + "\x1b[K\n";
  frame += "\x1b[J\x1b[?2026l";
  lines_ = static_cast<int>(lines.size());
  write_(frame);
}

void LiveBlock::Note(const std::string& line) {
  write_((lines_ > 0 ? ToItsBeginning() + "\x1b[J" : std::string{}) + line + "\n");
  lines_ = 0;
}

void LiveBlock::Clear() {
  if (lines_ > 0) write_(ToItsBeginning() + "\x1b[J");
  lines_ = 0;
}

}  // namespace rollcall::cli
