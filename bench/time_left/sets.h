#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "trace.h"

namespace rollcall::bench {

// The recorded traces (traces/), and what is made of them.
//
// The numbers of jobs::RateEstimator were chosen by d9_beside_others, d13_beside_others and
// langer_beside_others, as they are and stretched, and by simulated machines; the other recordings
// were looked at meanwhile. The two that are held out were made when the method stood; what they
// showed changed how chance is told from change (not by the variance of the steps but from each to
// the next), nothing else.
struct Recording {
  std::string_view name;
  bool is_held_out = false;
};
const std::vector<Recording>& Recordings();
// Of one clip again and again, by the worker's own processor time: nothing changes.
// `spread` is the median of p90 / p50 before errors of the past were looked at.
struct SteadyRecording {
  std::string_view name;
  double spread = 1;
};
const std::vector<SteadyRecording>& SteadyRecordings();

Trace ReadRecording(std::string_view name, TraceClock clock);

// How many times as long everything takes, from which part of a steady recording on.
struct LoadPattern {
  std::string_view name;
  std::vector<std::pair<double, double>> steps;
};
const std::vector<LoadPattern>& LoadPatterns();
Trace Stretch(const Trace& trace, const LoadPattern& pattern);

}  // namespace rollcall::bench
