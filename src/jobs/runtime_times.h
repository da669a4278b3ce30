#pragma once

#include <algorithm>
#include <chrono>

namespace rollcall::jobs {

// Every time constant of the job runtime, so that tests can run with all of them divided.
struct RuntimeTimes {
  using Millis = std::chrono::milliseconds;

  Millis lease{30'000};       // The right to write lasts this long without a renewal.
  Millis renew{5'000};        // ± 20 %.
  Millis self_fence{20'000};  // After the last good renewal the agent kills its own children.
  Millis reap{5'000};         // ± 20 %.
  Millis claim_poll{1'000};   // How often a free slot asks, when nothing wakes it before.

  Millis pulse{1'000};      // Worker → agent.
  Millis progress{200};     // At most this often per worker.
  Millis heartbeat{9'000};  // Log lines; people are promised one in 10 s.

  Millis stall_min{30'000};    // No change of `done` in `work`: stalled.
  Millis stall_grace{60'000};  // Then killed.
  // Without progress for so long an attempt is stalled, whatever its phase and its habits. Six
  // attempts of this and the grace, and the waits between them, are less than an hour.
  Millis stall_max{450'000};
  Millis budget_starting{60'000};
  Millis budget_model_load{300'000};
  Millis budget_seek{60'000};
  Millis budget_finalise{120'000};

  Millis cancel_term{5'000};   // From the CANCEL frame to SIGTERM.
  Millis cancel_kill{10'000};  // From the CANCEL frame to SIGKILL.
  Millis unkillable{30'000};   // From SIGKILL to saying that it does not work.
  Millis exit_grace{5'000};    // From `done` to the end of the process.
  Millis drain{30'000};        // For closing a segment when the owner stops.

  Millis projection_min{1'000};       // Between two projections of a running stage.
  Millis projection_max{9'000};       // Promised: at least every 10 s.
  Millis projection_give_up{10'000};  // Then ERR_REGISTRY_UPDATE_FAILED.

  Millis retry_first{5'000};
  Millis retry_max{600'000};
  Millis disk_check{5'000};  // How often a full disk is looked at again.

  // All of them divided, none below 1 ms.
  RuntimeTimes DividedBy(int divisor) const;
};

inline RuntimeTimes RuntimeTimes::DividedBy(int divisor) const {
  RuntimeTimes scaled = *this;
  for (Millis RuntimeTimes::*member : {&RuntimeTimes::lease,
                                       &RuntimeTimes::renew,
                                       &RuntimeTimes::self_fence,
                                       &RuntimeTimes::reap,
                                       &RuntimeTimes::claim_poll,
                                       &RuntimeTimes::pulse,
                                       &RuntimeTimes::progress,
                                       &RuntimeTimes::heartbeat,
                                       &RuntimeTimes::stall_min,
                                       &RuntimeTimes::stall_grace,
                                       &RuntimeTimes::stall_max,
                                       &RuntimeTimes::budget_starting,
                                       &RuntimeTimes::budget_model_load,
                                       &RuntimeTimes::budget_seek,
                                       &RuntimeTimes::budget_finalise,
                                       &RuntimeTimes::cancel_term,
                                       &RuntimeTimes::cancel_kill,
                                       &RuntimeTimes::unkillable,
                                       &RuntimeTimes::exit_grace,
                                       &RuntimeTimes::drain,
                                       &RuntimeTimes::projection_min,
                                       &RuntimeTimes::projection_max,
                                       &RuntimeTimes::projection_give_up,
                                       &RuntimeTimes::retry_first,
                                       &RuntimeTimes::retry_max,
                                       &RuntimeTimes::disk_check}) {
    scaled.*member = std::max(Millis{1}, this->*member / divisor);
  }
  return scaled;
}

}  // namespace rollcall::jobs
