#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::vault {

// A file or folder of a staging folder, in which a worker does what it likes: found by way of real
// folders alone, so that no link of his leads to what was never his, and from then on whatever he
// puts in their place.
class StagedFile {
 public:
  // NotAsDescribed when a folder on the way to it is missing or none. Whether it is there itself is
  // not looked at. `path` is inside.
  static base::Result<StagedFile> Find(const std::filesystem::path& staging, std::string_view path);

  // Where it is, for this process and while this object lives.
  std::filesystem::path path() const;

 private:
  StagedFile(base::UniqueFd folder, std::string name)
      : folder_(std::move(folder)), name_(std::move(name)) {}

  base::UniqueFd folder_;
  std::string name_;
};

// A file with this one name, or a folder of such: no link that leads elsewhere, no pipe that is
// waited for, and no second name by which the worker would keep hold of it.
bool IsPlain(const std::filesystem::path& path);

}  // namespace rollcall::vault
