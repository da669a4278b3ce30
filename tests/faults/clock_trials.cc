#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "controlled.h"
#include "crowd.h"
#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "store/testing/faulty_store.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;
using std::chrono::hours;
using std::chrono::milliseconds;
using store::FaultyStore;
using Steady = std::chrono::steady_clock;

constexpr int kClockSegments = 6;
constexpr auto kTimes = jobs::RuntimeTimes{};

enum class What {
  kWall,            // The wall clock jumps: nothing may happen.
  kWallNearTheEnd,  // Likewise, when the lease has not been renewed for long.
  kWallInRetry,     // Likewise, while a failed attempt waits for its next try.
  kSleep,           // The machine slept: the lease is over, and everything goes on.
  kShortSleep,      // It slept until the lease is nearly over.
};

struct ClockKind {
  const char* name;
  What what;
  milliseconds by;
};

constexpr ClockKind kClockKinds[] = {
    {"wall + 1 h", What::kWall, hours{1}},
    {"wall - 1 h", What::kWall, -hours{1}},
    {"wall + 1 d", What::kWall, hours{24}},
    {"wall - 1 d", What::kWall, -hours{24}},
    {"wall + 1 d near the lease's end", What::kWallNearTheEnd, hours{24}},
    {"wall - 1 d near the lease's end", What::kWallNearTheEnd, -hours{24}},
    {"wall + 1 d in retry_wait", What::kWallInRetry, hours{24}},
    {"wall - 1 d in retry_wait", What::kWallInRetry, -hours{24}},
    {"suspend 1 h", What::kSleep, hours{1}},
    {"suspend until the lease is nearly over", What::kShortSleep,
     kTimes.lease / kTimesDivisor - milliseconds{50}},
};

// A store that can be kept from renewing, and that counts claims.
struct Switches {
  std::atomic<bool> is_cut_off{false};
  std::atomic<int> claims{0};
};

Rig::Wrap Switched(Switches& switches) {
  return [&switches](std::unique_ptr<store::JobStore> store) {
    return std::make_unique<store::FaultyStore>(
        std::move(store),
        [&switches](std::string_view method,
                    store::FaultyStore::When when) -> std::optional<base::Error> {
          if (when != store::FaultyStore::When::kBefore) return std::nullopt;
          if (method == "TaskClaim") ++switches.claims;
          if (method != "LeaseRenew" || !switches.is_cut_off) return std::nullopt;
          return base::Error{base::ErrorCode::kUnavailable, "ERR_IO", "cut off on purpose", ""};
        });
  };
}

Json Params(What what) {
  Json params{{"segments", kClockSegments}, {"dwell_ms", 4}, {"trace", true}, {"alone", true}};
  // There are two more dwells than segments, all together longer than a lease.
  constexpr auto kLong = kTimes.lease / kTimesDivisor * 5 / 3 / (kClockSegments + 2);
  if (what == What::kWallNearTheEnd) params["dwell_ms"] = kLong.count();
  if (what == What::kWallInRetry)
    params.update({{"behaviour", "transient"}, {"at", 2}, {"times", 1}});
  return params;
}

// Without a renewal for half of the time that an agent dares to go without.
void LetTheLeaseGrowOld(Rig& rig, Switches& switches) {
  switches.is_cut_off = true;
  rig.Eventually([&] {
    const auto leases = rig.store().LeaseList();
    const auto left = kTimes.lease / kTimesDivisor - kTimes.self_fence / kTimesDivisor / 2;
    return leases.ok() && (leases->empty() || leases->front().expires.at - rig.Now().boot < left);
  });
}

// A retry comes when it is due by the clock that does not jump, and is not asked for in haste.
void CheckRetry(Rig& rig, Switches& switches, Row& row) {
  const store::StageRun run = rig.Run("x").run;
  if (!run.retry_due) return row.violations.push_back("it does not wait for a retry");
  const int claims_before = switches.claims;
  rig.Eventually([&] { return rig.Run("x").run.state != domain::JobState::kRetryWait; });
  if (rig.Now().boot < run.retry_due->at) row.violations.push_back("it was tried again too early");
  if (rig.Now().boot > run.retry_due->at + std::chrono::seconds{1}) {
    row.violations.push_back("it was tried again too late");
  }
  // One in each tenth of the usual wait would be this many; a busy loop asks hundreds of times.
  const auto usual = kTimes.retry_first / (kTimes.claim_poll / 10);
  if (switches.claims - claims_before > 2 * usual) {
    row.violations.push_back(
        fmt::format("it asked for work {} times", switches.claims - claims_before));
  }
}

}  // namespace

void JumpOnce(int round, const Rig::Wrap& wrap, Row& row) {
  const ClockKind& kind = kClockKinds[static_cast<std::size_t>(round) % std::size(kClockKinds)];
  Switches switches;
  Rig rig;
  rig.Own([&](std::unique_ptr<store::JobStore> store) {
    return Switched(switches)(wrap ? wrap(std::move(store)) : std::move(store));
  });
  const store::Job job = rig.Submit("x", Params(kind.what));
  const bool is_in_retry = kind.what == What::kWallInRetry;
  rig.Eventually([&] {
    const bool is_waiting = rig.Run("x").run.state == domain::JobState::kRetryWait;
    return is_in_retry ? is_waiting : rig.SegmentCount("x") >= 2;
  });
  if (kind.what == What::kWallNearTheEnd) LetTheLeaseGrowOld(rig, switches);
  const bool is_sleep = kind.what == What::kSleep || kind.what == What::kShortSleep;
  const auto before = Steady::now();
  is_sleep ? rig.Sleep(kind.by) : rig.JumpWall(kind.by);
  if (!domain::IsTerminal(rig.Run("x").run.state)) ++row.hits[kind.name];
  switches.is_cut_off = false;
  if (is_in_retry) CheckRetry(rig, switches, row);
  CheckRound(rig, "x", job, kClockSegments, row);
  CheckStore(rig, row);
  row.Recovered(std::chrono::duration_cast<milliseconds>(Steady::now() - before));
  const auto attempts = rig.store().AttemptList(rig.Run("x").run.id);
  const std::size_t expected = is_sleep || is_in_retry ? 2 : 1;
  if (!attempts.ok() || attempts->size() > expected) {
    row.violations.push_back(fmt::format("{} cost {} attempts: {}", kind.name,
                                         attempts.ok() ? attempts->size() : 0, WhyEnded(rig, "x")));
  }
}

Row ClockJumps(int jumps) {
  constexpr int kAtOnce = 2;
  return InCrowd("clock jumps", jumps, kAtOnce,
                 [](int round, Row& row) { JumpOnce(round, {}, row); });
}

}  // namespace rollcall::faults
