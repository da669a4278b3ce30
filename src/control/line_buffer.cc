#include "control/line_buffer.h"

namespace rollcall::control {

void LineBuffer::Feed(std::string_view bytes) {
  if (is_overflown_) return;
  bytes_ += bytes;
}

std::optional<std::string> LineBuffer::Next() {
  if (is_overflown_) return std::nullopt;
  const std::size_t end = bytes_.find('\n', searched_);
  const std::size_t length = end == std::string::npos ? bytes_.size() : end;
  if (length > line_bytes_max_) {
    is_overflown_ = true;
    bytes_.clear();
    return std::nullopt;
  }
  if (end == std::string::npos) {
    searched_ = bytes_.size();
    return std::nullopt;
  }
  std::string line = bytes_.substr(0, end);
  bytes_.erase(0, end + 1);
  searched_ = 0;
  return line;
}

}  // namespace rollcall::control
