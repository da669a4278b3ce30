#pragma once

#include <string>

namespace rollcall::base {

// 128 random bits from the kernel as 32 lower-case hex characters.
std::string RandomId();

// Uniform in [0, 1), for jitter; not for secrets.
double RandomUnit();

}  // namespace rollcall::base
