#include "results.h"

#include "base/file.h"

namespace rollcall::e2e {

namespace fs = std::filesystem;

std::map<std::string, std::string> DigestResults(const fs::path& data_dir, const std::string& key) {
  std::map<std::string, std::string> digests;
  for (const char* kind : {"outputs", "harvest"}) {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(
             data_dir / kind / key, fs::directory_options::follow_directory_symlink, error)) {
      const std::string name = entry.path().lexically_relative(data_dir).string();
      // "x.g7" is what the plain name stands for.
      const bool is_plain =
          name.find("/segments/") == std::string::npos && name.find(".g") == std::string::npos;
      if (!is_plain || !entry.is_regular_file()) continue;
      const auto digest = base::DigestFile(entry.path());
      if (digest.ok()) digests[name] = digest->sha256;
    }
  }
  return digests;
}

}  // namespace rollcall::e2e
