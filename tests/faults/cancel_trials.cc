#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "trials.h"
#include "worker/process_table.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

struct CancelKind {
  const char* name;
  const char* behaviour;
  int dwell_ms;
  milliseconds limit;  // Of 95 %.
};

void CancelOnce(Rig& rig, const std::string& key, const CancelKind& kind, Row& row) {
  ++row.rounds;
  const std::string behaviour = kind.behaviour;
  std::error_code ignored;
  fs::remove(rig.folder() / "child", ignored);
  const store::Job job = rig.Submit(key, {{"segments", 500},
                                          {"dwell_ms", kind.dwell_ms},
                                          {"behaviour", behaviour},
                                          {"at", 2},
                                          {"alone", true}});
  const bool has_child = behaviour.starts_with("with_");
  rig.Eventually([&] {
    return rig.SegmentCount(key) >= 2 && (!has_child || fs::exists(rig.folder() / "child"));
  });
  const auto asked = Steady::now();
  const auto outcome = rig.engine().Cancel(job.id);
  if (!outcome.ok()) row.violations.push_back(key + ": " + outcome.error().ToString());
  const bool has_ended = rig.Eventually([&] {
    const auto now = rig.store().JobGet(job.id);
    return now.ok() && now->state == domain::JobState::kCancelled;
  });
  if (!has_ended) {
    row.violations.push_back(key + ": it was not cancelled");
    return;
  }
  ++row.hits["cancelled"];
  row.Recovered(std::chrono::duration_cast<milliseconds>(Steady::now() - asked));
  const auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
  if (!attempts.ok() || attempts->size() != 1) row.violations.push_back(key + ": not one attempt");
  for (const store::Attempt& attempt : attempts.value()) {
    if (!worker::LiveProcessesOfAttempt(0, attempt.fence.attempt_uuid).empty()) {
      row.violations.push_back(key + ": a process lives after the cancellation");
    }
  }
}

}  // namespace

std::vector<Row> Cancels(int rounds) {
  // SIGTERM and SIGKILL come after 1/25 of the product's times: 200 and 400 ms. A worker that
  // cooperates is asked at once, whatever the times.
  constexpr milliseconds kSoon{1000};
  constexpr milliseconds kByForce{11'000 / kTimesDivisor + 500};
  const CancelKind kinds[] = {
      {"cancel: cooperative", "work", 2, kSoon},
      {"cancel: deaf", "stall", 0, kByForce},
      {"cancel: ignores SIGTERM", "deaf", 0, kByForce},
      {"cancel: with a child", "with_child", 0, kByForce},
      {"cancel: child left group", "with_lost_child", 2, kByForce},
  };
  std::vector<Row> rows;
  for (const CancelKind& kind : kinds) {
    Row row{.name = kind.name};
    Rig rig;
    rig.Own();
    for (int round = 0; round < rounds / static_cast<int>(std::size(kinds)); ++round) {
      CancelOnce(rig, fmt::format("c{}", round), kind, row);
    }
    if (row.RecoveryQuantile(95) > kind.limit) {
      row.violations.push_back("cancelling takes too long");
    }
    CheckStore(rig, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace rollcall::faults
