#include "cli/job_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <mutex>
#include <thread>

#include "control/control_server.h"
#include "control/protocol.h"
#include "control/testing/fake_service.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using base::Json;
using domain::JobState;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::HasSubstr;
namespace method = control::method;

// An engine with one job, which ends when it is told to.
class OneJob final : public control::Service {
 public:
  explicit OneJob(JobState state) { job_.state = state; }

  base::Result<Json> Call(std::string_view name, const Json& /*params*/) override {
    const std::lock_guard lock(mutex_);
    calls_.emplace_back(name);
    if (name == method::kJobCancel) job_.state = JobState::kCancelled;
    return Json::object();
  }
  base::Result<JobView> View(std::int64_t /*job_id*/) override {
    const std::lock_guard lock(mutex_);
    ++views_;
    return job_;
  }
  void OnClientCount(int /*count*/) override {}

  void End(JobState state) {
    const std::lock_guard lock(mutex_);
    job_.state = state;
  }
  void SetWaitReason(std::string text) {
    const std::lock_guard lock(mutex_);
    job_.stages.front().wait_reason = std::move(text);
  }
  std::vector<std::string> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  int views() {
    const std::lock_guard lock(mutex_);
    return views_;
  }

 private:
  std::mutex mutex_;
  JobView job_ = control::testing::SampleJob(7);
  std::vector<std::string> calls_;
  int views_ = 0;
};

class Notes final : public ProgressDisplay {
 public:
  void Show(const JobView& job, Moment /*now*/) override {
    shown.push_back(job.state);
    wait_reasons.push_back(job.stages.front().wait_reason);
    if (on_show) on_show();
  }
  void Note(const std::string& line) override {
    notes.push_back(line);
    if (on_note) on_note();
  }
  std::vector<JobState> shown;
  std::vector<std::string> wait_reasons;
  std::vector<std::string> notes;
  std::function<void()> on_show;
  std::function<void()> on_note;
};

class JobFollowerTest : public ::testing::Test {
 protected:
  std::unique_ptr<control::ControlServer> Serve(control::Service& service) {
    return std::move(
               control::ControlServer::Create(service, {.socket = folder_.path() / "rollcall.sock",
                                                        .watch_interval = milliseconds{5}}))
        .value();
  }
  std::unique_ptr<app::EngineLink> Link() {
    // Never started: somebody always serves in these tests.
    return std::move(app::EngineLink::Open(app::DataDirectory::Open(folder_.path()).value(),
                                           {.engine_argv = {"rollcall", "--version"},
                                            .patience = milliseconds{5000}}))
        .value();
  }

  control::testing::TemporaryFolder folder_;
  Interrupt interrupt_;
  Notes notes_;
};

TEST_F(JobFollowerTest, ShowsAJobUntilItHasEnded) {
  OneJob engine(JobState::kRunning);
  const auto server = Serve(engine);
  const auto link = Link();
  notes_.on_show = [&] { engine.End(JobState::kSucceeded); };
  const auto ending = JobFollower(*link, notes_, interrupt_, {}).Follow(7);
  ASSERT_TRUE(ending.ok()) << ending.error().ToString();
  EXPECT_EQ(ending->job.state, JobState::kSucceeded);
  EXPECT_FALSE(ending->was_left);
  EXPECT_EQ(notes_.shown.back(), JobState::kSucceeded);
}

TEST_F(JobFollowerTest, ShowsNothingThatSteersTheTerminal) {
  OneJob engine(JobState::kSucceeded);
  engine.SetWaitReason("behind a\x1b[2J\n\u202e");
  const auto server = Serve(engine);
  ASSERT_TRUE(JobFollower(*Link(), notes_, interrupt_, {}).Follow(7).ok());
  EXPECT_THAT(notes_.wait_reasons, Contains("behind a\\x1b[2J\\n\\u{202e}"));
}

TEST_F(JobFollowerTest, ReturnsAtOnceWhenTheJobHasEndedBefore) {
  OneJob engine(JobState::kFailed);
  const auto server = Serve(engine);
  const auto ending = JobFollower(*Link(), notes_, interrupt_, {}).Follow(7);
  ASSERT_TRUE(ending.ok());
  EXPECT_EQ(ending->job.state, JobState::kFailed);
}

TEST_F(JobFollowerTest, CancelsItsOwnJobAtCtrlC) {
  OneJob engine(JobState::kRunning);
  const auto server = Serve(engine);
  notes_.on_show = [&] {
    if (!interrupt_.has_come()) ::raise(SIGINT);
  };
  const auto ending = JobFollower(*Link(), notes_, interrupt_, {}).Follow(7);
  ASSERT_TRUE(ending.ok());
  EXPECT_EQ(ending->job.state, JobState::kCancelled);
  EXPECT_THAT(engine.calls(), Contains(method::kJobCancel).Times(1));
}

TEST_F(JobFollowerTest, LeavesAnothersJobAtCtrlC) {
  OneJob engine(JobState::kRunning);
  const auto server = Serve(engine);
  notes_.on_show = [&] {
    if (!interrupt_.has_come()) ::raise(SIGTERM);
  };
  const auto ending =
      JobFollower(*Link(), notes_, interrupt_, {.on_interrupt = JobFollower::OnInterrupt::kLeave})
          .Follow(7);
  ASSERT_TRUE(ending.ok());
  EXPECT_TRUE(ending->was_left);
  EXPECT_THAT(engine.calls(), ::testing::Not(Contains(method::kJobCancel)));
}

TEST_F(JobFollowerTest, GoesOnWithANewEngineWhenOneDies) {
  OneJob engine(JobState::kRunning);
  auto server = Serve(engine);
  const auto link = Link();
  bool has_died = false;
  notes_.on_show = [&] {
    if (!has_died) {
      has_died = true;
      server.reset();
    }
  };
  notes_.on_note = [&] {
    engine.End(JobState::kSucceeded);
    server = Serve(engine);
  };
  const auto ending = JobFollower(*link, notes_, interrupt_, {}).Follow(7);
  ASSERT_TRUE(ending.ok()) << ending.error().ToString();
  EXPECT_EQ(ending->job.state, JobState::kSucceeded);
  EXPECT_THAT(notes_.notes, Contains(HasSubstr("going on from the last checkpoint (1 of 5)")));
  EXPECT_THAT(engine.calls(), Contains(method::kWork));
}

TEST_F(JobFollowerTest, GivesUpWhenEnginesKeepDying) {
  OneJob engine(JobState::kRunning);
  auto server = Serve(engine);
  const auto link = Link();
  notes_.on_show = [&] { server.reset(); };
  notes_.on_note = [&] { server = Serve(engine); };
  const auto ending = JobFollower(*link, notes_, interrupt_, {.restarts_max = 2}).Follow(7);
  ASSERT_FALSE(ending.ok());
  EXPECT_EQ(ending.error().reason, domain::reason::kEngineUnavailable);
  EXPECT_EQ(notes_.notes.size(), 2U);
}

}  // namespace
}  // namespace rollcall::cli
