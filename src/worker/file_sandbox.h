#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace rollcall::worker {

// Which files a worker may reach, itself and whatever it starts. Folders mean all that is below
// them; links are followed now, not later; what is not there is passed over.
struct FileRules {
  std::vector<std::filesystem::path> reads;
  std::vector<std::filesystem::path> writes;  // Folders: made, changed and removed, and read.
};

// Keeps threads to their FileRules by the kernel's Landlock: everything else is refused with
// EACCES, whoever the process runs as. What was opened before stays open. Not refused, as no
// version of it knows them: stat, chdir, and changing modes, owners and times; those that change
// something are refused by EnterSandbox.
class FileSandbox {
 public:
  // Makes the rules, with what every program needs added: itself and its libraries, /usr, time
  // zone, its own /proc, what the kernel says of processors and memory, /dev/null and random
  // numbers. kUnimplemented / ERR_INTERNAL where the kernel has no Landlock.
  static base::Result<FileSandbox> Create(const FileRules& rules);

  // Puts the calling thread, and those that it starts, under them for good; other threads that are
  // there already must call it too. Sets no_new_privs.
  base::Result<void> Enter() const;

 private:
  explicit FileSandbox(base::UniqueFd ruleset) : ruleset_(std::move(ruleset)) {}
  base::UniqueFd ruleset_;
};

// The version of Landlock that this kernel has; 0 if it has none.
int LandlockVersion();

// Whether a process of ours gets under rules and is then refused another file; tried in a child.
base::Result<void> TryFileSandbox();

}  // namespace rollcall::worker
