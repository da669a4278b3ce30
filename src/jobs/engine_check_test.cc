// What the engine does while somebody checks the whole store, on the real one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::jobs {
namespace {

using domain::JobState;

class EngineCheckTest : public EngineTest {
 protected:
  // With a store whose checks stay open, while they read, until Release.
  void StartWithHeldChecks() {
    auto opened = store::SqliteStore::Open({.path = data_dir_ / "rollcall.db",
                                            .check_watch =
                                                [this] {
                                                  is_checking_ = true;
                                                  released_.wait_for(kLong / 2);
                                                }},
                                           {clock_});
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::move(opened).value();
    // Enough for SQLite to look around while it checks.
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(store_->EpisodePut(EpisodeOf(fmt::format("old{}", i))).ok());
    }
    StartEngine();
  }
  static store::Episode EpisodeOf(const std::string& key) {
    return {
        .key = key, .display = key, .video_path = "/v.mp4", .fingerprint = key, .created_at = {}};
  }

  std::atomic<bool> is_checking_ = false;
  std::promise<void> release_;
  const std::shared_future<void> released_ = release_.get_future().share();
};

// `doctor` kept every renewal waiting: past two thirds of a lease the agent killed all its workers.
TEST_F(EngineCheckTest, AMinuteOfDoctorEndsNoAttempt) {
  const auto minute = std::chrono::minutes{1} / kTimesDivisor;
  StartWithHeldChecks();
  const auto job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 2}}));
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  auto checked = std::async(std::launch::async, [&] { return store_->IntegrityCheck(); });
  ASSERT_TRUE(Eventually([&] { return is_checking_.load(); }));
  const auto began = std::chrono::steady_clock::now();
  const auto other = SubmitOk(FakeRequest("y", {"detect", "track"}, base::Json::object()));
  EXPECT_EQ(WaitForEnd(other.id).state, JobState::kSucceeded);
  EXPECT_TRUE(Eventually([&] { return std::chrono::steady_clock::now() - began > minute; }));
  EXPECT_EQ(Run("detect").run.state, JobState::kRunning);
  EXPECT_EQ(Attempts("detect").size(), 1U);
  EXPECT_TRUE(engine_->Cancel(job.id).ok());
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kCancelled);
  EXPECT_EQ(checked.wait_for(std::chrono::seconds{0}), std::future_status::timeout)
      << "something waited for the check";
  release_.set_value();
  const auto result = checked.get();
  EXPECT_TRUE(result.ok()) << result.error().ToString();
  EXPECT_EQ(Attempts("detect").size(), 1U);
}

}  // namespace
}  // namespace rollcall::jobs
