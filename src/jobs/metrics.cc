#include "jobs/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>

#include "base/mutex.h"
#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

using prometheus::Family;

// Upper bounds of the buckets, in seconds: around what is normal and what is promised.
const prometheus::Histogram::BucketBoundaries kCommitSeconds{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
const prometheus::Histogram::BucketBoundaries kLatenessSeconds{0.001, 0.005, 0.01, 0.05, 0.1, 0.25,
                                                               0.5,   1,     2.5,  5,    10,  30};

template <typename Metric, typename Builder>
Family<Metric>& Make(prometheus::Registry& registry, Builder builder, const char* name,
                     const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

// A label's values are few: what a worker calls its unit is taken only if it looks like one.
std::string UnitLabel(std::string_view unit) {
  constexpr std::size_t kUnitMax = 16;
  const bool is_plain = !unit.empty() && unit.size() <= kUnitMax &&
                        std::ranges::all_of(unit, [](char c) { return c >= 'a' && c <= 'z'; });
  return is_plain ? std::string(unit) : "other";
}

prometheus::Labels OfStage(std::string_view stage) { return {{"stage", std::string(stage)}}; }

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;

  Family<prometheus::Counter>& Counter(const char* name, const char* help) {
    return Make<prometheus::Counter>(registry, prometheus::BuildCounter(), name, help);
  }
  Family<prometheus::Gauge>& Gauge(const char* name, const char* help) {
    return Make<prometheus::Gauge>(registry, prometheus::BuildGauge(), name, help);
  }
  prometheus::Histogram& Histogram(const char* name, const char* help,
                                   const prometheus::Histogram::BucketBoundaries& bounds) {
    return Make<prometheus::Histogram>(registry, prometheus::BuildHistogram(), name, help)
        .Add({}, bounds);
  }

  Family<prometheus::Counter>& attempts_started =
      Counter("rollcall_attempts_started_total", "Attempts that were claimed.");
  Family<prometheus::Counter>& attempts_ended =
      Counter("rollcall_attempts_ended_total", "Attempts that ended, by how they did.");
  prometheus::Counter& leases_expired =
      Counter("rollcall_leases_expired_total", "Leases that ran out and were taken back.").Add({});
  prometheus::Counter& fenced_writes =
      Counter("rollcall_fenced_writes_total",
              "Writes of an attempt that no longer held its lease; refused without effect.")
          .Add({});
  prometheus::Counter& store_errors =
      Counter("rollcall_store_write_errors_total",
              "Writes that the store could not do: disk full, damage, locks.")
          .Add({});
  Family<prometheus::Counter>& stalls =
      Counter("rollcall_stalls_total", "Attempts that were flagged as stalled.");
  Family<prometheus::Counter>& segments =
      Counter("rollcall_segments_committed_total", "Checkpoints that became durable.");
  Family<prometheus::Counter>& work_done = Counter(
      "rollcall_work_done_total", "Work done by running attempts in their unit, such as frames.");
  prometheus::Histogram& pulse_lateness =
      Histogram("rollcall_pulse_lateness_seconds",
                "How much later than promised a worker's pulse came.", kLatenessSeconds);
  prometheus::Histogram& commit =
      Histogram("rollcall_store_commit_seconds",
                "Time of a COMMIT of the store, which is that of its fsync.", kCommitSeconds);

  Family<prometheus::Gauge>& queued =
      Gauge("rollcall_queue_length", "Stage runs that a worker could take now.");
  Family<prometheus::Gauge>& queue_age = Gauge(
      "rollcall_queue_age_seconds", "How long the stage run that waits longest could be taken.");
  Family<prometheus::Gauge>& queue_paused =
      Gauge("rollcall_queue_paused", "1 where a queue is paused, for example by a full disk.");
  prometheus::Gauge& workers =
      Gauge("rollcall_workers_running", "Attempts with a worker now.").Add({});
  prometheus::Gauge& slots = Gauge("rollcall_worker_slots", "Workers at a time.").Add({});
  prometheus::Gauge& lag = Gauge("rollcall_projector_lag_seconds",
                                 "How long the files that people read have been behind the store.")
                               .Add({});
  prometheus::Gauge& failing =
      Gauge("rollcall_projections_failing", "Stages whose files cannot be written now.").Add({});

  base::Mutex scraping;  // Gauges are set and read as one.
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {}

Metrics::~Metrics() = default;

void Metrics::OnAttemptStarted(std::string_view stage) {
  families_->attempts_started.Add(OfStage(stage)).Increment();
}

void Metrics::OnAttemptEnded(std::string_view stage, store::AttemptOutcome outcome) {
  auto labels = OfStage(stage);
  labels.emplace("outcome", store::AttemptOutcomeName(outcome));
  families_->attempts_ended.Add(labels).Increment();
}

void Metrics::OnLeasesExpired(std::size_t count) {
  families_->leases_expired.Increment(static_cast<double>(count));
}

void Metrics::OnStalled(std::string_view stage) {
  families_->stalls.Add(OfStage(stage)).Increment();
}

void Metrics::OnPulse(std::chrono::nanoseconds gap, std::chrono::nanoseconds period) {
  families_->pulse_lateness.Observe(std::max(0.0, Seconds(gap - period).count()));
}

void Metrics::OnSegmentCommitted(std::string_view stage) {
  families_->segments.Add(OfStage(stage)).Increment();
}

void Metrics::OnWorkDone(std::string_view stage, std::string_view unit, std::int64_t amount) {
  auto labels = OfStage(stage);
  labels.emplace("unit", UnitLabel(unit));
  families_->work_done.Add(labels).Increment(static_cast<double>(amount));
}

void Metrics::OnStoreWrite(std::chrono::nanoseconds committing, const base::Error* error) {
  if (error == nullptr) return families_->commit.Observe(Seconds(committing).count());
  if (error->reason == domain::reason::kFenced) return families_->fenced_writes.Increment();
  const bool is_the_stores = error->code == base::ErrorCode::kResourceExhausted ||
                             error->code == base::ErrorCode::kUnavailable ||
                             error->code == base::ErrorCode::kDataLoss ||
                             error->code == base::ErrorCode::kInternal;
  if (is_the_stores) families_->store_errors.Increment();
}

std::string Metrics::Text(const Gauges& gauges) {
  base::MutexLock lock(families_->scraping);
  for (const store::QueueFacts& queue : gauges.queues) {
    const auto labels = OfStage(queue.stage);
    const bool is_paused = gauges.is_disk_full || !queue.paused.empty();
    const Seconds age = queue.oldest ? gauges.now - *queue.oldest : Seconds{};
    families_->queued.Add(labels).Set(static_cast<double>(queue.queued));
    families_->queue_age.Add(labels).Set(std::max(0.0, age.count()));
    families_->queue_paused.Add(labels).Set(is_paused ? 1 : 0);
  }
  families_->workers.Set(gauges.workers_running);
  families_->slots.Set(gauges.slots);
  families_->lag.Set(gauges.projector_lag.count());
  families_->failing.Set(gauges.projections_failing);
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace rollcall::jobs
