#include "worker/staging.h"

#include <system_error>
#include <utility>

#include "base/file.h"
#include "worker/process_table.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;
using base::Result;

constexpr const char* kArea = "staging";

}  // namespace

fs::path Staging::FolderOf(std::string_view attempt_uuid) const {
  return data_dir_ / kArea / attempt_uuid;
}

Result<void> Staging::Make(std::string_view attempt_uuid) const {
  return base::MakeFoldersIn(data_dir_, FolderOf(attempt_uuid));
}

void Staging::Discard(std::string attempt_uuid) {
  base::MutexLock lock(mutex_);
  discarded_.insert(std::move(attempt_uuid));
}

void Staging::RemoveDiscarded() {
  std::set<std::string> discarded;
  {
    base::MutexLock lock(mutex_);
    discarded.swap(discarded_);
  }
  for (const std::string& uuid : discarded) {
    std::error_code ignored;
    fs::remove_all(FolderOf(uuid), ignored);
  }
}

int Staging::RemoveLeftovers() const {
  int removed = 0;
  std::error_code failure;
  for (fs::directory_iterator at(data_dir_ / kArea, failure), end; !failure && at != end;
       at.increment(failure)) {
    // Another host's worker may be at work on this disk, or one that cannot be killed.
    if (!LiveProcessesOfAttempt(0, at->path().filename().string()).empty()) continue;
    std::error_code left;
    fs::remove_all(at->path(), left);
    if (!left) ++removed;
  }
  return removed;
}

}  // namespace rollcall::worker
