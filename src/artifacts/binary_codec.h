#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace rollcall::artifacts {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the formats are little-endian");

// Appends numbers as they lie in memory: integers little-endian, floats bit for bit.
class BinaryWriter {
 public:
  explicit BinaryWriter(std::string& bytes) : bytes_(bytes) {}

  template <typename T>
  void Put(T value) {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void PutBytes(std::string_view bytes) { bytes_ += bytes; }

 private:
  std::string& bytes_;
};

// Takes them back. A reading past the end gives zeros and makes ok() false for good, so that a
// record is read whole and checked once.
class BinaryReader {
 public:
  explicit BinaryReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Take() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T value{};
    const std::string_view bytes = TakeBytes(sizeof value);
    if (is_ok_) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view TakeBytes(std::uint64_t size) {
    if (!is_ok_ || size > rest_.size()) {
      is_ok_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  bool ok() const { return is_ok_; }
  std::size_t rest_size() const { return rest_.size(); }
  // Read to the last byte and not further.
  bool is_exhausted() const { return is_ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool is_ok_ = true;
};

}  // namespace rollcall::artifacts
