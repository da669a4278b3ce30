#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rollcall::faults {

// What came of one trial.
struct Row {
  std::string name;
  int rounds = 0;
  std::map<std::string, int> hits;            // Injected faults that hit, by phase or place.
  std::map<std::string, std::int64_t> noted;  // What else was counted, that is no fault.
  std::vector<std::string> violations;        // Sentences; of the first ones also the round.
  std::string skipped;                        // Why nothing was done; empty: something was.
  std::chrono::milliseconds worst_recovery{0};
  std::vector<std::chrono::milliseconds> recoveries;
  double took_s = 0;

  int hit_count() const;
  void Recovered(std::chrono::milliseconds after);
  // The time within which so many in a hundred recovered.
  std::chrono::milliseconds RecoveryQuantile(std::size_t percent) const;
  std::chrono::milliseconds RecoveryP99() const { return RecoveryQuantile(99); }
  // Counts what another part of the same trial saw.
  void Add(const Row& other);
};

// For a terminal, and for docs/reliability.md.
std::string TextTable(const std::vector<Row>& rows);
std::string MarkdownTable(const std::vector<Row>& rows);

}  // namespace rollcall::faults
