// Each control does a trial with one thing broken on purpose, and names what that trial's oracle
// must say of it.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <fstream>
#include <map>

#include "base/check.h"
#include "base/unique_fd.h"
#include "broken_stores.h"
#include "controlled.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/testing/deferred_store.h"
#include "store/testing/faulty_store.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;
using store::FaultyStore;

constexpr int kKills = 8;  // Enough to hit every phase.

// Says that a segment is committed before its file is there, and the machine dies in between: the
// file of segment 7, the last of the trial's jobs, never comes.
class RowFirstStore final : public store::FaultyStore {
 public:
  RowFirstStore(std::unique_ptr<store::JobStore> inner, const fs::path* folder)
      : store::FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }),
        folder_(folder) {}

  base::Result<void> SegmentCommit(const store::Fence& fence,
                                   const domain::Segment& segment) override {
    if (segment.number == 7) fs::remove(*folder_ / segment.path);
    return inner().SegmentCommit(fence, segment);
  }

 private:
  const fs::path* const folder_;  // Known when the first job comes.
};

// Reaps what it once saw run out of time, whoever holds the task now and until when: it has read
// the leases, and does not look again when it writes.
class TokenlessReaperStore final : public store::FaultyStore {
 public:
  explicit TokenlessReaperStore(std::unique_ptr<store::JobStore> inner)
      : store::FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }) {}

  base::Result<std::vector<store::Lease>> LeaseReap() override {
    ROLLCALL_TRY_ASSIGN(const auto leases, inner().LeaseList());
    std::vector<store::Lease> reaped;
    for (const store::Lease& lease : leases) {
      const auto first_seen = seen_.emplace(lease.fence.task, lease.expires.at).first->second;
      if (first_seen > clock_.Now().boot) continue;
      ROLLCALL_TRY(inner().LeaseVoid(lease.fence));
      reaped.push_back(lease);
      seen_.erase(lease.fence.task);
    }
    return reaped;
  }

 private:
  base::SystemClock clock_;  // Nobody moves the boot clock in the trial that this is for.
  std::map<store::TaskId, base::BootTime> seen_;  // Only the agent's thread.
};

// --- Trials with something broken

std::vector<Row> KillWith(const std::string& behaviour) {
  return KillWorkers(kKills, {.params = {{"behaviour", behaviour}}});
}

std::vector<Row> KillWithForgetfulStore() {
  base::SystemClock clock;
  return KillWorkers(kKills, {.wrap = [&](std::unique_ptr<store::JobStore> store) {
                       return Break(std::move(store), Breakage::kLostEvent, clock);
                     }});
}

std::vector<Row> KillWithRowBeforeFile() {
  fs::path folder;
  return KillWorkers(kKills, {.wrap =
                                  [&](std::unique_ptr<store::JobStore> store) {
                                    return std::make_unique<RowFirstStore>(std::move(store),
                                                                           &folder);
                                  },
                              .before_job = [&](Rig& rig, auto&) { folder = rig.folder(); }});
}

// Somebody else, this process, is at the first key already.
std::vector<Row> KillWhereSomebodyIs() {
  base::UniqueFd other;
  return KillWorkers(kKills, {.before_job = [&](Rig& rig, const std::string& key) {
                       if (other.is_open()) return;
                       const auto path = rig.folder() / ("alone-" + key);
                       other =
                           base::UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
                       ROLLCALL_CHECK(::flock(other.get(), LOCK_EX) == 0);
                     }});
}

std::vector<Row> KillAndLoseResult() {
  return KillWorkers(kKills, {.after_job = [](Rig& rig, const std::string& key, JsonReader&) {
                       const fs::path link = rig.folder() / "harvest" / key / "detect.bin";
                       fs::remove(fs::canonical(link));
                     }});
}

// Writes `text` where a projection is, once it was read as finished; the next projection heals it,
// so the reader must have its turn first.
std::vector<Row> KillAndWriteOver(const std::string& text) {
  const auto write_over = [&](Rig& rig, const std::string& key, JsonReader& reader) {
    reader.AwaitReading();
    const fs::path path = rig.folder() / "episodes" / key / "state.json";
    std::ofstream(path.string() + ".other") << text;
    fs::rename(path.string() + ".other", path);
    reader.AwaitReading();
  };
  return KillWorkers(kKills, {.after_job = write_over});
}

std::vector<Row> StopOwnerInCommit(bool is_unfenced) {
  Row row;
  for (const int round : kStopsInCommit) {
    StopOwnerOnce({.round = round, .times_divisor = kTimesDivisor, .is_unfenced = is_unfenced},
                  row);
    if (!is_unfenced || !row.violations.empty()) break;  // The other host may have been quicker.
  }
  return {row};
}

std::vector<Row> JumpWith(const Rig::Wrap& wrap) {
  Row row;
  JumpOnce(kLongJump, wrap, row);
  return {row};
}

std::vector<Row> RaceWithDeferredStores() {
  Row row;
  base::SystemClock clock;
  RaceForClaims(
      [&](const fs::path& path) -> std::unique_ptr<store::JobStore> {
        return std::move(store::DeferredStore::Open(path, {clock}).value());
      },
      row);
  return {row};
}

std::unique_ptr<store::JobStore> WithTokenlessReaper(std::unique_ptr<store::JobStore> store) {
  return std::make_unique<TokenlessReaperStore>(std::move(store));
}

// --- The controls

// All that the oracles of a trial said.
std::string Said(const std::vector<Row>& rows) {
  std::string all;
  for (const Row& row : rows) {
    for (const std::string& violation : row.violations) all += violation + "; ";
  }
  return all;
}

struct Control {
  const char* name;
  std::function<std::vector<Row>()> run;
  const char* sentence;  // Part of what the trial's oracle must say.
};

const std::vector<Control>& Controls() {
  static const std::vector<Control> controls{
      {"fence off", [] { return StopOwnerInCommit(true); }, "nothing was refused"},
      {"reaper without token", [] { return JumpWith(WithTokenlessReaper); },
       "near the lease's end cost"},
      {"deferred BEGIN", RaceWithDeferredStores, "could not claim"},
      {"resume off", [] { return KillWith("forget"); }, "had committed"},
      {"segments hoarded", [] { return KillWith("hoard"); }, "the end of token"},
      {"other bytes", [] { return KillWith("sloppy"); }, "the result's bytes differ"},
      {"lost event", KillWithForgetfulStore, "the events have a hole"},
      {"row before file", KillWithRowBeforeFile, "is not what its row says"},
      {"double run", KillWhereSomebodyIs, "two workers were at one key"},
      {"result gone", KillAndLoseResult, "the result's bytes differ"},
      {"torn JSON", [] { return KillAndWriteOver("{\"half\":"); }, "is no JSON"},
      {"taken back", [] { return KillAndWriteOver("{}"); }, "says no more that it is finished"},
  };
  return controls;
}

// That the oracles are silent where nothing is broken.
void CheckSilence(Row& row) {
  for (const auto& rows : {KillWorkers(kKills, {}), StopOwnerInCommit(false), JumpWith({}),
                           std::vector<Row>{ClaimRaces(1)}}) {
    ++row.rounds;
    const std::string said = Said(rows);
    if (!said.empty()) row.violations.push_back("nothing is broken, and yet: " + said);
  }
}

}  // namespace

Row NegativeControls() {
  Row row{.name = "negative controls"};
  CheckSilence(row);
  for (const Control& control : Controls()) {
    ++row.rounds;
    std::string said;
    // A handful of faults may all miss the moment that matters; the trial's own volume does not.
    constexpr int kTries = 5;
    const auto is_caught = [&] { return said.find(control.sentence) != std::string::npos; };
    for (int i = 0; i < kTries && !is_caught(); ++i) said = Said(control.run());
    if (is_caught()) {
      ++row.hits[control.name];
    } else {
      row.violations.push_back(fmt::format("not caught: {} (it said: {})", control.name, said));
    }
  }
  return row;
}

}  // namespace rollcall::faults
