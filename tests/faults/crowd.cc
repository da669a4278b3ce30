#include "crowd.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/mutex.h"

namespace rollcall::faults {

Row InCrowd(const std::string& name, int rounds, int at_once,
            const std::function<void(int round, Row& row)>& round) {
  Row all{.name = name};
  base::Mutex mutex;
  std::atomic<int> next{0};
  const auto work = [&] {
    Row mine;
    for (int i = next++; i < rounds; i = next++) round(i, mine);
    base::MutexLock lock(mutex);
    all.Add(mine);
  };
  std::vector<std::thread> crowd;
  for (int i = 0; i < std::min(rounds, at_once); ++i) crowd.emplace_back(work);
  for (std::thread& thread : crowd) thread.join();
  return all;
}

}  // namespace rollcall::faults
