#pragma once

#include <functional>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace rollcall::jobs {

// Work that other threads leave for the one that owns the mailbox. Thread-safe; usually shared, so
// that whoever has a result to deliver may outlive the owner.
class Mailbox {
 public:
  Mailbox();

  void Post(std::function<void()> work);
  // Makes fd() readable without leaving anything.
  void Wake();

  // Readable when there is something.
  int fd() const { return event_.get(); }
  // What was left, oldest first.
  std::vector<std::function<void()>> Take();

 private:
  const base::UniqueFd event_;
  base::Mutex mutex_;
  std::vector<std::function<void()>> waiting_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::jobs
