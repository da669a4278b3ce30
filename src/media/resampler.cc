#include "media/resampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace rollcall::media {
namespace {

// Dot products of so many 16-bit numbers compile to whole vector instructions.
constexpr int kPadTo = 8;
// Columns that are summed in registers at a time, eight of them: whole cache lines.
constexpr int kRegisters = 8;

// So many samples at a time, and as words.
struct Lanes8 {
  static constexpr int kCount = 8;
  using Samples = std::uint8_t __attribute__((vector_size(8)));
  using Words = std::uint16_t __attribute__((vector_size(16)));
};
struct Lanes16 {
  static constexpr int kCount = 16;
  using Samples = std::uint8_t __attribute__((vector_size(16)));
  using Words = std::uint16_t __attribute__((vector_size(32)));
};

// Shares that are given in turn, as integers whose sum is exact.
class Quantizer {
 public:
  std::int16_t Next(double share) {
    sum_ += share;
    const int upto = static_cast<int>(std::lround(std::min(sum_, 1.0) * Axis::kUnit));
    return static_cast<std::int16_t>(upto - std::exchange(given_, upto));
  }
  std::int16_t Rest() const { return static_cast<std::int16_t>(Axis::kUnit - given_); }

 private:
  double sum_ = 0;
  int given_ = 0;
};

// Fill `weights` with the shares of the samples from the returned one on.
int AreaWeights(double begin, double end, int source, std::int16_t* weights) {
  const double from = std::clamp(begin, 0.0, static_cast<double>(source));
  const double to = std::clamp(end, 0.0, static_cast<double>(source));
  const int first = std::clamp(static_cast<int>(std::floor(from)), 0, source - 1);
  const int last = std::clamp(static_cast<int>(std::ceil(to)) - 1, first, source - 1);
  const double length = to - from;
  Quantizer quantizer;
  for (int i = first; i <= last; ++i) {
    const double covered = std::min<double>(to, i + 1) - std::max<double>(from, i);
    weights[i - first] = quantizer.Next(length > 0 ? std::max(0.0, covered) / length : 1.0);
  }
  weights[last - first] = static_cast<std::int16_t>(weights[last - first] + quantizer.Rest());
  return first;
}

int LinearWeights(double centre, int source, std::int16_t* weights) {
  const double at = std::clamp(centre - 0.5, 0.0, static_cast<double>(source - 1));
  const int first = std::min(static_cast<int>(at), source - 1);
  const auto second = static_cast<std::int16_t>(std::lround((at - first) * Axis::kUnit));
  weights[0] = static_cast<std::int16_t>(Axis::kUnit - second);
  if (second > 0) weights[1] = second;  // Never past the last sample: there it is 0.
  return first;
}

template <typename Sample>
const Sample* RowOf(const Plane& plane, int row) {
  return reinterpret_cast<const Sample*>(plane.bytes + plane.row_bytes * row);
}

// What costs the time is written once and compiled twice: for any processor, and for those with
// AVX2, which take twice as many samples at a time. The results are the same integers.
#if defined(__x86_64__)
#define ROLLCALL_AVX2 [[gnu::target("avx2")]]
#else
#define ROLLCALL_AVX2
#endif
#define ROLLCALL_IN_BOTH [[gnu::always_inline]] inline

// Sums `taps` rows into `sums`, one 15-bit number for each of `count` samples from `column` on.
template <typename Lanes>
ROLLCALL_IN_BOTH void SumRows8(const Plane& plane, int first_row, int taps,
                               const std::int16_t* weights, std::ptrdiff_t column, int count,
                               std::int16_t* sums) {
  using Samples = typename Lanes::Samples;
  using Words = typename Lanes::Words;
  constexpr int kLanes = Lanes::kCount;
  constexpr int kBlock = kRegisters * kLanes;
  int x = 0;
  for (; x + kBlock <= count; x += kBlock) {
    Words lanes[kRegisters]{};
    for (int t = 0; t < taps; ++t) {
      const std::uint8_t* row = RowOf<std::uint8_t>(plane, first_row + t) + column + x;
      const Words weight = Words{} + static_cast<std::uint16_t>(weights[t]);
#pragma GCC unroll 8
      for (int i = 0; i < kRegisters; ++i) {
        Samples samples;
        std::memcpy(&samples, row + i * kLanes, sizeof samples);
        lanes[i] += __builtin_convertvector(samples, Words) * weight;
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kRegisters; ++i) {
      lanes[i] >>= 1;
      std::memcpy(sums + x + i * kLanes, &lanes[i], sizeof lanes[i]);
    }
  }
  for (; x < count; ++x) {
    unsigned sum = 0;
    for (int t = 0; t < taps; ++t) {
      sum +=
          RowOf<std::uint8_t>(plane, first_row + t)[column + x] * static_cast<unsigned>(weights[t]);
    }
    sums[x] = static_cast<std::int16_t>(sum >> 1);
  }
}

void SumRows16(const Plane& plane, int first_row, int taps, const std::int16_t* weights,
               std::ptrdiff_t column, int count, std::int16_t* sums) {
  constexpr int kColumns = 256;
  std::array<std::uint16_t, kColumns> block;
  const int shift = plane.shift;
  const int half = shift > 0 ? 1 << (shift - 1) : 0;
  for (int x = 0; x < count; x += kColumns) {
    const int columns = std::min(kColumns, count - x);
    block.fill(0);
    for (int t = 0; t < taps; ++t) {
      const std::uint16_t* row = RowOf<std::uint16_t>(plane, first_row + t) + column + x;
      const auto weight = static_cast<std::uint16_t>(weights[t]);
      for (int i = 0; i < columns; ++i) {
        const auto sample = static_cast<std::uint16_t>(std::min((row[i] + half) >> shift, 255));
        block[static_cast<std::size_t>(i)] =
            static_cast<std::uint16_t>(block[static_cast<std::size_t>(i)] + sample * weight);
      }
    }
    for (int i = 0; i < columns; ++i) {
      sums[x + i] = static_cast<std::int16_t>(block[static_cast<std::size_t>(i)] >> 1);
    }
  }
}

// Of 8-bit neighbours: a pair of samples is a word, its halves are added as words.
template <typename Lanes>
ROLLCALL_IN_BOTH void HalveRows8(const std::uint8_t* above, const std::uint8_t* below, int width,
                                 std::uint8_t* out) {
  using Samples = typename Lanes::Samples;
  using Words = typename Lanes::Words;
  constexpr int kLanes = Lanes::kCount;
  int x = 0;
  for (; x + kLanes <= width; x += kLanes) {
    Words a;
    Words b;
    std::memcpy(&a, above + 2 * x, sizeof a);
    std::memcpy(&b, below + 2 * x, sizeof b);
    const Words sum = (a & 0xff) + (a >> 8) + (b & 0xff) + (b >> 8) + 2;
    const Samples mean = __builtin_convertvector(sum >> 2, Samples);
    std::memcpy(out + x, &mean, sizeof mean);
  }
  for (; x < width; ++x) {
    const int sum = above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1];
    out[x] = static_cast<std::uint8_t>((sum + 2) >> 2);
  }
}

template <typename Sample>
void HalveRows(const Sample* above, const Sample* below, const Plane& plane, int width,
               std::uint8_t* out) {
  const int step = plane.step;
  for (int x = 0; x < width; ++x, above += 2 * step, below += 2 * step) {
    const int sum = above[0] + above[step] + below[0] + below[step];
    out[x] = static_cast<std::uint8_t>(std::min(255, ((sum >> plane.shift) + 2) >> 2));
  }
}

// Every `step`-th of `from`, to the front of `to`.
void Gather(const std::int16_t* from, int step, int count, std::int16_t* to) {
  for (int i = 0; i < count; ++i) to[i] = from[i * step];
}

template <int kTaps>
ROLLCALL_IN_BOTH void SumColumnsFixed(const std::int16_t* sums, const Axis& axis,
                                      std::uint8_t* out) {
  const int target = axis.target();
  const int low = axis.low();
  for (int i = 0; i < target; ++i) {
    const std::int16_t* samples = sums + (axis.first(i) - low);
    const std::int16_t* weights = axis.weights(i);
    int sum = 0;
    for (int t = 0; t < kTaps; ++t) sum += samples[t] * weights[t];
    out[i] = static_cast<std::uint8_t>((sum + (1 << 14)) >> 15);
  }
}

ROLLCALL_IN_BOTH void SumColumns(const std::int16_t* sums, const Axis& axis, std::uint8_t* out) {
  switch (axis.stride()) {
    case 8:
      SumColumnsFixed<8>(sums, axis, out);
      return;
    case 16:
      SumColumnsFixed<16>(sums, axis, out);
      return;
    default:
      break;
  }
  const int target = axis.target();
  for (int i = 0; i < target; ++i) {
    const std::int16_t* samples = sums + (axis.first(i) - axis.low());
    const std::int16_t* weights = axis.weights(i);
    const int taps = axis.taps(i);
    int sum = 0;
    for (int t = 0; t < taps; ++t) sum += samples[t] * weights[t];
    out[i] = static_cast<std::uint8_t>((sum + (1 << 14)) >> 15);
  }
}

template <typename Lanes>
ROLLCALL_IN_BOTH void HalveAll(const Plane& plane, int width, int height, std::uint8_t* out,
                               std::ptrdiff_t row_bytes) {
  for (int y = 0; y < height; ++y, out += row_bytes) {
    if (plane.is_wide) {
      HalveRows(RowOf<std::uint16_t>(plane, 2 * y), RowOf<std::uint16_t>(plane, 2 * y + 1), plane,
                width, out);
    } else if (plane.step == 1) {
      HalveRows8<Lanes>(RowOf<std::uint8_t>(plane, 2 * y), RowOf<std::uint8_t>(plane, 2 * y + 1),
                        width, out);
    } else {
      HalveRows(RowOf<std::uint8_t>(plane, 2 * y), RowOf<std::uint8_t>(plane, 2 * y + 1), plane,
                width, out);
    }
  }
}

template <typename Lanes>
ROLLCALL_IN_BOTH void ResampleAll(const Plane& plane, const Axis& horizontal, const Axis& vertical,
                                  std::uint8_t* out) {
  const int samples = horizontal.high() - horizontal.low();
  const int count = (samples - 1) * plane.step + 1;
  const std::ptrdiff_t column = static_cast<std::ptrdiff_t>(horizontal.low()) * plane.step;
  // The padded taps of the last pixel read past the last sample.
  std::vector<std::int16_t> sums(static_cast<std::size_t>(count + horizontal.stride()), 0);
  std::vector<std::int16_t> gathered;
  if (plane.step > 1) {
    gathered.assign(static_cast<std::size_t>(samples + horizontal.stride()), 0);
  }
  for (int y = 0; y < vertical.target(); ++y, out += horizontal.target()) {
    const int first = vertical.first(y);
    const int taps = vertical.taps(y);
    if (plane.is_wide) {
      SumRows16(plane, first, taps, vertical.weights(y), column, count, sums.data());
    } else {
      SumRows8<Lanes>(plane, first, taps, vertical.weights(y), column, count, sums.data());
    }
    const std::int16_t* row = sums.data();
    if (plane.step > 1) {
      Gather(sums.data(), plane.step, samples, gathered.data());
      row = gathered.data();
    }
    SumColumns(row, horizontal, out);
  }
}

ROLLCALL_AVX2 void HalveAvx2(const Plane& plane, int width, int height, std::uint8_t* out,
                             std::ptrdiff_t row_bytes) {
  HalveAll<Lanes16>(plane, width, height, out, row_bytes);
}

ROLLCALL_AVX2 void ResampleAvx2(const Plane& plane, const Axis& horizontal, const Axis& vertical,
                                std::uint8_t* out) {
  ResampleAll<Lanes16>(plane, horizontal, vertical, out);
}

// Packed.
std::vector<std::uint8_t> PixelsOf(const Axis& horizontal, const Axis& vertical) {
  return std::vector<std::uint8_t>(static_cast<std::size_t>(horizontal.target()) *
                                   static_cast<std::size_t>(vertical.target()));
}

bool HasAvx2() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
#else
  return false;
#endif
}

}  // namespace

Axis::Axis(Span span, int target, int source) : low_(source) {
  const double scale = (span.end - span.begin) / target;
  const bool shrinks = scale >= 1;
  const int taps_max = shrinks ? std::min(static_cast<int>(std::min(scale, 1e6)) + 2, source) : 2;
  stride_ = (taps_max + kPadTo - 1) / kPadTo * kPadTo;
  const auto count = static_cast<std::size_t>(target);
  first_.resize(count);
  taps_.resize(count);
  weights_.assign(count * static_cast<std::size_t>(stride_), 0);
  for (int i = 0; i < target; ++i) {
    std::int16_t* weights = weights_.data() + static_cast<std::ptrdiff_t>(i) * stride_;
    const double begin = span.begin + i * scale;
    int first = shrinks ? AreaWeights(begin, begin + scale, source, weights)
                        : LinearWeights(begin + scale / 2, source, weights);
    // Samples without a share at either end cost time.
    int skipped = 0;
    while (weights[skipped] == 0) ++skipped;
    int taps = stride_ - skipped;
    while (weights[skipped + taps - 1] == 0) --taps;
    if (skipped > 0) {
      std::copy(weights + skipped, weights + skipped + taps, weights);
      std::fill(weights + taps, weights + taps + skipped, std::int16_t{0});
      first += skipped;
    }
    first_[static_cast<std::size_t>(i)] = first;
    taps_[static_cast<std::size_t>(i)] = taps;
    low_ = std::min(low_, first);
    high_ = std::max(high_, first + taps);
  }
}

namespace anywhere {

void Halve(const Plane& plane, int width, int height, std::uint8_t* out, std::ptrdiff_t row_bytes) {
  HalveAll<Lanes8>(plane, width, height, out, row_bytes);
}

std::vector<std::uint8_t> Resample(const Plane& plane, const Axis& horizontal,
                                   const Axis& vertical) {
  std::vector<std::uint8_t> out = PixelsOf(horizontal, vertical);
  ResampleAll<Lanes8>(plane, horizontal, vertical, out.data());
  return out;
}

}  // namespace anywhere

void Halve(const Plane& plane, int width, int height, std::uint8_t* out, std::ptrdiff_t row_bytes) {
  if (HasAvx2()) return HalveAvx2(plane, width, height, out, row_bytes);
  anywhere::Halve(plane, width, height, out, row_bytes);
}

std::vector<std::uint8_t> Resample(const Plane& plane, const Axis& horizontal,
                                   const Axis& vertical) {
  if (!HasAvx2()) return anywhere::Resample(plane, horizontal, vertical);
  std::vector<std::uint8_t> out = PixelsOf(horizontal, vertical);
  ResampleAvx2(plane, horizontal, vertical, out.data());
  return out;
}

}  // namespace rollcall::media
