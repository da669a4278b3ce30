#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"

namespace rollcall::worker {

// The folders in which attempts write what is not committed yet: `staging/<attempt id>/` in the
// data directory, each a picture of it. A worker may write nowhere else. What it offers is taken
// over by the vault.
//
// Thread-safe.
class Staging {
 public:
  explicit Staging(std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {}

  std::filesystem::path FolderOf(std::string_view attempt_uuid) const;
  // Makes it, empty.
  base::Result<void> Make(std::string_view attempt_uuid) const;

  // The attempt has ended: its folder may go. Costs nothing; RemoveDiscarded does it.
  void Discard(std::string attempt_uuid);
  // What cannot be removed is left for RemoveLeftovers.
  void RemoveDiscarded();
  // Once, before the first attempt: folders of attempts of which no process is left. How many.
  int RemoveLeftovers() const;

 private:
  const std::filesystem::path data_dir_;
  base::Mutex mutex_;
  std::set<std::string> discarded_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::worker
