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
// Borrows `store` and its clock, which it moves. A step that the store refuses is as good as one
// that it takes; what came of each is in `answers`.
class RandomScript {
 public:
  RandomScript(JobStore& store, base::FakeClock& clock, std::uint32_t seed);

  void Step();
  // The same store, opened again with the same clock.
  void GoOnWith(JobStore& store) { store_ = &store; }
  const std::vector<std::string>& answers() const { return answers_; }

 private:
  int Below(int limit);  // 0 ≤ number < limit
  const AgentIdentity& SomeAgent();
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
  base::FakeClock& clock_;
  // Of two hosts, whose boots are not the store's.
  const std::vector<AgentIdentity> agents_{
      {.id = "agent", .incarnation = "1", .boot_id = "boot"},
      {.id = "other", .incarnation = "1", .boot_id = "another boot"},
  };
  std::vector<LeasedTask> tasks_;  // Claimed at some time, perhaps lost since.
  std::vector<std::string> answers_;
};

}  // namespace rollcall::store
