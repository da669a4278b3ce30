#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::housekeeping {

// Whether files on a file system of this type ("ext4", "nfs4", "fuse.sshfs") lie on another
// machine: a store there would be damaged sooner or later.
bool IsNetworkFileSystem(std::string_view type);

// Where the kernel tells what is mounted.
inline constexpr const char* kMountsFile = "/proc/self/mountinfo";
// The type of the file system that `folder` is on; empty if it cannot be told.
std::string FileSystemType(const std::filesystem::path& folder,
                           const std::filesystem::path& mounts_file = kMountsFile);

// What a lock of a data directory holds open.
struct LockedFiles {
  base::UniqueFd folder;  // None where it may be entered but not listed.
  base::UniqueFd file;    // None where it is missing.
};

// The ownership of a data directory: locks of the kernel on the folder itself and on its file
// `rollcall.lock`, which go with the process, however it ends. The folder's is what holds: the file
// can be removed under its owner. The file's is what engines of before know; each keeps the other
// away. The pid in the file is for people. Take it before opening the store.
class DataLock {
 public:
  // kFailedPrecondition / ERR_STORE_IN_USE when another process has it, or when the folder is on a
  // network file system (ERR_NETWORK_FILE_SYSTEM). Makes the folder if it is not there.
  static base::Result<DataLock> Acquire(const std::filesystem::path& data_dir,
                                        const std::filesystem::path& mounts_file = kMountsFile);

 private:
  explicit DataLock(LockedFiles files) : files_(std::move(files)) {}
  LockedFiles files_;
};

// Keeps owners away while somebody looks at a data directory in which he may not write: shared
// locks on the same two, for which reading them is enough.
class ReadLock {
 public:
  // kFailedPrecondition / ERR_STORE_IN_USE when there is an owner; ERR_PERMISSION when the file may
  // not be read. Where it is missing the folder's lock says whether there is one.
  static base::Result<ReadLock> Acquire(const std::filesystem::path& data_dir);

 private:
  explicit ReadLock(LockedFiles files) : files_(std::move(files)) {}
  LockedFiles files_;
};

}  // namespace rollcall::housekeeping
