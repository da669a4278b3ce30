#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rollcall::base {

// Told of so many more bytes that were read or made durable. They are few at a time, so that a slow
// disk cannot keep its caller from being heard for long. Its error ends the work and is returned.
using OnBytes = std::function<Result<void>(std::int64_t bytes)>;
// How many at a time, at most: a disk that gives a third of a megabyte a second still lets its
// caller look up every 200 ms.
inline constexpr std::size_t kPieceBytes = std::size_t{1} << 16;

// The Error of a failed system call: ENOSPC and EDQUOT are kResourceExhausted / ERR_DISK_FULL,
// EMFILE and ENFILE kResourceExhausted / ERR_TOO_MANY_OPEN_FILES, ENOENT kNotFound, EACCES, EPERM
// and EROFS kFailedPrecondition, the rest kUnavailable.
Error ErrnoError(int error_number, std::string_view doing, const std::filesystem::path& path);

// `error` with how many bytes its writer needs room for before it tries again, where it is an
// ERR_DISK_FULL; the larger number stays.
Error WantingBytes(Error error, std::int64_t bytes);

// Whether a write of this process has met a full disk. Async-signal-safe: a process that ends by a
// signal after that can say so.
bool HasMetFullDisk();

// Writes `bytes` zeros into a file in `folder` that has no name and goes at once: whether there is
// room, for this user and under his quota. Errors of ErrnoError.
Result<void> TryForRoom(const std::filesystem::path& folder, std::int64_t bytes);

// The whole file. kNotFound, or what ErrnoError says.
Result<std::string> ReadFile(const std::filesystem::path& path, const OnBytes& on_bytes = {});

// tmp → write → fdatasync → rename → fsync(dir): readers see the old bytes or the new, never a mix.
Result<void> WriteFileAtomic(const std::filesystem::path& path, std::string_view bytes);

// Makes `path` a symbolic link to `target` (relative), replacing what is there, atomically.
Result<void> LinkAtomic(const std::filesystem::path& path, const std::filesystem::path& target);

// fdatasync of a file that is already written, then fsync of its folder. With `on_bytes` it is
// first written out piece by piece, so that the sync itself has little left to wait for.
Result<void> SyncFile(const std::filesystem::path& path, const OnBytes& on_bytes = {});
Result<void> SyncFolder(const std::filesystem::path& folder);

Result<void> MakeFolders(const std::filesystem::path& folder);
// The same for a folder below `root`, which is never made: kNotFound if it is not there.
Result<void> MakeFoldersIn(const std::filesystem::path& root, const std::filesystem::path& folder);

// Lower-case hex of 64 characters.
std::string Sha256(std::string_view bytes);

struct FileDigest {
  std::int64_t size_bytes = 0;
  std::string sha256;
};
// Reads the whole file. A folder's digest is that of its entries' names and digests, sorted by
// name; its size is theirs together. Errors as ReadFile.
Result<FileDigest> DigestFile(const std::filesystem::path& path, const OnBytes& on_bytes = {});
using DigestFunction = std::function<Result<FileDigest>(const std::filesystem::path&)>;
// A folder's, from those that `digest_of` gives for its entries.
Result<FileDigest> DigestFolder(const std::filesystem::path& folder,
                                const DigestFunction& digest_of);

}  // namespace rollcall::base
