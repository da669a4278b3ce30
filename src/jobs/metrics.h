#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/job_store.h"

namespace rollcall::jobs {

// What an operator graphs and is woken by: the counters, distributions and gauges of one engine, in
// the text format of Prometheus. Names, units and labels are in docs/metrics.md.
//
// Thread-safe; every On… is cheap enough for each frame of a worker.
class Metrics {
 public:
  using Seconds = std::chrono::duration<double>;

  // What is looked up when somebody asks, instead of being counted.
  struct Gauges {
    std::vector<store::QueueFacts> queues;
    base::WallTime now{};
    int workers_running = 0;
    int slots = 0;
    bool is_disk_full = false;  // Then every queue is paused, whether its row could take it or not.
    // How long the files that people read have been behind the store; 0 if they are not.
    Seconds projector_lag{};
    int projections_failing = 0;
  };

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void OnAttemptStarted(std::string_view stage);
  void OnAttemptEnded(std::string_view stage, store::AttemptOutcome outcome);
  void OnLeasesExpired(std::size_t count);
  void OnStalled(std::string_view stage);
  // A pulse came so long after the one before, where `period` was promised.
  void OnPulse(std::chrono::nanoseconds gap, std::chrono::nanoseconds period);
  void OnSegmentCommitted(std::string_view stage);
  // `done` of a running attempt grew by this many `unit`s.
  void OnWorkDone(std::string_view stage, std::string_view unit, std::int64_t amount);
  // A write of the store was durable after `committing`, or failed: `error` says how.
  void OnStoreWrite(std::chrono::nanoseconds committing, const base::Error* error);

  // One exposition, "text/plain; version=0.0.4".
  std::string Text(const Gauges& gauges);

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace rollcall::jobs
