#pragma once

namespace rollcall::base::testing {

// The step of a test's rounds that run in one thread and are alike to the thread sanitizer, which
// is slow: every `nth` under it, every one otherwise.
constexpr int EveryOneOrNth([[maybe_unused]] int nth) {
#ifdef ROLLCALL_THREAD_SANITIZED
  return nth;
#else
  return 1;
#endif
}

}  // namespace rollcall::base::testing
