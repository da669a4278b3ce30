#include "figures.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include "base/check.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "place.h"

namespace rollcall::bench {
namespace {

double MedianSeconds(int rounds, const std::function<void()>& act) {
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    const auto began = std::chrono::steady_clock::now();
    act();
    seconds.push_back(Since(began));
  }
  std::ranges::nth_element(seconds, seconds.begin() + rounds / 2);
  return seconds[static_cast<std::size_t>(rounds) / 2];
}

}  // namespace

Yardstick MeasureYardstick(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "yardstick";
  const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  const std::string page(4096, 'x');
  const std::string mebibyte(1 << 20, 'x');
  Yardstick yardstick;
  yardstick.sync_s = MedianSeconds(101, [&] {
    ROLLCALL_CHECK(::write(file.get(), page.data(), page.size()) == std::ssize(page));
    ROLLCALL_CHECK(::fdatasync(file.get()) == 0);
  });
  yardstick.hash_s = MedianSeconds(11, [&] { ROLLCALL_CHECK(!base::Sha256(mebibyte).empty()); });
  std::filesystem::remove(path);
  return yardstick;
}

void FigureTable::PrintHeading() const {
  fmt::print("{:<32}{:>18}{:>12}{:>12}{:>10}{:>18}\n", "figure", "at", "µs each", "a second",
             "growth", "against");
}

double FigureTable::Growth(const Figure& figure) const {
  const auto first = std::ranges::find(figures_, figure.name, &Figure::name);
  return first == figures_.end() ? 1 : figure.seconds / first->seconds;
}

void FigureTable::Add(const Figure& figure, const Yardstick& yardstick) {
  const bool is_sync = figure.against == Figure::Against::kSync;
  const double one_s = is_sync ? yardstick.sync_s : yardstick.hash_s;
  const double ratio = figure.seconds / one_s;
  const double growth = Growth(figure);
  figures_.push_back(figure);
  rows_.push_back({{"figure", figure.name},
                   {figure.size_of, figure.size},
                   {"each_us", figure.seconds * 1e6},
                   {"per_s", 1 / figure.seconds},
                   {"growth", growth},
                   {is_sync ? "in_syncs" : "in_hashes", ratio},
                   {is_sync ? "sync_us" : "hash_us", one_s * 1e6}});
  fmt::print("{:<32}{:>18}{:>12.2f}{:>12.0f}{:>10.2f}{:>18}\n", figure.name,
             fmt::format("{} {}", figure.size, figure.size_of), figure.seconds * 1e6,
             1 / figure.seconds, growth,
             fmt::format("{:.4f} {}", ratio, is_sync ? "syncs" : "hashes"));
  std::fflush(stdout);
}

}  // namespace rollcall::bench
