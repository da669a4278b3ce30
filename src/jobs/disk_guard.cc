#include "jobs/disk_guard.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

constexpr int kPauseGrowthMax = 12;
constexpr std::int64_t kMebibyte = 1 << 20;
// For the rows, lines and projections that go with whatever is written.
constexpr std::int64_t kMarginBytes = kMebibyte;
// Of a disk, where nobody knows how much is needed.
constexpr std::int64_t kShareOfDisk = 16;
// Of a file that is written to see whether anything can be.
constexpr std::int64_t kTrialBytes = 64 << 10;

}  // namespace

DiskSpace SpaceOf(const std::filesystem::path& folder) {
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) != 0) return {};
  const auto block_bytes = static_cast<std::int64_t>(space.f_frsize);
  return {.free_bytes = static_cast<std::int64_t>(space.f_bavail) * block_bytes,
          .total_bytes = static_cast<std::int64_t>(space.f_blocks) * block_bytes};
}

DiskSpace DiskGuard::Space() const {
  return options_.space ? options_.space() : SpaceOf(options_.data_dir);
}

std::int64_t DiskGuard::Needed(const base::Error& error) const {
  if (error.bytes_wanted > 0) return error.bytes_wanted + kMarginBytes;
  const std::int64_t total = Space().total_bytes;
  return total == 0 ? options_.free_bytes_min
                    : std::min(options_.free_bytes_min, total / kShareOfDisk);
}

void DiskGuard::Pause(const base::Error& error) {
  const std::int64_t needed = Needed(error);
  if (is_paused()) {
    if (needed <= needed_bytes_) return;
    needed_bytes_ = needed;
    return Tell(error);
  }
  const base::BootTime now = clock_.Now().boot;
  const auto first = options_.times.disk_check;
  const bool is_again = pause_.count() > 0 && now - resumed_at_ < first * kPauseGrowthMax;
  pause_ = is_again ? std::min(pause_ * 2, first * kPauseGrowthMax) : first;
  paused_since_ = now;
  needed_bytes_ = needed;
  Tell(error);
}

void DiskGuard::Tell(const base::Error& error) {
  base::Error told = error;
  told.message = fmt::format("the disk is full, work goes on by itself with {} MB free ({})",
                             (needed_bytes_ + kMebibyte - 1) / kMebibyte, error.message);
  reason_ = fmt::format("{}: {}", told.reason, told.message);
  log_.Note("queues paused: " + reason_);
  board_.SetDiskError(std::move(told));
  WriteReason();
}

std::optional<base::Error> DiskGuard::WhyFull() const {
  if (is_paused()) return board_.disk_error();
  const auto tried = base::TryForRoom(options_.data_dir, kTrialBytes);
  const bool is_full = !tried.ok() && domain::IsDiskFull(tried.error());
  return is_full ? std::optional(tried.error()) : std::nullopt;
}

// Where even that cannot be written nothing is claimed all the same, and it is tried again: the
// store may lie on another disk, or have room before the rest has.
void DiskGuard::WriteReason() {
  unwritten_ = options_.stages;
  std::erase_if(unwritten_, [this](const std::string& stage) {
    return store_.QueuePause(stage, reason_).ok();
  });
}

void DiskGuard::Tick() {
  if (!is_paused() || clock_.Now().boot - *paused_since_ < pause_) return;
  if (Space().free_bytes >= needed_bytes_ && ResumeAll().ok()) {
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
    ROLLCALL_TRY(store_.QueuePause(stage, ""));
  }
  return {};
}

}  // namespace rollcall::jobs
