#include "vault/local/verified_files.h"

#include <sys/stat.h>

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;

std::int64_t Nanoseconds(const timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return time.tv_sec * kSecond + time.tv_nsec;
}

}  // namespace

std::optional<VerifiedFiles::Seen> VerifiedFiles::Look(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Seen{.file = {status.st_dev, status.st_ino},
              .stamp = {.size_bytes = status.st_size,
                        .modified_ns = Nanoseconds(status.st_mtim),
                        .changed_ns = Nanoseconds(status.st_ctim)}};
}

base::Result<base::FileDigest> VerifiedFiles::Digest(const fs::path& path) {
  std::error_code ignored;  // What is wrong with the path is said by who reads it.
  if (fs::is_directory(path, ignored)) {
    return base::DigestFolder(path, [this](const fs::path& entry) { return Digest(entry); });
  }
  const base::WallTime begun = clock_.Now().wall;
  const auto seen = Look(path);
  if (seen) {
    if (auto digest = Recall(*seen)) return *std::move(digest);
  }
  ROLLCALL_TRY_ASSIGN(base::FileDigest digest, read_(path));
  constexpr std::chrono::seconds kSettled{2};
  const std::chrono::nanoseconds begun_ns = begun.time_since_epoch();
  const bool is_settled = seen && begun_ns.count() - seen->stamp.changed_ns >=
                                      std::chrono::nanoseconds(kSettled).count();
  if (is_settled && Look(path) == seen) Remember(*seen, digest);
  return digest;
}

std::optional<base::FileDigest> VerifiedFiles::Recall(const Seen& seen) const {
  base::MutexLock lock(mutex_);
  const auto known = known_.find(seen.file);
  if (known == known_.end() || known->second.stamp != seen.stamp) return std::nullopt;
  return known->second.digest;
}

void VerifiedFiles::Remember(const Seen& seen, const base::FileDigest& digest) {
  constexpr std::size_t kFilesMax = 100'000;  // Of some 200 bytes each; then it begins anew.
  base::MutexLock lock(mutex_);
  if (known_.size() >= kFilesMax) known_.clear();
  known_.insert_or_assign(seen.file, Known{.stamp = seen.stamp, .digest = digest});
}

}  // namespace rollcall::vault
