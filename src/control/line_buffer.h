#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rollcall::control {

// Bytes in, lines out. A line longer than the limit makes the buffer overflown for good: the
// stream cannot be trusted after it.
//
// Thread-compatible.
class LineBuffer {
 public:
  explicit LineBuffer(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  void Feed(std::string_view bytes);
  // The next whole line without its end, if there is one.
  std::optional<std::string> Next();
  // Bytes of a line whose end has not come.
  bool has_rest() const { return !bytes_.empty(); }
  bool is_overflown() const { return is_overflown_; }

 private:
  std::size_t line_bytes_max_;
  std::string bytes_;
  std::size_t searched_ = 0;  // No line end before here.
  bool is_overflown_ = false;
};

}  // namespace rollcall::control
