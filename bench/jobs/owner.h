#pragma once

#include <filesystem>

#include "base/json.h"

namespace rollcall::bench {

// The start of an owner in a process of its own, so that nothing of this one is measured, on a
// closed data directory in which one job waits. With the product's own time constants. Returns
//   serving_s          from before the lock on the data directory until it accepts jobs
//   started_s          …until the worker of the waiting job runs
//   idle_{rss,pss}_mb  its memory some seconds after that job's end
//   transactions       of the store until then
//   swept_s, projected_s   until the sweeper and the projector had been through everything
//   peak_mb, rest_rss_mb, cpu_s   the most memory until then, and the memory and CPU time after it
base::Json StartOwner(const std::filesystem::path& folder);

// That process.
int RunOwner(const std::filesystem::path& folder);

}  // namespace rollcall::bench
