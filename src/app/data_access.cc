#include "app/data_access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/file.h"
#include "base/file_mode.h"
#include "base/shown_text.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using base::Result;

constexpr mode_t kOwnersMask = 077;
constexpr mode_t kGroupsMask = 027;
constexpr mode_t kModeBits = 07777;

std::optional<gid_t> GroupNumber(const std::string& text) {
  gid_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  return failure == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
}

std::string GroupName(gid_t group) {
  std::vector<char> buffer(1 << 16);
  ::group entry{};
  ::group* found = nullptr;
  const int failed = ::getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found);
  return failed == 0 && found != nullptr ? found->gr_name : std::to_string(group);
}

bool IsSharedWith(const struct stat& facts, gid_t group) {
  return facts.st_gid == group && (facts.st_mode & S_ISGID) != 0;
}

// The modes that something of these modes should have.
mode_t WantedMode(const struct stat& facts, bool has_group) {
  if (S_ISSOCK(facts.st_mode)) return 0600;  // Who may connect may do everything.
  const mode_t mode = facts.st_mode & kModeBits;
  mode_t wanted = mode & (S_IRWXU | S_ISVTX);
  if (!has_group) return wanted;
  if ((mode & S_IRUSR) != 0) wanted |= S_IRGRP;
  if ((mode & S_IXUSR) != 0) wanted |= S_IXGRP;
  return S_ISDIR(facts.st_mode) ? wanted | S_ISGID : wanted;
}

// True if something was changed. By the descriptor: a name could lead elsewhere meanwhile.
Result<bool> MendOne(const fs::path& path, std::optional<gid_t> group) {
  const base::UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts {};
  if (!fd.is_open() || ::fstat(fd.get(), &facts) != 0) {
    if (errno == ENOENT) return false;
    return base::ErrnoError(errno, "look at", path);
  }
  if (S_ISLNK(facts.st_mode)) return false;
  const mode_t wanted = WantedMode(facts, group.has_value());
  const bool changes_group = group && facts.st_gid != *group;
  if ((facts.st_mode & kModeBits) == wanted && !changes_group) return false;
  const std::string name = fmt::format("/proc/self/fd/{}", fd.get());
  // The modes last: a change of the group may take S_ISGID away.
  if (changes_group && ::chown(name.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return base::ErrnoError(errno, "change the group of", path);
  }
  if (::chmod(name.c_str(), wanted) != 0) return base::ErrnoError(errno, "protect", path);
  return true;
}

}  // namespace

Result<std::optional<gid_t>> GroupOf(const Config& config) {
  if (config.data_group.empty()) return std::optional<gid_t>{};
  std::vector<char> buffer(1 << 16);
  ::group entry{};
  ::group* found = nullptr;
  ::getgrnam_r(config.data_group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return std::optional(found->gr_gid);
  if (const auto number = GroupNumber(config.data_group)) return number;
  return domain::MakeError(
      domain::reason::kBadConfig,
      fmt::format("data.group: there is no group \"{}\"", base::Shown(config.data_group)),
      "name one that `getent group` lists, in rollcall.toml or ROLLCALL_DATA_GROUP");
}

Result<void> ShareFolder(const fs::path& folder, gid_t group) {
  struct stat facts {};
  if (::stat(folder.c_str(), &facts) != 0) return base::ErrnoError(errno, "look at", folder);
  const mode_t wanted = base::kOwnFolderMode | S_ISGID;
  if (facts.st_gid == group && (facts.st_mode & kModeBits) == wanted) return {};
  if (::chown(folder.c_str(), static_cast<uid_t>(-1), group) != 0 ||
      ::chmod(folder.c_str(), wanted) != 0) {
    base::Error error = base::ErrnoError(errno, "share", folder);
    error.hint = "data.group must be a group that this user is in";
    return error;
  }
  return {};
}

mode_t UmaskFor(const DataDirectory& data, std::optional<gid_t> group) {
  if (!group) return kOwnersMask;
  for (const fs::path& folder : data.folders()) {
    struct stat facts {};
    // In a folder that is not shared, files of ours would be for another group.
    if (::stat(folder.c_str(), &facts) != 0 || !IsSharedWith(facts, *group)) return kOwnersMask;
  }
  return kGroupsMask;
}

ScopedUmask::ScopedUmask(mode_t mask) : before_(::umask(mask)) {}

ScopedUmask::~ScopedUmask() { ::umask(before_); }

Readers ReadersOf(const DataDirectory& data, std::optional<gid_t> group) {
  struct stat facts {};
  if (::stat(data.root().c_str(), &facts) != 0) return {};
  const bool has_group_bits = (facts.st_mode & (S_IRGRP | S_IXGRP)) != 0;
  const bool is_wanted = group && facts.st_gid == *group;
  Readers readers;
  readers.mode = facts.st_mode & kModeBits;
  readers.has_others = (facts.st_mode & S_IRWXO) != 0;
  if (has_group_bits && !is_wanted) readers.unwanted_group = GroupName(facts.st_gid);
  readers.lacks_group = group && UmaskFor(data, group) != kGroupsMask;
  return readers;
}

Result<MendedAccess> MendAccess(const DataDirectory& data, std::optional<gid_t> group) {
  MendedAccess mended;
  const auto mend = [&](const fs::path& path) {
    const auto changed = MendOne(path, group);
    if (changed.ok()) {
      mended.changed += *changed ? 1 : 0;
    } else if (mended.failed++ == 0) {
      mended.first_failure = changed.error().message;
    }
  };
  // The outermost first: from then on nobody new comes in.
  mend(data.root());
  std::error_code failure;
  fs::recursive_directory_iterator at(data.root(), failure);
  for (const fs::recursive_directory_iterator end; !failure && at != end; at.increment(failure)) {
    mend(at->path());
  }
  // What goes away while an engine works is nobody's to read.
  if (failure && failure.value() != ENOENT) {
    return base::ErrnoError(failure.value(), "go through", data.root());
  }
  return mended;
}

}  // namespace rollcall::app
