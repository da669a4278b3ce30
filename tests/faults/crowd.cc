#include "crowd.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "base/mutex.h"

namespace rollcall::faults {
namespace {

// Hands out rounds to threads, and counts what came of them. Thread-safe.
class Crowd {
 public:
  Crowd(std::string name, int hits) : all_{.name = std::move(name)}, hits_(hits) {}

  // The next round to do; none when those that are being done may be enough.
  std::optional<int> Next() {
    base::MutexLock lock(mutex_);
    if (all_.hit_count() + at_work_ >= hits_ || begun_ >= 2 * hits_ + 10) return std::nullopt;
    ++at_work_;
    return begun_++;
  }
  void Done(const Row& seen) {
    base::MutexLock lock(mutex_);
    --at_work_;
    all_.Add(seen);
  }
  Row Result() {
    base::MutexLock lock(mutex_);
    if (all_.hit_count() < hits_) {
      all_.violations.push_back(fmt::format("only {} of {} faults hit", all_.hit_count(), hits_));
    }
    return all_;
  }

 private:
  base::Mutex mutex_;
  Row all_ ROLLCALL_GUARDED_BY(mutex_);
  int begun_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  int at_work_ ROLLCALL_GUARDED_BY(mutex_) = 0;
  const int hits_;
};

}  // namespace

Row InCrowd(const std::string& name, int hits, int at_once,
            const std::function<void(int round, Row& row)>& round) {
  Crowd crowd(name, hits);
  const auto work = [&] {
    while (const auto next = crowd.Next()) {
      Row seen;
      round(*next, seen);
      crowd.Done(seen);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < std::min(hits, at_once); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return crowd.Result();
}

}  // namespace rollcall::faults
