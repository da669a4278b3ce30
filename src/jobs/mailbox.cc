#include "jobs/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "base/check.h"

namespace rollcall::jobs {

Mailbox::Mailbox() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  ROLLCALL_CHECK(event_.is_open(), "eventfd");
}

void Mailbox::Post(std::function<void()> work) {
  {
    base::MutexLock lock(mutex_);
    waiting_.push_back(std::move(work));
  }
  Wake();
}

void Mailbox::Wake() {
  const std::uint64_t one = 1;
  // Full means that it is readable already.
  static_cast<void>(::write(event_.get(), &one, sizeof one) == sizeof one);
}

std::vector<std::function<void()>> Mailbox::Take() {
  std::uint64_t count = 0;
  static_cast<void>(::read(event_.get(), &count, sizeof count) == sizeof count);
  base::MutexLock lock(mutex_);
  return std::exchange(waiting_, {});
}

}  // namespace rollcall::jobs
