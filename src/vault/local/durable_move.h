#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace rollcall::vault {

// fsync of a file, or of a folder and all files below it, and of the folder that holds it.
base::Result<void> SyncTree(const std::filesystem::path& path);

// Moves a file or folder to `to`, whose folder there is, durably, and never over something that is
// there. From another disk, which a link that somebody made leads to, plain files are copied.
// NotAsDescribed, with the name `path` in the vault, when there is nothing to move, it is no plain
// file, or its place is taken; else errors of base::ErrnoError. Then nothing is at `to` that was
// not.
base::Result<void> MoveAnew(const std::filesystem::path& from, const std::filesystem::path& to,
                            std::string_view path);

}  // namespace rollcall::vault
