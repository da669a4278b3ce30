#include "app/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "app/data_access.h"
#include "base/file.h"
#include "base/shown_text.h"

namespace rollcall::app {

namespace fs = std::filesystem;
using base::Result;

namespace {

constexpr std::array<const char*, 8> kFolders{"logs",     "models", "uploads", "videos",
                                              "episodes", "jobs",   "harvest", "outputs"};

bool IsThere(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Whether somebody has worked in it, has set it up, or is about to.
bool IsDataDirectory(const DataDirectory& data) {
  if (IsThere(data.database()) || IsThere(data.config_file())) return true;
  std::error_code error;
  if (fs::is_empty(data.root(), error)) return true;  // Made for it.
  const auto folders = data.folders();
  return std::all_of(folders.begin(), folders.end(), IsThere);
}

}  // namespace

Result<DataDirectory> DataDirectory::Open(const fs::path& root, std::optional<gid_t> group) {
  DataDirectory data(root);
  ROLLCALL_TRY(data.MakeMissing(group));
  return data;
}

Result<DataDirectory> DataDirectory::OpenExisting(const fs::path& root,
                                                  std::optional<gid_t> group) {
  DataDirectory data(root);
  std::error_code error;
  const bool is_there = fs::exists(root, error);
  if (error) return base::ErrnoError(error.value(), "look at", root);
  const bool is_folder = fs::is_directory(root, error);
  // Somebody else's may well be one.
  if (is_folder && ::faccessat(AT_FDCWD, root.c_str(), X_OK, AT_EACCESS) != 0) {
    return base::ErrnoError(errno, "look into", root);
  }
  if (!is_there || (is_folder && !IsDataDirectory(data))) {
    base::Error missing = base::ErrnoError(ENOENT, "look into", root);
    missing.message = fmt::format("{} {}", base::Shown(root.native()),
                                  is_there ? "is no data directory: there is no rollcall.db in it"
                                           : "is not there: no data directory has that name");
    missing.hint = "check --data and ROLLCALL_DATA; `rollcall analyze VIDEO` makes a new one";
    return missing;
  }
  ROLLCALL_TRY(data.MakeMissing(group));
  return data;
}

Result<void> DataDirectory::MakeMissing(std::optional<gid_t> group) const {
  // Before there is a store, there is nothing that a group could read too early.
  const bool is_new = !IsThere(database());
  for (const fs::path& folder : folders()) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) ROLLCALL_TRY(base::MakeFolders(folder));
    if (group && is_new) ROLLCALL_TRY(ShareFolder(folder, *group));
  }
  return {};
}

std::vector<fs::path> DataDirectory::folders() const {
  std::vector<fs::path> folders{root_};
  for (const char* name : kFolders) folders.push_back(root_ / name);
  return folders;
}

bool DataDirectory::IsWritable() const {
  const auto may = [](const fs::path& path, int what) {
    return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0 || errno == ENOENT;
  };
  return may(root_, W_OK | X_OK) && may(database(), W_OK);
}

Result<void> DataDirectory::CheckWritable() const {
  // A few blocks: an empty file fits on a full disk.
  const std::string bytes(64 * 1024, '\0');
  const fs::path probe = root_ / (".writable." + std::to_string(::getpid()));
  const auto written = base::WriteFileAtomic(probe, bytes);
  ::unlink(probe.c_str());
  return written;
}

std::int64_t DataDirectory::FreeBytes() const {
  struct statvfs status {};
  if (::statvfs(root_.c_str(), &status) != 0) return 0;
  return static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
}

}  // namespace rollcall::app
