#include "broken_stores.h"

#include <utility>

#include "store/testing/faulty_store.h"

namespace rollcall::faults {
namespace {

using base::Result;

class BrokenStore final : public store::FaultyStore {
 public:
  BrokenStore(std::unique_ptr<store::JobStore> inner, Breakage breakage, base::Clock& clock)
      : FaultyStore(std::move(inner), [](std::string_view, When) { return std::nullopt; }),
        breakage_(breakage),
        clock_(clock) {}

  Result<void> SegmentCommit(const store::Fence& fence, const domain::Segment& segment) override {
    return inner().SegmentCommit(Forged(fence), segment);
  }
  Result<void> TaskSucceed(const store::Fence& fence, const std::string& result_json,
                           std::span<const domain::Artifact> artifacts,
                           const store::AttemptEnd& end) override {
    return inner().TaskSucceed(Forged(fence), result_json, artifacts, end);
  }
  Result<void> TaskEnd(const store::Fence& fence, const store::AttemptEnd& end) override {
    store::AttemptEnd counted = end;
    if (breakage_ == Breakage::kFullCounts) counted.error.reason = "ERR_INTERRUPTED";
    return inner().TaskEnd(fence, counted);
  }
  Result<std::optional<store::LeasedTask>> TaskClaim(const store::ClaimRequest& request) override {
    asked_last_ = request.agent.boot_id;
    return inner().TaskClaim(request);
  }
  Result<std::vector<store::Lease>> LeaseReap() override {
    switch (breakage_) {
      case Breakage::kEarlyReap:
        return Void([](const store::Lease&) { return true; });
      case Breakage::kAskersBoot:
        return Void([this](const store::Lease& lease) {
          return lease.agent.boot_id != asked_last_ || HasRunOut(lease);
        });
      case Breakage::kStaleReap:
        return ReapWhatRanOutAtTheLastLook();
      default:
        return inner().LeaseReap();
    }
  }
  Result<std::vector<store::Event>> EventsAfter(store::JobId job, std::int64_t seq,
                                                int limit) override {
    ROLLCALL_TRY_ASSIGN(auto events, inner().EventsAfter(job, seq, limit));
    if (breakage_ == Breakage::kLostEvent) {
      std::erase_if(events, [](const store::Event& event) { return event.seq == 2; });
    }
    return events;
  }
  Result<store::Submission> JobSubmit(const store::JobRequest& request) override {
    store::JobRequest wanted = request;
    if (breakage_ == Breakage::kKeysOff) wanted.idempotency_key.reset();
    for (store::StageRequest& stage : wanted.stages) {
      if (breakage_ == Breakage::kDedupeOff) stage.dedupe_key.reset();
      if (breakage_ != Breakage::kDropBefore || !stage.drops_segments) continue;
      ROLLCALL_TRY(inner().SegmentDrop(stage.work_key, 0));
    }
    return inner().JobSubmit(wanted);
  }
  Result<store::CancelOutcome> JobCancel(store::JobId id) override {
    if (breakage_ != Breakage::kForgotCancel) return inner().JobCancel(id);
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

  bool HasRunOut(const store::Lease& lease) { return lease.expires.at <= clock_.Now().boot; }

  template <typename IsWanted>
  Result<std::vector<store::Lease>> Void(const IsWanted& is_wanted) {
    ROLLCALL_TRY_ASSIGN(auto leases, inner().LeaseList());
    std::erase_if(leases, [&](const store::Lease& lease) { return !is_wanted(lease); });
    for (const store::Lease& lease : leases) ROLLCALL_TRY(inner().LeaseVoid(lease.fence));
    return leases;
  }

  Result<std::vector<store::Lease>> ReapWhatRanOutAtTheLastLook() {
    ROLLCALL_TRY_ASSIGN(const auto leases, inner().LeaseList());
    std::vector<store::Lease> reaped;
    for (const store::Lease& lease : leases) {
      if (std::erase(seen_run_out_, lease.fence.task) == 0) continue;
      ROLLCALL_TRY(inner().LeaseVoid(lease.fence));
      reaped.push_back(lease);
    }
    seen_run_out_.clear();
    for (const store::Lease& lease : leases) {
      if (HasRunOut(lease)) seen_run_out_.push_back(lease.fence.task);
    }
    return reaped;
  }

  const Breakage breakage_;
  base::Clock& clock_;
  std::string asked_last_;  // The boot id of whoever claimed last.
  std::vector<store::TaskId> seen_run_out_;
};

}  // namespace

std::unique_ptr<store::JobStore> Break(std::unique_ptr<store::JobStore> store, Breakage breakage,
                                       base::Clock& clock) {
  if (breakage == Breakage::kNone) return store;
  return std::make_unique<BrokenStore>(std::move(store), breakage, clock);
}

}  // namespace rollcall::faults
