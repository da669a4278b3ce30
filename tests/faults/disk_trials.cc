// A disk that is full, or broken, from the n-th write of a round on and mended a little later: for
// every n. A round is a job of two stages with three segments each.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "failpoints.h"
#include "service_rig.h"
#include "store/sqlite/testing/faulty_vfs.h"
#include "store/testing/faulty_store.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using store::FaultyVfs;
using Steady = std::chrono::steady_clock;

// How long a fault lasts when nobody says that the queue is paused.
constexpr milliseconds kFaultMax{600};
constexpr milliseconds kIoFault{60};

constexpr const char* kUntold = "nobody was told that the disk is full";

void Hasten(jobs::RuntimeTimes& times) {
  times.renew = milliseconds{60};
  times.reap = milliseconds{60};
  times.projection_give_up = milliseconds{250};
  times.disk_check = milliseconds{20};
}

// Does the round; returns its job. The rig looks after it.
store::JobId LiveRound(ServiceRig& rig) {
  rig.StartWorking();
  const store::JobId id = rig.Submit("x", {"detect", "track"}, base::Json::object());
  rig.CheckAll();
  // The oracle of all rounds looks at what is there; this looks whether it is there.
  const auto job = rig.store().JobGet(id);
  rig.Expect(job.ok() && job->state == domain::JobState::kSucceeded,
             "the job that was accepted has not succeeded");
  return id;
}

// Whether a person who asks how the job is hears of it, by this reason.
bool DoesViewTell(const api::JobView& view, const std::string& reason) {
  const bool does_stage = std::ranges::any_of(view.stages, [&](const api::StageView& stage) {
    return stage.wait_reason.find(reason) != std::string::npos ||
           (stage.error && stage.error->reason == reason);
  });
  return does_stage || std::ranges::any_of(view.troubles, [&](const base::Error& trouble) {
           return trouble.reason == reason;
         });
}

// Of any job there is. A line in the log, which nobody reads, is not telling.
bool IsTold(ServiceRig& rig, const std::string& reason) {
  const auto jobs = rig.store().JobList();
  for (const store::Job& job : jobs.ok() ? *jobs : std::vector<store::Job>{}) {
    const auto view = rig.engine().View(job.id);
    if (view.ok() && DoesViewTell(*view, reason)) return true;
  }
  return false;
}

// Mends the disk once the fault has hit and whoever works has said so, or after a while.
class Mender {
 public:
  struct Disk {
    std::function<bool()> has_hit;
    std::function<bool()> is_told;
    std::function<void()> mend;
    milliseconds limit;
  };
  explicit Mender(Disk disk) : disk_(std::move(disk)), thread_([this] { Run(); }) {}
  ~Mender() {
    is_ending_ = true;
    thread_.join();
  }
  Mender(const Mender&) = delete;
  Mender& operator=(const Mender&) = delete;

  bool has_hit() const { return has_hit_; }
  bool is_told() const { return is_told_; }
  // Nobody had said so when the limit was over, and the round went on.
  bool has_given_up() const { return has_given_up_; }

 private:
  void Run() {
    while (!is_ending_ && !disk_.has_hit()) std::this_thread::sleep_for(milliseconds{1});
    has_hit_ = disk_.has_hit();
    const auto since = Steady::now();
    while (has_hit_ && !is_told_ && Steady::now() - since < disk_.limit) {
      is_told_ = disk_.is_told();
      std::this_thread::sleep_for(milliseconds{2});
    }
    has_given_up_ = has_hit_ && !is_told_ && !is_ending_;
    disk_.mend();
  }

  const Disk disk_;
  std::atomic<bool> is_ending_{false};
  std::atomic<bool> has_hit_{false};
  std::atomic<bool> is_told_{false};
  std::atomic<bool> has_given_up_{false};
  std::thread thread_;
};

// What the store answered, so that an error that reached nobody else is seen.
class Answers {
 public:
  // Wraps the store; `this` must outlive it.
  ServiceRig::Wrap Listener();
  bool Has(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    return reasons_.contains(reason);
  }

 private:
  class Listening;
  std::mutex mutex_;
  std::set<std::string> reasons_;
};

class Answers::Listening final : public store::FaultyStore {
 public:
  Listening(std::unique_ptr<store::JobStore> inner, Answers& answers)
      : FaultyStore(std::move(inner), [](auto, auto) { return std::nullopt; }), answers_(answers) {}

  base::Result<store::Submission> JobSubmit(const store::JobRequest& request) override {
    auto submission = Heard(inner().JobSubmit(request));
    if (!submission.ok()) static_cast<void>(Heard(Refused(submission.error())));
    return submission;
  }
  base::Result<std::optional<store::LeasedTask>> TaskClaim(
      const store::ClaimRequest& request) override {
    return Heard(inner().TaskClaim(request));
  }
  base::Result<void> TaskStarted(const store::Fence& fence, std::int64_t pid,
                                 std::int64_t pid_start) override {
    return Heard(inner().TaskStarted(fence, pid, pid_start));
  }
  base::Result<void> SegmentCommit(const store::Fence& fence,
                                   const domain::Segment& segment) override {
    return Heard(inner().SegmentCommit(fence, segment));
  }
  base::Result<void> TaskSucceed(const store::Fence& fence, const std::string& result_json,
                                 std::span<const domain::Artifact> artifacts,
                                 const store::AttemptEnd& end) override {
    return Heard(inner().TaskSucceed(fence, result_json, artifacts, end));
  }
  base::Result<std::vector<store::RenewReply>> LeaseRenew(
      const store::AgentIdentity& agent, std::span<const store::Heartbeat> heartbeats,
      std::chrono::nanoseconds lease) override {
    return Heard(inner().LeaseRenew(agent, heartbeats, lease));
  }
  base::Result<std::vector<store::Lease>> LeaseReap() override {
    return Heard(inner().LeaseReap());
  }
  base::Result<void> QueuePause(std::string_view stage, std::string_view reason) override {
    auto paused = Heard(inner().QueuePause(stage, reason));
    // Whoever starts to work takes back all pauses, and is told when that does not go.
    if (!paused.ok() && reason.empty()) static_cast<void>(Heard(Refused(paused.error())));
    return paused;
  }

 private:
  // A person was told.
  static base::Result<void> Refused(base::Error error) {
    error.reason = "refused: " + error.reason;
    return error;
  }
  template <typename T>
  base::Result<T> Heard(base::Result<T> result) {
    if (!result.ok()) {
      const std::lock_guard lock(answers_.mutex_);
      answers_.reasons_.insert(result.error().reason);
    }
    return result;
  }
  Answers& answers_;
};

ServiceRig::Wrap Answers::Listener() {
  return [this](std::unique_ptr<store::JobStore> store) {
    return std::make_unique<Listening>(std::move(store), *this);
  };
}

struct Verdict {
  bool has_hit = false;
  bool is_told = false;
  bool is_unmissed = false;  // It hit, and nobody waited for the disk.
  std::int64_t calls = 0;
  std::vector<std::string> violations;
};

// A disk of the store, and what is demanded of whoever works on it.
struct StoreDisk {
  FaultyVfs::Fault fault = FaultyVfs::Fault::kDiskFull;
  bool is_full = true;         // That is what people are to be told.
  ServiceRig::Wrap wrap = {};  // Something broken, in front of the store.
};

// One round whose store's n-th write fails; 0: none.
Verdict StoreRound(std::int64_t nth, const StoreDisk& disk) {
  const bool is_full = disk.is_full;
  const std::string reason = is_full ? "ERR_DISK_FULL" : "ERR_STORE_UNAVAILABLE";
  FaultyVfs vfs;
  Answers answers;
  Verdict verdict;
  const auto wrap = [&, listen = answers.Listener()](std::unique_ptr<store::JobStore> store) {
    return listen(disk.wrap ? disk.wrap(std::move(store)) : std::move(store));
  };
  ServiceRig rig({.vfs = vfs.name(), .before = {}, .wrap = wrap, .adjust = Hasten});
  if (nth == 0) {
    vfs.Heal();
    LiveRound(rig);
    verdict.calls = vfs.calls();
  } else {
    vfs.FailFrom(nth, disk.fault);
    const Mender mender(
        {.has_hit = [&] { return vfs.hits() > 0; },
         .is_told = [&] { return IsTold(rig, reason) || answers.Has("refused: " + reason); },
         .mend = [&] { vfs.Heal(); },
         .limit = is_full ? kFaultMax : kIoFault});
    LiveRound(rig);
    verdict.has_hit = mender.has_hit();
    verdict.is_told = mender.is_told();
    rig.Expect(!verdict.has_hit || answers.Has(reason), "nobody got " + reason);
    rig.Expect(!verdict.has_hit || !is_full || verdict.is_told, kUntold);
  }
  verdict.violations = rig.violations();
  return verdict;
}

// One round in which a segment meets the full disk a dozen times in a row, as an error, as an
// exception or so that its worker ends by a signal.
constexpr int kMeetings = 12;

Verdict AgainRound(int round, const ServiceRig::Wrap& wrap) {
  constexpr std::array kWays{"disk_full", "throw_disk_full", "disk_full_bus"};
  constexpr int kSegments = 3;
  const auto hasten = [](jobs::RuntimeTimes& times) {
    Hasten(times);
    times.disk_check = milliseconds{1};
  };
  Verdict verdict{.has_hit = true};
  ServiceRig rig({.vfs = {}, .before = {}, .wrap = wrap, .adjust = hasten});
  rig.StartWorking();
  const auto way = kWays[static_cast<std::size_t>(round) % kWays.size()];
  const int at = round / static_cast<int>(kWays.size()) % kSegments;
  const auto id =
      rig.Submit("x", {"detect"}, {{"behaviour", way}, {"at", at}, {"times", kMeetings}});
  rig.CheckAll();
  const auto job = rig.store().JobGet(id);
  rig.Expect(job.ok() && job->state == domain::JobState::kSucceeded,
             fmt::format("{}: the job that was accepted has not succeeded", way));
  const auto view = rig.Run("x", "detect");
  const auto attempts = rig.store().AttemptList(view ? view->run.id : store::StageRunId{});
  rig.Expect(attempts.ok() && std::ssize(*attempts) == kMeetings + 1,
             fmt::format("{}: it was not tried until there was room", way));
  const bool is_counted = !view || view->run.interruptions != 0 || view->run.last_error;
  rig.Expect(!is_counted, fmt::format("{}: the full disk was counted", way));
  verdict.violations = rig.violations();
  return verdict;
}

std::int64_t FileBytes(const fs::path& path) {
  std::error_code none_yet;
  const auto size = fs::file_size(path, none_yet);
  return none_yet ? 0 : static_cast<std::int64_t>(size);
}

// One round whose n-th write of a file (segment, result, projection, log) fails, in whatever
// process; 0: none.
Verdict FileRound(std::int64_t nth, const std::string& action) {
  const bool is_full = action == "enospc";
  Verdict verdict;
  ServiceRig rig({.vfs = {}, .before = {}, .wrap = {}, .adjust = Hasten});
  const fs::path count = rig.folder() / "writes";
  constexpr std::int64_t kNever = 1'000'000;
  ::setenv("ROLLCALL_FAIL",
           fmt::format("{}:{}:{}", kDiskFailpoints[0], nth == 0 ? kNever : nth, action).c_str(), 1);
  ::setenv("ROLLCALL_FAIL_COUNT", count.c_str(), 1);
  base::ReadFailpointAgain();
  {
    const Mender mender({.has_hit = [&] { return nth > 0 && FileBytes(count) >= nth; },
                         .is_told = [&] { return IsTold(rig, "ERR_DISK_FULL"); },
                         .mend = [&] { std::ofstream(count.string() + ".freed") << "x"; },
                         .limit = is_full ? kFaultMax : kIoFault});
    LiveRound(rig);
    verdict.has_hit = mender.has_hit();
    verdict.is_told = mender.is_told();
    // A job that has ended well while the disk was full has lost log lines at most.
    verdict.is_unmissed = verdict.has_hit && !verdict.is_told && !mender.has_given_up();
    rig.Expect(!is_full || !mender.has_given_up(), kUntold);
  }
  verdict.calls = FileBytes(count);
  ::unsetenv("ROLLCALL_FAIL");
  ::unsetenv("ROLLCALL_FAIL_COUNT");
  base::ReadFailpointAgain();
  verdict.violations = rig.violations();
  return verdict;
}

struct Sweep {
  const char* place;
  std::function<Verdict(std::int64_t)> round;
  unsigned threads = 1;
};

// `rounds` of the writes, spread evenly; all if there are not more.
void DoSweep(const Sweep& sweep, int rounds, Row& row) {
  const Verdict undisturbed = sweep.round(0);
  for (const std::string& violation : undisturbed.violations) {
    row.violations.push_back(fmt::format("{}, undisturbed: {}", sweep.place, violation));
  }
  const std::int64_t writes = undisturbed.calls;
  const std::int64_t wanted = std::min<std::int64_t>(rounds, writes);
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  const auto work = [&] {
    for (std::int64_t i = next++; i < wanted; i = next++) {
      const std::int64_t nth = 1 + i * writes / wanted;
      const auto began = Steady::now();
      const Verdict verdict = sweep.round(nth);
      const std::lock_guard lock(mutex);
      ++row.rounds;
      if (verdict.has_hit) {
        ++row.hits[sweep.place];
        row.Recovered(std::chrono::duration_cast<milliseconds>(Steady::now() - began));
      }
      if (verdict.is_told) ++row.noted[fmt::format("{}, told", sweep.place)];
      if (verdict.is_unmissed) ++row.noted[fmt::format("{}, nobody waited", sweep.place)];
      for (const std::string& violation : verdict.violations) {
        row.violations.push_back(
            fmt::format("{}, write {} of {}: {}", sweep.place, nth, writes, violation));
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < sweep.threads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

void MeetAgain(int rounds, Row& row) {
  for (int round = 0; round < rounds; ++round) {
    const auto began = Steady::now();
    const Verdict verdict = AgainRound(round, {});
    ++row.rounds;
    row.hits["a segment, again"] += kMeetings;
    row.Recovered(std::chrono::duration_cast<milliseconds>(Steady::now() - began) / kMeetings);
    for (const std::string& violation : verdict.violations) {
      row.violations.push_back(fmt::format("again, round {}: {}", round, violation));
    }
  }
}

// --- Negative controls

// Counts what a full disk has ended as interrupted, as if that said something about the work.
class CountingStore final : public store::FaultyStore {
 public:
  explicit CountingStore(std::unique_ptr<store::JobStore> inner)
      : FaultyStore(std::move(inner), [](auto, auto) { return std::nullopt; }) {}
  base::Result<void> TaskEnd(const store::Fence& fence, const store::AttemptEnd& end) override {
    store::AttemptEnd counted = end;
    counted.error.reason = "ERR_INTERRUPTED";
    return inner().TaskEnd(fence, counted);
  }
};

// Says that a segment is committed although there was no room for its row.
class BoastfulStore final : public store::FaultyStore {
 public:
  explicit BoastfulStore(std::unique_ptr<store::JobStore> inner)
      : FaultyStore(std::move(inner), [](auto, auto) { return std::nullopt; }) {}
  base::Result<void> SegmentCommit(const store::Fence& fence,
                                   const domain::Segment& segment) override {
    auto committed = inner().SegmentCommit(fence, segment);
    return !committed.ok() && domain::IsDiskFull(committed.error()) ? base::Result<void>()
                                                                    : committed;
  }
};

template <typename Store>
std::unique_ptr<store::JobStore> Wrapped(std::unique_ptr<store::JobStore> store) {
  return std::make_unique<Store>(std::move(store));
}

struct BrokenDisk {
  const char* name;
  std::function<Verdict(std::int64_t)> round;  // From 1.
  const char* sentence;                        // Part of what the oracle must say.
};

const std::vector<BrokenDisk>& BrokenDisks() {
  // Every so many-th write of a round, so that some of the tries hit what a control is about.
  constexpr std::int64_t kStride = 7;
  static const std::vector<BrokenDisk> disks{
      {"passed off as a broken one",
       [](auto i) {
         return StoreRound(i * kStride, {.fault = FaultyVfs::Fault::kIoError, .is_full = true});
       },
       kUntold},
      {"a row that had no room",
       [](auto i) { return StoreRound(i * kStride, {.wrap = Wrapped<BoastfulStore>}); },
       "has not succeeded"},
      {"counted", [](auto i) { return AgainRound(static_cast<int>(i), Wrapped<CountingStore>); },
       "the full disk was counted"},
  };
  return disks;
}

}  // namespace

Row DiskControls() {
  constexpr std::int64_t kTries = 60;
  Row row{.name = "disk controls"};
  for (const BrokenDisk& control : BrokenDisks()) {
    ++row.rounds;
    std::string said;
    const auto is_caught = [&] { return said.find(control.sentence) != std::string::npos; };
    for (std::int64_t i = 1; i <= kTries && !is_caught(); ++i) {
      for (const std::string& violation : control.round(i).violations) said += violation + "; ";
    }
    if (is_caught()) {
      ++row.hits[control.name];
    } else {
      row.violations.push_back(fmt::format("not caught: {} (it said: {})", control.name, said));
    }
  }
  return row;
}

std::vector<Row> DiskSweeps(int rounds) {
  constexpr int kAgainMax = 36;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<Row> rows(2);
  rows[0].name = "disk full";
  rows[1].name = "disk broken";
  DoSweep({"store", [](auto nth) { return StoreRound(nth, {}); }, cores}, rounds, rows[0]);
  DoSweep({"files", [](auto nth) { return FileRound(nth, "enospc"); }}, rounds, rows[0]);
  MeetAgain(std::min(rounds, kAgainMax), rows[0]);
  const StoreDisk broken{.fault = FaultyVfs::Fault::kIoError, .is_full = false};
  DoSweep({"store", [&](auto nth) { return StoreRound(nth, broken); }, cores}, rounds, rows[1]);
  DoSweep({"files", [](auto nth) { return FileRound(nth, "eio"); }}, rounds, rows[1]);
  return rows;
}

}  // namespace rollcall::faults
