#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::cli {

// Lines at the end of a terminal that are drawn over themselves.
//
// Thread-compatible. No line may be wider than the terminal.
class LiveBlock {
 public:
  using Write = std::function<void(std::string_view bytes)>;

  explicit LiveBlock(Write write) : write_(std::move(write)) {}

  // One write, marked as one update: no half-drawn block is ever seen.
  void Draw(const std::vector<std::string>& lines);
  // A line that stays, in place of the block, which is drawn below it next time.
  void Note(const std::string& line);
  // Takes the block away.
  void Clear();
  bool is_drawn() const { return lines_ > 0; }

 private:
  std::string ToItsBeginning() const;

  Write write_;
  int lines_ = 0;  // On the screen now, above the cursor.
};

}  // namespace rollcall::cli
