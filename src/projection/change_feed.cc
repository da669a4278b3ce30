#include "projection/change_feed.h"

#include <utility>

namespace rollcall::projection {

ChangeFeed::Subscription& ChangeFeed::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    End();
    listeners_ = std::move(other.listeners_);
    id_ = other.id_;
  }
  return *this;
}

void ChangeFeed::Subscription::End() {
  if (listeners_ == nullptr) return;
  base::MutexLock lock(listeners_->mutex);
  listeners_->callbacks.erase(id_);
}

ChangeFeed::ChangeFeed() : listeners_(std::make_shared<Listeners>()) {}

void ChangeFeed::Tell(const Change& change) {
  // Under the lock, so that no callback runs after its subscription ended.
  base::MutexLock lock(listeners_->mutex);
  ++listeners_->count;
  for (const auto& [id, callback] : listeners_->callbacks) callback(change);
  listeners_->changed.NotifyAll();
}

ChangeFeed::Subscription ChangeFeed::Subscribe(Callback callback) {
  base::MutexLock lock(listeners_->mutex);
  const std::int64_t id = listeners_->next_id++;
  listeners_->callbacks.emplace(id, std::move(callback));
  return {listeners_, id};
}

std::int64_t ChangeFeed::count() const {
  base::MutexLock lock(listeners_->mutex);
  return listeners_->count;
}

std::int64_t ChangeFeed::WaitBeyond(std::int64_t seen, std::chrono::milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  base::MutexLock lock(listeners_->mutex);
  while (listeners_->count <= seen) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) break;
    listeners_->changed.WaitFor(listeners_->mutex, left);
  }
  return listeners_->count;
}

}  // namespace rollcall::projection
