#pragma once

#include <memory>
#include <string_view>

#include "domain/stage_handler.h"

namespace rollcall::jobs {

// Handlers that do, in a real worker process, what their parameters say. `params_json`:
//   behaviour   "work" (default): commits `segments` segments, merges them into
//               harvest/<key>/<stage>.bin and returns; the others do what their name says:
//               "throw" "permanent" "transient" "crash" "deaf" "stall" "stop_self" "chatter"
//               "disk_full" "throw_disk_full" "disk_full_bus" (met, and then SIGBUS) "bus"
//               "with_child" "lie_missing" "lie_size" "lie_hash" "escape"
//               "left_behind" (hangs and outlives its owner; its pid is in the file `left`)
//               "same_done" (repeats a segment for ever)
//               "forget" (does what is committed again), "sloppy" (other bytes after a restart)
//               "hoard" (commits four segments when all of them are done)
//               and those of misconduct.h. With the file `good` in the data directory: "work".
//   segments    how many (3)
//   dwell_ms    how long it stays in model_load, at each segment, and in finalise (0)
//   start_ms, seek_ms   how long it stays in starting, and in seek, which it else leaves out (0)
//   alone       writes the key into the file `doubles` if another process works on it already
//   trace       appends its token and the number of each segment that it begins, a line each, to
//               `trace-<key>` in the data directory
//   hold_after  blocks before this segment until the file `go` is in the data directory, or until
//               it is asked to stop
//   announce    says which segment it begins (true)
//   at          the segment at which a bad behaviour sets in (0)
//   times       how many attempts behave badly, counted in the file `bad-<stage>`; 0: all
// Files in the data directory's also/<stage>/ are results of that stage too, under harvest/<key>/.
std::unique_ptr<domain::StageHandler> MakeFakeStage(std::string_view stage);

}  // namespace rollcall::jobs
