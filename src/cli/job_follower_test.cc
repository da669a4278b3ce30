#include "cli/job_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <mutex>
#include <thread>

#include "api/testing/sample_job.h"
#include "base/random.h"
#include "domain/reasons.h"
#include "server/http_server.h"
#include "server/router.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using base::Json;
using domain::JobState;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::HasSubstr;

// One job, as its stream shows it at every look.
class OneJob {
 public:
  explicit OneJob(JobState state) { job_.state = state; }

  JobView View() {
    const std::lock_guard lock(mutex_);
    return job_;
  }
  void Take(const std::string& call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
    if (call == "cancel") job_.state = JobState::kCancelled;
  }
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

 private:
  std::mutex mutex_;
  JobView job_ = api::testing::SampleJob(7);
  std::vector<std::string> calls_;
};

class OneJobStream final : public api::EventStream {
 public:
  explicit OneJobStream(OneJob& job) : job_(job) {}
  std::string Take() override {
    const JobView view = job_.View();
    is_over_ = !view.is_open();
    return "event: view\ndata: " + ToJson(view).dump() + "\n\n";
  }
  bool is_over() const override { return is_over_; }
  milliseconds patience() const override { return milliseconds{5}; }

 private:
  OneJob& job_;
  bool is_over_ = false;
};

// What an engine answers of the job, at a data directory's socket.
class OneJobServer {
 public:
  OneJobServer(OneJob& job, const std::filesystem::path& data)
      : router_({Told("POST", "/api/engine/work", job),
                 Told("POST", "/api/engine/leave", job),
                 Told("POST", "/api/jobs/{job}/cancel", job),
                 {.method = "GET",
                  .pattern = "/api/engine/hello",
                  .run =
                      [](const auto&, const auto&) {
                        return api::JsonAnswer({{"protocol", api::kProtocol}});
                      }},
                 {.method = "GET",
                  .pattern = "/api/events",
                  .run = [&job](const auto&, const auto&) -> base::Result<api::Answer> {
                    return api::Answer{.events = std::make_shared<OneJobStream>(job)};
                  }}}),
        server_(
            std::move(server::HttpServer::Create(router_, {.unix_socket = data / "rollcall.sock"}))
                .value()) {}

 private:
  static server::Route Told(const char* method, const char* pattern, OneJob& job) {
    return {.method = method, .pattern = pattern, .run = [&job](const auto&, const auto& request) {
              job.Take(request.path.back());
              return api::JsonAnswer(Json::object());
            }};
  }

  const server::Router router_;
  const std::unique_ptr<server::HttpServer> server_;
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
  ~JobFollowerTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<OneJobServer> Serve(OneJob& job) {
    return std::make_unique<OneJobServer>(job, folder_);
  }
  std::unique_ptr<app::EngineLink> Link() {
    // Never started: somebody always serves in these tests.
    return std::move(app::EngineLink::Open(app::DataDirectory::Open(folder_).value(),
                                           {.engine_argv = {"rollcall", "--version"},
                                            .patience = milliseconds{5000}}))
        .value();
  }

  std::filesystem::path folder_ = app::DataDirectory::Open(std::filesystem::temp_directory_path() /
                                                           ("rollcall-" + base::RandomId()))
                                      .value()
                                      .root();
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
  EXPECT_THAT(engine.calls(), Contains("cancel").Times(1));
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
  EXPECT_THAT(engine.calls(), ::testing::Not(Contains("cancel")));
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
  EXPECT_THAT(engine.calls(), Contains("work"));
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
