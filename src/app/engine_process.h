#pragma once

#include <cstdint>
#include <optional>

#include "app/config.h"
#include "base/result.h"

namespace rollcall::app {

struct EngineProcessOptions {
  enum class Mode {
    kForeground,  // `rollcall serve`: works until SIGTERM or Ctrl-C.
    kChild,       // Begun by a command; says on standard output when it serves, or why not.
  };
  Mode mode = Mode::kChild;
  std::optional<std::uint16_t> port;  // Where programs of this host are answered; 0: any.
  bool works_at_once = false;         // Else it observes until somebody submits, resumes or asks.
};

// The owner of a data directory, from the lock to the last worker: the place where the store, the
// runtime and the socket are put together. Returns when it has ended in good order; an error that
// keeps it from serving is, as a child, also told to whoever waits at standard output.
base::Result<void> RunEngineProcess(const Config& config, const EngineProcessOptions& options);

}  // namespace rollcall::app
