#pragma once

namespace rollcall::jobs {

// A process that owns `data_dir` with an SQLite store, submits detect of "x" with these parameters,
// works on it and waits to be killed.
int RunFakeOwner(const char* data_dir, const char* params_json);

}  // namespace rollcall::jobs
