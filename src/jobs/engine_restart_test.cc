// What the next owner finds and does when the last one was killed.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "housekeeping/data_lock.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"
#include "store/testing/faulty_store.h"
#include "worker/process_table.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::Contains;
using testing::HasSubstr;

class EngineRestartTest : public EngineTest {
 protected:
  ~EngineRestartTest() override {
    if (owner_ > 0) KillOwner();
    engine_.reset();
    store_.reset();
  }

  void StartOwner(const Json& params) {
    const std::string data_dir = data_dir_.string();
    const std::string text = params.dump();
    owner_ = ::fork();
    if (owner_ == 0) {
      ::execl("/proc/self/exe", "jobs_test", "--owner", data_dir.c_str(), text.c_str(), nullptr);
      ::_exit(127);
    }
  }
  void KillOwner() {
    ::kill(owner_, SIGKILL);
    ::waitpid(owner_, nullptr, 0);
    owner_ = 0;
  }
  void BecomeOwner() {
    auto lock = housekeeping::DataLock::Acquire(data_dir_);
    ASSERT_TRUE(lock.ok()) << lock.error().ToString();
    lock_ = std::move(lock).value();
    auto opened =
        store::SqliteStore::Open({.path = data_dir_ / "rollcall.db", .vfs = {}}, {clock_});
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::move(opened).value();
    StartEngine();
  }
  store::JobId TheJob() { return store_->JobList().value().at(0).id; }

  pid_t owner_ = 0;
  std::optional<housekeeping::DataLock> lock_;
};

TEST_F(EngineRestartTest, GoesOnWhereTheKilledOwnerWas) {
  StartOwner({{"hold_after", 2}});
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  const auto worker = static_cast<pid_t>(std::stol(ReadText("held")));
  KillOwner();
  BecomeOwner();
  Touch("go");
  EXPECT_EQ(WaitForEnd(TheJob()).state, JobState::kSucceeded);
  const auto attempts = Attempts("detect");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].outcome, store::AttemptOutcome::kInterrupted);
  EXPECT_EQ(attempts[0].pid, worker);
  EXPECT_EQ(Run("detect").run.failures, 0);
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
  EXPECT_EQ(ReadJson("episodes/x/state.json")["states"]["detected"], true);
  EXPECT_TRUE(store_->IntegrityCheck().ok());
}

TEST_F(EngineRestartTest, RemovesWhatTheKilledOwnersAttemptsHadNotHandedOver) {
  StartOwner({{"hold_after", 2}});
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  KillOwner();
  const auto left = [this] {
    return std::distance(std::filesystem::directory_iterator(data_dir_ / "staging"),
                         std::filesystem::directory_iterator());
  };
  ASSERT_EQ(left(), 1) << "the case that is to be tested";
  BecomeOwner();
  Touch("go");
  EXPECT_EQ(WaitForEnd(TheJob()).state, JobState::kSucceeded);
  engine_.reset();
  EXPECT_EQ(left(), 0);
}

TEST_F(EngineRestartTest, KillsWhatOutlivedItsOwner) {
  // The worker goes with its owner, but what it started does not.
  StartOwner({{"behaviour", "with_child"}, {"at", 2}, {"times", 1}});
  ASSERT_TRUE(Eventually([&] { return Exists("child"); }));
  const auto child = static_cast<pid_t>(std::stol(ReadText("child")));
  KillOwner();
  ASSERT_TRUE(worker::ReadProcessStat(child).has_value()) << "the case that is to be tested";
  BecomeOwner();
  const auto stat = worker::ReadProcessStat(child);
  EXPECT_TRUE(!stat || stat->state == 'Z');
  EXPECT_EQ(WaitForEnd(TheJob()).state, JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").size(), 2U);
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

TEST_F(EngineRestartTest, RefusesASecondOwnerMeanwhile) {
  StartOwner({{"hold_after", 0}});
  ASSERT_TRUE(Eventually([&] { return Exists("held"); }));
  EXPECT_EQ(housekeeping::DataLock::Acquire(data_dir_).error().reason, "ERR_STORE_IN_USE");
}

TEST_F(EngineRestartTest, MendsProjectionsThatWereNotWrittenInTime) {
  StartOwner(Json::object());
  ASSERT_TRUE(Eventually([&] {
    return ReadJson("episodes/x/state.json").is_object() &&
           ReadJson("episodes/x/state.json")["states"].value("detected", false);
  }));
  KillOwner();
  // As if the owner had died between the commit and the files.
  std::filesystem::remove_all(data_dir_ / "episodes");
  std::filesystem::remove(data_dir_ / "harvest/x/detect.bin");
  std::filesystem::remove(data_dir_ / "jobs/detect_x/meta.json");
  std::filesystem::remove(data_dir_ / "jobs/.projected.json");
  BecomeOwner();
  EXPECT_TRUE(Eventually([&] {
    const Json state = ReadJson("episodes/x/state.json");
    return state.is_object() && state["states"].value("detected", false);
  }));
  engine_.reset();
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
  EXPECT_EQ(ReadJson("jobs/detect_x/meta.json")["stages"]["detect"]["status"], "ok");
}

// A start looks at what changed since the last one, however many episodes there are.
TEST_F(EngineRestartTest, DoesNotReadAgainWhatWasProjected) {
  constexpr int kEpisodes = 20;
  std::atomic<int> histories = 0;
  const auto own = [&] {
    auto opened = store::SqliteStore::Open({.path = data_dir_ / "rollcall.db"}, {clock_});
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    store_ = std::make_unique<store::FaultyStore>(
        std::move(opened).value(), [&](std::string_view method, store::FaultyStore::When when) {
          if (method == "RunHistory" && when == store::FaultyStore::When::kBefore) ++histories;
          return std::optional<base::Error>();
        });
    StartEngine();
  };
  const auto end = [&] {
    engine_.reset();
    store_.reset();
  };
  own();
  for (int i = 0; i < kEpisodes; ++i) {
    const auto job = SubmitOk(FakeRequest("e" + std::to_string(i), {"detect"}, Json::object()));
    ASSERT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  }
  end();
  ASSERT_TRUE(Exists("jobs/.projected.json"));

  histories = 0;
  own();
  end();
  EXPECT_EQ(histories, 0);

  // Without the mark, and with one of another store or of one that had come further, all are looked
  // at.
  const Json mark = ReadJson("jobs/.projected.json");
  Json others = mark;
  others["epoch"] = "of another store";
  Json ahead = mark;
  ahead["change"] = mark["change"].get<int>() + 1000;
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("not json"), others.dump(), ahead.dump()}) {
    std::ofstream(data_dir_ / "jobs/.projected.json") << text;
    histories = 0;
    own();
    end();
    EXPECT_GE(histories, kEpisodes) << text;
  }
}

TEST_F(EngineRestartTest, LeavesProjectionsAloneThatAreRight) {
  StartOwner(Json::object());
  ASSERT_TRUE(Eventually([&] {
    const Json runtime = ReadJson("episodes/x/runtime.json");
    return ReadText("logs/worker.log").find("Cleared active job") != std::string::npos &&
           runtime.is_object();
  }));
  ::waitpid(owner_, nullptr, 0);
  owner_ = 0;
  const auto written = std::filesystem::last_write_time(data_dir_ / "episodes/x/state.json");
  const std::string log = ReadText("logs/worker.log");
  BecomeOwner();
  engine_.reset();
  EXPECT_EQ(std::filesystem::last_write_time(data_dir_ / "episodes/x/state.json"), written);
  EXPECT_EQ(ReadText("logs/worker.log"), log) << "what was told is not told again";
}

TEST_F(EngineRestartTest, EndsWithTheSameBytesHoweverOftenTheOwnerIsKilled) {
  constexpr int kSegments = 40;
  const auto segment_files = [this] {
    std::error_code none_yet;
    const std::filesystem::directory_iterator files(data_dir_ / "harvest/x/segments/detect",
                                                    none_yet);
    return none_yet ? 0 : std::distance(files, std::filesystem::directory_iterator());
  };
  for (int round = 1; round <= 4; ++round) {
    StartOwner({{"segments", kSegments}});
    ASSERT_TRUE(Eventually([&] { return segment_files() >= 8 * round; }));
    KillOwner();
  }
  BecomeOwner();
  EXPECT_EQ(WaitForEnd(TheJob()).state, JobState::kSucceeded);
  EXPECT_EQ(store_->JobList()->size(), 1U) << "each start joined the same job";
  EXPECT_TRUE(store_->IntegrityCheck().ok());
  EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
  engine_.reset();
  std::string bytes;
  for (int i = 0; i < kSegments; ++i) bytes += "segment " + std::to_string(i) + "\n";
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), bytes);
}

}  // namespace
}  // namespace rollcall::jobs
