#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace rollcall::base {

// A place in the program where a test build may be made to fail. Names are dotted, as
// "segment.renamed". The environment asks for it:
//
//   ROLLCALL_FAIL=name:nth:action   action: kill-self, abort, hang, delay (50 ms), error, enospc,
//   eio ROLLCALL_FAIL_COUNT=FILE        where hits are counted, a byte each, over all processes
//
// The action is taken once, at the nth hit of the name; at every hit if nth is 0. `error` makes the
// call return a transient error, ERR_IO. From the nth hit on, `enospc` and `eio` let it fail as a
// full or broken disk does, until there is a file FILE.freed. The others return success, if they
// return. In other builds it does nothing.
#if defined(ROLLCALL_FAILPOINTS)
Result<void> Failpoint(std::string_view name);
// The environment is read once; a harness that changes it for itself asks for it again.
void ReadFailpointAgain();
// Where hits are counted; empty when nothing is asked for.
std::string FailpointFolder();
#else
inline Result<void> Failpoint(std::string_view /*name*/) { return {}; }
inline std::string FailpointFolder() { return {}; }
#endif

}  // namespace rollcall::base
