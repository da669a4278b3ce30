#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/mutex.h"
#include "store/records.h"

namespace rollcall::projection {

// Tells whoever listens that something may have changed: a signal, not the news itself, which
// stands in the store and on the live board.
//
// Thread-safe. Callbacks run on the thread that tells, and must neither block nor call back into
// the runtime: post to your own thread.
class ChangeFeed {
 public:
  enum class Kind {
    kTransition,  // The store changed: states, events, segments.
    kProgress,    // Only the live board: pulses, phases, progress.
  };
  struct Change {
    Kind kind = Kind::kTransition;
    store::StageRunId run{};  // 0 where it concerns more than one, for example a new job.
  };
  using Callback = std::function<void(const Change&)>;

 private:
  struct Listeners;

 public:
  // Ends the subscription; after that the callback does not run any more.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(std::shared_ptr<Listeners> listeners, std::int64_t id)
        : listeners_(std::move(listeners)), id_(id) {}
    Subscription(Subscription&& other) noexcept = default;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { End(); }

   private:
    void End();
    // Shared with the feed: either may go first.
    std::shared_ptr<Listeners> listeners_;
    std::int64_t id_ = 0;
  };

  ChangeFeed();
  void Tell(const Change& change);
  [[nodiscard]] Subscription Subscribe(Callback callback);

  // How often Tell was called.
  std::int64_t count() const;
  // Waits until it was called more than `seen` times, at most `limit`. The new count.
  std::int64_t WaitBeyond(std::int64_t seen, std::chrono::milliseconds limit) const;

 private:
  struct Listeners {
    base::Mutex mutex;
    base::CondVar changed;
    std::int64_t count ROLLCALL_GUARDED_BY(mutex) = 0;
    std::int64_t next_id ROLLCALL_GUARDED_BY(mutex) = 0;
    std::map<std::int64_t, Callback> callbacks ROLLCALL_GUARDED_BY(mutex);
  };
  const std::shared_ptr<Listeners> listeners_;
};

}  // namespace rollcall::projection
