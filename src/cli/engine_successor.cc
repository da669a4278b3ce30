#include "cli/engine_successor.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "api/http.h"
#include "domain/reasons.h"

namespace rollcall::cli {

using base::Result;

Result<void> EngineSuccessor::TakeUpAgain() {
  while (true) {
    if (++restarts_ > restarts_max_) {
      return domain::MakeError(
          domain::reason::kEngineUnavailable,
          fmt::format("the engine ended {} times while this job ran", restarts_),
          "see logs/engine.log in the data directory; the same command goes on from the last "
          "checkpoint");
    }
    note_(fmt::format("the engine has ended; going on from the last checkpoint ({} of {})",
                      restarts_, restarts_max_));
    bool is_connected = false;
    const auto taken = TakeUp(is_connected);
    if (taken.ok() || !is_connected || !link_.is_lost()) return taken;
  }
}

// No engine can begin its work on a full disk; the job that this command stays with is not given
// up for that.
Result<void> EngineSuccessor::TakeUp(bool& is_connected) {
  constexpr std::chrono::seconds kLookAgain{1};
  const auto try_it = [&]() -> Result<void> {
    is_connected = false;
    if (link_.is_lost()) ROLLCALL_TRY(link_.Reopen());
    is_connected = true;
    ROLLCALL_TRY(link_.Ask(api::Post({"api", "engine", "work"})));
    return {};
  };
  auto taken = try_it();
  if (taken.ok() || !domain::IsDiskFull(taken.error())) return taken;
  note_("paused: " + taken.error().reason +
        ": no engine can start on a full disk; it goes on by itself when there is room");
  while (!taken.ok() && domain::IsDiskFull(taken.error()) && !interrupt_.has_come()) {
    std::this_thread::sleep_for(kLookAgain);
    taken = try_it();
  }
  return taken;
}

}  // namespace rollcall::cli
