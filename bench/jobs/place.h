#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "store/job_store.h"

namespace rollcall::bench {

inline constexpr std::chrono::seconds kLease{30};

// A data directory of its own with an open store, gone with the object. What the bench asks of the
// store it asks through its interface; whatever fails ends the bench.
class Place {
 public:
  // In memory syncing costs nothing, so that a store is filled quickly; moved to the disk before
  // anything is measured. Or the store alone is on the disk: a million small files are there and
  // gone within minutes on any disk. Where there is no such memory, all is on the disk.
  enum class Where { kDisk, kMemory, kStoreOnDisk };

  explicit Place(Where where = Where::kDisk);
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  void Open();
  void Close();
  // Closed afterwards, and all of it on the disk.
  void MoveToDisk();

  static std::string Key(int number);  // "episode_000012"
  // A job of the one stage "detect" for a new episode.
  store::Job Submit(int number);
  store::LeasedTask Claim();
  void Commit(const store::Fence& fence, std::int64_t number);
  void Succeed(const store::Fence& fence);

  store::JobStore& store() { return *store_; }
  base::Clock& clock() { return clock_; }
  base::Instant Now() { return clock_.Now(); }
  const std::filesystem::path& folder() const { return folder_; }
  // Where the store's file really is.
  const std::filesystem::path& disk() const { return disk_.empty() ? folder_ : disk_; }
  const store::AgentIdentity& agent() const { return agent_; }

 private:
  std::filesystem::path folder_;
  std::filesystem::path disk_;  // Of the store alone; else empty.
  base::SystemClock clock_;
  store::AgentIdentity agent_{.id = "bench", .incarnation = "1", .boot_id = base::BootId()};
  std::unique_ptr<store::JobStore> store_;
};

// Seconds since `then`.
double Since(std::chrono::steady_clock::time_point then);

}  // namespace rollcall::bench
