// A job that runs for over an hour without progress cannot exist.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "domain/reasons.h"
#include "jobs/attempt_watch.h"
#include "jobs/engine.h"
#include "jobs/retry_policy.h"
#include "jobs/testing/engine_fixture.h"
#include "store/transitions.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using domain::Phase;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using store::AttemptOutcome;
using testing::HasSubstr;

// --- The rules alone: what a worker says in each second of an attempt of age `age`.

struct Signs {
  AttemptWatch& watch;
  base::BootTime now;
  seconds age;

  void Pulse() const { watch.OnPulse({.seq = age.count()}, now); }
  void Progress(std::int64_t done) const {
    watch.OnProgress({.done = done, .total = 1'000'000, .unit = "frames"}, now);
  }
};

struct BadWorker {
  const char* name;
  std::function<void(const Signs&)> say;
};

std::function<void(const Signs&)> PulsesIn(Phase phase) {
  return [phase](const Signs& signs) {
    signs.Pulse();
    signs.watch.OnPhase(phase, signs.now);
  };
}

void StaysInEachPhaseUntilTheLastMoment(const Signs& signs) {
  signs.Pulse();
  const auto round = signs.age % seconds{59 + 299 + 59 + 119};
  signs.watch.OnPhase(round < seconds{59}    ? Phase::kStarting
                      : round < seconds{358} ? Phase::kModelLoad
                      : round < seconds{417} ? Phase::kSeek
                                             : Phase::kFinalise,
                      signs.now);
}

std::vector<BadWorker> BadWorkers() {
  return {
      {"Silent", [](const Signs&) {}},
      {"HangsInStarting", PulsesIn(Phase::kStarting)},
      {"HangsInModelLoad", PulsesIn(Phase::kModelLoad)},
      {"HangsInSeek", PulsesIn(Phase::kSeek)},
      {"HangsInWork", PulsesIn(Phase::kWork)},
      {"HangsInFinalise", PulsesIn(Phase::kFinalise)},
      {"ReportsTheSameForEver",
       [](const Signs& signs) {
         PulsesIn(Phase::kWork)(signs);
         signs.Progress(10);
       }},
      {"GoesBackwards",
       [](const Signs& signs) {
         PulsesIn(Phase::kWork)(signs);
         signs.Progress(1'000'000 - signs.age.count());
       }},
      {"ChangesItsPhaseEverySecond",
       [](const Signs& signs) {
         PulsesIn(signs.age.count() % 2 == 0 ? Phase::kWork : Phase::kSeek)(signs);
       }},
      {"StaysInEachPhaseUntilTheLastMoment", StaysInEachPhaseUntilTheLastMoment},
      {"CommitsWhatIsThere",
       [](const Signs& signs) {
         PulsesIn(Phase::kWork)(signs);
         signs.watch.OnRuntimeAnswered(signs.now);
       }},
      {"SlowStartThenHang",
       [](const Signs& signs) {
         // A habit of long gaps earns ten times as much patience.
         PulsesIn(Phase::kWork)(signs);
         if (signs.age.count() % 25 == 0 && signs.age < minutes{8}) {
           signs.Progress(signs.age.count() / 25);
         }
       }},
  };
}

class BadWorkerTest : public testing::TestWithParam<BadWorker> {
 protected:
  struct Life {
    AttemptOutcome outcome{};
    base::BootTime without_progress{};  // When it was killed.
  };

  // One attempt at the product's times, looked at once a second.
  Life LiveOnce() {
    AttemptWatch watch(RuntimeTimes{}, clock_.Now().boot);
    const auto start = clock_.Now().boot;
    auto progress_at = start;
    while (clock_.Now().boot - start < hours{24}) {
      clock_.Advance(seconds{1});
      const auto now = clock_.Now().boot;
      const auto done_before = watch.liveness().done;
      GetParam().say({watch, now, std::chrono::duration_cast<seconds>(now - start)});
      if (watch.liveness().done > done_before) progress_at = now;
      const auto verdict = watch.Check(now);
      if (verdict == AttemptWatch::Verdict::kKillStalled) {
        return {AttemptOutcome::kStalled, now - progress_at};
      }
      if (verdict == AttemptWatch::Verdict::kKillSilent) {
        return {AttemptOutcome::kExpired, now - progress_at};
      }
    }
    return {AttemptOutcome::kSucceeded, hours{24}};
  }

  base::FakeClock clock_;
};

TEST_P(BadWorkerTest, IsEndedWithinNineMinutesWithoutProgress) {
  EXPECT_LE(LiveOnce().without_progress, minutes{9});
}

TEST_P(BadWorkerTest, EndsItsJobWithinAnHour) {
  const RetryPolicy policy(RuntimeTimes{}, [] { return 1.0; });  // The longest waits.
  store::StageRun run;
  base::BootTime without_progress{};
  while (without_progress < hours{24}) {
    const Life life = LiveOnce();
    without_progress += life.without_progress;
    const auto end =
        policy.Decide({.run = run,
                       .outcome = life.outcome,
                       .error = domain::MakeError(domain::reason::kStalled, "it does not get on"),
                       .fruitless = life.without_progress});
    store::CountOutcome(end, run);
    if (end.retry_in) {
      without_progress += *end.retry_in;
      clock_.Advance(*end.retry_in);
    }
    const JobState next = store::StateAfterAttempt(false, end);
    if (next == JobState::kFailed) break;
  }
  EXPECT_LT(without_progress, hours{1});
}

// Now it falls silent just before it would be called stalled, now it is: neither is counted often
// enough to end the job.
TEST(WornOutTest, EndsAJobWhoseAttemptsEndInEveryWay) {
  constexpr minutes kInVain{8};
  const RetryPolicy policy(RuntimeTimes{}, [] { return 1.0; });
  const AttemptOutcome outcomes[] = {AttemptOutcome::kExpired, AttemptOutcome::kInterrupted,
                                     AttemptOutcome::kStalled};
  store::StageRun run;
  base::WallTime now{};
  JobState state = JobState::kQueued;
  for (int attempt = 0; state != JobState::kFailed && now < base::WallTime{hours{24}}; ++attempt) {
    now += kInVain;
    const auto end =
        policy.Decide({.run = run,
                       .outcome = outcomes[attempt % 3],
                       .error = domain::MakeError(domain::reason::kStalled, "it does not get on"),
                       .fruitless = kInVain});
    store::CountOutcome(end, run);
    now += end.retry_in.value_or(std::chrono::milliseconds{});
    state = store::StateAfterAttempt(false, end);
    if (state == JobState::kFailed) {
      EXPECT_THAT(end.error.message, HasSubstr("48 minutes"));
    }
  }
  EXPECT_LT(now, base::WallTime{hours{1}});
}

// Owners that died each time: nobody decided, the store added up.
TEST(WornOutTest, ARunThatWasInVainIsNotTriedAgain) {
  const RetryPolicy policy(RuntimeTimes{}, [] { return 1.0; });
  store::StageRun run;
  run.fruitless = RuntimeTimes{}.fruitless_max;
  EXPECT_FALSE(policy.IsWornOut(run));
  run.fruitless += std::chrono::milliseconds{1};
  EXPECT_TRUE(policy.IsWornOut(run));
  const auto end = policy.Decide({.run = run,
                                  .outcome = AttemptOutcome::kStalled,
                                  .error = domain::MakeError(domain::reason::kStalled, "in vain")});
  EXPECT_EQ(store::StateAfterAttempt(false, end), JobState::kFailed);
}

TEST(WornOutTest, WhatAPersonEndsIsNotInVain) {
  const RetryPolicy policy(RuntimeTimes{}, [] { return 1.0; });
  const store::StageRun run;
  const auto end = policy.Decide({.run = run,
                                  .outcome = AttemptOutcome::kInterrupted,
                                  .error = domain::StoppedError(),
                                  .fruitless = hours{1},
                                  .is_wished = true});
  EXPECT_EQ(end.fruitless, std::chrono::milliseconds{0});
  EXPECT_EQ(store::StateAfterAttempt(false, end), JobState::kQueued);
}

TEST(WornOutTest, ANewSegmentForgivesAll) {
  const RetryPolicy policy(RuntimeTimes{}, [] { return 1.0; });
  store::StageRun run;
  run.fruitless = RuntimeTimes{}.fruitless_max;
  EndedAttempt ended{.run = run,
                     .segments_committed = 1,
                     .outcome = AttemptOutcome::kExpired,
                     .error = domain::MakeError(domain::reason::kStalled, "silent"),
                     .fruitless = minutes{1}};
  EXPECT_EQ(store::StateAfterAttempt(false, policy.Decide(ended)), JobState::kQueued);
  ended.segments_committed = 0;
  EXPECT_EQ(store::StateAfterAttempt(false, policy.Decide(ended)), JobState::kFailed);
}

INSTANTIATE_TEST_SUITE_P(All, BadWorkerTest, testing::ValuesIn(BadWorkers()),
                         [](const auto& worker) { return std::string(worker.param.name); });

// Each gap is as long as the gaps before it allow, so that the next may be longer still.
TEST(SlowerAndSlowerTest, IsEndedAllTheSame) {
  base::FakeClock clock;
  AttemptWatch watch(RuntimeTimes{}, clock.Now().boot);
  watch.OnPhase(Phase::kWork, clock.Now().boot);
  const Signs start{watch, clock.Now().boot, {}};
  start.Progress(1);
  double gap_s = 25;
  double mean_s = 0;
  std::int64_t done = 1;
  bool is_killed = false;
  while (!is_killed && gap_s < 24 * 3600) {
    const auto gap = seconds{static_cast<int>(gap_s)};
    for (seconds passed{0}; passed < gap && !is_killed; passed += seconds{1}) {
      clock.Advance(seconds{1});
      watch.OnPulse({.seq = 1}, clock.Now().boot);
      is_killed = watch.Check(clock.Now().boot) == AttemptWatch::Verdict::kKillStalled;
    }
    Signs{watch, clock.Now().boot, {}}.Progress(++done);
    mean_s = mean_s == 0 ? gap_s : 0.2 * gap_s + 0.8 * mean_s;
    gap_s = 9 * mean_s;
  }
  EXPECT_TRUE(is_killed);
  EXPECT_GT(done, 3) << "its first gaps were patiently waited for";
}

// --- The engine with real workers, while a clock of ours runs ahead.

struct BadStage {
  const char* name;
  const char* params;
  // What its progress comes to in its first attempt and in those that find its first segment.
  std::int64_t done_first;
  std::int64_t done_again;
};

void PrintTo(const BadStage& each, std::ostream* out) { *out << each.name; }

class EngineHourTest : public EngineTest, public testing::WithParamInterface<BadStage> {
 protected:
  ~EngineHourTest() override { engine_.reset(); }

  void StartOnFakeClock() {
    MakeStore(fake_);
    Engine::Options options = FakeEngineOptions(data_dir_);
    options.times = RuntimeTimes{};
    // How soon things are told, not how long they may last.
    options.times.pulse = options.times.claim_poll = std::chrono::milliseconds{5};
    engine_ = std::move(Engine::Create(std::move(options), *store_, fake_)).value();
    ASSERT_TRUE(engine_->StartWorking().ok());
  }

  // Whether the engine and its worker have done all that they do at this time. On a slow machine
  // the clock would run on while the worker still starts.
  bool HasCaughtUp(store::JobId id) {
    if (domain::IsTerminal(store_->JobGet(id)->state)) return true;
    const auto now = fake_.Now().boot;
    const store::StageRun run = Run("detect").run;
    if (run.state == JobState::kRetryWait) return run.retry_due->at > now;
    const auto leases = store_->LeaseList().value();
    if (leases.size() != 1 || run.state != JobState::kRunning) return false;
    const bool is_renewed = leases.front().expires.at >= now + RuntimeTimes{}.lease;
    const api::StageView stage = Stage(id);
    return is_renewed && stage.pulse_age_s == 0 && stage.phase == "work" &&
           stage.done == (stage.attempt == 1 ? GetParam().done_first : GetParam().done_again);
  }

  base::FakeClock fake_;
};

TEST_P(EngineHourTest, EndsAJobThatDoesNotGetOn) {
  StartOnFakeClock();
  const store::Job job = SubmitOk(FakeRequest("x", {"detect"}, Json::parse(GetParam().params)));
  const auto began = fake_.Now().boot;
  // More than a renewal, less than an agent goes without one. Whatever is due comes a step late.
  constexpr seconds kStep{10};
  while (!domain::IsTerminal(store_->JobGet(job.id)->state)) {
    ASSERT_TRUE(Eventually([&] { return HasCaughtUp(job.id); }));
    ASSERT_LT(fake_.Now().boot - began, hours{1});
    fake_.Advance(kStep);
  }
  const store::StageRun run = Run("detect").run;
  EXPECT_EQ(run.state, JobState::kFailed);
  ASSERT_TRUE(run.last_error.has_value());
  EXPECT_EQ(run.last_error->reason, "ERR_STALLED");
  // Not counted: one whose claim took so long that the clock ran on for as long as a lease.
  EXPECT_EQ(std::ranges::count(Attempts("detect"), domain::reason::kStalled,
                               &store::Attempt::error_reason),
            6);
  EXPECT_TRUE(AreAllProcessesGone());
}

INSTANTIATE_TEST_SUITE_P(
    All, EngineHourTest,
    testing::Values(BadStage{"HangsInWork", R"({"behaviour": "stall", "at": 1})", 100, 0},
                    BadStage{"RepeatsASegmentForEver", R"({"behaviour": "same_done", "at": 1})",
                             100, 100}),
    [](const auto& stage) { return std::string(stage.param.name); });

}  // namespace
}  // namespace rollcall::jobs
