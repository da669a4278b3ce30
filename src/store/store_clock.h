#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/records.h"

namespace rollcall::store {

// What a store goes by when it decides what is due: the clocks of the host that opened it. No time
// and no boot id of a caller has a say, so that agents whose clocks differ share a store.
struct StoreClock {
  base::Clock& clock;  // Borrowed: outlives the store. Read within each transaction.
  std::string boot_id = base::BootId();
};

// The time of one transaction, read when it had begun.
struct Moment {
  base::WallTime wall{};
  base::BootTime boot{};
  std::string_view boot_id;  // Of the store's clock.

  Due In(std::chrono::nanoseconds delay) const {
    return {.boot_id = std::string(boot_id), .at = boot + delay};
  }
  // How long until then; zero or less: it is due.
  std::chrono::nanoseconds Until(const Due& due) const {
    return due.boot_id == boot_id ? due.at - boot : std::chrono::nanoseconds{};
  }
  bool IsDue(const Due& due) const { return Until(due) <= std::chrono::nanoseconds{}; }
};

}  // namespace rollcall::store
