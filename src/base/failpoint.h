#pragma once

#include <string_view>

#include "base/result.h"

namespace rollcall::base {

// A place in the program where a test build may be made to fail. Names are dotted, as
// "segment.renamed". The environment asks for it:
//
//   ROLLCALL_FAIL=name:nth:action   action: kill-self, abort, hang, delay (50 ms), error
//   ROLLCALL_FAIL_COUNT=FILE        where hits are counted, a byte each, over all processes
//
// The action is taken once, at the nth hit of the name; at every hit if nth is 0. `error` makes the
// call return a transient error, ERR_IO; the others return success, if they return. In other builds
// it does nothing.
#if defined(ROLLCALL_FAILPOINTS)
Result<void> Failpoint(std::string_view name);
#else
inline Result<void> Failpoint(std::string_view /*name*/) { return {}; }
#endif

}  // namespace rollcall::base
