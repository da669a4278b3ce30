#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/held_folder.h"
#include "base/mutex.h"
#include "store/records.h"

namespace rollcall::projection {

// The lines of docs/job-lifecycle.md, in `logs/worker.log` and in `jobs/<stage>_<key>/log`:
//   [DETECT] rhobh_s05_e03 hb seq=12 frames=640/12600 pct=5.1% faces=811
// Each is appended as a whole, after what it says was done.
//
// A log is for people and never decides anything: where it cannot be written, work goes on, and
// write_error() says why. Nothing is written once the data directory is not at its path any more.
// Thread-safe.
class WorkerLog {
 public:
  explicit WorkerLog(std::filesystem::path data_dir);

  // Control characters in `text` become spaces: one event, one line.
  void Line(const store::StageRun& run, std::string_view text);
  // Of the runtime itself, in worker.log only: "[AGENT] text".
  void Note(std::string_view text);

  // The newest line that could not be written; empty when the newest one could.
  std::string write_error() const;

 private:
  // `path` is in the data directory.
  void Append(const std::filesystem::path& path, std::string_view line) ROLLCALL_REQUIRES(mutex_);

  const std::filesystem::path data_dir_;
  const base::Result<base::HeldFolder> folder_;
  mutable base::Mutex mutex_;
  std::string write_error_ ROLLCALL_GUARDED_BY(mutex_);
};

// "frames=640/12600 pct=5.1% faces=811": of a heartbeat line.
std::string DescribeProgress(const store::Liveness& liveness);
// "frames=1234 faces=5678": of a stage's last line. Empty without progress and counters.
std::string DescribeTotals(const store::Liveness& liveness, std::string_view result_json);

}  // namespace rollcall::projection
