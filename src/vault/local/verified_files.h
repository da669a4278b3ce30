#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"

namespace rollcall::vault {

// Digests of files, each read whole once and then remembered for as long as nobody touches it: the
// same device, inode, size, time of change and time of the inode's change, which no program can set
// back. A file that was touched less than two seconds before it was read is read again next time:
// the clock that stamps files is too coarse to show another change right after.
//
// In memory only, so that what it knows was seen by this process on this boot: an owner after a
// crash of the host, or on a copy of the data directory, reads everything itself.
//
// Thread-safe; reads files with no lock held. Borrows `clock`.
class VerifiedFiles {
 public:
  // `read` reads a file whole.
  VerifiedFiles(base::Clock& clock, base::DigestFunction read)
      : clock_(clock), read_(std::move(read)) {}

  // As base::DigestFile: a folder's files are remembered one by one.
  base::Result<base::FileDigest> Digest(const std::filesystem::path& path);

 private:
  struct Stamp {
    std::int64_t size_bytes = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using FileId = std::pair<dev_t, ino_t>;
  struct Seen {
    FileId file;
    Stamp stamp;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  struct Known {
    Stamp stamp;
    base::FileDigest digest;
  };

  static std::optional<Seen> Look(const std::filesystem::path& path);
  std::optional<base::FileDigest> Recall(const Seen& seen) const;
  void Remember(const Seen& seen, const base::FileDigest& digest);

  base::Clock& clock_;
  const base::DigestFunction read_;
  mutable base::Mutex mutex_;
  std::map<FileId, Known> known_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::vault
