// No handler contains a line of the lifecycle. Whatever one does instead of its work, its stage
// ends in the right state, with a typed reason, in bounded time, leaves nothing behind, and a good
// handler can take over.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "base/file.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "jobs/testing/misconduct.h"
#include "vault/vault.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::HasSubstr;
using testing::IsEmpty;

struct Case {
  std::string behaviour;
  std::string reason;  // Of the failed stage; empty: it succeeds, for nothing it said was wrong.
  int attempts = 1;
  std::string words = {};  // That the message must hand on.
};

void PrintTo(const Case& each, std::ostream* out) { *out << each.behaviour; }

// As many as the policy gives: the first, and five retries.
constexpr int kWithRetries = 6;
// Ten times taken away make a crash, and the next one a second at the same place.
constexpr int kTakenAway = 11;

const std::vector<Case> kCases = {
    {"return_nothing", ""},
    {"flood", ""},
    {"flood_the_log", ""},
    {"flood_the_output", ""},
    {"go_backwards", ""},
    {"do_more_than_all", ""},
    {"do_less_than_nothing", "ERR_PROTOCOL"},
    {"throw", "ERR_INTERNAL", 1, "thrown on purpose"},
    {"throw_int", "ERR_INTERNAL"},
    {"permanent", "ERR_VIDEO_NOT_FOUND"},
    {"transient", "ERR_IO", kWithRetries},
    {"bad_alloc", "ERR_OUT_OF_MEMORY"},
    {"bad_alloc_on_a_thread", "ERR_OUT_OF_MEMORY"},
    {"say_that_memory_is_short", "ERR_OUT_OF_MEMORY"},
    {"segfault", "ERR_POISON_SEGMENT", 2},
    {"abort", "ERR_POISON_SEGMENT", 2},
    {"exit_zero", "ERR_POISON_SEGMENT", 2},
    {"exit_three", "ERR_POISON_SEGMENT", 2},
    {"hang", "ERR_STALLED", kWithRetries},
    {"dither", "ERR_STALLED", kWithRetries},
    {"offer_for_ever", "ERR_STALLED", kWithRetries},
    {"flood_for_ever", "ERR_STALLED", kWithRetries},
    {"stop", "ERR_POISON_SEGMENT", kTakenAway},
    {"nonsense", "ERR_PROTOCOL"},
    {"half_a_frame", "ERR_POISON_SEGMENT", 2},
    {"agents_frame", "ERR_PROTOCOL"},
    {"twenty_megabytes", "ERR_PROTOCOL"},
    {"deep_json", "ERR_PROTOCOL"},
    {"leave_a_gap", "ERR_INTERNAL"},
    {"commit_twice", "ERR_INTERNAL"},
    {"hasty", ""},
    {"lie_about_a_segment", "ERR_POISON_SEGMENT", 2},
    {"claim_others_segment", "ERR_POISON_SEGMENT", 2},
    {"claim_others_result", "ERR_ARTIFACT_CORRUPT"},
    {"claim_others_name", "ERR_ARTIFACT_CORRUPT"},
    {"claim_other_generation", "ERR_ARTIFACT_CORRUPT"},
    {"lie_missing", "ERR_ARTIFACT_CORRUPT"},
    {"lie_size", "ERR_ARTIFACT_CORRUPT"},
    {"lie_hash", "ERR_ARTIFACT_CORRUPT"},
    {"lie_outside", "ERR_ARTIFACT_CORRUPT"},
};

class HandlerMatrixTest : public EngineTest, public testing::WithParamInterface<Case> {
 protected:
  // Retries at once; hanging is seen soon, in those that hang.
  void StartImpatiently(const std::string& behaviour) {
    StartEngine([&](Engine::Options& options) {
      const bool is_stopped = behaviour == "stop";
      const bool hangs =
          std::set<std::string>{"hang", "dither", "offer_for_ever", "flood_for_ever"}.contains(
              behaviour);
      // Nothing but what is tested may end a worker that a busy machine keeps waiting.
      options.times = RuntimeTimes{}.DividedBy(is_stopped ? 50 : 5);
      options.times.retry_first = std::chrono::milliseconds{2};
      if (!hangs) return;
      options.times.stall_min = std::chrono::milliseconds{300};
      options.times.stall_grace = std::chrono::milliseconds{100};
      options.times.budget_seek = std::chrono::milliseconds{300};
    });
  }
  // What is left of a stage that is over: nothing at work, and files that say so.
  void ExpectNothingLeft() {
    EXPECT_TRUE(Eventually([&] { return AreAllProcessesGone(); }));
    EXPECT_THAT(store_->LeaseList().value(), IsEmpty());
    EXPECT_TRUE(store_->IntegrityCheck().ok());
    EXPECT_TRUE(Eventually([&] { return !Exists("jobs/detect_x/.lock"); }));
    EXPECT_TRUE(Eventually([&] {
      const Json runtime = ReadJson("episodes/x/runtime.json");
      return runtime.is_object() && runtime["active_jobs"] == Json::object();
    }));
  }
  // No row names a file of somebody else, or one that is not as the row says.
  void ExpectOwnSegments() {
    for (const domain::Segment& row : store_->SegmentList(Run("detect").run.work_key).value()) {
      EXPECT_TRUE(row.path.starts_with("harvest/x/segments/detect/")) << row.path;
      EXPECT_TRUE(row.path.empty() ||
                  engine_->vault().Verify(vault::FileOf(row), vault::Depth::kBytes).ok())
          << row.path;
    }
  }
  bool IsFlagSet() {
    const Json state = ReadJson("episodes/x/state.json");
    return state.is_object() && state["states"].value("detected", false);
  }
};

TEST_P(HandlerMatrixTest, EndsInTheRightStateAndAGoodHandlerTakesOver) {
  const Case& each = GetParam();
  StartImpatiently(each.behaviour);
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", each.behaviour}}));
  const JobState end = each.reason.empty() ? JobState::kSucceeded : JobState::kFailed;
  EXPECT_EQ(WaitForEnd(job.id).state, end);
  EXPECT_EQ(Run("detect").run.last_error.value_or(base::Error{}).reason, each.reason)
      << Run("detect").run.last_error.value_or(base::Error{}).ToString();
  EXPECT_THAT(Run("detect").run.last_error.value_or(base::Error{}).message, HasSubstr(each.words));
  EXPECT_EQ(Attempts("detect").size(), static_cast<std::size_t>(each.attempts));
  ExpectNothingLeft();
  ExpectOwnSegments();
  ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
  EXPECT_EQ(ReadJson("jobs/detect_x/meta.json")["stages"]["detect"]["status"],
            each.reason.empty() ? "ok" : "error");
  EXPECT_EQ(IsFlagSet(), each.reason.empty());
  if (each.reason.empty()) return;
  EXPECT_FALSE(Exists("harvest/x/detect.bin")) << "nobody is shown what came of it";

  Touch("good");
  const auto resumed = engine_->Resume(job.id);
  ASSERT_TRUE(resumed.ok()) << resumed.error().ToString();
  EXPECT_EQ(WaitForEnd(resumed->job.id).state, JobState::kSucceeded);
  ExpectNothingLeft();
  ASSERT_TRUE(engine_->Settle(resumed->job.id, kLong).ok());
  EXPECT_TRUE(IsFlagSet());
  EXPECT_EQ(ReadText("harvest/x/detect.bin"), kBytes);
}

INSTANTIATE_TEST_SUITE_P(All, HandlerMatrixTest, testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.behaviour; });

TEST(HandlerMatrix, KnowsEveryMisconduct) {
  std::set<std::string_view> known = {"eat_memory",           "use_memory_unseen",
                                      "start_threads_unseen", "throw_for_want_of_a_thread",
                                      "try_to_escape",     // worker_sandbox_test.cc
                                      "reach_for_files"};  // file_sandbox_test.cc
  for (const Case& each : kCases) known.insert(each.behaviour);
  for (const Misconduct& misconduct : AllMisconduct()) {
    EXPECT_TRUE(known.contains(misconduct.name)) << misconduct.name;
  }
}

TEST_F(HandlerMatrixTest, ALogThatIsFloodedStaysSmall) {
  constexpr int kLinesAPulse = 201;
  StartEngine();
  const auto began = std::chrono::steady_clock::now();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "flood_the_log"}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto took = std::chrono::steady_clock::now() - began;
  const std::string log = ReadText("logs/worker.log");
  // A slow machine takes more pulses to write its 20,000 lines.
  const auto pulses = took / (RuntimeTimes{}.pulse / kTimesDivisor) + 2;
  EXPECT_LT(std::ranges::count(log, '\n'), kLinesAPulse * pulses + 50);
  EXPECT_THAT(log, testing::HasSubstr("once more"));
  EXPECT_THAT(log, testing::HasSubstr("lines left out"));
}

TEST_F(HandlerMatrixTest, AnOutputThatIsFloodedStaysSmall) {
  StartEngine();
  const store::Job job =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "flood_the_output"}}));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  const auto output = [&] { return ReadText("jobs/detect_x/worker.out"); };
  EXPECT_TRUE(Eventually([&] { return output().size() < 5U << 20; })) << "20 MiB were written";
  EXPECT_THAT(output(), testing::HasSubstr("bytes of output left out"));
}

// Two slots: what one worker does to its socket is not the other one's trouble.
TEST_F(HandlerMatrixTest, AFloodingWorkerKeepsNobodyFromWorking) {
  StartEngine([](Engine::Options& options) {
    options.times = RuntimeTimes{}.DividedBy(2);
    options.times.claim_poll = options.times.projection_min = std::chrono::milliseconds{20};
  });
  const store::Episode other{.key = "y",
                             .display = "Y",
                             .video_path = "/videos/y.mp4",
                             .fingerprint = "g",
                             .created_at = clock_.Now().wall};
  ASSERT_TRUE(store_->EpisodePut(other).ok());
  const store::Job flood =
      SubmitOk(FakeRequest("x", {"detect"}, {{"behaviour", "flood_for_ever"}}));
  ASSERT_TRUE(Eventually([&] { return Stage(flood.id).done == 1; }));
  EXPECT_EQ(WaitForEnd(SubmitOk(FakeRequest("y", {"detect"}, Json::object())).id).state,
            JobState::kSucceeded);
  EXPECT_EQ(Attempts("detect").size(), 1U) << "the flood went on meanwhile";
  ASSERT_TRUE(engine_->Cancel(flood.id).ok());
  EXPECT_EQ(WaitForEnd(flood.id).state, JobState::kCancelled);
  ExpectNothingLeft();
}

}  // namespace
}  // namespace rollcall::jobs
