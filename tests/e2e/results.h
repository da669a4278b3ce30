#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace rollcall::e2e {

// SHA-256 of every file that outputs/<key> and harvest/<key> show under a plain name, by its path
// in the data directory. Checkpoints are no results.
std::map<std::string, std::string> DigestResults(const std::filesystem::path& data_dir,
                                                 const std::string& key);

}  // namespace rollcall::e2e
