#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rollcall::media {

// How one axis of a picture is scaled: the source samples of each target pixel and their weights.
// Averages exact areas when it shrinks, interpolates linearly when it grows. All in integers after
// this, so the same on every machine.
class Axis {
 public:
  struct Span {
    double begin = 0;  // In samples of the source; may lie between two, and outside.
    double end = 0;
  };
  // `target` > 0 pixels over `span` of a source with `source` > 0 samples.
  Axis(Span span, int target, int source);

  static constexpr int kUnit = 256;  // The weights of a pixel sum to this.
  int target() const { return static_cast<int>(first_.size()); }
  int first(int i) const { return first_[static_cast<std::size_t>(i)]; }
  int taps(int i) const { return taps_[static_cast<std::size_t>(i)]; }
  // stride() of them; zeros after the last.
  const std::int16_t* weights(int i) const {
    return weights_.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(stride_);
  }
  int stride() const { return stride_; }
  // The source samples that are read: [low, high).
  int low() const { return low_; }
  int high() const { return high_; }

 private:
  std::vector<int> first_;
  std::vector<int> taps_;
  std::vector<std::int16_t> weights_;
  int stride_ = 0;
  int low_ = 0;
  int high_ = 0;
};

// One component of a picture in memory. Samples of 8 bits, or of up to 16 in two bytes each.
struct Plane {
  const std::uint8_t* bytes = nullptr;  // Of sample (0, 0).
  std::ptrdiff_t row_bytes = 0;
  int step = 1;          // Between neighbours, in samples (bytes, or pairs of bytes).
  bool is_wide = false;  // Two bytes a sample, native order.
  int shift = 0;         // A wide sample >> shift, rounded, has 8 bits.
};

// Means of 2×2 samples, rounded, as bytes: `width` × `height` of them from twice as many.
void Halve(const Plane& plane, int width, int height, std::uint8_t* out, std::ptrdiff_t row_bytes);

// The plane scaled to vertical.target() rows of horizontal.target() samples, packed, 0…255.
std::vector<std::uint8_t> Resample(const Plane& plane, const Axis& horizontal,
                                   const Axis& vertical);

// As the two above do it on processors without AVX2: what comes out is the same.
namespace anywhere {
void Halve(const Plane& plane, int width, int height, std::uint8_t* out, std::ptrdiff_t row_bytes);
std::vector<std::uint8_t> Resample(const Plane& plane, const Axis& horizontal,
                                   const Axis& vertical);
}  // namespace anywhere

}  // namespace rollcall::media
