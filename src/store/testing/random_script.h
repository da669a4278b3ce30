#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/job_store.h"

namespace rollcall::store {

// A random life of a store, the same for the same seed: submissions, claims, progress, ends,
// cancels, reaping, pauses and removals over few keys, so that they meet.
//
// Borrows `store`. A step that the store refuses is as good as one that it takes; what came of
// each is in `answers`.
class RandomScript {
 public:
  RandomScript(JobStore& store, std::uint32_t seed);

  void Step();
  // The same store, opened again.
  void GoOnWith(JobStore& store) { store_ = &store; }
  const std::vector<std::string>& answers() const { return answers_; }

 private:
  int Below(int limit);  // 0 ≤ number < limit
  void Submit();
  void Claim();
  void Work();
  void End();
  void Cancel();
  void Other();
  template <typename T>
  void Note(std::string_view what, const base::Result<T>& result);

  JobStore* store_;
  std::mt19937 engine_;
  base::FakeClock clock_;
  AgentIdentity agent_{.id = "agent", .incarnation = "1", .boot_id = "boot"};
  std::vector<LeasedTask> tasks_;  // Claimed at some time, perhaps lost since.
  std::vector<std::string> answers_;
};

}  // namespace rollcall::store
