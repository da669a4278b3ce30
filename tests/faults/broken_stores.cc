#include "broken_stores.h"

#include <utility>

#include "store/testing/faulty_store.h"

namespace rollcall::faults {
namespace {

using base::Result;

class BrokenStore final : public store::FaultyStore {
 public:
  BrokenStore(std::unique_ptr<store::JobStore> inner, Breakage breakage)
      : store::FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }),
        breakage_(breakage) {}

  Result<void> SegmentCommit(const store::Fence& fence, const domain::Segment& segment,
                             base::Instant now) override {
    return inner().SegmentCommit(Forged(fence), segment, now);
  }
  Result<void> TaskSucceed(const store::Fence& fence, const std::string& result_json,
                           std::span<const domain::Artifact> artifacts,
                           const store::AttemptEnd& end, base::Instant now) override {
    return inner().TaskSucceed(Forged(fence), result_json, artifacts, end, now);
  }
  Result<void> TaskEnd(const store::Fence& fence, const store::AttemptEnd& end,
                       base::Instant now) override {
    store::AttemptEnd counted = end;
    if (breakage_ == Breakage::kFullCounts) counted.error.reason = "ERR_INTERRUPTED";
    return inner().TaskEnd(fence, counted, now);
  }
  Result<std::vector<store::Lease>> LeaseReap(const store::AgentIdentity& agent,
                                              base::Instant now) override {
    if (breakage_ == Breakage::kEarlyReap) now.boot += std::chrono::hours{1};
    if (breakage_ != Breakage::kStaleReap) return inner().LeaseReap(agent, now);
    ROLLCALL_TRY_ASSIGN(const auto leases, inner().LeaseList());
    std::vector<store::Lease> reaped;
    for (const store::Lease& lease : leases) {
      if (std::erase(seen_run_out_, lease.fence.task) == 0) continue;
      ROLLCALL_TRY(inner().LeaseVoid(lease.fence, now));
      reaped.push_back(lease);
    }
    seen_run_out_.clear();
    for (const store::Lease& lease : leases) {
      if (lease.expires_at <= now.boot) seen_run_out_.push_back(lease.fence.task);
    }
    return reaped;
  }
  Result<std::vector<store::Event>> EventsAfter(store::JobId job, std::int64_t seq,
                                                int limit) override {
    ROLLCALL_TRY_ASSIGN(auto events, inner().EventsAfter(job, seq, limit));
    if (breakage_ == Breakage::kLostEvent) {
      std::erase_if(events, [](const store::Event& event) { return event.seq == 2; });
    }
    return events;
  }
  Result<store::Submission> JobSubmit(const store::JobRequest& request,
                                      base::Instant now) override {
    store::JobRequest wanted = request;
    for (store::StageRequest& stage : wanted.stages) {
      if (breakage_ == Breakage::kDedupeOff) stage.dedupe_key.reset();
      if (breakage_ != Breakage::kDropBefore || !stage.drops_segments) continue;
      ROLLCALL_TRY(inner().SegmentDrop(stage.work_key, 0, now));
    }
    return inner().JobSubmit(wanted, now);
  }
  Result<store::CancelOutcome> JobCancel(store::JobId id, base::Instant now) override {
    if (breakage_ != Breakage::kForgotCancel) return inner().JobCancel(id, now);
    ROLLCALL_TRY_ASSIGN(auto job, inner().JobGet(id));
    return store::CancelOutcome{
        .job = job, .to_stop = {}, .had_finished = domain::IsTerminal(job.state)};
  }

 private:
  store::Fence Forged(const store::Fence& fence) {
    if (breakage_ != Breakage::kFenceOff) return fence;
    const auto leases = inner().LeaseList();
    if (!leases.ok()) return fence;
    for (const store::Lease& lease : *leases) {
      if (lease.fence.task == fence.task) return lease.fence;
    }
    return fence;
  }

  const Breakage breakage_;
  std::vector<store::TaskId> seen_run_out_;
};

}  // namespace

std::unique_ptr<store::JobStore> Break(std::unique_ptr<store::JobStore> store, Breakage breakage) {
  if (breakage == Breakage::kNone) return store;
  return std::make_unique<BrokenStore>(std::move(store), breakage);
}

}  // namespace rollcall::faults
