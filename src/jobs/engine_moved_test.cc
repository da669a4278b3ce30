// What happens when the data directory is renamed away under a running engine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;
using domain::JobState;

class EngineMovedTest : public EngineTest {
 protected:
  ~EngineMovedTest() override {
    engine_.reset();
    fs::remove_all(moved_);
  }
  // A job whose worker has committed two segments and waits for the file `go`.
  store::Job SubmitHeld() {
    const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"hold_after", 2}}));
    EXPECT_TRUE(Eventually([&] { return Exists("held"); }));
    return job;
  }
  void ExpectItIsInterrupted() {
    EXPECT_EQ(Run("detect").run.state, JobState::kQueued);
    EXPECT_EQ(Run("detect").run.failures, 0);
    EXPECT_EQ(Attempts("detect").front().error_reason, "ERR_DATA_DIRECTORY_MOVED");
  }
  // What the job still has to do is its third segment.
  void ExpectItGoesOn(const store::Job& job) {
    Touch("go");
    StartEngine();
    EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
    EXPECT_EQ(Attempts("detect").size(), 2U);
    engine_.reset();  // Its last projections are made then.
    EXPECT_EQ(ReadText("harvest/x/detect.bin"), "segment 0\nsegment 1\nsegment 2\n");
    const auto events = store_->EventsAfter(job.id, 0, 1000).value();
    EXPECT_EQ(std::ranges::count(events, "checkpoint_repaired", &store::Event::kind), 0);
  }

  const fs::path moved_ = data_dir_.string() + "-moved";
};

TEST_F(EngineMovedTest, EndsItsWorkersAndMakesNoNewFolderAndGoesOnWhenItIsBack) {
  StartEngine();
  EXPECT_TRUE(engine_->CheckDataDir().ok());
  const store::Job job = SubmitHeld();
  fs::rename(data_dir_, moved_);
  const auto checked = engine_->CheckDataDir();
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().reason, "ERR_DATA_DIRECTORY_MOVED");
  EXPECT_THAT(checked.error().message, testing::HasSubstr(data_dir_.string()));
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  engine_.reset();
  EXPECT_FALSE(fs::exists(data_dir_));
  ExpectItIsInterrupted();
  fs::rename(moved_, data_dir_);
  ExpectItGoesOn(job);
}

TEST_F(EngineMovedTest, WritesNothingIntoTheFolderThatHasTakenItsPlaceAndGoesOnWhereItIs) {
  StartEngine();
  const store::Job job = SubmitHeld();
  fs::rename(data_dir_, moved_);
  fs::create_directory(data_dir_);
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  engine_.reset();
  for (const auto& entry : fs::recursive_directory_iterator(data_dir_)) {
    ADD_FAILURE() << entry.path() << " was written";
  }
  ExpectItIsInterrupted();
  fs::remove(data_dir_);
  data_dir_ = moved_;
  ExpectItGoesOn(job);
}

// It has ended its workers: whoever asks must not believe that it works on.
TEST_F(EngineMovedTest, DoesNotTakeItBackWhenTheDirectoryIsThereAgain) {
  StartEngine();
  SubmitHeld();
  fs::rename(data_dir_, moved_);
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  fs::rename(moved_, data_dir_);
  EXPECT_FALSE(engine_->CheckDataDir().ok());
}

}  // namespace
}  // namespace rollcall::jobs
