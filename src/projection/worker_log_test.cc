#include "projection/worker_log.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/random.h"

namespace rollcall::projection {
namespace {

namespace fs = std::filesystem;

TEST(DescribeProgressTest, HasTheShapeOfAHeartbeat) {
  store::Liveness liveness;
  liveness.unit = "frames";
  liveness.done = 640;
  liveness.total = 12600;
  liveness.counters_json = R"({"faces_detected":811,"embeddings_computed":90})";
  EXPECT_EQ(DescribeProgress(liveness), "frames=640/12600 pct=5.1% faces=811");
}

TEST(DescribeProgressTest, TakesUnitAndCounterOfAnyStage) {
  store::Liveness liveness;
  liveness.unit = "tracks";
  liveness.done = 1;
  liveness.total = 2;
  EXPECT_EQ(DescribeProgress(liveness), "tracks=1/2 pct=50.0%");
}

TEST(DescribeProgressTest, NamesThePhaseBeforeThereIsProgress) {
  store::Liveness liveness;
  liveness.phase = domain::Phase::kModelLoad;
  EXPECT_EQ(DescribeProgress(liveness), "phase=model_load");
}

TEST(DescribeTotalsTest, PrefersTheResult) {
  store::Liveness liveness;
  liveness.unit = "frames";
  liveness.done = 1234;
  liveness.counters_json = R"({"faces_detected":1})";
  EXPECT_EQ(DescribeTotals(liveness, R"({"faces_detected":5678})"), "frames=1234 faces=5678");
  EXPECT_EQ(DescribeTotals({}, "{}"), "");
}

TEST(WorkerLogTest, WritesOneLinePerEventWhateverTheTextHolds) {
  const fs::path folder = fs::temp_directory_path() / ("rollcall-log-" + base::RandomId());
  fs::create_directories(folder);
  store::StageRun run;
  run.name = "analytics";
  run.subject = {"episode", "x"};
  WorkerLog log(folder);
  log.Line(run, "model=a\nloading\x1b[31m");
  EXPECT_EQ(base::ReadFile(folder / "jobs/analytics_x/log").value(),
            "[ANALYTICS] x model=a\\nloading\\x1b[31m\n");
  EXPECT_EQ(log.write_error(), "");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace rollcall::projection
