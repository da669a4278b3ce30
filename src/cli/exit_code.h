#pragma once

#include "api/job_view.h"
#include "base/error.h"

namespace rollcall::cli {

// What a command ends with; in --help and in the README.
enum class ExitCode {
  kOk = 0,
  kUsage = 2,  // The command line or the configuration cannot be understood.
  kInput = 3,  // The video, key, file or model that was named cannot be used.
  kCancelled = 4,
  kFailed = 5,
  kAlreadyRunning = 6,  // The same work runs already.
};

ExitCode ExitCodeFor(const base::Error& error);
// Of a job that has ended.
ExitCode ExitCodeFor(const api::JobView& job);

}  // namespace rollcall::cli
