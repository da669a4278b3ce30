#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace rollcall::server {

// Which bytes of a file of `size` a client gets. RFC 9110 §14.
struct ByteRange {
  enum class Kind {
    kWhole,          // 200
    kPart,           // 206: first … last, both included.
    kUnsatisfiable,  // 416
  };
  Kind kind = Kind::kWhole;
  std::int64_t first = 0;
  std::int64_t last = -1;  // Of kWhole: size - 1.

  std::int64_t length() const { return last - first + 1; }
};

// What is no range of bytes, and several ranges at once, are answered with the whole file.
ByteRange RangeOf(std::optional<std::string_view> field, std::int64_t size);

}  // namespace rollcall::server
