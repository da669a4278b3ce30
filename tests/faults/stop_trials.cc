// An owner that stands still (SIGSTOP) for longer than its lease, while another host takes over,
// and then goes on as if nothing had been.

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "base/check.h"
#include "controlled.h"
#include "crowd.h"
#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "owner_process.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;
using std::chrono::milliseconds;

constexpr int kStopSegments = 8;

struct StopKind {
  const char* name;
  const char* stop_before;  // Just before this write; empty: anywhere.
  int stop_nth;
  bool with_worker;  // Its worker stands still too, for as long.
};

constexpr StopKind kKinds[] = {
    {"anywhere, its worker goes on", "", 0, false},
    {"anywhere, with its worker", "", 0, true},
    {"before SegmentCommit", "SegmentCommit", 3, false},
    {"before SegmentCommit, with its worker", "SegmentCommit", 2, true},
    {"before TaskSucceed", "TaskSucceed", 1, false},
    {"before TaskEnd", "TaskEnd", 1, false},
    {"before LeaseRenew", "LeaseRenew", 1, false},
};

// All that others can see of the job, but its files.
struct Visible {
  std::int64_t event_seq = 0;
  std::int64_t change = 0;
  std::size_t segments = 0;
  std::size_t attempts = 0;
  friend bool operator==(const Visible&, const Visible&) = default;
};

Visible Look(Rig& rig, const store::Job& job) {
  const store::RunView view = rig.Run("x");
  return {.event_seq = rig.store().JobGet(job.id)->event_seq,
          .change = view.run.change,
          .segments = rig.SegmentCount("x"),
          .attempts = rig.store().AttemptList(view.run.id)->size()};
}

Json Params(const StopKind& kind, int times_divisor) {
  const std::string before = kind.stop_before;
  // The first renewal comes after at most 6 s of the product's time.
  const int dwell_ms = before == "LeaseRenew" ? 2000 / times_divisor : 15;
  Json params{{"segments", kStopSegments}, {"dwell_ms", dwell_ms}, {"trace", true}};
  // An attempt ends otherwise than by success only if something happens to it.
  if (before == "TaskEnd") params.update({{"behaviour", "crash"}, {"at", 2}, {"times", 1}});
  return params;
}

bool HasSettled(Rig& rig, const store::Job& job) {
  return rig.engine().Wait(job.id, std::chrono::minutes{1}).ok() &&
         rig.engine().Settle(job.id, std::chrono::seconds{10}).ok();
}

// Starts the first host and waits until it stands still; 0 if it ended before.
pid_t StoppedOwner(Rig& rig, const StopKind& kind, const OwnerStop& stop) {
  const pid_t pid = StartOwner({.folder = rig.folder(),
                                .params = Params(kind, stop.times_divisor),
                                .times_divisor = stop.times_divisor,
                                .is_first_host = true,
                                .is_unfenced = stop.is_unfenced,
                                .stop_before = kind.stop_before,
                                .stop_nth = kind.stop_nth});
  if (*kind.stop_before == '\0') {
    const auto folder = rig.folder() / "harvest/x/segments/detect";
    rig.Eventually([&] { return std::filesystem::exists(folder); });
    std::mt19937 random(static_cast<unsigned>(stop.round));
    ::poll(nullptr, 0, static_cast<int>(random() % 80));
    ::kill(pid, SIGUSR1);
  }
  const auto status = AwaitOwner(pid, std::chrono::seconds{30});
  ROLLCALL_CHECK(status.has_value(), "the owner neither stops nor ends");
  return WIFSTOPPED(*status) ? pid : 0;
}

void CountRefused(const Rig& rig, const StopKind& kind, Row& row) {
  std::ifstream lines(RefusedFile(rig.folder()));
  bool has_expected = *kind.stop_before == '\0';
  for (std::string method; std::getline(lines, method);) {
    ++row.noted["refused " + method];
    has_expected = has_expected || method == kind.stop_before;
  }
  if (!has_expected) row.violations.push_back(std::string("nothing was refused: ") + kind.name);
}

// Lets the first host go on, and waits until it has understood and gone.
void GoOn(pid_t owner, pid_t worker, Row& row) {
  ::kill(owner, SIGCONT);
  if (worker > 0) ::kill(-worker, SIGCONT);
  const auto status = AwaitOwner(owner, std::chrono::seconds{60});
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return;
  row.violations.push_back("the first host did not end well");
  ::kill(owner, SIGKILL);
  if (!status) ::waitpid(owner, nullptr, 0);
}

// The lease that the first host holds while it stands still; nullopt if it has none.
std::optional<store::Lease> HeldByFirst(Rig& rig) {
  const auto leases = rig.store().LeaseList();
  ROLLCALL_CHECK(leases.ok());
  for (const store::Lease& lease : *leases) {
    if (lease.agent.id == "first") return lease;
  }
  return std::nullopt;
}

// Waits for the second host's attempt; it must not begin before the first one's lease is over.
void AwaitTakeOver(Rig& rig, const store::Lease& lease, base::Instant stopped, Row& row) {
  std::optional<store::Attempt> second;
  const auto limit = std::chrono::seconds{90};
  const bool is_taken = rig.Eventually(
      [&] {
        const auto attempts = rig.store().AttemptList(rig.Run("x").run.id);
        if (attempts.ok() && attempts->size() > 1) second = attempts->at(1);
        return second.has_value();
      },
      limit);
  if (!is_taken) {
    row.violations.push_back("nobody took over");
    return;
  }
  // Wall clocks of one machine that nobody sets, read in milliseconds.
  const auto lease_over =
      stopped.wall + std::chrono::duration_cast<milliseconds>(lease.expires.at - stopped.boot);
  if (second->started_at + milliseconds{2} < lease_over) {
    row.violations.push_back("a lease was taken away before it was over");
  }
  row.Recovered(second->started_at - stopped.wall);
}

}  // namespace

void StopOwnerOnce(const OwnerStop& stop, Row& row) {
  const StopKind& kind = kKinds[static_cast<std::size_t>(stop.round) % std::size(kKinds)];
  Rig rig({.times_divisor = stop.times_divisor, .agent_id = "second", .slots = 2});
  const pid_t owner = StoppedOwner(rig, kind, stop);
  if (owner == 0) return;  // The job was quicker: no round.
  rig.Own();
  const base::Instant stopped = rig.Now();
  const auto lease = HeldByFirst(rig);
  const store::Job job = rig.store().JobList()->front();
  const pid_t worker = kind.with_worker && lease ? static_cast<pid_t>(lease->pid) : 0;
  if (worker > 0) ::kill(-worker, SIGSTOP);
  if (lease) {
    ++row.hits[kind.name];
    AwaitTakeOver(rig, *lease, stopped, row);
  }
  // Half of the rounds: while the second host is at work, else when all has long been done.
  const bool is_late = stop.round / static_cast<int>(std::size(kKinds)) % 2 == 0;
  if (is_late && !HasSettled(rig, job)) row.violations.push_back("the other host does not finish");
  const Visible before = Look(rig, job);
  GoOn(owner, worker, row);
  CheckRound(rig, "x", job, kStopSegments, row);
  CheckStore(rig, row);
  if (is_late && !(Look(rig, job) == before)) {
    row.violations.push_back("the first host's late writes can be seen");
  }
  if (lease) CountRefused(rig, kind, row);
}

void CheckRefused(Row& row) {
  const bool is_any = std::ranges::any_of(
      row.noted, [](const auto& noted) { return noted.first.starts_with("refused "); });
  if (!is_any) row.violations.push_back("no write was refused");
}

Row OwnerStops(int stops) {
  constexpr int kAtOnce = 6;
  Row row = InCrowd("owner stopped", stops, kAtOnce, [](int round, Row& seen) {
    StopOwnerOnce({.round = round, .times_divisor = kTimesDivisor}, seen);
  });
  CheckRefused(row);
  // A lease and the wait until the next look, and as much again for a busy machine.
  constexpr jobs::RuntimeTimes kTimes;
  if (row.RecoveryP99() > 2 * (kTimes.lease + kTimes.reap) / kTimesDivisor) {
    row.violations.push_back("taking over takes too long");
  }
  return row;
}

}  // namespace rollcall::faults
