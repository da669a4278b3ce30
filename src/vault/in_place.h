#pragma once

#include <filesystem>

#include "base/held_folder.h"
#include "base/result.h"

namespace rollcall::vault {

// ERR_DATA_DIRECTORY_MOVED when the data directory is not at its path any more. Then nothing more
// is to be written by that path, and no state is to be read by it: files that are not found are not
// lost.
base::Result<void> CheckInPlace(const base::HeldFolder& data_dir);
base::Error DataDirectoryMoved(const std::filesystem::path& data_dir);

}  // namespace rollcall::vault
