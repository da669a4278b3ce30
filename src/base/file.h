#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rollcall::base {

// The Error of a failed system call: ENOSPC and EDQUOT are kResourceExhausted / ERR_DISK_FULL,
// ENOENT kNotFound, EACCES, EPERM and EROFS kFailedPrecondition, the rest kUnavailable.
Error ErrnoError(int error_number, std::string_view doing, const std::filesystem::path& path);

// The whole file. kNotFound, or what ErrnoError says.
Result<std::string> ReadFile(const std::filesystem::path& path);

// tmp → write → fdatasync → rename → fsync(dir): readers see the old bytes or the new, never a mix.
Result<void> WriteFileAtomic(const std::filesystem::path& path, std::string_view bytes);

// Makes `path` a symbolic link to `target` (relative), replacing what is there, atomically.
Result<void> LinkAtomic(const std::filesystem::path& path, const std::filesystem::path& target);

// fdatasync of a file that is already written, then fsync of its folder.
Result<void> SyncFile(const std::filesystem::path& path);
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
Result<FileDigest> DigestFile(const std::filesystem::path& path);
using DigestFunction = std::function<Result<FileDigest>(const std::filesystem::path&)>;
// A folder's, from those that `digest_of` gives for its entries.
Result<FileDigest> DigestFolder(const std::filesystem::path& folder,
                                const DigestFunction& digest_of);

}  // namespace rollcall::base
