#pragma once

#include <functional>
#include <string>

#include "app/engine_link.h"
#include "base/result.h"
#include "cli/interrupt.h"

namespace rollcall::cli {

// When the engine dies under a command that waits for work, a new one takes the work up again from
// its last checkpoint, at most `restarts_max` times.
//
// Borrows all but `note`.
class EngineSuccessor {
 public:
  using Note = std::function<void(const std::string& line)>;  // For the person who waits.

  EngineSuccessor(app::EngineLink& link, const Interrupt& interrupt, int restarts_max, Note note)
      : link_(link), interrupt_(interrupt), restarts_max_(restarts_max), note_(std::move(note)) {}

  // Connects to the engine that is there now, or begins one, and lets it work. Connecting may
  // itself meet an engine that dies, so all of it counts as one restart and is tried again.
  // ERR_ENGINE_UNAVAILABLE when that was too often.
  base::Result<void> TakeUpAgain();
  // Something was done: those that died before do not count any more.
  void ForgetRestarts() { restarts_ = 0; }

 private:
  // Waits for as long as the disk is full. `is_connected`: an engine answered.
  base::Result<void> TakeUp(bool& is_connected);

  app::EngineLink& link_;
  const Interrupt& interrupt_;
  const int restarts_max_;
  const Note note_;
  int restarts_ = 0;
};

}  // namespace rollcall::cli
