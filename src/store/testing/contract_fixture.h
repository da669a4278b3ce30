#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/job_store.h"
#include "store/store_clock.h"

#define EXPECT_OK(expr)                                                           \
  do {                                                                            \
    const auto& expect_ok = (expr);                                               \
    EXPECT_TRUE(expect_ok.ok()) << #expr << ": " << expect_ok.error().ToString(); \
  } while (false)

namespace rollcall::store {

// A store for one test, with whatever it lives in.
class StoreHome {
 public:
  virtual ~StoreHome() = default;
  virtual JobStore& store() = 0;
  // The host boots, and the store is opened again.
  virtual void Reboot(const std::string& boot_id) = 0;
};
using MakeHome = std::function<std::unique_ptr<StoreHome>(const StoreClock& clock)>;

// "ERR_…" of a failed result, "" of a good one.
template <typename T>
std::string ReasonOf(const base::Result<T>& result) {
  return result.ok() ? std::string() : result.error().reason;
}
template <typename T>
base::ErrorCode CodeOf(const base::Result<T>& result) {
  EXPECT_FALSE(result.ok());
  return result.ok() ? base::ErrorCode::kInternal : result.error().code;
}

// The stages of an episode that the tests use, each needing the one before: extract, detect, track.
// `version` stands for parameters: other versions are other work.
JobRequest MakeRequest(std::string kind, std::string id, std::initializer_list<std::string> stages,
                       int version = 1);
// One stage of a subject whose equal submissions are separate work.
JobRequest MakeSeparate(std::string kind, std::string id);

domain::Segment MakeSegment(std::int64_t number, std::string_view bytes = "bytes");
AttemptEnd MakeEnd(AttemptOutcome outcome);
domain::Artifact MakeArtifact(std::string name, std::int64_t token);

// What every JobStore has to do, as tests over any of them. After each test the store's own audit
// must be content.
class JobStoreContract : public testing::TestWithParam<MakeHome> {
 protected:
  static constexpr std::chrono::nanoseconds kLease = std::chrono::seconds{30};

  void SetUp() override { home_ = GetParam()({.clock = clock_, .boot_id = "boot of the store"}); }
  void TearDown() override;

  JobStore& store() { return home_->store(); }
  base::Instant now() { return clock_.Now(); }

  Submission Submit(const JobRequest& request);
  JobId SubmitAnalyze(const std::string& id, int version = 1);  // extract, detect, track
  std::optional<LeasedTask> TryClaim(std::vector<std::string> stages = {});
  std::optional<LeasedTask> TryClaimAs(const AgentIdentity& agent);
  LeasedTask Claim(std::vector<std::string> stages = {});  // There must be one.
  LeasedTask ClaimStarted(std::vector<std::string> stages = {});
  void Succeed(const LeasedTask& task);
  void End(const LeasedTask& task, AttemptOutcome outcome);
  void EndWithRetry(const LeasedTask& task, std::chrono::milliseconds delay,
                    AttemptOutcome outcome = AttemptOutcome::kFailed);
  // Claims, starts and finishes a task of `stage`.
  LeasedTask RunToSuccess(const std::string& stage);

  domain::JobState JobStateOf(JobId id);
  StageRun RunOf(JobId id, std::string_view stage);
  domain::JobState StateOf(JobId id, std::string_view stage) { return RunOf(id, stage).state; }
  std::optional<Lease> LeaseOf(const Fence& fence);
  std::vector<std::string> EventsOf(JobId id);
  int CountEvents(JobId id, std::string_view kind);
  std::string EventBody(JobId id, std::string_view kind);  // Of the first; empty if there is none.

  base::FakeClock clock_;
  AgentIdentity agent_{.id = "agent", .incarnation = "first", .boot_id = "boot"};
  // Of another host.
  AgentIdentity other_agent_{.id = "other", .incarnation = "first", .boot_id = "another boot"};
  std::unique_ptr<StoreHome> home_;
};

}  // namespace rollcall::store
