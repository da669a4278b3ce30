#include "jobs/background.h"

#include <utility>

namespace rollcall::jobs {

Background::~Background() {
  {
    base::MutexLock lock(mutex_);
    is_ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void Background::Do(std::function<void()> work) {
  base::MutexLock lock(mutex_);
  waiting_.push_back(std::move(work));
  changed_.NotifyAll();
}

void Background::Run() {
  while (true) {
    std::function<void()> work;
    {
      base::MutexLock lock(mutex_);
      while (waiting_.empty() && !is_ending_) changed_.Wait(mutex_);
      if (is_ending_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace rollcall::jobs
