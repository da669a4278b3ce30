#include "media/resampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace rollcall::media {
namespace {

// Up to so many taps the sum of a pixel is unrolled.
constexpr int kUnrolledMax = 12;
// Columns that are summed in registers at a time.
constexpr int kBlock = 32;

using Bytes16 = std::uint8_t __attribute__((vector_size(16)));
using Words16 = std::uint16_t __attribute__((vector_size(32)));

struct Taps {
  int first = 0;
  std::vector<double> weights;  // Sum to 1.
};

Taps AreaTaps(double begin, double end, int source) {
  const double from = std::clamp(begin, 0.0, static_cast<double>(source));
  const double to = std::clamp(end, 0.0, static_cast<double>(source));
  Taps taps;
  taps.first = std::clamp(static_cast<int>(std::floor(from)), 0, source - 1);
  const int last = std::clamp(static_cast<int>(std::ceil(to)) - 1, taps.first, source - 1);
  const double length = to - from;
  for (int i = taps.first; i <= last; ++i) {
    const double covered = std::min<double>(to, i + 1) - std::max<double>(from, i);
    taps.weights.push_back(length > 0 ? std::max(0.0, covered) / length : 1.0);
  }
  return taps;
}

Taps LinearTaps(double centre, int source) {
  const double at = std::clamp(centre - 0.5, 0.0, static_cast<double>(source - 1));
  Taps taps;
  taps.first = std::min(static_cast<int>(at), source - 1);
  const double share = at - taps.first;
  taps.weights.push_back(1 - share);
  if (taps.first + 1 < source) taps.weights.push_back(share);
  return taps;
}

// To integers whose sum is exact; zeros at the ends are dropped.
std::vector<std::int16_t> Quantize(Taps& taps) {
  std::vector<std::int16_t> weights;
  double sum = 0;
  int given = 0;
  for (const double weight : taps.weights) {
    sum += weight;
    const int upto = static_cast<int>(std::lround(std::min(sum, 1.0) * Axis::kUnit));
    weights.push_back(static_cast<std::int16_t>(upto - given));
    given = upto;
  }
  weights.back() = static_cast<std::int16_t>(weights.back() + Axis::kUnit - given);
  while (weights.size() > 1 && weights.back() == 0) weights.pop_back();
  while (weights.size() > 1 && weights.front() == 0) {
    weights.erase(weights.begin());
    ++taps.first;
  }
  return weights;
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
    Words16 low{};
    Words16 high{};
    for (int t = 0; t < taps; ++t) {
      const std::uint8_t* row = RowOf<std::uint8_t>(plane, first_row + t) + column + x;
      Bytes16 a;
      Bytes16 b;
      std::memcpy(&a, row, sizeof a);
      std::memcpy(&b, row + sizeof a, sizeof b);
      const auto weight = static_cast<std::uint16_t>(weights[t]);
      low += __builtin_convertvector(a, Words16) * weight;
      high += __builtin_convertvector(b, Words16) * weight;
    }
    low >>= 1;
    high >>= 1;
    std::memcpy(sums + x, &low, sizeof low);
    std::memcpy(sums + x + 16, &high, sizeof high);
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
  for (int x = 0; x < count; x += kColumns) {
    const int columns = std::min(kColumns, count - x);
    block.fill(0);
    for (int t = 0; t < taps; ++t) {
      const std::uint16_t* row = RowOf<std::uint16_t>(plane, first_row + t) + column + x;
      const auto weight = static_cast<std::uint16_t>(weights[t]);
      for (int i = 0; i < columns; ++i) {
        const auto sample = static_cast<std::uint16_t>((row[i] >> shift) & 0xff);
        block[static_cast<std::size_t>(i)] =
            static_cast<std::uint16_t>(block[static_cast<std::size_t>(i)] + sample * weight);
      }
    }
    for (int i = 0; i < columns; ++i) {
      sums[x + i] = static_cast<std::int16_t>(block[static_cast<std::size_t>(i)] >> 1);
    }
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

void SumColumnsAny(const std::int16_t* sums, const Axis& axis, std::uint8_t* out) {
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

using SumColumnsFunction = void (*)(const std::int16_t*, const Axis&, std::uint8_t*);

template <int... kTaps>
SumColumnsFunction UnrolledFor(int taps, std::integer_sequence<int, kTaps...>) {
  SumColumnsFunction chosen = SumColumnsAny;
  ((taps == kTaps + 1 ? static_cast<void>(chosen = SumColumnsFixed<kTaps + 1>) : void()), ...);
  return chosen;
}

}  // namespace

Axis::Axis(Span span, int target, int source) : low_(source) {
  const double scale = (span.end - span.begin) / target;
  const auto count = static_cast<std::size_t>(target);
  first_.reserve(count);
  taps_.reserve(count);
  std::vector<std::vector<std::int16_t>> rows;
  rows.reserve(count);
  std::size_t most = 1;
  for (int i = 0; i < target; ++i) {
    const double begin = span.begin + i * scale;
    Taps taps =
        scale >= 1 ? AreaTaps(begin, begin + scale, source) : LinearTaps(begin + scale / 2, source);
    rows.push_back(Quantize(taps));
    const auto size = static_cast<int>(rows.back().size());
    most = std::max(most, rows.back().size());
    first_.push_back(taps.first);
    taps_.push_back(size);
    low_ = std::min(low_, taps.first);
    high_ = std::max(high_, taps.first + size);
  }
  padded_ = static_cast<int>(most);
  weights_.assign(count * static_cast<std::size_t>(padded_), 0);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy(rows[i].begin(), rows[i].end(),
              weights_.begin() + static_cast<std::ptrdiff_t>(i) * padded_);
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
  std::vector<std::int16_t> sums(static_cast<std::size_t>(count + horizontal.taps_padded()), 0);
  std::vector<std::int16_t> gathered;
  if (plane.step > 1) {
    gathered.assign(static_cast<std::size_t>(samples + horizontal.taps_padded()), 0);
  }
  const SumColumnsFunction sum_columns =
      UnrolledFor(horizontal.taps_padded(), std::make_integer_sequence<int, kUnrolledMax>());
  for (int y = 0; y < height; ++y) {
    const auto sum_rows = plane.is_wide ? SumRows16 : SumRows8;
    sum_rows(plane, vertical.first(y), vertical.taps(y), vertical.weights(y), column, count,
             sums.data());
    const std::int16_t* row = sums.data();
    if (plane.step > 1) {
      Gather(sums.data(), plane.step, samples, gathered.data());
      row = gathered.data();
    }
    sum_columns(row, horizontal, out.data() + static_cast<std::ptrdiff_t>(y) * width);
  }
  return out;
}

}  // namespace rollcall::media
