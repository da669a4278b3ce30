#include "cli/queue_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "app/data_directory.h"
#include "base/random.h"
#include "cli/testing/many_jobs.h"
#include "cli/testing/sample_queue.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using base::Result;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::EndedJob;
using testing::FailedJob;
using ::testing::HasSubstr;
using testing::JobAt;
using testing::ManyJobs;
using testing::ManyJobsServer;
using ::testing::Not;
using testing::SampleVideos;
using testing::WaitingJob;

class QueueNotes final : public QueueDisplay {
 public:
  void Show(const VideoQueue& queue, Moment /*now*/) override {
    if (on_show) on_show(queue);
  }
  void TellEnded(const VideoQueue& queue, std::size_t index) override {
    ended.push_back(queue.videos()[index].file.name);
  }
  void Note(const std::string& line) override {
    notes.push_back(line);
    if (on_note) on_note();
  }
  std::vector<std::string> ended;
  std::vector<std::string> notes;
  std::function<void(const VideoQueue&)> on_show;
  std::function<void()> on_note;
};

class QueueRunTest : public ::testing::Test {
 protected:
  QueueRunTest() {
    engine_.on_start = [](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
      return ManyJobs::Begun{.job = EndedJob(id, 10)};
    };
  }
  ~QueueRunTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<ManyJobsServer> Serve() {
    return std::make_unique<ManyJobsServer>(engine_, folder_);
  }
  Result<void> Run(int videos, bool was_working = false) {
    files_ = SampleVideos(videos);
    queue_.emplace(files_, 2);
    SameVideoSearch same(files_,
                         [](const auto& path) -> Result<std::string> { return path.string(); });
    link_ = std::move(app::EngineLink::Open(app::DataDirectory::Open(folder_).value(),
                                            {.engine_argv = {"rollcall", "--version"},
                                             .patience = milliseconds{5000}}))
                .value();
    QueueRun run({.link = *link_,
                  .display = notes_,
                  .interrupt = interrupt_,
                  .queue = *queue_,
                  .same_videos = same},
                 {.was_working = was_working});
    return run.Run();
  }
  std::vector<VideoState> States() const {
    std::vector<VideoState> states;
    for (const QueuedVideo& video : queue_->videos()) states.push_back(video.state);
    return states;
  }
  // Once a number of jobs were begun.
  void InterruptAt(std::size_t begun) {
    notes_.on_show = [this, begun](const VideoQueue& queue) {
      const auto open = std::ranges::count_if(queue.videos(), &QueuedVideo::is_open);
      if (static_cast<std::size_t>(open) == begun && !interrupt_.has_come()) ::raise(SIGINT);
    };
  }

  std::filesystem::path folder_ = app::DataDirectory::Open(std::filesystem::temp_directory_path() /
                                                           ("rollcall-" + base::RandomId()))
                                      .value()
                                      .root();
  ManyJobs engine_;
  QueueNotes notes_;
  Interrupt interrupt_;
  std::vector<VideoFile> files_;
  std::optional<VideoQueue> queue_;
  std::unique_ptr<app::EngineLink> link_;
};

TEST_F(QueueRunTest, StartsEachInOrderAndTellsEachEndOnce) {
  const auto server = Serve();
  ASSERT_TRUE(Run(3).ok());
  EXPECT_THAT(engine_.calls(),
              ElementsAre("start /v/e1.mp4", "start /v/e2.mp4", "start /v/e3.mp4"));
  EXPECT_THAT(notes_.ended, ElementsAre("e1.mp4", "e2.mp4", "e3.mp4"));
  EXPECT_EQ(queue_->Exit(), ExitCode::kOk);
}

TEST_F(QueueRunTest, AVideoThatIsRefusedDoesNotKeepTheOthers) {
  engine_.on_start = [](const std::string& video, std::int64_t id) -> Result<ManyJobs::Begun> {
    if (video == "/v/e1.mp4") {
      return domain::MakeError(domain::reason::kKeyTaken, "x is another video already",
                               "name this one, for example with --episode x-2, or forget it");
    }
    return ManyJobs::Begun{.job = video == "/v/e2.mp4" ? FailedJob(id) : EndedJob(id, 10)};
  };
  const auto server = Serve();
  ASSERT_TRUE(Run(3).ok());
  EXPECT_THAT(States(), ElementsAre(VideoState::kFailed, VideoState::kFailed, VideoState::kOk));
  EXPECT_EQ(queue_->videos()[0].error->hint,
            "by itself it can have another key: `rollcall analyze '/v/e1.mp4' --episode x-2`, or "
            "forget it");
}

// Whoever has followed that hint once is not told it again each time.
TEST_F(QueueRunTest, AVideoThatHasAKeyOfItsOwnKeepsIt) {
  engine_.known_key = "x-2";
  int refused = 0;
  engine_.on_start = [&](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
    if (refused++ > 0) return ManyJobs::Begun{.job = EndedJob(id, 10)};
    return domain::MakeError(domain::reason::kKeyTaken, "x is another video already",
                             "add --episode x-2");
  };
  const auto server = Serve();
  ASSERT_TRUE(Run(1).ok());
  EXPECT_THAT(engine_.calls(), ElementsAre("start /v/e1.mp4", "start /v/e1.mp4x-2"));
  EXPECT_THAT(States(), ElementsAre(VideoState::kOk));
}

TEST_F(QueueRunTest, WhatConcernsAllIsAskedOnce) {
  engine_.on_start = [](const std::string&, std::int64_t) -> Result<ManyJobs::Begun> {
    return domain::MakeError(domain::reason::kProviderMissing, "there is no cuda");
  };
  const auto server = Serve();
  const auto ran = Run(3);
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().reason, domain::reason::kProviderMissing);
  EXPECT_EQ(engine_.calls().size(), 1U);
}

TEST_F(QueueRunTest, WhenTheDiskFillsUpWhatWasBegunIsWaitedFor) {
  engine_.on_start = [](const std::string& video, std::int64_t id) -> Result<ManyJobs::Begun> {
    if (video != "/v/e1.mp4") return domain::MakeError(domain::reason::kDiskFull, "full");
    return ManyJobs::Begun{.job = JobAt(id, 0.5, 10)};
  };
  notes_.on_show = [this](const VideoQueue& queue) {
    if (!queue.NextToStart()) engine_.Set(EndedJob(1, 10));
  };
  const auto server = Serve();
  ASSERT_TRUE(Run(3).ok());
  EXPECT_THAT(States(), ElementsAre(VideoState::kOk, VideoState::kFailed, VideoState::kNotStarted));
}

// A disk that is slow to read must not look like a command that hangs.
TEST_F(QueueRunTest, WhatIsAtWorkIsShownWhileAnotherVideoIsLookedAt) {
  std::mutex mutex;
  std::condition_variable seen;
  bool is_shown = false;
  notes_.on_show = [&](const VideoQueue& queue) {
    const auto& first = queue.videos()[0].job;
    const std::lock_guard lock(mutex);
    if (first && first->stages[1].done == 9'000) is_shown = true;
    seen.notify_all();
  };
  engine_.on_start = [&](const std::string& video, std::int64_t id) -> Result<ManyJobs::Begun> {
    if (video == "/v/e1.mp4") return ManyJobs::Begun{.job = JobAt(id, 0.5, 10)};
    engine_.Set(JobAt(1, 0.9, 10));
    std::unique_lock lock(mutex);
    const bool was_shown = seen.wait_for(lock, std::chrono::seconds{20}, [&] { return is_shown; });
    engine_.Set(EndedJob(1, 10));
    if (!was_shown) return domain::MakeError(domain::reason::kInternal, "nothing was shown");
    return ManyJobs::Begun{.job = EndedJob(id, 10)};
  };
  const auto server = Serve();
  ASSERT_TRUE(Run(2).ok());
  EXPECT_THAT(States(), ElementsAre(VideoState::kOk, VideoState::kOk));
}

TEST_F(QueueRunTest, CancelsItsOwnJobsTheNewestFirstAndStartsNoMore) {
  engine_.on_start = [](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
    return ManyJobs::Begun{.job = id == 1 ? JobAt(id, 0.5, 10) : WaitingJob(id)};
  };
  InterruptAt(2);
  const auto server = Serve();
  ASSERT_TRUE(Run(3).ok());
  EXPECT_THAT(engine_.calls(),
              ElementsAre("start /v/e1.mp4", "start /v/e2.mp4", "cancel 2", "cancel 1"));
  EXPECT_THAT(States(),
              ElementsAre(VideoState::kCancelled, VideoState::kCancelled, VideoState::kNotStarted));
}

TEST_F(QueueRunTest, LeavesWhatAnotherCommandHasBegun) {
  engine_.on_start = [](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
    return ManyJobs::Begun{.job = JobAt(id, 0.5, 10), .is_existing = id == 1};
  };
  InterruptAt(2);
  const auto server = Serve();
  ASSERT_TRUE(Run(2, /*was_working=*/true).ok());
  EXPECT_THAT(engine_.calls(), Contains("cancel 2"));
  EXPECT_THAT(engine_.calls(), Not(Contains("cancel 1")));
  EXPECT_THAT(States(), ElementsAre(VideoState::kLeft, VideoState::kCancelled));
  EXPECT_THAT(notes_.notes,
              Contains("e1.mp4: another command has begun it (job 1); waiting for it"));
}

TEST_F(QueueRunTest, WhatAnEngineLeftThatHasEndedIsItsOwn) {
  engine_.on_start = [](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
    return ManyJobs::Begun{.job = WaitingJob(id), .is_existing = true, .is_resumed = id == 1};
  };
  InterruptAt(2);
  const auto server = Serve();
  ASSERT_TRUE(Run(2).ok());
  EXPECT_THAT(States(), ElementsAre(VideoState::kCancelled, VideoState::kCancelled));
}

// What has ended meanwhile is in no stream any more.
TEST_F(QueueRunTest, GoesOnWithANewEngineWhenOneDies) {
  engine_.on_start = [](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
    return ManyJobs::Begun{.job = JobAt(id, 0.5, 10)};
  };
  auto server = Serve();
  bool has_died = false;
  notes_.on_show = [&](const VideoQueue& queue) {
    if (has_died || queue.NextToStart()) return;
    has_died = true;
    server.reset();
  };
  notes_.on_note = [&] {
    engine_.hides_ended = true;
    for (const std::int64_t id : {1, 2}) engine_.Set(EndedJob(id, 10));
    server = Serve();
  };
  const auto ran = Run(2);
  ASSERT_TRUE(ran.ok()) << ran.error().ToString();
  EXPECT_THAT(notes_.notes, Contains(HasSubstr("going on from the last checkpoint (1 of 5)")));
  EXPECT_THAT(States(), ElementsAre(VideoState::kOk, VideoState::kOk));
}

// Nobody knows whether it was taken: it is asked again, and is this command's own.
TEST_F(QueueRunTest, AStartThatNoEngineAnsweredIsAskedAgain) {
  std::unique_ptr<ManyJobsServer> server;
  engine_.on_start = [](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
    return ManyJobs::Begun{.job = EndedJob(id, 10), .is_existing = true};
  };
  server = Serve();
  bool has_died = false;
  notes_.on_show = [&](const VideoQueue&) {
    if (!std::exchange(has_died, true)) server.reset();
  };
  notes_.on_note = [&] {
    if (server == nullptr) server = Serve();
  };
  ASSERT_TRUE(Run(1, /*was_working=*/true).ok());
  EXPECT_TRUE(queue_->videos()[0].is_own);
  EXPECT_THAT(States(), ElementsAre(VideoState::kOk));
}

TEST_F(QueueRunTest, ShowsNothingThatSteersTheTerminal) {
  engine_.on_start = [](const std::string&, std::int64_t id) -> Result<ManyJobs::Begun> {
    JobView job = FailedJob(id);
    job.stages[1].error->message = "behind a\x1b[2J";
    return ManyJobs::Begun{.job = std::move(job)};
  };
  const auto server = Serve();
  ASSERT_TRUE(Run(1).ok());
  EXPECT_THAT(queue_->videos()[0].error->message, HasSubstr("behind a\\x1b[2J"));
}

}  // namespace
}  // namespace rollcall::cli
