// What the other trials do with all time constants divided, at the product's own.

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <thread>

#include "base/check.h"
#include "controlled.h"
#include "crowd.h"
#include "oracle.h"
#include "owner_process.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;
using domain::Phase;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Steady = std::chrono::steady_clock;

constexpr int kTimeSegments = 6;
constexpr seconds kLong{240};

const Json kTimeWork{{"segments", kTimeSegments}, {"start_ms", 100}, {"seek_ms", 100},
                     {"dwell_ms", 100},           {"trace", true},   {"alone", true}};

Json With(const Json& more) {
  Json params = kTimeWork;
  params.update(more);
  return params;
}

// An engine with the product's times.
Rig::Options AsShipped() { return {.times_divisor = 1, .agent_id = "owner", .slots = 2}; }

milliseconds Elapsed(Steady::time_point then) {
  return std::chrono::duration_cast<milliseconds>(Steady::now() - then);
}

struct Bounds {
  milliseconds least;
  milliseconds most;
};

// Notes how long it took until the second attempt had begun.
void AwaitSecondAttempt(Rig& rig, Steady::time_point since, const Bounds& bounds, Row& row) {
  const bool has_begun = rig.Eventually(
      [&] {
        const auto attempts = rig.store().AttemptList(rig.Run("x").run.id);
        return attempts.ok() && attempts->size() >= 2;
      },
      kLong);
  const milliseconds took = Elapsed(since);
  if (!has_begun) return row.violations.push_back("there is no second attempt");
  row.Recovered(took);
  if (took < bounds.least || took > bounds.most) {
    row.violations.push_back(fmt::format("it took {} ms", took.count()));
  }
}

// Waits until the stage is in this phase, and has so many segments; its worker's pid.
pid_t AwaitPhase(Rig& rig, const store::Job& job, Phase phase, std::size_t segments) {
  std::int64_t pid = 0;
  rig.Eventually([&] {
    const api::StageView stage = rig.Stage(job.id);
    if (stage.phase == domain::PhaseName(phase) && rig.SegmentCount("x") >= segments)
      pid = stage.pid;
    return pid > 0;
  });
  return static_cast<pid_t>(pid);
}

void KillWorker(int round, Row& row) {
  constexpr Phase kTurns[] = {Phase::kStarting, Phase::kModelLoad, Phase::kSeek, Phase::kWork,
                              Phase::kFinalise};
  const Phase phase = kTurns[static_cast<std::size_t>(round) % std::size(kTurns)];
  Rig rig(AsShipped());
  rig.Own();
  const store::Job job = rig.Submit("x", kTimeWork);
  const pid_t pid = AwaitPhase(rig, job, phase, phase == Phase::kWork ? 2 : 0);
  const base::WallTime struck = rig.Now().wall;
  if (pid > 0 && ::kill(pid, SIGKILL) == 0) ++row.hits[std::string(domain::PhaseName(phase))];
  AwaitSecondAttempt(rig, Steady::now(), {milliseconds{0}, seconds{2}}, row);
  const auto attempts = rig.store().AttemptList(rig.Run("x").run.id);
  if (!attempts.ok() || *attempts->front().ended_at - struck > milliseconds{500}) {
    row.violations.push_back("requeueing takes too long");
  }
  CheckRound(rig, "x", job, kTimeSegments, row);
}

// 30 s of silence.
void StopWorker(int /*round*/, Row& row) {
  Rig rig(AsShipped());
  rig.Own();
  const store::Job job = rig.Submit("x", kTimeWork);
  const pid_t pid = AwaitPhase(rig, job, Phase::kWork, 1);
  if (pid > 0 && ::kill(pid, SIGSTOP) == 0) ++row.hits["work"];
  AwaitSecondAttempt(rig, Steady::now(), {seconds{28}, seconds{33}}, row);
  CheckRound(rig, "x", job, kTimeSegments, row);
}

// 30 s without progress: flagged. 60 s more: killed, and tried again after at most 5 s.
void Hang(int /*round*/, Row& row) {
  Rig rig(AsShipped());
  rig.Own();
  const store::Job job = rig.Submit("x", With({{"behaviour", "stall"}, {"at", 2}, {"times", 1}}));
  rig.Eventually([&] { return rig.SegmentCount("x") >= 2; });
  const auto hung = Steady::now();
  const bool is_flagged = rig.Eventually([&] { return rig.Stage(job.id).is_stalled; }, kLong);
  const milliseconds flagged_after = Elapsed(hung);
  if (!is_flagged || flagged_after < seconds{29} || flagged_after > seconds{33}) {
    row.violations.push_back(fmt::format("flagged after {} ms", flagged_after.count()));
  }
  ++row.hits["work"];
  AwaitSecondAttempt(rig, hung, {seconds{91}, seconds{100}}, row);
  const auto attempts = rig.store().AttemptList(rig.Run("x").run.id);
  if (attempts.ok() && attempts->front().error_reason != "ERR_STALLED") {
    row.violations.push_back("it is not called stalled");
  }
  CheckRound(rig, "x", job, kTimeSegments, row);
}

// SIGTERM after 5 s, SIGKILL after 10 s.
void CancelDeaf(int /*round*/, Row& row) {
  Rig rig(AsShipped());
  rig.Own();
  const store::Job job = rig.Submit("x", With({{"behaviour", "deaf"}, {"at", 2}}));
  rig.Eventually([&] { return rig.SegmentCount("x") >= 2; });
  ::poll(nullptr, 0, 300);  // It has begun to be deaf.
  const auto asked = Steady::now();
  if (!rig.engine().Cancel(job.id).ok()) row.violations.push_back("it cannot be cancelled");
  const auto ended = rig.engine().Wait(job.id, kLong);
  const milliseconds took = Elapsed(asked);
  ++row.rounds;
  ++row.hits["cancelled"];
  row.Recovered(took);
  if (!ended.ok() || ended->state != domain::JobState::kCancelled) {
    row.violations.push_back("it was not cancelled");
  }
  if (took < seconds{10} || took > seconds{11}) {
    row.violations.push_back(fmt::format("cancelling took {} ms", took.count()));
  }
  CheckStore(rig, row);
}

void KillOwner(int round, Row& row) {
  Rig rig(AsShipped());
  const pid_t owner = StartOwner({.folder = rig.folder(), .params = kTimeWork, .times_divisor = 1});
  const auto segments = rig.folder() / "harvest/x/segments/detect";
  rig.Eventually([&] { return std::filesystem::exists(segments); });
  // Later the work would be done, and nothing left to go on with.
  constexpr int kMoments = 10;
  ::poll(nullptr, 0, 40 * (round % kMoments));
  ::kill(owner, SIGKILL);
  int status = 0;
  ROLLCALL_CHECK(::waitpid(owner, &status, 0) == owner);
  if (WIFSIGNALED(status)) ++row.hits["owner"];
  const auto began = Steady::now();
  rig.Own();
  AwaitSecondAttempt(rig, began, {milliseconds{0}, seconds{2}}, row);
  CheckRound(rig, "x", rig.store().JobList()->front(), kTimeSegments, row);
  CheckStore(rig, row);
}

void StopOwner(int round, Row& row) { StopOwnerOnce({.round = round, .times_divisor = 1}, row); }

struct TimeKind {
  const char* name;
  void (*run)(int round, Row& row);
};

constexpr TimeKind kTimeKinds[] = {
    {"product times: worker killed", KillWorker},
    {"product times: worker stopped", StopWorker},
    {"product times: hang", Hang},
    {"product times: deaf cancel", CancelDeaf},
    {"product times: owner killed", KillOwner},
    {"product times: owner stopped", StopOwner},
};

// Those that wait do so together, but begin and end one after the other, and no more of them than
// two processors can give the times that are asked for; what is quick has the processors one round
// after the other.
Row RunKind(const TimeKind& kind, int rounds) {
  constexpr int kApartMs = 200;
  constexpr int kTogether = 10;
  const bool is_quick = kind.run == KillWorker || kind.run == KillOwner;
  if (is_quick) return InCrowd(kind.name, rounds, 1, kind.run);
  return InCrowd(kind.name, rounds, std::min(rounds, kTogether), [&kind](int round, Row& row) {
    ::poll(nullptr, 0, round % kTogether * kApartMs);
    kind.run(round, row);
  });
}

}  // namespace

std::vector<Row> ProductTimes(int rounds) {
  std::vector<Row> rows(std::size(kTimeKinds));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::size(kTimeKinds); ++i) {
    threads.emplace_back([&rows, i, rounds] { rows[i] = RunKind(kTimeKinds[i], rounds); });
  }
  for (std::thread& thread : threads) thread.join();
  CheckRefused(rows.back());
  return rows;
}

}  // namespace rollcall::faults
