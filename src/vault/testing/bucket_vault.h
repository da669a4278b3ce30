#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "vault/vault.h"

namespace rollcall::vault {

// A vault whose bytes are in no folder of this host, as a bucket's: objects with flat keys, folders
// only as what keys begin with, nothing that could be renamed, and nothing that can be read before
// it was brought into `cache`. With the local one it passes the same suite, which shows that the
// interface asks for no shared folder. For tests: bytes are in memory, a second look hashes anew.
//
// Thread-safe; one call at a time. Borrows `clock`.
class BucketVault final : public Vault {
 public:
  BucketVault(std::filesystem::path cache, base::Clock& clock)
      : cache_(std::move(cache)), clock_(clock) {}

  base::Result<void> Adopt(const Adoption& adoption) override;
  base::Result<std::filesystem::path> Fetch(std::string_view path) override;
  base::Result<std::filesystem::path> Shelf(std::string_view prefix) override;
  base::Result<void> Verify(const StoredFile& file, Depth depth) override;
  base::Result<void> Link(std::string_view name, std::string_view path) override;
  base::Result<std::optional<std::string>> LinkTarget(std::string_view name) override;
  base::Result<std::optional<Entry>> Look(std::string_view path) override;
  base::Result<void> List(std::string_view folder, const Take& take) override;
  base::Result<void> Remove(std::string_view path) override;

  // What others do to it: put an object's bytes, and keep us from reading one.
  void Put(const std::string& path, std::string bytes);
  void Deny(const std::string& path);
  // How many objects Verify has brought here.
  int reads();

 private:
  struct Object {
    std::string bytes;
    std::optional<std::string> target;  // Of a link, which has no bytes.
    base::WallTime changed{};
    std::int64_t version = 0;
  };
  using Objects = std::map<std::string, Object, std::less<>>;
  enum class End { kItself, kFollowed };

  // The key that the first link of this one leads to, if there is one.
  std::optional<std::string> FollowFirst(std::string_view key, End end) const
      ROLLCALL_REQUIRES(mutex_);
  // The key with the links on its way, and at its end, followed.
  std::string Resolve(std::string_view path, End end) const ROLLCALL_REQUIRES(mutex_);
  bool IsFolder(std::string_view key) const ROLLCALL_REQUIRES(mutex_);
  // The keys of a file or of all below a folder.
  std::vector<std::string> KeysOf(const std::string& key) const ROLLCALL_REQUIRES(mutex_);
  Entry EntryOf(std::string_view name, const std::string& key) const ROLLCALL_REQUIRES(mutex_);
  Object MakeObject(std::string bytes) ROLLCALL_REQUIRES(mutex_);

  base::Result<void> Upload(const std::filesystem::path& from, const std::string& key)
      ROLLCALL_REQUIRES(mutex_);
  base::Result<void> TakeIn(const Adoption& adoption, std::set<std::string>& put)
      ROLLCALL_REQUIRES(mutex_);
  base::Result<std::filesystem::path> Download(std::string_view path) ROLLCALL_REQUIRES(mutex_);
  base::Result<void> Check(const StoredFile& file, Depth depth) ROLLCALL_REQUIRES(mutex_);
  void Erase(const std::string& key) ROLLCALL_REQUIRES(mutex_);

  const std::filesystem::path cache_;
  base::Clock& clock_;
  base::Mutex mutex_;
  Objects objects_ ROLLCALL_GUARDED_BY(mutex_);
  std::set<std::string> denied_ ROLLCALL_GUARDED_BY(mutex_);
  // By the versions of all objects of a file or folder.
  std::map<std::string, base::FileDigest> remembered_ ROLLCALL_GUARDED_BY(mutex_);
  std::int64_t version_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  int reads_ ROLLCALL_GUARDED_BY(mutex_) = 0;
};

}  // namespace rollcall::vault
