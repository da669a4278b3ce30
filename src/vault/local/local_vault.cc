#include "vault/local/local_vault.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/failpoint.h"
#include "vault/in_place.h"
#include "vault/local/durable_move.h"
#include "vault/staged_file.h"

namespace rollcall::vault {
namespace {

namespace fs = std::filesystem;
using base::Result;

Result<std::optional<Entry>> EntryAt(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<Entry>{};
    return base::ErrnoError(errno, "look at", path);
  }
  Entry entry{.name = path.filename().string()};
  if (S_ISREG(status.st_mode)) entry.kind = Entry::Kind::kFile;
  if (S_ISDIR(status.st_mode)) entry.kind = Entry::Kind::kFolder;
  if (S_ISLNK(status.st_mode)) entry.kind = Entry::Kind::kLink;
  entry.changed = base::WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::seconds{status.st_mtim.tv_sec} +
      std::chrono::nanoseconds{status.st_mtim.tv_nsec})};
  return std::optional(std::move(entry));
}

// Reads nothing where there is no `digest_of`.
Result<void> CheckFile(const fs::path& root, const StoredFile& file,
                       const base::DigestFunction& digest_of) {
  const fs::path path = root / file.path;
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::none) {
    return base::ErrnoError(failure.value(), "look at", path);
  }
  const bool is_folder = fs::is_directory(status);
  if (!is_folder && !fs::is_regular_file(status)) return NotAsDescribed(file.path, "is not there");
  if (digest_of) {
    const auto digest = digest_of(path);
    if (!digest.ok() && digest.error().code == base::ErrorCode::kNotFound) {
      return NotAsDescribed(file.path, "is not there");
    }
    ROLLCALL_TRY(digest);
    return CompareDigest(file, *digest);
  }
  if (is_folder) return {};
  const std::uintmax_t size = fs::file_size(path, failure);
  if (failure) return base::ErrnoError(failure.value(), "look at", path);
  return CompareSize(file, static_cast<std::int64_t>(size));
}

void RemoveAdopted(const fs::path& path) {
  std::error_code ignored;  // Then the sweeper finds it.
  fs::remove_all(path, ignored);
}

// Missing, or another kind of thing: no link.
bool IsNoLink(const std::error_code& failure) {
  return failure == std::errc::no_such_file_or_directory || failure == std::errc::not_a_directory ||
         failure == std::errc::invalid_argument;
}

}  // namespace

LocalVault::LocalVault(const base::HeldFolder& root, base::Clock& clock)
    : LocalVault(root, clock, [](const fs::path& path) { return base::DigestFile(path); }) {}

LocalVault::LocalVault(const base::HeldFolder& root, base::Clock& clock, base::DigestFunction read)
    : root_(root), read_(std::move(read)), verified_(clock, read_) {
  ROLLCALL_CHECK(root_.path().is_absolute(), root_.path().string());
}

// An error as people understand it: they know the vault by its path.
template <typename T>
Result<T> LocalVault::Told(Result<T> result) const {
  if (result.ok()) return result;
  if (!root_.IsInPlace()) return DataDirectoryMoved(root_.path());
  base::Error error = std::move(result).error();
  const std::string held = (root_.held_path() / "").string();
  if (const auto at = error.message.find(held); at != std::string::npos) {
    error.message.replace(at, held.size(), (root_.path() / "").string());
  }
  return error;
}

Result<void> LocalVault::Adopt(const Adoption& adoption) {
  std::size_t moved = 0;
  const auto adopt = [&]() -> Result<void> {
    for (const StoredFile& file : adoption.files) {
      ROLLCALL_TRY(Move(adoption.staging, file.path));
      ++moved;
    }
    return CheckMoved(adoption);
  };
  auto adopted = adopt();
  if (adopted.ok()) return adopted;
  for (const StoredFile& file : adoption.files.first(moved)) RemoveAdopted(Held(file.path));
  return Told(std::move(adopted));
}

Result<void> LocalVault::Move(const fs::path& staging, const std::string& path) const {
  ROLLCALL_TRY(CheckInside(path));
  ROLLCALL_TRY_ASSIGN(const StagedFile staged, StagedFile::Find(staging, path));
  const fs::path to = Held(path);
  ROLLCALL_TRY(base::MakeFoldersIn(root_.held_path(), to.parent_path()));
  ROLLCALL_TRY(base::Failpoint("file.write"));
  return MoveAnew(staged.path(), to, path);
}

Result<void> LocalVault::CheckMoved(const Adoption& adoption) const {
  ROLLCALL_TRY(adoption.what == Finished::kSegment ? base::Failpoint("segment.renamed")
                                                   : base::Failpoint("artefacts.renamed"));
  for (const StoredFile& file : adoption.files) {
    if (!IsPlain(Held(file.path))) return NotAsDescribed(file.path, "is no plain file");
  }
  for (const StoredFile& file : adoption.files) {
    ROLLCALL_TRY(CheckFile(root_.held_path(), file, read_));
  }
  for (const StoredFile& file : adoption.files) ROLLCALL_TRY(SyncTree(Held(file.path)));
  return {};
}

Result<fs::path> LocalVault::Fetch(std::string_view path) {
  ROLLCALL_TRY(CheckInside(path));
  ROLLCALL_TRY(CheckInPlace(root_));
  fs::path here = root_.path() / path;
  struct stat status {};
  if (::stat(here.c_str(), &status) != 0) return base::ErrnoError(errno, "look at", here);
  return here;
}

Result<fs::path> LocalVault::Shelf(std::string_view prefix) {
  ROLLCALL_TRY(CheckInside(prefix));
  ROLLCALL_TRY(CheckInPlace(root_));
  ROLLCALL_TRY(Told(base::MakeFoldersIn(root_.held_path(), Held(prefix))));
  return root_.path() / prefix;
}

Result<void> LocalVault::Verify(const StoredFile& file, Depth depth) {
  ROLLCALL_TRY(CheckInside(file.path));
  base::DigestFunction digest_of;
  if (depth == Depth::kBytes) digest_of = read_;
  if (depth == Depth::kRemembered) {
    digest_of = [this](const fs::path& path) { return verified_.Digest(path); };
  }
  ROLLCALL_TRY(Told(CheckFile(root_.path(), file, digest_of)));
  return CheckInPlace(root_);  // Else it may have been another's.
}

Result<void> LocalVault::Link(std::string_view name, std::string_view path) {
  ROLLCALL_TRY(CheckInside(name));
  ROLLCALL_TRY(CheckInside(path));
  if (name == path) return {};
  const fs::path link = Held(name);
  const fs::path to = fs::path(path).lexically_relative(fs::path(name).parent_path());
  std::error_code failure;
  if (fs::read_symlink(link, failure) == to && !failure) return {};
  ROLLCALL_TRY(Told(base::MakeFoldersIn(root_.held_path(), link.parent_path())));
  return Told(base::LinkAtomic(link, to));
}

Result<std::optional<std::string>> LocalVault::LinkTarget(std::string_view name) {
  ROLLCALL_TRY(CheckInside(name));
  std::error_code failure;
  fs::path target = fs::read_symlink(Held(name), failure);
  if (failure && IsNoLink(failure)) return std::optional<std::string>{};
  if (failure) {
    return Told(Result<std::optional<std::string>>(
        base::ErrnoError(failure.value(), "look at", root_.path() / name)));
  }
  if (target.is_absolute()) {
    target = target.lexically_relative(root_.path());
  } else {
    target = (fs::path(name).parent_path() / target).lexically_normal();
  }
  if (IsInside(target.native())) return std::optional(target.string());
  return NotAsDescribed(name, "is a link that leads out of the data directory");
}

Result<std::optional<Entry>> LocalVault::Look(std::string_view path) {
  ROLLCALL_TRY(CheckInside(path));
  return Told(EntryAt(Held(path)));
}

Result<void> LocalVault::List(std::string_view folder, const Take& take) {
  ROLLCALL_TRY_ASSIGN(const auto itself, Look(folder));
  if (!itself || itself->kind != Entry::Kind::kFolder) return {};
  std::error_code failure;
  fs::directory_iterator at(Held(folder), failure);
  for (const fs::directory_iterator end; !failure && at != end; at.increment(failure)) {
    ROLLCALL_TRY_ASSIGN(const auto entry, Told(EntryAt(at->path())));
    if (!entry) continue;
    ROLLCALL_TRY_ASSIGN(const bool goes_on, take(*entry));
    if (!goes_on) return {};
  }
  if (!failure || failure == std::errc::no_such_file_or_directory) return {};
  return Told(Result<void>(base::ErrnoError(failure.value(), "list", root_.path() / folder)));
}

Result<void> LocalVault::Remove(std::string_view path) {
  ROLLCALL_TRY(CheckInside(path));
  std::error_code failure;
  fs::remove_all(Held(path), failure);
  if (!failure) return {};
  return Told(Result<void>(base::ErrnoError(failure.value(), "remove", root_.path() / path)));
}

}  // namespace rollcall::vault
