#include "jobs/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "domain/reasons.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::jobs {
namespace {

using namespace std::chrono_literals;  // NOLINT(build/namespaces)
using base::Json;
using domain::JobState;

// The value of the sample with exactly this name and labels; -1 if there is none.
double Sample(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
  }
  return -1;
}

TEST(MetricsTest, IsAnExpositionOfPrometheus) {
  Metrics metrics;
  metrics.OnAttemptStarted("detect");
  metrics.OnPulse(1200ms, 1s);
  metrics.OnWorkDone("detect", "frames", 25);
  const std::string text = metrics.Text(
      {.queues = {{.stage = "detect", .paused = "disk \"full\"\n", .queued = 1, .oldest = {}}},
       .slots = 2});
  // Comments, and samples as `name{label="value",…} number`.
  const std::regex line_shape(
      R"((# (HELP|TYPE) [a-z_]+ .+)|([a-z_]+(\{([a-z_]+="[^"\\\n]*",?)+\})? [-+.0-9eInf]+))");
  std::istringstream lines(text);
  int samples = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(std::regex_match(line, line_shape)) << line;
    samples += line.starts_with('#') ? 0 : 1;
  }
  EXPECT_GT(samples, 20);
  EXPECT_EQ(Sample(text, "rollcall_queue_paused{stage=\"detect\"}"), 1);
}

TEST(MetricsTest, GaugesShowWhatTheyAreGiven) {
  Metrics metrics;
  const base::WallTime now{1h};
  const std::string text = metrics.Text(
      {.queues = {{.stage = "detect", .paused = {}, .queued = 3, .oldest = now - 1500ms}},
       .now = now,
       .workers_running = 1,
       .slots = 2,
       .projector_lag = 250ms,
       .projections_failing = 4});
  EXPECT_EQ(Sample(text, "rollcall_queue_length{stage=\"detect\"}"), 3);
  EXPECT_EQ(Sample(text, "rollcall_queue_age_seconds{stage=\"detect\"}"), 1.5);
  EXPECT_EQ(Sample(text, "rollcall_queue_paused{stage=\"detect\"}"), 0);
  EXPECT_EQ(Sample(text, "rollcall_workers_running"), 1);
  EXPECT_EQ(Sample(text, "rollcall_worker_slots"), 2);
  EXPECT_EQ(Sample(text, "rollcall_projector_lag_seconds"), 0.25);
  EXPECT_EQ(Sample(text, "rollcall_projections_failing"), 4);
}

TEST(MetricsTest, TellsFencedWritesFromFailedOnes) {
  Metrics metrics;
  const auto fenced = domain::MakeError(domain::reason::kFenced, "late");
  const auto full = domain::MakeError(domain::reason::kDiskFull, "full");
  const auto unknown = domain::MakeError(domain::reason::kJobNotFound, "no such job");
  metrics.OnStoreWrite(0ms, &fenced);
  metrics.OnStoreWrite(0ms, &fenced);
  metrics.OnStoreWrite(0ms, &full);
  metrics.OnStoreWrite(0ms, &unknown);  // The caller's mistake, not the store's.
  metrics.OnStoreWrite(7ms, nullptr);
  const std::string text = metrics.Text({});
  EXPECT_EQ(Sample(text, "rollcall_fenced_writes_total"), 2);
  EXPECT_EQ(Sample(text, "rollcall_store_write_errors_total"), 1);
  EXPECT_EQ(Sample(text, "rollcall_store_commit_seconds_count"), 1);
  EXPECT_EQ(Sample(text, "rollcall_store_commit_seconds_bucket{le=\"0.005\"}"), 0);
  EXPECT_EQ(Sample(text, "rollcall_store_commit_seconds_bucket{le=\"0.01\"}"), 1);
}

TEST(MetricsTest, APulseInTimeIsNotLate) {
  Metrics metrics;
  metrics.OnPulse(900ms, 1s);
  metrics.OnPulse(3s, 1s);
  const std::string text = metrics.Text({});
  EXPECT_EQ(Sample(text, "rollcall_pulse_lateness_seconds_sum"), 2);
  EXPECT_EQ(Sample(text, "rollcall_pulse_lateness_seconds_count"), 2);
}

TEST(MetricsTest, AUnitThatIsNoneDoesNotMakeALabel) {
  Metrics metrics;
  metrics.OnWorkDone("detect", "frames\"} 1\nevil", 3);
  EXPECT_EQ(Sample(metrics.Text({}), "rollcall_work_done_total{stage=\"detect\",unit=\"other\"}"),
            3);
}

class EngineMetricsTest : public EngineTest {
 protected:
  // With a store that tells this of its transactions, as the product's does.
  void StartMetered() {
    store_.reset();
    auto opened = store::SqliteStore::Open(
        {.path = data_dir_ / "metered.db",
         .observer =
             [metrics = metrics_](const store::SqliteStore::TransactionFacts& facts) {
               if (facts.is_write) metrics->OnStoreWrite(facts.committing, facts.error);
             }},
        {clock_});
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::move(opened).value();
    StartEngine([this](Engine::Options& options) { options.metrics = metrics_; });
  }
  double Now(const std::string& name) { return Sample(*engine_->MetricsText(), name); }

  std::shared_ptr<Metrics> metrics_ = std::make_shared<Metrics>();
};

TEST_F(EngineMetricsTest, CountsARun) {
  StartMetered();
  const auto job = SubmitOk(FakeRequest("x", {"detect", "track"}, {{"segments", 4}}));
  ASSERT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  EXPECT_EQ(Now("rollcall_attempts_started_total{stage=\"detect\"}"), 1);
  EXPECT_TRUE(Eventually([&] {
    return Now("rollcall_attempts_ended_total{outcome=\"succeeded\",stage=\"track\"}") == 1;
  }));
  EXPECT_EQ(Now("rollcall_segments_committed_total{stage=\"detect\"}"), 4);
  EXPECT_GT(Now("rollcall_store_commit_seconds_count"), 8);
  EXPECT_EQ(Now("rollcall_queue_length{stage=\"detect\"}"), 0);
  EXPECT_TRUE(Eventually([&] { return Now("rollcall_projector_lag_seconds") == 0; }));
  EXPECT_EQ(Now("rollcall_worker_slots"), 2);
}

TEST_F(EngineMetricsTest, CountsAStallAndWhatFollows) {
  StartMetered();
  const auto job =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "stall"}, {"at", 1}, {"times", 1}}));
  ASSERT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  // On a busy machine a worker may also be late with its pulses for a moment.
  EXPECT_GE(Now("rollcall_stalls_total{stage=\"detect\"}"), 1);
  EXPECT_EQ(Now("rollcall_attempts_ended_total{outcome=\"stalled\",stage=\"detect\"}"), 1);
  EXPECT_GT(Now("rollcall_pulse_lateness_seconds_count"), 0);
}

}  // namespace
}  // namespace rollcall::jobs
