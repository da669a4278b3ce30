#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <random>

#include "base/check.h"
#include "base/file.h"
#include "failpoints.h"
#include "oracle.h"
#include "owner_process.h"
#include "trials.h"
#include "wishes.h"
#include "worker/process_table.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;
using std::chrono::milliseconds;

constexpr int kOwnerSegments = 8;
const Json kOwnerWork{
    {"segments", kOwnerSegments}, {"dwell_ms", 3}, {"trace", true}, {"alone", true}};

std::ptrdiff_t SegmentFiles(const Rig& rig) {
  std::error_code none_yet;
  const fs::directory_iterator files(rig.folder() / "harvest/x/segments/detect", none_yet);
  return none_yet ? 0 : std::distance(files, fs::directory_iterator());
}

// From the start of owning to the first claim of it; nullopt if there was nothing to claim.
std::optional<milliseconds> ServingAgain(Rig& rig, base::WallTime began) {
  std::optional<milliseconds> after;
  rig.Eventually([&] {
    const auto view = rig.store().RunLatest({"episode", "x"}, "detect");
    if (!view.ok() || !*view) return true;
    const auto attempts = rig.store().AttemptList((*view)->run.id);
    if (!attempts.ok()) return false;
    for (const store::Attempt& attempt : *attempts) {
      if (attempt.started_at >= began) after = attempt.started_at - began;
    }
    return after.has_value() || domain::IsTerminal((*view)->run.state);
  });
  return after;
}

// Becomes the owner after the last one died, and looks how the job ends.
void TakeOver(Rig& rig, const Json& params, Row& row) {
  const base::WallTime began = rig.Now().wall;
  rig.Own();
  // What was accepted is there; what the dead owner had not accepted is submitted again.
  auto jobs = rig.store().JobList();
  ROLLCALL_CHECK(jobs.ok());
  if (jobs->size() > 1) row.violations.push_back("more than one job for one piece of work");
  const store::Job job = jobs->empty() ? rig.Submit("x", params) : std::move(jobs->front());
  const auto took = ServingAgain(rig, began);
  if (took) row.Recovered(*took);
  if (took && *took > milliseconds{2000}) {
    row.violations.push_back(fmt::format("it served again after {} ms", took->count()));
  }
  CheckRound(rig, "x", job, kOwnerSegments, row);
  CheckStore(rig, row);
}

// Its workers, which the kernel ends with it, are in mid-segment.
void KillWithChildren(int round, Row& row) {
  std::mt19937 random(static_cast<unsigned>(round));
  Rig rig;
  for (int kill = 0; kill < 3; ++kill) {
    const pid_t owner = StartOwner({.folder = rig.folder(), .params = kOwnerWork});
    const auto enough = static_cast<std::ptrdiff_t>(2 * kill + 1);
    bool has_ended = false;
    rig.Eventually([&] {
      has_ended = ::waitpid(owner, nullptr, WNOHANG) == owner;
      return has_ended || SegmentFiles(rig) >= enough;
    });
    if (has_ended) break;
    ::poll(nullptr, 0, static_cast<int>(random() % 8));
    ::kill(owner, SIGKILL);
    int status = 0;
    ROLLCALL_CHECK(::waitpid(owner, &status, 0) == owner);
    if (WIFSIGNALED(status)) ++row.hits["children too"];
  }
  TakeOver(rig, kOwnerWork, row);
}

// The process that a file of the fake stage names, while it lives.
std::optional<worker::ProcessStat> LivingProcess(const fs::path& file) {
  const auto text = base::ReadFile(file);
  if (!text.ok() || text->empty()) return std::nullopt;
  const auto stat = worker::ReadProcessStat(static_cast<pid_t>(std::stol(*text)));
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return stat;
}

// A worker that its owner's death does not end, or a process that a worker has lost, is still there
// when the next owner comes.
void KillAndLeave(int round, Row& row) {
  Rig rig;
  const bool is_worker = round % 2 == 0;
  const Json params{{"segments", kOwnerSegments},
                    {"dwell_ms", is_worker ? 3 : 20},
                    {"trace", true},
                    {"alone", true},
                    {"behaviour", is_worker ? "left_behind" : "with_lost_child"},
                    {"times", 1},
                    {"at", 1 + round / 2 % 4}};
  const fs::path left = rig.folder() / (is_worker ? "left" : "child");
  const pid_t owner = StartOwner({.folder = rig.folder(), .params = params});
  std::optional<worker::ProcessStat> before;
  rig.Eventually([&] { return (before = LivingProcess(left)).has_value(); });
  ::kill(owner, SIGKILL);
  ROLLCALL_CHECK(::waitpid(owner, nullptr, 0) == owner);
  if (const auto now = LivingProcess(left);
      before && now && now->start_ticks == before->start_ticks) {
    ++row.hits[is_worker ? "worker left" : "child left"];
  } else {
    row.violations.push_back("what was to be left is gone");
  }
  TakeOver(rig, params, row);
  if (LivingProcess(left)) row.violations.push_back("what was left lives on");
}

}  // namespace

std::vector<Row> OwnerKills(int kills) {
  Row with{.name = "owner killed"};
  for (int round = 0; with.hit_count() < kills / 2 && round < 10 * kills + 10; ++round) {
    KillWithChildren(round, with);
  }
  Row left{.name = "owner killed, children left"};
  for (int round = 0; round < kills - kills / 2; ++round) KillAndLeave(round, left);
  if (left.hit_count() < kills - kills / 2) left.violations.push_back("too little was left");
  return {std::move(with), std::move(left)};
}

Row OwnerFailpoints(int rounds) {
  Row row{.name = "owner failpoints"};
  for (int round = 0; round < rounds; ++round) {
    const std::string name =
        kOwnerFailpoints[static_cast<std::size_t>(round) % kOwnerFailpoints.size()];
    const bool is_often = name.starts_with("segment.") || name == "projector.step";
    const int nth = is_often ? 1 + round / static_cast<int>(kOwnerFailpoints.size()) % 7 : 1;
    Rig rig;
    {
      const FailpointWish wish(fmt::format("{}:{}:kill-self", name, nth), rig.folder() / "hits");
      const pid_t owner = StartOwner({.folder = rig.folder(), .params = kOwnerWork});
      int status = 0;
      ROLLCALL_CHECK(::waitpid(owner, &status, 0) == owner);
      if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        ++row.hits[name];
      } else {
        row.violations.push_back(fmt::format("{} did not hit at its {}. time", name, nth));
      }
    }
    TakeOver(rig, kOwnerWork, row);
  }
  return row;
}

}  // namespace rollcall::faults
