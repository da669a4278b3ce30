#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace rollcall::bench {

// How far one run of detect had come, and when: lines of record.mjs.
struct Trace {
  struct Sample {
    base::BootTime at{};
    std::int64_t done = 0;
  };

  std::string name;
  std::int64_t total = 0;
  std::vector<Sample> samples;  // The last one is its end.
  base::BootTime changed_at{};  // When the load first changed; 0 where it is not known.
};

enum class TraceClock {
  kWall,       // As it was.
  kProcessor,  // By the worker's own processor time: as on a machine that nobody else uses.
};

// kDataLoss where it is not what record.mjs writes.
base::Result<Trace> ReadTrace(const std::filesystem::path& path, TraceClock clock);

// How the time left that the engine tells kept to what then came: at each second of a trace.
struct Verdict {
  int looks = 0;
  int within_p50 = 0;  // The rest took no longer.
  int within_p90 = 0;
  double spread = 1;  // The median of p90 / p50.

  double p50_share() const { return static_cast<double>(within_p50) / looks; }
  double p90_share() const { return static_cast<double>(within_p90) / looks; }
};
Verdict Replay(const Trace& trace);
// Only from the first change of the load on, which nothing can foresee.
Verdict ReplaySinceChange(const Trace& trace);
// All looks of all of them; the median of the spreads.
Verdict Sum(const std::vector<Verdict>& verdicts);

}  // namespace rollcall::bench
