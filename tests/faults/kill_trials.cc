#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>

#include "controlled.h"
#include "crowd.h"
#include "failpoints.h"
#include "jobs/testing/engine_fixture.h"
#include "json_reader.h"
#include "oracle.h"
#include "trials.h"
#include "wishes.h"

namespace rollcall::faults {
namespace {

using base::Json;
using domain::Phase;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr int kSegments = 8;
const Json kWork{{"segments", kSegments}, {"start_ms", 4}, {"seek_ms", 4},
                 {"dwell_ms", 3},         {"trace", true}, {"alone", true}};

milliseconds Since(Steady::time_point then) {
  return std::chrono::duration_cast<milliseconds>(Steady::now() - then);
}

// How the attempt with this pid ended; none while it has not.
std::optional<store::Attempt> EndedAttempt(Rig& rig, const std::string& key, std::int64_t pid) {
  const auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
  if (!attempts.ok()) return std::nullopt;
  for (const store::Attempt& attempt : *attempts) {
    if (attempt.pid == pid && attempt.ended_at) return attempt;
  }
  return std::nullopt;
}

struct Target {
  Phase phase = Phase::kWork;
  std::size_t segments = 0;   // At least so many are committed.
  std::int64_t last_pid = 0;  // Not this worker again.
};

// The worker of the job once it is where the target says; 0 if the job ended before.
std::int64_t AwaitWorker(Rig& rig, const std::string& key, const store::Job& job,
                         const Target& target) {
  std::int64_t pid = 0;
  rig.Eventually([&] {
    const api::StageView stage = rig.Stage(job.id);
    if (domain::IsTerminal(stage.state)) return true;
    const bool is_due = stage.pid > 0 && stage.pid != target.last_pid &&
                        stage.phase == domain::PhaseName(target.phase) &&
                        rig.SegmentCount(key) >= target.segments;
    if (is_due) pid = stage.pid;
    return is_due;
  });
  return pid;
}

constexpr Phase kPhases[] = {Phase::kStarting, Phase::kModelLoad, Phase::kSeek, Phase::kWork,
                             Phase::kFinalise};

void CheckPhases(int kills, Row& row) {
  if (row.hit_count() < kills) row.violations.push_back("too few kills hit a live attempt");
  // Too few kills say nothing of shares.
  constexpr int kEnough = 200;
  if (row.hit_count() < kEnough) return;
  for (const Phase phase : kPhases) {
    const std::string name{domain::PhaseName(phase)};
    if (row.hits[name] * 20 < row.hit_count()) {
      row.violations.push_back("under 5 % of the kills hit " + name);
    }
  }
}

// What to strike next, after `strikes` of this job. Ten attempts in a row without a new segment
// would be given up, so that at most one strike before the work is made between two in it.
Target NextTarget(std::mt19937& random, int strikes, const Target& last, std::size_t segments) {
  Target next{.phase = Phase::kWork, .segments = segments + 1, .last_pid = last.last_pid};
  const bool was_early = strikes > 0 && last.phase < Phase::kWork;
  const auto chance = random() % 10;
  if (chance < 2) {
    next.phase = Phase::kFinalise;
    next.segments = kSegments;
  } else if (chance < 7 && !was_early) {
    next.phase = kPhases[random() % 3];
    next.segments = 0;
  } else if (segments + 1 >= kSegments) {
    next.phase = Phase::kFinalise;
  }
  return next;
}

// Kills the worker at the target. False when the job has no more to be killed.
bool Strike(Rig& rig, const std::string& key, const store::Job& job, Target& target, Row& row) {
  const std::int64_t pid = AwaitWorker(rig, key, job, target);
  if (target.phase >= Phase::kWork) ::poll(nullptr, 0, static_cast<int>(pid % 4));
  // What it is at now counts, not what it was at when it was seen.
  const Phase phase =
      pid == 0 ? target.phase
               : domain::PhaseFromName(rig.Stage(job.id).phase).value_or(Phase::kStarting);
  if (pid == 0 || ::kill(static_cast<pid_t>(pid), SIGKILL) != 0) return false;
  const auto struck = base::SystemClock().Now().wall;
  target.last_pid = pid;
  std::optional<store::Attempt> ended;
  rig.Eventually([&] { return (ended = EndedAttempt(rig, key, pid)).has_value(); });
  if (!ended) {
    row.violations.push_back(key + ": a killed attempt did not end");
    return false;
  }
  if (ended->outcome == store::AttemptOutcome::kSucceeded) return false;
  ++row.hits[std::string(domain::PhaseName(phase))];
  row.Recovered(std::max(milliseconds{0}, *ended->ended_at - struck));
  return true;
}

// Of a job whose worker ends itself at the failpoint.
std::vector<store::Attempt> FailOnce(Rig& rig, const std::string& key, const std::string& name,
                                     int turn, Row& row) {
  // What an attempt passes once is passed again only by the next one.
  const int nth = name.starts_with("worker") ? 1 : 1 + turn % 3;
  const FailpointWish wish(fmt::format("{}:{}:kill-self", name, nth), rig.folder() / "hits");
  const store::Job job = rig.Submit(key, {{"segments", kSegments}, {"trace", true}});
  CheckRound(rig, key, job, kSegments, row);
  auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
  return attempts.ok() ? *std::move(attempts) : std::vector<store::Attempt>();
}

// Under load an attempt may end for want of a processor as well; then the round proves nothing.
bool IsSpoilt(const std::vector<store::Attempt>& attempts) {
  return std::ranges::any_of(attempts, [](const store::Attempt& attempt) {
    return attempt.outcome == store::AttemptOutcome::kStalled ||
           attempt.outcome == store::AttemptOutcome::kExpired;
  });
}

}  // namespace

std::vector<Row> KillWorkers(int kills, const KillVariant& variant) {
  // The gate: 2,000 kills, and a minute of a thousand readings a second while there are kills.
  const int seconds = kills * 60 / 2000;
  Row row{.name = "worker killed"};
  std::mt19937 random(1);
  Rig rig;
  rig.Own(variant.wrap);
  JsonReader reader(rig.folder());
  Json params = kWork;
  params.update(variant.params);
  const auto is_enough = [&] {
    return row.hit_count() >= kills && reader.full_seconds() >= seconds;
  };
  for (int round = 0; !is_enough() && round < 2 * kills + 10; ++round) {
    const std::string key = fmt::format("k{}", round);
    if (variant.before_job) variant.before_job(rig, key);
    const store::Job job = rig.Submit(key, params);
    reader.Follow(key);
    Target target;
    for (int strike = 0; strike < 4; ++strike) {
      target = NextTarget(random, strike, target, strike == 0 ? 0 : rig.SegmentCount(key));
      if (!Strike(rig, key, job, target, row) || target.phase == Phase::kFinalise) break;
    }
    if (variant.after_job) {
      static_cast<void>(rig.engine().Wait(job.id, std::chrono::minutes{1}));
      static_cast<void>(rig.engine().Settle(job.id, std::chrono::seconds{10}));
      variant.after_job(rig, key, reader);
    }
    CheckRound(rig, key, job, kSegments, row);
  }
  CheckStore(rig, row);
  CheckPhases(kills, row);
  if (row.RecoveryP99() > milliseconds{500}) row.violations.push_back("requeueing takes too long");
  Row readings = reader.Finish();
  readings.hits["worker killed"] = row.hit_count();
  if (reader.full_seconds() < seconds) {
    readings.violations.push_back(fmt::format("it could not read fast enough for {} s", seconds));
  }
  return {std::move(row), std::move(readings)};
}

std::vector<Row> WorkerKills(int kills) { return KillWorkers(kills, {}); }

Row WorkerFailpoints(int rounds) {
  constexpr int kTriesMax = 5;
  Row row{.name = "worker failpoints"};
  Rig rig;
  rig.Own();
  for (int round = 0; round < rounds; ++round) {
    const std::string name =
        kWorkerFailpoints[static_cast<std::size_t>(round) % kWorkerFailpoints.size()];
    const int turn = round / static_cast<int>(kWorkerFailpoints.size());
    std::vector<store::Attempt> attempts;
    for (int tried = 0; tried < kTriesMax; ++tried) {
      const auto began = Steady::now();
      attempts = FailOnce(rig, fmt::format("f{}_{}", round, tried), name, turn, row);
      if (!IsSpoilt(attempts)) {
        row.Recovered(Since(began));
        break;
      }
      ++row.noted["spoilt by load, tried again"];
    }
    if (attempts.size() == 2 && !IsSpoilt(attempts)) {
      ++row.hits[name];
    } else {
      row.violations.push_back(
          fmt::format("f{}: with {} there were {} attempts", round, name, attempts.size()));
    }
  }
  CheckStore(rig, row);
  return row;
}

// A worker that stands still for longer than a lease is replaced, and does nothing when it goes on.
Row WorkerStops(int stops) {
  constexpr int kAtOnce = 4;
  Row row = InCrowd("worker stopped", stops, kAtOnce, [](int round, Row& seen) {
    Rig rig;
    rig.Own();
    const std::string key = "s" + std::to_string(round);
    const store::Job job = rig.Submit(key, kWork);
    const std::int64_t pid = AwaitWorker(rig, key, job, {.segments = 1});
    ::poll(nullptr, 0, round % 4);
    const auto stopped = Steady::now();
    if (pid > 0 && ::kill(static_cast<pid_t>(pid), SIGSTOP) == 0) {
      std::optional<store::Attempt> ended;
      rig.Eventually([&] { return (ended = EndedAttempt(rig, key, pid)).has_value(); });
      if (ended && ended->outcome != store::AttemptOutcome::kSucceeded) {
        ++seen.hits["work"];
        seen.Recovered(Since(stopped));
      }
      ::kill(static_cast<pid_t>(pid), SIGCONT);
    }
    CheckRound(rig, key, job, kSegments, seen);
    CheckStore(rig, seen);
  });
  // A lease of silence, and as much again for a busy machine.
  if (row.RecoveryP99() > 2 * jobs::RuntimeTimes{}.lease / kTimesDivisor) {
    row.violations.push_back("replacing a stopped worker takes too long");
  }
  return row;
}

}  // namespace rollcall::faults
