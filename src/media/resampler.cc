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
// Columns that are summed in registers at a time: whole cache lines, eight SSE2 registers.
constexpr int kBlock = 64;
constexpr int kLanes = 8;

using Bytes8 = std::uint8_t __attribute__((vector_size(kLanes)));
using Words8 = std::uint16_t __attribute__((vector_size(2 * kLanes)));

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

// Sums `taps` rows into `sums`, one 15-bit number for each of `count` samples from `column` on.
void SumRows8(const Plane& plane, int first_row, int taps, const std::int16_t* weights,
              std::ptrdiff_t column, int count, std::int16_t* sums) {
  int x = 0;
  for (; x + kBlock <= count; x += kBlock) {
    std::array<Words8, kBlock / kLanes> lanes{};
    for (int t = 0; t < taps; ++t) {
      const std::uint8_t* row = RowOf<std::uint8_t>(plane, first_row + t) + column + x;
      const Words8 weight = Words8{} + static_cast<std::uint16_t>(weights[t]);
#pragma GCC unroll 8
      for (std::size_t i = 0; i < lanes.size(); ++i) {
        Bytes8 samples;
        std::memcpy(&samples, row + i * kLanes, sizeof samples);
        lanes[i] += __builtin_convertvector(samples, Words8) * weight;
      }
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < lanes.size(); ++i) {
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
void HalveRows8(const std::uint8_t* above, const std::uint8_t* below, int width,
                std::uint8_t* out) {
  int x = 0;
  for (; x + kLanes <= width; x += kLanes) {
    Words8 a;
    Words8 b;
    std::memcpy(&a, above + 2 * x, sizeof a);
    std::memcpy(&b, below + 2 * x, sizeof b);
    const Words8 sum = (a & 0xff) + (a >> 8) + (b & 0xff) + (b >> 8) + 2;
    const Bytes8 mean = __builtin_convertvector(sum >> 2, Bytes8);
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
void SumColumnsFixed(const std::int16_t* sums, const Axis& axis, std::uint8_t* out) {
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

void SumColumns(const std::int16_t* sums, const Axis& axis, std::uint8_t* out) {
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

void Halve(const Plane& plane, int width, int height, std::uint8_t* out, std::ptrdiff_t row_bytes) {
  for (int y = 0; y < height; ++y, out += row_bytes) {
    if (plane.is_wide) {
      HalveRows(RowOf<std::uint16_t>(plane, 2 * y), RowOf<std::uint16_t>(plane, 2 * y + 1), plane,
                width, out);
    } else if (plane.step == 1) {
      HalveRows8(RowOf<std::uint8_t>(plane, 2 * y), RowOf<std::uint8_t>(plane, 2 * y + 1), width,
                 out);
    } else {
      HalveRows(RowOf<std::uint8_t>(plane, 2 * y), RowOf<std::uint8_t>(plane, 2 * y + 1), plane,
                width, out);
    }
  }
}

std::vector<std::uint8_t> Resample(const Plane& plane, const Axis& horizontal,
                                   const Axis& vertical) {
  const int width = horizontal.target();
  const int height = vertical.target();
  std::vector<std::uint8_t> out(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  const int samples = horizontal.high() - horizontal.low();
  const int count = (samples - 1) * plane.step + 1;
  const std::ptrdiff_t column = static_cast<std::ptrdiff_t>(horizontal.low()) * plane.step;
  // The padded taps of the last pixel read past the last sample.
  std::vector<std::int16_t> sums(static_cast<std::size_t>(count + horizontal.stride()), 0);
  std::vector<std::int16_t> gathered;
  if (plane.step > 1) {
    gathered.assign(static_cast<std::size_t>(samples + horizontal.stride()), 0);
  }
  for (int y = 0; y < height; ++y) {
    const auto sum_rows = plane.is_wide ? SumRows16 : SumRows8;
    sum_rows(plane, vertical.first(y), vertical.taps(y), vertical.weights(y), column, count,
             sums.data());
    const std::int16_t* row = sums.data();
    if (plane.step > 1) {
      Gather(sums.data(), plane.step, samples, gathered.data());
      row = gathered.data();
    }
    SumColumns(row, horizontal, out.data() + static_cast<std::ptrdiff_t>(y) * width);
  }
  return out;
}

}  // namespace rollcall::media
