#include "jobs/disk_guard.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

namespace rollcall::jobs {
namespace {

constexpr int kPauseGrowthMax = 12;

std::int64_t FreeBytes(const std::filesystem::path& folder) {
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) != 0) return 0;
  return static_cast<std::int64_t>(space.f_bavail) * static_cast<std::int64_t>(space.f_frsize);
}

}  // namespace

void DiskGuard::Pause(const base::Error& error) {
  if (is_paused()) return;
  const base::BootTime now = clock_.Now().boot;
  const auto first = options_.times.disk_check;
  const bool is_again = pause_.count() > 0 && now - resumed_at_ < first * kPauseGrowthMax;
  pause_ = is_again ? std::min(pause_ * 2, first * kPauseGrowthMax) : first;
  paused_since_ = now;
  base::Error told = error;
  told.message = fmt::format("the disk is full, work goes on by itself with {} MB free ({})",
                             options_.free_bytes_min >> 20, error.message);
  reason_ = fmt::format("{}: {}", told.reason, told.message);
  log_.Note("queues paused: " + reason_);
  board_.SetDiskError(std::move(told));
  WriteReason();
}

// Where even that cannot be written nothing is claimed all the same, and it is tried again: the
// store may lie on another disk, or have room before the rest has.
void DiskGuard::WriteReason() {
  unwritten_ = options_.stages;
  std::erase_if(unwritten_, [this](const std::string& stage) {
    return store_.QueuePause(stage, reason_, clock_.Now()).ok();
  });
}

void DiskGuard::Tick() {
  if (!is_paused() || clock_.Now().boot - *paused_since_ < pause_) return;
  if (FreeBytes(options_.data_dir) >= options_.free_bytes_min && ResumeAll().ok()) {
    log_.Note("queues resumed: there is space again");
    board_.SetDiskError(std::nullopt);
    resumed_at_ = clock_.Now().boot;
    paused_since_.reset();
  } else {
    if (!unwritten_.empty()) WriteReason();
    paused_since_ = clock_.Now().boot;
  }
}

base::Result<void> DiskGuard::ResumeAll() {
  for (const std::string& stage : options_.stages) {
    ROLLCALL_TRY(store_.QueuePause(stage, "", clock_.Now()));
  }
  return {};
}

}  // namespace rollcall::jobs
