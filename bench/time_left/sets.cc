#include "sets.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/check.h"

namespace rollcall::bench {

const std::vector<Recording>& Recordings() {
  static const std::vector<Recording> kRecordings{{"d9_beside_others"},
                                                  {"d13_beside_others"},
                                                  {"langer_beside_others"},
                                                  {"episodes_beside_others"},
                                                  {"episodes_falling"},
                                                  {"d9_growing"},
                                                  {"episodes_mixed"},
                                                  {"d13_growing", /*is_held_out=*/true},
                                                  {"langer_mixed", /*is_held_out=*/true}};
  return kRecordings;
}

const std::vector<SteadyRecording>& SteadyRecordings() {
  static const std::vector<SteadyRecording> kSteady{{"d9_beside_others", 1.0333},
                                                    {"d13_beside_others", 1.0338},
                                                    {"langer_beside_others", 1.0302}};
  return kSteady;
}

Trace ReadRecording(std::string_view name, TraceClock clock) {
  const auto folder = std::filesystem::path(ROLLCALL_SOURCE_DIR) / "bench/time_left/traces";
  auto trace = ReadTrace(folder / fmt::format("{}.txt", name), clock);
  ROLLCALL_CHECK(trace.ok(), trace.error().ToString());
  return std::move(*trace);
}

const std::vector<LoadPattern>& LoadPatterns() {
  static const std::vector<LoadPattern> kPatterns{
      {"grows", {{0.17, 1.25}, {0.33, 1.5}, {0.5, 1.8}, {0.67, 2.2}, {0.83, 2.6}}},
      {"grows fast", {{0.25, 1.3}, {0.5, 1.7}, {0.75, 2.2}}},
      {"grows late", {{0.5, 1.4}, {0.65, 1.8}, {0.8, 2.3}}},
      {"grows once", {{0.33, 2}}},
      {"up and down", {{0.2, 2}, {0.4, 1}, {0.6, 2.5}, {0.8, 1}}},
      {"falls", {{0, 2.5}, {0.25, 2}, {0.5, 1.5}, {0.75, 1}}},
      {"dips", {{0, 1.5}, {0.3, 1}, {0.6, 2}}},
      {"pulses",
       {{0.1, 1.7},
        {0.2, 1},
        {0.3, 1.7},
        {0.4, 1},
        {0.5, 1.7},
        {0.6, 1},
        {0.7, 1.7},
        {0.8, 1},
        {0.9, 1.7}}}};
  return kPatterns;
}

Trace Stretch(const Trace& trace, const LoadPattern& pattern) {
  const auto all = static_cast<double>(trace.samples.back().at.count());
  Trace stretched{.name = fmt::format("{}, {}", trace.name, pattern.name), .total = trace.total};
  base::BootTime before{};
  double now_ns = 0;
  double factor_before = 0;
  for (const Trace::Sample& sample : trace.samples) {
    double factor = 1;
    for (const auto& [from, times] : pattern.steps) {
      if (static_cast<double>(before.count()) >= from * all) factor = times;
    }
    const bool is_first_change =
        factor_before != 0 && factor != factor_before && stretched.changed_at == base::BootTime{};
    if (is_first_change) stretched.changed_at = base::BootTime{static_cast<std::int64_t>(now_ns)};
    factor_before = factor;
    now_ns += static_cast<double>((sample.at - before).count()) * factor;
    before = sample.at;
    stretched.samples.push_back({base::BootTime{static_cast<std::int64_t>(now_ns)}, sample.done});
  }
  return stretched;
}

}  // namespace rollcall::bench
