#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "vault/stored_file.h"

namespace rollcall::vault {

// What an attempt has finished, for the failpoint between its move and the look at it.
enum class Finished {
  kSegment,  // "segment.renamed"
  kResult,   // "artefacts.renamed"
};

struct Adoption {
  // A folder of this host and a picture of the vault: what is to lie at `path` is staging/path.
  std::filesystem::path staging;
  std::span<const StoredFile> files;
  Finished what = Finished::kResult;
};

// How closely Verify looks.
enum class Depth {
  kPresence,  // It is there and of the right size; a folder is just there. Reads nothing.
  // As kBytes, unless this vault has read it at this depth and nobody has touched it since. What
  // was written a moment ago may be read again.
  kRemembered,
  kBytes,  // Reads all.
};

// What lies in a folder, or at a path.
struct Entry {
  enum class Kind { kFile, kFolder, kLink, kOther };
  std::string name;  // The last part of its path.
  Kind kind = Kind::kOther;
  // When it was last written: itself, not what a link names. A folder's tells nothing of what is in
  // it; a vault without real folders gives the epoch.
  base::WallTime changed{};
};

// All result bytes, on the owner's side only: no worker has to do with it, and it knows no store
// and no job. A row comes after: a file that no row names is nothing.
//
// Paths are relative to it and name files, folders of files, or links (Link). A link on the way to
// a path is followed; what is at its end, where it says so. All refuse a path that is not inside
// (stored_file.h: IsInside), with kDataLoss / ERR_ARTIFACT_CORRUPT.
//
// It need not be a folder of this host: bytes come from a staging folder (Adopt), and are read
// where Fetch says. Folders are there when something is in them, and are never made for themselves.
//
// Thread-safe.
class Vault {
 public:
  virtual ~Vault() = default;

  // Takes over what a worker has finished: each file or folder is moved to its place, durably,
  // never over something that is there, and then looked at there, where the worker has no way to
  // it: a file with one name or a folder of such, reached without a link, of the size and hash
  // described. All or none: when one is wrong nothing is left of them here. kDataLoss /
  // ERR_ARTIFACT_CORRUPT names the first that is not as described or whose place is taken; other
  // errors where that cannot be told or done.
  virtual base::Result<void> Adopt(const Adoption& adoption) = 0;

  // Where this host can read it, whole, as an absolute path below Shelf(its folder): a remote vault
  // brings it here first. Its bytes are not looked at. kNotFound if it is not there.
  virtual base::Result<std::filesystem::path> Fetch(std::string_view path) = 0;
  // The folder of this host, made if missing, below which Fetch's answers for all under `prefix`
  // lie: what a worker has to be allowed to read.
  virtual base::Result<std::filesystem::path> Shelf(std::string_view prefix) = 0;

  // kDataLoss / ERR_ARTIFACT_CORRUPT if it is not there or not as described; other errors where
  // that cannot be told, which say nothing about it.
  virtual base::Result<void> Verify(const StoredFile& file, Depth depth) = 0;

  // `name` stands for `path` from now on, for every reader either what it stood for or this;
  // nothing is written where it does already, or is its own path. Takes the place of a link or a
  // file, never of a folder. Whether there is something at `path` is not looked at.
  virtual base::Result<void> Link(std::string_view name, std::string_view path) = 0;
  // What `name` stands for; nullopt if it is no link or not there. An error where that cannot be
  // told, or where a link that somebody else has made leads out of the vault.
  virtual base::Result<std::optional<std::string>> LinkTarget(std::string_view name) = 0;

  // What is at `path`, a link itself; nullopt if nothing is.
  virtual base::Result<std::optional<Entry>> Look(std::string_view path) = 0;
  // What is directly in `folder`, in no order: nothing where that is missing or no real folder. Not
  // gathered, as there may be an entry for every subject: `take` is called with one after the
  // other, and ends it with false, or with an error, which is returned. It may use the vault. What
  // comes or goes meanwhile may be among them or not.
  using Take = std::function<base::Result<bool>(const Entry&)>;
  virtual base::Result<void> List(std::string_view folder, const Take& take) = 0;

  // The file, the link or the folder with all in it; never what a link names. Ok if there is none.
  // Not durable: what a power cut brings back is nothing either.
  virtual base::Result<void> Remove(std::string_view path) = 0;
};

}  // namespace rollcall::vault
