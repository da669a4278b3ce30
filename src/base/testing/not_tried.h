#pragma once

#include <cstdio>

namespace rollcall::base::testing {

// For a test of what this machine's kernel must be able to do, where it is not: says so, and
// ./test says it again at its end. A test is never skipped for another reason than that the shared
// media are missing.
inline void SayNotTried(const char* why) { std::printf("not tried: %s\n", why); }

}  // namespace rollcall::base::testing
