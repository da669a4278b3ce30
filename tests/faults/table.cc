#include "table.h"

#include <fmt/format.h>

#include <algorithm>

namespace rollcall::faults {
namespace {

template <typename Count>
std::string Listed(const std::map<std::string, Count>& counts) {
  std::string text;
  for (const auto& [place, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", place, count);
  }
  return text;
}

std::string Where(const Row& row) {
  return row.skipped.empty() ? Listed(row.hits) : "skipped: " + row.skipped;
}

}  // namespace

int Row::hit_count() const {
  int sum = 0;
  for (const auto& [place, count] : hits) sum += count;
  return sum;
}

void Row::Recovered(std::chrono::milliseconds after) {
  worst_recovery = std::max(worst_recovery, after);
  recoveries.push_back(after);
}

std::chrono::milliseconds Row::RecoveryQuantile(std::size_t percent) const {
  if (recoveries.empty()) return {};
  std::vector<std::chrono::milliseconds> sorted = recoveries;
  std::sort(sorted.begin(), sorted.end());
  return sorted[(sorted.size() * percent - 1) / 100];
}

void Row::Add(const Row& other) {
  rounds += other.rounds;
  for (const auto& [place, count] : other.hits) hits[place] += count;
  for (const auto& [what, count] : other.noted) noted[what] += count;
  violations.insert(violations.end(), other.violations.begin(), other.violations.end());
  for (const auto after : other.recoveries) Recovered(after);
}

std::string TextTable(const std::vector<Row>& rows) {
  std::string text = fmt::format("{:<28}{:>7}{:>9}{:>12}{:>10}{:>10}{:>9}  {}\n", "trial", "rounds",
                                 "hits", "violations", "p99 ms", "worst ms", "took s", "where");
  for (const Row& row : rows) {
    text += fmt::format("{:<28}{:>7}{:>9}{:>12}{:>10}{:>10}{:>9.1f}  {}{}\n", row.name, row.rounds,
                        row.hit_count(), row.violations.size(), row.RecoveryP99().count(),
                        row.worst_recovery.count(), row.took_s, Where(row),
                        row.noted.empty() ? "" : " | noted: " + Listed(row.noted));
  }
  return text;
}

std::string MarkdownTable(const std::vector<Row>& rows) {
  std::string text =
      "| trial | rounds | faults that hit | violations | recovery p99 / worst ms | where | also "
      "counted |\n| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Row& row : rows) {
    text += fmt::format("| {} | {} | {} | {} | {} / {} | {} | {} |\n", row.name, row.rounds,
                        row.hit_count(), row.violations.size(), row.RecoveryP99().count(),
                        row.worst_recovery.count(), Where(row), Listed(row.noted));
  }
  return text;
}

}  // namespace rollcall::faults
