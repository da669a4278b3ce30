#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/mutex.h"
#include "base/result.h"
#include "domain/stage_handler.h"
#include "vault/file_check.h"

namespace rollcall::worker {

// The folders in which attempts write what is not committed yet: `staging/<attempt id>/` in the
// data directory, each a picture of it. A worker may write nowhere else. What it offers is moved to
// its place and looked at there, where it has no way to it any more, so that the file that was
// found right is the one that its row names.
//
// Thread-safe. Knows paths, no store: a row comes after, and a file without a row is nothing.
class Staging {
 public:
  // `digest` reads a file.
  explicit Staging(std::filesystem::path data_dir, base::DigestFunction digest = vault::ReadDigest)
      : data_dir_(std::move(data_dir)), digest_(std::move(digest)) {}

  std::filesystem::path FolderOf(std::string_view attempt_uuid) const;
  // Makes it, empty.
  base::Result<void> Make(std::string_view attempt_uuid) const;

  // Moves a segment's file to its place, durably, and reads it there. kDataLoss /
  // ERR_ARTIFACT_CORRUPT when it is not there, not as described, or no plain file: then nothing is
  // left of it.
  base::Result<void> TakeSegment(std::string_view attempt_uuid,
                                 const domain::Segment& segment) const;
  // The same of all files and folders of a result: all are taken, or none.
  base::Result<void> TakeArtifacts(std::string_view attempt_uuid,
                                   std::span<const domain::Artifact> artifacts) const;

  // The attempt has ended: its folder may go. Costs nothing; RemoveDiscarded does it.
  void Discard(std::string attempt_uuid);
  // What cannot be removed is left for RemoveLeftovers.
  void RemoveDiscarded();
  // Once, before the first attempt: folders of attempts of which no process is left. How many.
  int RemoveLeftovers() const;

 private:
  base::Result<void> Move(const std::filesystem::path& folder, const std::string& path) const;
  void Remove(const std::string& path) const;

  const std::filesystem::path data_dir_;
  const base::DigestFunction digest_;
  base::Mutex mutex_;
  std::set<std::string> discarded_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::worker
