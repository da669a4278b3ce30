#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/check.h"
#include "jobs/process_table.h"
#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "store/sqlite/sqlite_store.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;
using domain::JobState;
using domain::Phase;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr int kSegments = 8;
const Json kWork{{"segments", kSegments}, {"dwell_ms", 3}, {"trace", true}};

milliseconds Since(Steady::time_point then) {
  return std::chrono::duration_cast<milliseconds>(Steady::now() - then);
}

void Pause(int ms) { ::poll(nullptr, 0, ms); }

// Asks the failpoints of processes that are started while it lives.
class FailpointWish {
 public:
  FailpointWish(const std::string& wish, const fs::path& count_file) {
    fs::remove(count_file);
    ::setenv("ROLLCALL_FAIL", wish.c_str(), 1);
    ::setenv("ROLLCALL_FAIL_COUNT", count_file.c_str(), 1);
  }
  ~FailpointWish() {
    ::unsetenv("ROLLCALL_FAIL");
    ::unsetenv("ROLLCALL_FAIL_COUNT");
  }
  FailpointWish(const FailpointWish&) = delete;
  FailpointWish& operator=(const FailpointWish&) = delete;
};

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
  std::int64_t segments = 0;  // At least so many are done.
  std::int64_t last_pid = 0;  // Not this worker again.
};

// The worker of the job once it is where the target says; 0 if the job ended before.
std::int64_t AwaitWorker(Rig& rig, const store::Job& job, const Target& target) {
  std::int64_t pid = 0;
  rig.Eventually([&] {
    const jobs::StageSnapshot stage = rig.Stage(job.id);
    if (domain::IsTerminal(stage.state)) return true;
    const bool is_due = stage.pid > 0 && stage.pid != target.last_pid &&
                        stage.phase == target.phase && stage.done / 100 >= target.segments;
    if (is_due) pid = stage.pid;
    return is_due;
  });
  return pid;
}

void CheckPhases(int kills, Row& row) {
  if (row.hit_count() < kills) row.violations.push_back("too few kills hit a live attempt");
  for (const auto& [phase, count] : row.hits) {
    if (count * 20 < row.hit_count()) {
      row.violations.push_back("under 5 % of the kills hit " + phase);
    }
  }
}

}  // namespace

Row WorkerKills(int kills) {
  Row row{.name = "worker killed"};
  std::mt19937 random(1);
  Rig rig;
  rig.Own();
  const JsonReader reader(rig.folder());
  for (int round = 0; row.hit_count() < kills && round < 10 * kills + 10; ++round) {
    const std::string key = fmt::format("k{}", round);
    const store::Job job = rig.Submit(key, kWork);
    // Two kills without a segment between them would be a poison segment: another promise.
    Target target;
    const bool begins_early = random() % 2 == 0;
    for (int strike = 0; strike < 4 && target.phase != Phase::kFinalise; ++strike) {
      target.phase = strike == 0 && begins_early ? Phase::kModelLoad
                     : random() % 3 == 0         ? Phase::kFinalise
                                                 : Phase::kWork;
      const std::int64_t pid = AwaitWorker(rig, job, target);
      Pause(static_cast<int>(random() % 4));
      if (pid == 0 || ::kill(static_cast<pid_t>(pid), SIGKILL) != 0) break;
      const auto struck = base::SystemClock().Now().wall;
      std::optional<store::Attempt> ended;
      rig.Eventually([&] { return (ended = EndedAttempt(rig, key, pid)).has_value(); });
      if (!ended) {
        row.violations.push_back(key + ": a killed attempt did not end");
        break;
      }
      if (ended->outcome == store::AttemptOutcome::kSucceeded) break;
      ++row.hits[std::string(domain::PhaseName(target.phase))];
      row.Recovered(std::max(milliseconds{0}, *ended->ended_at - struck));
      target.last_pid = pid;
      target.segments = static_cast<std::int64_t>(rig.SegmentCount(key)) + 1;
    }
    CheckRound(rig, key, job, kSegments, row);
  }
  CheckStore(rig, row);
  CheckPhases(kills, row);
  if (reader.bad() > 0 || reader.reads() == 0) {
    row.violations.push_back(
        fmt::format("{} of {} readings were no JSON", reader.bad(), reader.reads()));
  }
  row.name += fmt::format(" ({} JSON reads)", reader.reads());
  return row;
}

Row WorkerFailpoints(int rounds) {
  Row row{.name = "worker failpoints"};
  constexpr const char* kNames[] = {"worker.assigned", "segment.created",   "segment.synced",
                                    "segment.renamed", "segment.announced", "segment.acknowledged",
                                    "worker.finished"};
  Rig rig;
  rig.Own();
  for (int round = 0; round < rounds; ++round) {
    const std::string name = kNames[static_cast<std::size_t>(round) % std::size(kNames)];
    // What an attempt passes once is passed again only by the next one.
    const bool is_once = name.starts_with("worker");
    const int nth = is_once ? 1 : 1 + round / static_cast<int>(std::size(kNames)) % 3;
    const std::string key = fmt::format("f{}", round);
    const auto began = Steady::now();
    const FailpointWish wish(fmt::format("{}:{}:kill-self", name, nth), rig.folder() / "hits");
    const store::Job job = rig.Submit(key, {{"segments", kSegments}, {"trace", true}});
    CheckRound(rig, key, job, kSegments, row);
    const auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
    if (attempts.ok() && attempts->size() == 2) {
      ++row.hits[name];
      row.Recovered(Since(began));
    } else {
      row.violations.push_back(fmt::format("{}: {} did not hit once", key, name));
    }
  }
  CheckStore(rig, row);
  return row;
}

Row WorkerStops(int rounds) {
  Row row{.name = "worker stopped"};
  Rig rig;
  rig.Own();
  for (int round = 0; round < rounds; ++round) {
    const std::string key = fmt::format("s{}", round);
    const store::Job job = rig.Submit(key, kWork);
    const std::int64_t pid = AwaitWorker(rig, job, {.phase = Phase::kWork, .segments = 1});
    Pause(round % 4);
    const auto stopped = Steady::now();
    if (pid > 0 && ::kill(static_cast<pid_t>(pid), SIGSTOP) == 0) {
      std::optional<store::Attempt> ended;
      rig.Eventually([&] { return (ended = EndedAttempt(rig, key, pid)).has_value(); });
      if (ended && ended->outcome != store::AttemptOutcome::kSucceeded) {
        ++row.hits["work"];
        row.Recovered(Since(stopped));
      }
      ::kill(static_cast<pid_t>(pid), SIGCONT);
    }
    CheckRound(rig, key, job, kSegments, row);
  }
  CheckStore(rig, row);
  return row;
}

namespace {

pid_t StartOwner(const Rig& rig, const std::string& params) {
  const pid_t pid = ::fork();
  ROLLCALL_CHECK(pid >= 0);
  if (pid > 0) return pid;
  ::execl("/proc/self/exe", "faults", "--owner", rig.folder().c_str(), "x", params.c_str(),
          static_cast<char*>(nullptr));
  ::_exit(127);
}

std::ptrdiff_t SegmentFiles(const Rig& rig) {
  std::error_code none_yet;
  const fs::directory_iterator files(rig.folder() / "harvest/x/segments/detect", none_yet);
  return none_yet ? 0 : std::distance(files, fs::directory_iterator());
}

// Becomes the owner after the last one died, and looks how the job ends.
void TakeOver(Rig& rig, const std::string& params, Row& row) {
  const milliseconds took = rig.Own();
  row.Recovered(took);
  if (took > milliseconds{2000}) {
    row.violations.push_back(fmt::format("owning took {} ms", took.count()));
  }
  // What was accepted is there; what the dead owner had not accepted is submitted again.
  auto jobs = rig.store().JobList();
  ROLLCALL_CHECK(jobs.ok());
  if (jobs->size() > 1) row.violations.push_back("more than one job for one piece of work");
  const store::Job job =
      jobs->empty() ? rig.Submit("x", Json::parse(params)) : std::move(jobs->front());
  CheckRound(rig, "x", job, kSegments, row);
  CheckStore(rig, row);
}

}  // namespace

Row OwnerKills(int kills) {
  Row row{.name = "owner killed"};
  std::mt19937 random(2);
  const std::string params = kWork.dump();
  for (int round = 0; row.hit_count() < kills && round < 10 * kills + 10; ++round) {
    Rig rig;
    for (int kill = 0; kill < 3; ++kill) {
      const pid_t owner = StartOwner(rig, params);
      const auto enough = static_cast<std::ptrdiff_t>(2 * kill + 1);
      bool has_ended = false;
      rig.Eventually([&] {
        has_ended = ::waitpid(owner, nullptr, WNOHANG) == owner;
        return has_ended || SegmentFiles(rig) >= enough;
      });
      if (has_ended) break;
      Pause(static_cast<int>(random() % 8));
      ::kill(owner, SIGKILL);
      int status = 0;
      ROLLCALL_CHECK(::waitpid(owner, &status, 0) == owner);
      if (WIFSIGNALED(status)) ++row.hits["owner"];
    }
    TakeOver(rig, params, row);
  }
  if (row.hit_count() < kills) row.violations.push_back("too few kills hit a live owner");
  return row;
}

Row OwnerFailpoints(int rounds) {
  Row row{.name = "owner failpoints"};
  constexpr const char* kNames[] = {"task.claimed", "worker.spawned", "segment.committed",
                                    "stage.succeeded", "projector.step"};
  const std::string params = kWork.dump();
  for (int round = 0; round < rounds; ++round) {
    const std::string name = kNames[static_cast<std::size_t>(round) % std::size(kNames)];
    const bool is_often = name == "segment.committed" || name == "projector.step";
    const int nth = is_often ? 1 + round / static_cast<int>(std::size(kNames)) % 7 : 1;
    Rig rig;
    {
      const FailpointWish wish(fmt::format("{}:{}:kill-self", name, nth), rig.folder() / "hits");
      const pid_t owner = StartOwner(rig, params);
      int status = 0;
      ROLLCALL_CHECK(::waitpid(owner, &status, 0) == owner);
      if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        ++row.hits[name];
      } else {
        row.violations.push_back(fmt::format("{} did not hit at its {}. time", name, nth));
      }
    }
    TakeOver(rig, params, row);
  }
  return row;
}

namespace {

struct CancelKind {
  const char* name;
  Json params;
  milliseconds limit;  // Of 95 %.
};

void CancelOnce(Rig& rig, const std::string& key, const CancelKind& kind, Row& row) {
  ++row.rounds;
  std::error_code ignored;
  fs::remove(rig.folder() / "child", ignored);
  const store::Job job = rig.Submit(key, kind.params);
  const bool has_child = kind.params.value("behaviour", "") == "with_child";
  rig.Eventually([&] {
    return rig.SegmentCount(key) >= 2 && (!has_child || fs::exists(rig.folder() / "child"));
  });
  const auto asked = Steady::now();
  const auto outcome = rig.engine().Cancel(job.id);
  if (!outcome.ok()) row.violations.push_back(key + ": " + outcome.error().ToString());
  const bool has_ended = rig.Eventually([&] {
    const auto now = rig.store().JobGet(job.id);
    return now.ok() && now->state == JobState::kCancelled;
  });
  if (!has_ended) {
    row.violations.push_back(key + ": it was not cancelled");
    return;
  }
  ++row.hits["cancelled"];
  row.Recovered(Since(asked));
  const auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
  for (const store::Attempt& attempt : attempts.value()) {
    if (!jobs::LiveProcessesOfAttempt(0, attempt.fence.attempt_uuid).empty()) {
      row.violations.push_back(key + ": a process lives after the cancellation");
    }
  }
}

}  // namespace

std::vector<Row> Cancels(int rounds) {
  // Signals come after 1/25 of the product's times: 200 and 400 ms.
  const CancelKind kinds[] = {
      {"cancel: cooperative", {{"segments", 500}, {"dwell_ms", 2}}, milliseconds{1000}},
      {"cancel: deaf",
       {{"segments", 50}, {"behaviour", "deaf"}, {"at", 2}},
       milliseconds{11'000 / jobs::kTimesDivisor + 500}},
      {"cancel: with a child",
       {{"segments", 50}, {"behaviour", "with_child"}, {"at", 2}},
       milliseconds{11'000 / jobs::kTimesDivisor + 500}},
  };
  std::vector<Row> rows;
  for (const CancelKind& kind : kinds) {
    Row row{.name = kind.name};
    Rig rig;
    rig.Own();
    for (int round = 0; round < rounds / 3; ++round) {
      CancelOnce(rig, fmt::format("c{}", round), kind, row);
    }
    if (row.RecoveryP99() > kind.limit) row.violations.push_back("cancelling takes too long");
    CheckStore(rig, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

int RunOwner(const std::string& folder, const std::string& key, const std::string& params) {
  const auto lock = jobs::DataLock::Acquire(folder);
  if (!lock.ok()) return 2;
  const auto store =
      store::SqliteStore::Open({.path = fs::path(folder) / "rollcall.db", .vfs = {}});
  if (!store.ok()) return 3;
  base::SystemClock clock;
  const auto engine = jobs::Engine::Create(jobs::FakeEngineOptions(folder), **store, clock);
  if (!engine.ok() || !(*engine)->StartWorking().ok()) return 4;
  const auto put = (*store)->EpisodePut({.key = key,
                                         .display = key,
                                         .video_path = "/videos/" + key,
                                         .fingerprint = key,
                                         .created_at = clock.Now().wall});
  if (!put.ok()) return 5;
  const auto submission =
      (*engine)->Submit(jobs::FakeRequest(key, {"detect"}, Json::parse(params)));
  if (!submission.ok()) return 6;
  static_cast<void>((*engine)->Wait(submission->job.id, std::chrono::minutes{2}));
  static_cast<void>((*engine)->Settle(submission->job.id, std::chrono::minutes{1}));
  return 0;
}

}  // namespace rollcall::faults
