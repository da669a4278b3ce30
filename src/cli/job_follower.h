#pragma once

#include <cstdint>

#include "api/job_view.h"
#include "app/engine_link.h"
#include "base/result.h"
#include "cli/engine_successor.h"
#include "cli/interrupt.h"
#include "cli/progress_display.h"

namespace rollcall::cli {

// Stays with a job until it has ended, and shows it.
//
// When the engine dies under it, a new one goes on (EngineSuccessor).
class JobFollower {
 public:
  enum class OnInterrupt {
    kCancelJob,  // The job is this command's own.
    kLeave,
  };
  struct Options {
    OnInterrupt on_interrupt = OnInterrupt::kCancelJob;
    int restarts_max = 5;
  };
  struct Ending {
    api::JobView job;
    bool was_left = false;  // Interrupted with kLeave: the job goes on.
  };

  JobFollower(app::EngineLink& link, ProgressDisplay& display, const Interrupt& interrupt,
              Options options)
      : link_(link),
        display_(display),
        interrupt_(interrupt),
        options_(options),
        successor_(link, interrupt, options.restarts_max,
                   [&display](const std::string& line) { display.Note(line); }) {}

  base::Result<Ending> Follow(std::int64_t job_id);

 private:
  base::Result<api::JobView> WatchPatiently(std::int64_t job_id);
  base::Result<api::JobView> Watch(std::int64_t job_id);
  base::Result<void> Cancel(const api::JobView& job);
  void Show(const api::JobView& job);

  app::EngineLink& link_;
  ProgressDisplay& display_;
  const Interrupt& interrupt_;
  const Options options_;
  EngineSuccessor successor_;
  bool has_cancelled_ = false;
};

}  // namespace rollcall::cli
