// The thread sanitizer takes locks of DuckDB, which is not instrumented, for locks that are never
// given back, and ends the process at the 65th. So in this program it looks for races, not for the
// order of locks; TSAN_OPTIONS may say more.
#ifdef __SANITIZE_THREAD__
extern "C" const char* __tsan_default_options();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_options() { return "detect_deadlocks=0"; }
#endif
