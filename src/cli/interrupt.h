#pragma once

namespace rollcall::cli {

// Counts Ctrl-C and SIGTERM while it exists: the first asks to cancel, a second one ends the
// process at once with the exit code of "cancelled". May be nested; one thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool has_come() const;
};

}  // namespace rollcall::cli
