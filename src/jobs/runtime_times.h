#pragma once

#include <array>
#include <chrono>
#include <string_view>

#include "base/result.h"

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
  Millis silence{15'000};   // No pulse: stalled. Killed when it has lasted a lease.
  Millis progress{200};     // At most this often per worker.
  Millis heartbeat{7'000};  // Log lines; people are promised one in 10 s.

  Millis stall_min{30'000};    // No change of `done` in `work`: stalled.
  Millis stall_grace{60'000};  // Then killed.
  // Without progress for so long an attempt is stalled, whatever its phase and its habits. Six
  // attempts of this and the grace, and the waits between them, are less than an hour.
  Millis stall_max{450'000};
  // Attempts that ran in vain for so long all together, since the last new segment, are the last:
  // with one more of stall_max, and the waits between them, less than an hour.
  Millis fruitless_max{2'700'000};
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
  Millis projection_max{7'000};       // Promised: at least every 10 s.
  Millis projection_give_up{10'000};  // Then ERR_REGISTRY_UPDATE_FAILED.

  Millis retry_first{5'000};
  Millis retry_max{600'000};
  Millis disk_check{5'000};  // How often a full disk is looked at again.

  Millis sweep{3'600'000};       // How often files are looked for that nothing refers to.
  Millis retention{86'400'000};  // How long such a file stays.

  // All of them divided, none below 1 ms.
  RuntimeTimes DividedBy(int divisor) const;
  // kInvalidArgument / ERR_BAD_CONFIG when one is not above zero, or two contradict each other.
  base::Result<void> Check() const;
};

// Every one of them by the name that the configuration has for it.
struct RuntimeTimeField {
  std::string_view name;
  RuntimeTimes::Millis RuntimeTimes::*member;
};
inline constexpr std::array kRuntimeTimeFields{
    RuntimeTimeField{"lease_ms", &RuntimeTimes::lease},
    RuntimeTimeField{"renew_ms", &RuntimeTimes::renew},
    RuntimeTimeField{"self_fence_ms", &RuntimeTimes::self_fence},
    RuntimeTimeField{"reap_ms", &RuntimeTimes::reap},
    RuntimeTimeField{"claim_poll_ms", &RuntimeTimes::claim_poll},
    RuntimeTimeField{"pulse_ms", &RuntimeTimes::pulse},
    RuntimeTimeField{"silence_ms", &RuntimeTimes::silence},
    RuntimeTimeField{"progress_ms", &RuntimeTimes::progress},
    RuntimeTimeField{"heartbeat_ms", &RuntimeTimes::heartbeat},
    RuntimeTimeField{"stall_min_ms", &RuntimeTimes::stall_min},
    RuntimeTimeField{"stall_grace_ms", &RuntimeTimes::stall_grace},
    RuntimeTimeField{"stall_max_ms", &RuntimeTimes::stall_max},
    RuntimeTimeField{"fruitless_max_ms", &RuntimeTimes::fruitless_max},
    RuntimeTimeField{"budget_starting_ms", &RuntimeTimes::budget_starting},
    RuntimeTimeField{"budget_model_load_ms", &RuntimeTimes::budget_model_load},
    RuntimeTimeField{"budget_seek_ms", &RuntimeTimes::budget_seek},
    RuntimeTimeField{"budget_finalise_ms", &RuntimeTimes::budget_finalise},
    RuntimeTimeField{"cancel_term_ms", &RuntimeTimes::cancel_term},
    RuntimeTimeField{"cancel_kill_ms", &RuntimeTimes::cancel_kill},
    RuntimeTimeField{"unkillable_ms", &RuntimeTimes::unkillable},
    RuntimeTimeField{"exit_grace_ms", &RuntimeTimes::exit_grace},
    RuntimeTimeField{"drain_ms", &RuntimeTimes::drain},
    RuntimeTimeField{"projection_min_ms", &RuntimeTimes::projection_min},
    RuntimeTimeField{"projection_max_ms", &RuntimeTimes::projection_max},
    RuntimeTimeField{"projection_give_up_ms", &RuntimeTimes::projection_give_up},
    RuntimeTimeField{"retry_first_ms", &RuntimeTimes::retry_first},
    RuntimeTimeField{"retry_max_ms", &RuntimeTimes::retry_max},
    RuntimeTimeField{"disk_check_ms", &RuntimeTimes::disk_check},
    RuntimeTimeField{"sweep_ms", &RuntimeTimes::sweep},
    RuntimeTimeField{"retention_ms", &RuntimeTimes::retention},
};
static_assert(sizeof(RuntimeTimes) == kRuntimeTimeFields.size() * sizeof(RuntimeTimes::Millis));

}  // namespace rollcall::jobs
