#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/json.h"
#include "store/sqlite/schema.h"
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
  base::FakeClock clock;
  auto store = std::move(SqliteStore::Open({.path = path}, {clock, "old boot"})).value();
  const AgentIdentity agent{.id = "agent", .incarnation = "old", .boot_id = "old boot"};
  const auto claim = [&] {
    auto task =
        *store->TaskClaim({.agent = agent, .stages = {}, .lease = std::chrono::seconds{30}});
    EXPECT_OK(store->TaskStarted(task->fence, 100, 200));
    clock.Advance(std::chrono::seconds{1});
    return task.value();
  };
  EXPECT_OK(store->EpisodePut({.key = "rhobh_s05_e03",
                               .display = "RHOBH_S05_E03_11062025",
                               .video_path = "videos/rhobh/s05/e03.mp4",
                               .fingerprint = "f00d",
                               .created_at = clock.Now().wall}));
  EXPECT_OK(store->JobSubmit(MakeRequest("analyze", "rhobh_s05_e03", {"extract", "detect"})));
  for (int i = 0; i < 2; ++i) {
    const LeasedTask task = claim();
    EXPECT_OK(store->SegmentCommit(task.fence, MakeSegment(0)));
    const std::vector artifacts{MakeArtifact(task.run.name + ".parquet", task.fence.token)};
    EXPECT_OK(store->TaskSucceed(task.fence, R"({"faces_detected":5678})", artifacts, {}));
  }
  EXPECT_OK(store->JobSubmit(MakeRequest("detect", "broken", {"detect", "track"})));
  EXPECT_OK(store->TaskEnd(claim().fence, MakeEnd(AttemptOutcome::kFailed)));
  EXPECT_OK(store->JobSubmit(MakeSeparate("hume", "clip")));
  AttemptEnd retry = MakeEnd(AttemptOutcome::kStalled);
  retry.retry_in = std::chrono::seconds{60};
  EXPECT_OK(store->TaskEnd(claim().fence, retry));
  EXPECT_OK(store->JobSubmit(MakeRequest("detect", "at_work", {"detect", "track"})));
  const LeasedTask live = claim();
  for (int i = 0; i < 3; ++i) {
    EXPECT_OK(store->SegmentCommit(live.fence, MakeSegment(i)));
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
  base::FakeClock clock;
  auto store = std::move(SqliteStore::Open({.path = folder.db()}, {clock, "new boot"})).value();
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

  clock.Advance(std::chrono::hours{10});
  const AgentIdentity agent{.id = "agent", .incarnation = "new", .boot_id = "new boot"};
  const auto leftovers = *store->LeaseLeftovers(agent);
  ASSERT_EQ(leftovers.size(), 1u);
  EXPECT_OK(store->LeaseVoid(leftovers[0].fence));
  int finished = 0;
  while (true) {
    const auto task =
        *store->TaskClaim({.agent = agent, .stages = {}, .lease = std::chrono::seconds{30}});
    if (!task) break;
    if (task->run.job_name() == "detect_at_work") {
      EXPECT_EQ(task->segments.size(), 3u);
    }
    EXPECT_GT(task->fence.token, leftovers[0].fence.token);
    EXPECT_OK(store->TaskSucceed(task->fence, "{}", {}, {}));
    ++finished;
  }
  EXPECT_EQ(finished, 3);  // hume, detect and track of at_work
  EXPECT_FALSE(*store->HasOpenJobs());
  EXPECT_OK(store->IntegrityCheck());
}

// --- Before events of all jobs had an order (schema 5)

TEST(SchemaFourTest, EventsOfAnOlderStoreKeepTheOrderOfTheirJobsAndNewOnesComeBehind) {
  const TempFolder folder;
  std::filesystem::copy_file(kFixture, folder.db());
  std::int64_t count = 0;
  {
    auto database = std::move(Database::Open({.path = folder.db()})).value();
    EXPECT_OK(Migrate(*database, Migrations().first(4)));
    auto events = std::move(database->Query("SELECT COUNT(*) FROM event")).value();
    EXPECT_TRUE(*events.Step());
    count = events.Int64(0);
  }
  base::FakeClock clock;
  const auto store = std::move(SqliteStore::Open({.path = folder.db()}, {clock})).value();
  const auto all = *store->EventsSince(0, 1'000'000);
  ASSERT_EQ(std::ssize(all), count);
  ASSERT_GT(count, 20);
  std::map<JobId, std::int64_t> seqs;
  for (const Event& event : all) EXPECT_EQ(event.seq, ++seqs[event.job]);
  EXPECT_EQ(*store->EventPosition(), all.back().position);
  EXPECT_OK(store->JobCancel(store->JobFind("hume_clip")->id));
  EXPECT_FALSE(store->EventsSince(all.back().position, 10)->empty());
  EXPECT_OK(store->IntegrityCheck());
}

// --- Before the store's clock decided what is due (schema 4)

class SchemaThreeTest : public testing::Test {
 protected:
  // The first release's store, brought up to schema 3: leases and retries are of "old boot", that
  // of the agent which claimed.
  SchemaThreeTest() {
    std::filesystem::copy_file(kFixture, folder_.db());
    auto database = std::move(Database::Open({.path = folder_.db()})).value();
    EXPECT_OK(Migrate(*database, Migrations().first(3)));
    auto version =
        std::move(database->Query("SELECT value FROM meta WHERE name = 'schema_version'")).value();
    EXPECT_TRUE(*version.Step());
    EXPECT_EQ(version.Int(0), 3);
  }

  void OpenIn(const std::string& boot_id) {
    store_ = std::move(SqliteStore::Open({.path = folder_.db()}, {clock_, boot_id})).value();
    EXPECT_EQ(store_->JobFind("detect_at_work")->state, JobState::kRunning);
    EXPECT_EQ(store_->JobFind("hume_clip")->state, JobState::kRetryWait);
    EXPECT_EQ(store_->LeaseList()->front().expires.boot_id, "old boot");
  }
  std::string Claim() {
    const auto task =
        *store_->TaskClaim({.agent = agent_, .stages = {}, .lease = std::chrono::seconds{30}});
    return task ? task->run.job_name() : "nothing";
  }

  const TempFolder folder_;
  base::FakeClock clock_;  // Begins where that of the fixture did.
  const AgentIdentity agent_{.id = "agent", .incarnation = "new", .boot_id = "a new agent's boot"};
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(SchemaThreeTest, ALeaseAndARetryOfThisBootGoOn) {
  OpenIn("old boot");
  EXPECT_TRUE(store_->LeaseReap()->empty());
  EXPECT_GT(**store_->NextRetry(), std::chrono::seconds{0});
  EXPECT_EQ(Claim(), "nothing");
  clock_.Advance(std::chrono::minutes{2});
  EXPECT_EQ(store_->LeaseReap()->size(), 1U);
  EXPECT_LT(**store_->NextRetry(), std::chrono::seconds{0});
  EXPECT_EQ(Claim(), "predict_clip");
  EXPECT_EQ(Claim(), "detect_at_work");
  EXPECT_OK(store_->IntegrityCheck());
}

TEST_F(SchemaThreeTest, ALeaseAndARetryOfAnEarlierBootAreDueAtOnce) {
  OpenIn("new boot");
  EXPECT_EQ(**store_->NextRetry(), std::chrono::seconds{0});
  EXPECT_EQ(store_->LeaseReap()->size(), 1U);
  EXPECT_EQ(Claim(), "predict_clip");
  EXPECT_EQ(Claim(), "detect_at_work");
  EXPECT_OK(store_->IntegrityCheck());
}

}  // namespace
}  // namespace rollcall::store
