#include "projection/live_board.h"

#include <utility>

namespace rollcall::projection {

void LiveBoard::Put(LiveAttempt attempt) {
  base::MutexLock lock(mutex_);
  attempts_.insert_or_assign(attempt.run, std::move(attempt));
}

void LiveBoard::MarkOver(store::StageRunId run) {
  constexpr std::size_t kOverMax = 64;
  base::MutexLock lock(mutex_);
  const auto found = attempts_.find(run);
  if (found == attempts_.end() || found->second.is_over) return;
  found->second.is_over = true;
  over_.push_back(run);
  if (over_.size() <= kOverMax) return;
  const auto oldest = attempts_.find(over_.front());
  // Unless the run has another attempt by now.
  if (oldest != attempts_.end() && oldest->second.is_over) attempts_.erase(oldest);
  over_.pop_front();
}

std::optional<LiveAttempt> LiveBoard::Get(store::StageRunId run) const {
  base::MutexLock lock(mutex_);
  const auto found = attempts_.find(run);
  if (found == attempts_.end()) return std::nullopt;
  return found->second;
}

std::vector<LiveAttempt> LiveBoard::Running() const {
  base::MutexLock lock(mutex_);
  std::vector<LiveAttempt> running;
  for (const auto& [run, attempt] : attempts_) {
    if (!attempt.is_over) running.push_back(attempt);
  }
  return running;
}

void LiveBoard::SetDiskError(std::optional<base::Error> error) {
  base::MutexLock lock(mutex_);
  disk_error_ = std::move(error);
}

std::optional<base::Error> LiveBoard::disk_error() const {
  base::MutexLock lock(mutex_);
  return disk_error_;
}

}  // namespace rollcall::projection
