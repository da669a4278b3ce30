#pragma once

#include <cstdlib>
#include <filesystem>

namespace rollcall::vision {

// Real pictures and models for tests: $ROLLCALL_MEDIA, else shared/media beside the repository.
// Empty if there is none.
inline std::filesystem::path MediaFolder(const std::filesystem::path& source_dir) {
  const char* named = std::getenv("ROLLCALL_MEDIA");
  const std::filesystem::path folder =
      named != nullptr ? std::filesystem::path(named) : source_dir / ".." / "shared" / "media";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path{};
}

}  // namespace rollcall::vision
