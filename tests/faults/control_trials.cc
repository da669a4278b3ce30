#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "jobs/testing/faulty_store.h"
#include "oracle.h"
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
  // First that the oracles are silent where nothing is wrong.
  expect_caught("silence", KilledOnce("work", {}).violations.empty() && IsLateWriterRefused({}));
  expect_caught("fence off", !IsLateWriterRefused(unfenced));
  expect_caught("resume off", !KilledOnce("forget", {}).violations.empty());
  expect_caught("other bytes", !KilledOnce("sloppy", {}).violations.empty());
  expect_caught("lost event", !KilledOnce("work", forgetful).violations.empty());
  const auto without_segments = [](Rig& rig) {
    std::filesystem::remove_all(rig.folder() / "harvest/x/segments");
  };
  expect_caught("row without file", !KilledOnce("work", {}, without_segments).violations.empty());
  const auto without_result = [](Rig& rig) {
    const std::filesystem::path link = rig.folder() / "harvest/x/detect.bin";
    std::filesystem::remove(std::filesystem::canonical(link));
  };
  expect_caught("result gone", !KilledOnce("work", {}, without_result).violations.empty());
  expect_caught("torn JSON", DoesTheReaderSeeTornFiles());
  return row;
}

}  // namespace rollcall::faults
