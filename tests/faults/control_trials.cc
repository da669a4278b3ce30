#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "base/unique_fd.h"
#include "jobs/testing/engine_fixture.h"
#include "jobs/testing/faulty_store.h"
#include "oracle.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/testing/deferred_store.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

using base::Json;
using jobs::FaultyStore;

constexpr int kSegments = 6;

// Lets every writer in, whoever has the lease.
class UnfencedStore final : public FaultyStore {
 public:
  explicit UnfencedStore(std::unique_ptr<store::JobStore> inner)
      : FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }) {}

  base::Result<void> SegmentCommit(const store::Fence& fence, const domain::Segment& segment,
                                   base::Instant now) override {
    ROLLCALL_TRY_ASSIGN(const auto leases, inner().LeaseList());
    for (const store::Lease& lease : leases) {
      if (lease.fence.task == fence.task) return inner().SegmentCommit(lease.fence, segment, now);
    }
    return inner().SegmentCommit(fence, segment, now);
  }
};

// Forgets the second event of every job.
class ForgetfulStore final : public FaultyStore {
 public:
  explicit ForgetfulStore(std::unique_ptr<store::JobStore> inner)
      : FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }) {}

  base::Result<std::vector<store::Event>> EventsAfter(store::JobId job, std::int64_t seq,
                                                      int limit) override {
    ROLLCALL_TRY_ASSIGN(auto events, inner().EventsAfter(job, seq, limit));
    std::erase_if(events, [](const store::Event& event) { return event.seq == 2; });
    return events;
  }
};

// Says that a segment is committed before its file is there, and the machine dies in between: the
// last segment's file never comes.
class RowFirstStore final : public FaultyStore {
 public:
  RowFirstStore(std::unique_ptr<store::JobStore> inner, std::filesystem::path folder)
      : FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }),
        folder_(std::move(folder)) {}

  base::Result<void> SegmentCommit(const store::Fence& fence, const domain::Segment& segment,
                                   base::Instant now) override {
    if (segment.number == kSegments - 1) std::filesystem::remove(folder_ / segment.path);
    return inner().SegmentCommit(fence, segment, now);
  }

 private:
  const std::filesystem::path folder_;
};

// Reaps what it once saw run out of time, whoever holds the task now and until when: it has read
// the leases, and does not look again when it writes.
class TokenlessReaperStore final : public FaultyStore {
 public:
  explicit TokenlessReaperStore(std::unique_ptr<store::JobStore> inner)
      : FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }) {}

  base::Result<std::vector<store::Lease>> LeaseReap(const store::AgentIdentity& /*agent*/,
                                                    base::Instant now) override {
    ROLLCALL_TRY_ASSIGN(const auto leases, inner().LeaseList());
    std::vector<store::Lease> reaped;
    for (const store::Lease& lease : leases) {
      const auto first_seen = seen_.emplace(lease.fence.task, lease.expires_at).first->second;
      if (first_seen > now.boot) continue;
      ROLLCALL_TRY(inner().LeaseVoid(lease.fence, now));
      reaped.push_back(lease);
    }
    return reaped;
  }

 private:
  std::map<store::TaskId, base::BootTime> seen_;  // Only the agent's thread.
};

// A job that takes longer than a lease, and that nobody disturbs: one attempt does it.
bool IsRenewedAttemptSpared(const Rig::Wrap& wrap) {
  Rig rig;
  rig.Own(wrap);
  const auto lease = jobs::RuntimeTimes{}.lease / jobs::kTimesDivisor;
  // It also stays so long where models are loaded, and in finalise.
  const int dwell_ms = static_cast<int>(lease.count() * 3 / 2) / (kSegments + 2);
  const store::Job job = rig.Submit("x", {{"segments", kSegments}, {"dwell_ms", dwell_ms}});
  rig.Eventually([&] {
    const auto attempts = rig.store().AttemptList(rig.Run("x").run.id);
    return domain::IsTerminal(rig.store().JobGet(job.id)->state) ||
           (attempts.ok() && attempts->size() > 1);
  });
  const auto attempts = rig.store().AttemptList(rig.Run("x").run.id);
  static_cast<void>(rig.engine().Cancel(job.id));
  return attempts.ok() && attempts->size() == 1;
}

// Two hosts claim all there is: each task once, and nobody is told that the store is busy.
template <typename Store>
bool IsEveryTaskClaimedOnce(const std::function<std::unique_ptr<Store>()>& open) {
  constexpr int kTasks = 200;
  const auto first = open();
  const base::Instant now = base::SystemClock().Now();
  for (int i = 0; i < kTasks; ++i) {
    const auto request = jobs::FakeRequest(std::to_string(i), {"detect"}, Json::object());
    if (!first->JobSubmit(request, now).ok()) return false;
  }
  const auto second = open();
  std::atomic<int> claimed{0};
  std::atomic<int> errors{0};
  const auto claim_all = [&](Store& store, const char* agent) {
    const store::ClaimRequest request{.agent = {.id = agent, .incarnation = agent, .boot_id = "b"},
                                      .stages = {},
                                      .lease = std::chrono::hours{1},
                                      .now = now};
    while (claimed < kTasks && errors == 0) {
      const auto task = store.TaskClaim(request);
      if (!task.ok()) {
        ++errors;
      } else if (task->has_value()) {
        ++claimed;
      }
    }
  };
  std::thread other([&] { claim_all(*second, "second"); });
  claim_all(*first, "first");
  other.join();
  const auto leases = first->LeaseList();
  return errors == 0 && claimed == kTasks && leases.ok() && std::ssize(*leases) == kTasks;
}

bool AreClaimsSafe() {
  const Rig folder;
  return IsEveryTaskClaimedOnce<store::SqliteStore>([&] {
    return std::move(
        store::SqliteStore::Open({.path = folder.folder() / "rollcall.db", .vfs = {}}).value());
  });
}

bool AreDeferredClaimsSafe() {
  const Rig folder;
  return IsEveryTaskClaimedOnce<store::DeferredStore>([&] {
    return std::move(store::DeferredStore::Open(folder.folder() / "rollcall.db").value());
  });
}

// A job whose worker is killed once in the middle.
Row KilledOnce(const std::string& behaviour, const Rig::Wrap& wrap,
               const std::function<void(Rig&)>& spoil = {}) {
  Row row{.name = behaviour};
  Rig rig;
  rig.Own(wrap);
  const store::Job job = rig.Submit(
      "x", {{"segments", kSegments}, {"dwell_ms", 5}, {"trace", true}, {"behaviour", behaviour}});
  rig.Eventually([&] { return rig.SegmentCount("x") >= 3; });
  const jobs::StageSnapshot stage = rig.Stage(job.id);
  if (stage.pid > 0) ::kill(static_cast<pid_t>(stage.pid), SIGKILL);
  if (spoil) {
    rig.Eventually([&] { return domain::IsTerminal(rig.store().JobGet(job.id)->state); });
    static_cast<void>(rig.engine().Settle(job.id, std::chrono::seconds{10}));
    spoil(rig);
  }
  CheckRound(rig, "x", job, kSegments, row);
  return row;
}

// A writer whose lease ran out, whose task another one has: must be refused.
bool IsLateWriterRefused(const Rig::Wrap& wrap) {
  Rig rig;
  rig.Own(wrap);
  const store::Job job = rig.Submit("x", {{"segments", 40}, {"dwell_ms", 5}});
  rig.Eventually([&] { return rig.SegmentCount("x") >= 2; });
  const auto before = rig.store().LeaseList();
  const jobs::StageSnapshot stage = rig.Stage(job.id);
  if (stage.pid > 0) ::kill(static_cast<pid_t>(stage.pid), SIGKILL);
  rig.Eventually([&] {
    const auto now = rig.store().LeaseList();
    return now.ok() && !now->empty() && before.ok() && !before->empty() &&
           now->front().fence.token != before->front().fence.token;
  });
  const domain::Segment late{.number = 1000,
                             .pts_from = std::chrono::hours{10},
                             .pts_to = std::chrono::hours{11},
                             .path = {},
                             .size_bytes = 0,
                             .sha256 = {},
                             .counters_json = "{}",
                             .resume_blob = {}};
  const auto fence = before->front().fence;
  const auto refused = rig.store().SegmentCommit(fence, late, base::SystemClock().Now());
  const bool is_fenced = !refused.ok() && refused.error().reason == "ERR_FENCED";
  static_cast<void>(rig.engine().Cancel(job.id));
  return is_fenced;
}

bool IsMissingFileFound() {
  Row row;
  Rig rig;
  rig.Own([&](std::unique_ptr<store::JobStore> store) {
    return std::make_unique<RowFirstStore>(std::move(store), rig.folder());
  });
  const store::Job job = rig.Submit("x", {{"segments", kSegments}, {"dwell_ms", 5}});
  CheckRound(rig, "x", job, kSegments, row);
  return !row.violations.empty();
}

// Somebody else, this process, is at the key already.
bool IsDoubleRunFound() {
  Row row;
  Rig rig;
  rig.Own();
  const auto path = rig.folder() / "alone-x";
  const base::UniqueFd other(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (::flock(other.get(), LOCK_EX) != 0) return false;
  const store::Job job = rig.Submit("x", {{"segments", kSegments}, {"alone", true}});
  CheckRound(rig, "x", job, kSegments, row);
  return !row.violations.empty();
}

bool DoesTheReaderSeeTornFiles() {
  Rig rig;
  const auto file = rig.folder() / "torn.json";
  std::ofstream(file) << "{\"half\":";
  const JsonReader reader(rig.folder());
  rig.Eventually([&] { return reader.reads() > 3; });
  return reader.bad() > 0;
}

}  // namespace

Row NegativeControls() {
  Row row{.name = "negative controls"};
  const auto expect_caught = [&](const std::string& name, bool is_caught) {
    ++row.rounds;
    if (is_caught) {
      ++row.hits[name];
    } else {
      row.violations.push_back("not caught: " + name);
    }
  };
  const auto unfenced = [](std::unique_ptr<store::JobStore> store) {
    return std::make_unique<UnfencedStore>(std::move(store));
  };
  const auto forgetful = [](std::unique_ptr<store::JobStore> store) {
    return std::make_unique<ForgetfulStore>(std::move(store));
  };
  const auto tokenless = [](std::unique_ptr<store::JobStore> store) {
    return std::make_unique<TokenlessReaperStore>(std::move(store));
  };
  // First that the oracles are silent where nothing is wrong.
  expect_caught("silence", KilledOnce("work", {}).violations.empty() && IsLateWriterRefused({}) &&
                               IsRenewedAttemptSpared({}) && AreClaimsSafe());
  expect_caught("fence off", !IsLateWriterRefused(unfenced));
  expect_caught("reaper without token", !IsRenewedAttemptSpared(tokenless));
  expect_caught("deferred BEGIN", !AreDeferredClaimsSafe());
  expect_caught("resume off", !KilledOnce("forget", {}).violations.empty());
  expect_caught("other bytes", !KilledOnce("sloppy", {}).violations.empty());
  expect_caught("lost event", !KilledOnce("work", forgetful).violations.empty());
  expect_caught("row before file", IsMissingFileFound());
  expect_caught("double run", IsDoubleRunFound());
  const auto without_result = [](Rig& rig) {
    const std::filesystem::path link = rig.folder() / "harvest/x/detect.bin";
    std::filesystem::remove(std::filesystem::canonical(link));
  };
  expect_caught("result gone", !KilledOnce("work", {}, without_result).violations.empty());
  expect_caught("torn JSON", DoesTheReaderSeeTornFiles());
  return row;
}

}  // namespace rollcall::faults
