// How the time left that people are told keeps to what then comes: recorded runs of detect are
// played to the estimator again, which is asked once a second. `time_left_test` judges the same.
#include <fmt/format.h>

#include "sets.h"

namespace rollcall::bench {
namespace {

void Print(std::string_view name, const Verdict& verdict) {
  fmt::print("{:<44}{:>7}{:>9.0f} %{:>9.0f} %{:>11.4f}\n", name, verdict.looks,
             100 * verdict.p50_share(), 100 * verdict.p90_share(), verdict.spread);
}

void Main() {
  fmt::print("{:<44}{:>7}{:>11}{:>11}{:>11}\n", "trace", "looks", "in p50", "in p90", "p90 / p50");
  std::vector<Verdict> recorded;
  std::vector<Verdict> held_out;
  for (const auto& [name, is_held_out] : Recordings()) {
    recorded.push_back(Replay(ReadRecording(name, TraceClock::kWall)));
    if (is_held_out) held_out.push_back(recorded.back());
    Print(fmt::format("{}{}", name, is_held_out ? " (held out)" : ""), recorded.back());
  }
  Print("as recorded, all looks", Sum(recorded));
  Print("as recorded, held out, all looks", Sum(held_out));
  std::vector<Verdict> stretched;
  std::vector<Verdict> since_change;
  for (const LoadPattern& pattern : LoadPatterns()) {
    std::vector<Verdict> of_pattern;
    for (const SteadyRecording& steady : SteadyRecordings()) {
      const Trace trace = ReadRecording(steady.name, TraceClock::kProcessor);
      of_pattern.push_back(Replay(Stretch(trace, pattern)));
      since_change.push_back(ReplaySinceChange(Stretch(trace, pattern)));
      stretched.push_back(of_pattern.back());
    }
    Print(fmt::format("stretched: {}", pattern.name), Sum(of_pattern));
  }
  Print("stretched, all looks", Sum(stretched));
  Print("stretched, looks since the first change", Sum(since_change));
  for (const SteadyRecording& steady : SteadyRecordings()) {
    Print(fmt::format("steady: {}", steady.name),
          Replay(ReadRecording(steady.name, TraceClock::kProcessor)));
  }
}

}  // namespace
}  // namespace rollcall::bench

int main() { rollcall::bench::Main(); }
