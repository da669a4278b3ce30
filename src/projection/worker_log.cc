#include "projection/worker_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/json.h"
#include "base/shown_text.h"
#include "base/unique_fd.h"
#include "vault/in_place.h"

namespace rollcall::projection {
namespace {

namespace fs = std::filesystem;

std::string InCapitals(std::string_view stage) {
  std::string upper(stage);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

// The first counter as the log has it: {"faces_detected": 811} → "faces=811".
std::string FirstCounter(std::string_view counters_json) {
  const auto counters = base::ParseJson(counters_json, "counters");
  if (!counters.ok() || !counters->is_object()) return {};
  for (const auto& [key, value] : counters->items()) {
    if (!value.is_number()) continue;
    std::string name = key;
    for (const std::string_view ending : {"_detected", "_computed"}) {
      if (name.ends_with(ending)) name.resize(name.size() - ending.size());
    }
    return fmt::format("{}={}", name, value.dump());
  }
  return {};
}

}  // namespace

WorkerLog::WorkerLog(std::filesystem::path data_dir)
    : data_dir_(std::move(data_dir)), folder_(base::HeldFolder::Open(data_dir_)) {}

void WorkerLog::Line(const store::StageRun& run, std::string_view text) {
  const std::string line =
      fmt::format("[{}] {} {}\n", InCapitals(run.name), run.subject.id, base::Shown(text));
  base::MutexLock lock(mutex_);
  write_error_.clear();
  Append(fs::path("logs") / "worker.log", line);
  Append(fs::path("jobs") / run.job_name() / "log", line);
}

void WorkerLog::Note(std::string_view text) {
  base::MutexLock lock(mutex_);
  write_error_.clear();
  Append(fs::path("logs") / "worker.log", fmt::format("[AGENT] {}\n", base::Shown(text)));
}

std::string WorkerLog::write_error() const {
  base::MutexLock lock(mutex_);
  return write_error_;
}

void WorkerLog::Append(const fs::path& path, std::string_view line) {
  if (const auto fails = base::Failpoint("file.write"); !fails.ok()) {
    write_error_ = fails.error().message;
    return;
  }
  if (folder_.ok() && !folder_->IsInPlace()) {
    write_error_ = vault::DataDirectoryMoved(data_dir_).message;
    return;
  }
  // The folder may be renamed away right now.
  const fs::path root = folder_.ok() ? folder_->held_path() : data_dir_;
  const fs::path file_path = root / path;
  const auto open = [&file_path] {
    return base::UniqueFd(
        ::open(file_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, base::kOwnFileMode));
  };
  base::UniqueFd file = open();
  if (!file.is_open() && errno == ENOENT) {
    static_cast<void>(base::MakeFoldersIn(root, file_path.parent_path()));
    file = open();
  }
  const bool is_written =
      file.is_open() && ::write(file.get(), line.data(), line.size()) == std::ssize(line);
  if (!is_written) write_error_ = base::ErrnoError(errno, "write", data_dir_ / path).message;
}

std::string DescribeProgress(const store::Liveness& liveness) {
  if (liveness.unit.empty()) {
    return fmt::format("phase={}", domain::PhaseName(liveness.phase));
  }
  const double share = liveness.total > 0 ? 100.0 * static_cast<double>(liveness.done) /
                                                static_cast<double>(liveness.total)
                                          : 0.0;
  const std::string counter = FirstCounter(liveness.counters_json);
  return fmt::format("{}={}/{} pct={:.1f}%{}{}", liveness.unit, liveness.done, liveness.total,
                     share, counter.empty() ? "" : " ", counter);
}

std::string DescribeTotals(const store::Liveness& liveness, std::string_view result_json) {
  std::string totals;
  if (!liveness.unit.empty()) totals = fmt::format("{}={}", liveness.unit, liveness.done);
  std::string counter = FirstCounter(result_json);
  if (counter.empty()) counter = FirstCounter(liveness.counters_json);
  if (!counter.empty() && counter != totals) totals += (totals.empty() ? "" : " ") + counter;
  return totals;
}

}  // namespace rollcall::projection
