#include <gtest/gtest.h>

#include <cstdlib>

#include "base/json.h"
#include "store/sqlite/testing/sqlite_home.h"
#include "store/testing/store_dump.h"

namespace rollcall::store {
namespace {

using domain::JobState;

// The store as the first release wrote it. Every later build must open it and go on with it.
// Written by this test itself with ROLLCALL_WRITE_FIXTURE=<path>; never written again once
// released.
const std::filesystem::path kFixture =
    std::filesystem::path(ROLLCALL_SOURCE_DIR) / "tests/fixtures/data-v1/rollcall.db";

// A finished episode, one at work with a checkpoint, one that failed, and a separate submission.
void WriteFixture(const std::filesystem::path& path) {
  auto store = std::move(SqliteStore::Open({.path = path})).value();
  base::FakeClock clock;
  const AgentIdentity agent{.id = "agent", .incarnation = "old", .boot_id = "old boot"};
  const auto claim = [&] {
    auto task = *store->TaskClaim(
        {.agent = agent, .stages = {}, .lease = std::chrono::seconds{30}, .now = clock.Now()});
    EXPECT_OK(store->TaskStarted(task->fence, 100, 200, clock.Now()));
    clock.Advance(std::chrono::seconds{1});
    return task.value();
  };
  EXPECT_OK(store->EpisodePut({.key = "rhobh_s05_e03",
                               .display = "RHOBH_S05_E03_11062025",
                               .video_path = "videos/rhobh/s05/e03.mp4",
                               .fingerprint = "f00d",
                               .created_at = clock.Now().wall}));
  EXPECT_OK(store->JobSubmit(MakeRequest("analyze", "rhobh_s05_e03", {"extract", "detect"}),
                             clock.Now()));
  for (int i = 0; i < 2; ++i) {
    const LeasedTask task = claim();
    EXPECT_OK(store->SegmentCommit(task.fence, MakeSegment(0), clock.Now()));
    const std::vector artifacts{MakeArtifact(task.run.name + ".parquet", task.fence.token)};
    EXPECT_OK(
        store->TaskSucceed(task.fence, R"({"faces_detected":5678})", artifacts, {}, clock.Now()));
  }
  EXPECT_OK(store->JobSubmit(MakeRequest("detect", "broken", {"detect", "track"}), clock.Now()));
  EXPECT_OK(store->TaskEnd(claim().fence, MakeEnd(AttemptOutcome::kFailed), clock.Now()));
  EXPECT_OK(store->JobSubmit(MakeSeparate("hume", "clip"), clock.Now()));
  AttemptEnd retry = MakeEnd(AttemptOutcome::kStalled);
  retry.retry_at = clock.Now().wall + std::chrono::seconds{60};
  EXPECT_OK(store->TaskEnd(claim().fence, retry, clock.Now()));
  EXPECT_OK(store->JobSubmit(MakeRequest("detect", "at_work", {"detect", "track"}), clock.Now()));
  const LeasedTask live = claim();
  for (int i = 0; i < 3; ++i) {
    EXPECT_OK(store->SegmentCommit(live.fence, MakeSegment(i), clock.Now()));
  }
}

// As little as SQLite makes of it: one file, small pages.
void Shrink(const std::filesystem::path& path) {
  auto database = std::move(Database::Open({.path = path})).value();
  EXPECT_OK(database->Execute("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM;"));
}

TEST(SqliteFixtureTest, OpensTheFirstReleasesStoreAndGoesOnWithIt) {
  if (const char* path = std::getenv("ROLLCALL_WRITE_FIXTURE")) {
    std::filesystem::remove(path);
    WriteFixture(path);
    Shrink(path);
    return;  // It is read in the next run.
  }
  ASSERT_TRUE(std::filesystem::exists(kFixture))
      << "write it once with ROLLCALL_WRITE_FIXTURE=" << kFixture;
  const TempFolder folder;
  std::filesystem::copy_file(kFixture, folder.db());
  auto store = std::move(SqliteStore::Open({.path = folder.db()})).value();
  EXPECT_OK(store->IntegrityCheck());

  EXPECT_EQ(store->EpisodeGet("rhobh_s05_e03")->video_path, "videos/rhobh/s05/e03.mp4");
  EXPECT_EQ(store->JobFind("analyze_rhobh_s05_e03")->state, JobState::kSucceeded);
  const auto detect = **store->RunLastGood({"episode", "rhobh_s05_e03"}, "detect");
  EXPECT_EQ(detect.result_json, R"({"faces_detected":5678})");
  EXPECT_EQ(store->ArtifactList(detect.id)->front().name, "detect.parquet");
  EXPECT_EQ(store->JobFind("detect_broken")->state, JobState::kFailed);
  const auto track = (**store->RunLatest({"episode", "broken"}, "track")).run;
  EXPECT_EQ(track.last_error->reason, "ERR_PREREQ_FAILED");
  EXPECT_EQ(store->JobFind("hume_clip")->state, JobState::kRetryWait);
  EXPECT_EQ(store->JobFind("detect_at_work")->state, JobState::kRunning);

  base::FakeClock clock;
  clock.Advance(std::chrono::hours{10});
  const AgentIdentity agent{.id = "agent", .incarnation = "new", .boot_id = "new boot"};
  const auto leftovers = *store->LeaseLeftovers(agent);
  ASSERT_EQ(leftovers.size(), 1u);
  EXPECT_OK(store->LeaseVoid(leftovers[0].fence, clock.Now()));
  int finished = 0;
  while (true) {
    const auto task = *store->TaskClaim(
        {.agent = agent, .stages = {}, .lease = std::chrono::seconds{30}, .now = clock.Now()});
    if (!task) break;
    if (task->run.public_id() == "detect_at_work") {
      EXPECT_EQ(task->segments.size(), 3u);
    }
    EXPECT_GT(task->fence.token, leftovers[0].fence.token);
    EXPECT_OK(store->TaskSucceed(task->fence, "{}", {}, {}, clock.Now()));
    ++finished;
  }
  EXPECT_EQ(finished, 3);  // hume, detect and track of at_work
  EXPECT_FALSE(*store->HasOpenJobs());
  EXPECT_OK(store->IntegrityCheck());
}

}  // namespace
}  // namespace rollcall::store
