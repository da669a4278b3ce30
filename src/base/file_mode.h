#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace rollcall::base {

// With what modes files and folders of a data directory are made: it holds faces and vectors of
// people, so nothing of it is for everybody. The process's umask takes the group's part away too,
// unless the directory is shared with one (app/data_access.h).
inline constexpr mode_t kOwnFileMode = 0640;
inline constexpr mode_t kOwnFolderMode = 0750;

// WriteFileAtomic (base/file.h) of what a person takes elsewhere: with the modes that his umask
// gives.
Result<void> WriteUsersFileAtomic(const std::filesystem::path& path, std::string_view bytes);

}  // namespace rollcall::base
