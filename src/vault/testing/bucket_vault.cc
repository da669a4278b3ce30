#include "vault/testing/bucket_vault.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "vault/staged_file.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;
using base::MutexLock;
using base::Result;

// What the keys of all in a folder begin with.
std::string Below(std::string_view folder) { return std::string(folder) + "/"; }

}  // namespace

// --- The bucket.

bool BucketVault::IsFolder(std::string_view key) const {
  const std::string below = Below(key);
  const auto first = objects_.lower_bound(below);
  return first != objects_.end() && first->first.starts_with(below);
}

std::vector<std::string> BucketVault::KeysOf(const std::string& key) const {
  std::vector<std::string> keys;
  if (objects_.contains(key)) keys.push_back(key);
  const std::string below = Below(key);
  for (auto at = objects_.lower_bound(below); at != objects_.end() && at->first.starts_with(below);
       ++at) {
    keys.push_back(at->first);
  }
  return keys;
}

std::optional<std::string> BucketVault::FollowFirst(std::string_view key, End end) const {
  for (std::size_t length = 0; length != std::string_view::npos;) {
    length = key.find('/', length + 1);
    const bool is_end = length == std::string_view::npos;
    if (is_end && end == End::kItself) break;
    const auto object = objects_.find(key.substr(0, length));
    if (object == objects_.end() || !object->second.target) continue;
    return *object->second.target + std::string(is_end ? "" : key.substr(length));
  }
  return std::nullopt;
}

std::string BucketVault::Resolve(std::string_view path, End end) const {
  constexpr int kLinksMax = 8;
  std::string key(path);
  for (int links = 0; links < kLinksMax; ++links) {
    auto next = FollowFirst(key, end);
    if (!next) break;
    key = *std::move(next);
  }
  return key;
}

Entry BucketVault::EntryOf(std::string_view name, const std::string& key) const {
  Entry entry{.name = std::string(name), .kind = Entry::Kind::kFolder};
  const auto object = objects_.find(key);
  if (object == objects_.end()) return entry;
  entry.kind = object->second.target ? Entry::Kind::kLink : Entry::Kind::kFile;
  entry.changed = object->second.changed;
  return entry;
}

BucketVault::Object BucketVault::MakeObject(std::string bytes) {
  return {
      .bytes = std::move(bytes), .target = {}, .changed = clock_.Now().wall, .version = ++version_};
}

void BucketVault::Erase(const std::string& key) {
  for (const std::string& each : KeysOf(key)) objects_.erase(each);
}

// --- What comes in.

Result<void> BucketVault::Upload(const fs::path& from, const std::string& key) {
  std::error_code failure;
  if (!fs::is_directory(fs::symlink_status(from, failure))) {
    ROLLCALL_TRY_ASSIGN(std::string bytes, base::ReadFile(from));
    objects_.insert_or_assign(key, MakeObject(std::move(bytes)));
    return {};
  }
  for (fs::directory_iterator at(from, failure), end; !failure && at != end;
       at.increment(failure)) {
    ROLLCALL_TRY(Upload(at->path(), Below(key) + at->path().filename().string()));
  }
  if (failure) return base::ErrnoError(failure.value(), "list", from);
  return {};
}

Result<void> BucketVault::TakeIn(const Adoption& adoption, std::set<std::string>& put) {
  for (const StoredFile& file : adoption.files) {
    ROLLCALL_TRY(CheckInside(file.path));
    ROLLCALL_TRY_ASSIGN(const StagedFile staged, StagedFile::Find(adoption.staging, file.path));
    std::error_code failure;
    if (!fs::exists(fs::symlink_status(staged.path(), failure))) {
      return NotAsDescribed(file.path, "is not there");
    }
    if (!IsPlain(staged.path())) return NotAsDescribed(file.path, "is no plain file");
    const std::string key = Resolve(file.path, End::kItself);
    if (objects_.contains(key) || IsFolder(key)) {
      return NotAsDescribed(file.path, "is there already");
    }
    put.insert(key);
    ROLLCALL_TRY(Upload(staged.path(), key));
  }
  for (const StoredFile& file : adoption.files) ROLLCALL_TRY(Check(file, Depth::kBytes));
  for (const StoredFile& file : adoption.files) {
    ROLLCALL_TRY_ASSIGN(const StagedFile staged, StagedFile::Find(adoption.staging, file.path));
    std::error_code ignored;
    fs::remove_all(staged.path(), ignored);
  }
  return {};
}

Result<void> BucketVault::Adopt(const Adoption& adoption) {
  MutexLock lock(mutex_);
  std::set<std::string> put;
  auto taken = TakeIn(adoption, put);
  if (!taken.ok()) {
    for (const std::string& key : put) Erase(key);
  }
  return taken;
}

void BucketVault::Put(const std::string& path, std::string bytes) {
  MutexLock lock(mutex_);
  objects_.insert_or_assign(Resolve(path, End::kFollowed), MakeObject(std::move(bytes)));
}

// --- What is read.

Result<fs::path> BucketVault::Download(std::string_view path) {
  const std::string key = Resolve(path, End::kFollowed);
  const fs::path here = cache_ / path;
  const auto keys = KeysOf(key);
  if (keys.empty()) return base::ErrnoError(ENOENT, "fetch", here);
  std::error_code ignored;
  fs::remove_all(here, ignored);
  for (const std::string& each : keys) {
    if (denied_.contains(each)) return base::ErrnoError(EIO, "fetch", each);
    const fs::path to = here.string() + each.substr(key.size());
    ROLLCALL_TRY(base::MakeFolders(to.parent_path()));
    ROLLCALL_TRY(base::WriteFileAtomic(to, objects_.find(each)->second.bytes));
  }
  return here;
}

Result<fs::path> BucketVault::Fetch(std::string_view path) {
  ROLLCALL_TRY(CheckInside(path));
  MutexLock lock(mutex_);
  return Download(path);
}

Result<fs::path> BucketVault::Shelf(std::string_view prefix) {
  ROLLCALL_TRY(CheckInside(prefix));
  ROLLCALL_TRY(base::MakeFolders(cache_ / prefix));
  return cache_ / prefix;
}

Result<void> BucketVault::Check(const StoredFile& file, Depth depth) {
  const std::string key = Resolve(file.path, End::kFollowed);
  const auto keys = KeysOf(key);
  if (keys.empty()) return NotAsDescribed(file.path, "is not there");
  if (depth == Depth::kPresence) {
    if (IsFolder(key)) return {};
    return CompareSize(file, std::ssize(objects_.find(key)->second.bytes));
  }
  std::string versions;
  for (const std::string& each : keys) {
    versions += fmt::format("{}={}\n", each, objects_.find(each)->second.version);
  }
  const auto known = remembered_.find(versions);
  if (depth == Depth::kRemembered && known != remembered_.end()) {
    return CompareDigest(file, known->second);
  }
  reads_ += static_cast<int>(keys.size());
  ROLLCALL_TRY_ASSIGN(const fs::path here, Download(file.path));
  ROLLCALL_TRY_ASSIGN(const base::FileDigest digest, base::DigestFile(here));
  if (depth == Depth::kRemembered) remembered_.insert_or_assign(versions, digest);
  return CompareDigest(file, digest);
}

Result<void> BucketVault::Verify(const StoredFile& file, Depth depth) {
  ROLLCALL_TRY(CheckInside(file.path));
  MutexLock lock(mutex_);
  return Check(file, depth);
}

void BucketVault::Deny(const std::string& path) {
  MutexLock lock(mutex_);
  denied_.insert(Resolve(path, End::kFollowed));
}

int BucketVault::reads() {
  MutexLock lock(mutex_);
  return reads_;
}

// --- Names.

Result<void> BucketVault::Link(std::string_view name, std::string_view path) {
  ROLLCALL_TRY(CheckInside(name));
  ROLLCALL_TRY(CheckInside(path));
  if (name == path) return {};
  MutexLock lock(mutex_);
  const std::string key = Resolve(name, End::kItself);
  if (IsFolder(key)) return base::ErrnoError(EISDIR, "link", key);
  const auto there = objects_.find(key);
  if (there != objects_.end() && there->second.target == path) return {};
  Object link = MakeObject({});
  link.target = std::string(path);
  objects_.insert_or_assign(key, std::move(link));
  return {};
}

Result<std::optional<std::string>> BucketVault::LinkTarget(std::string_view name) {
  ROLLCALL_TRY(CheckInside(name));
  MutexLock lock(mutex_);
  const auto link = objects_.find(Resolve(name, End::kItself));
  return link == objects_.end() ? std::nullopt : link->second.target;
}

Result<std::optional<Entry>> BucketVault::Look(std::string_view path) {
  ROLLCALL_TRY(CheckInside(path));
  MutexLock lock(mutex_);
  const std::string key = Resolve(path, End::kItself);
  if (!objects_.contains(key) && !IsFolder(key)) return std::optional<Entry>{};
  return std::optional(EntryOf(fs::path(path).filename().string(), key));
}

// Page by page, as a bucket is listed; a page is an entry.
Result<void> BucketVault::List(std::string_view folder, const Take& take) {
  ROLLCALL_TRY(CheckInside(folder));
  std::string from;
  while (true) {
    Entry entry;
    {
      MutexLock lock(mutex_);
      const std::string below = Below(Resolve(folder, End::kItself));
      const auto next = objects_.lower_bound(from.empty() ? below : from);
      if (next == objects_.end() || !next->first.starts_with(below)) return {};
      const std::string key = next->first.substr(0, next->first.find('/', below.size()));
      entry = EntryOf(std::string_view(key).substr(below.size()), key);
      const bool is_folder = entry.kind == Entry::Kind::kFolder;
      from = key + (is_folder ? static_cast<char>('/' + 1) : '\0');
    }
    ROLLCALL_TRY_ASSIGN(const bool goes_on, take(entry));
    if (!goes_on) return {};
  }
}

Result<void> BucketVault::Remove(std::string_view path) {
  ROLLCALL_TRY(CheckInside(path));
  MutexLock lock(mutex_);
  Erase(Resolve(path, End::kItself));
  return {};
}

}  // namespace rollcall::vault
