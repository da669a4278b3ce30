#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace rollcall::faults {

// Asks the failpoints of processes that are started while it lives; see base/failpoint.h. One at a
// time: it is the environment.
class FailpointWish {
 public:
  FailpointWish(const std::string& wish, const std::filesystem::path& count_file) {
    std::filesystem::remove(count_file);
    ::setenv("ROLLCALL_FAIL", wish.c_str(), 1);
    ::setenv("ROLLCALL_FAIL_COUNT", count_file.c_str(), 1);
  }
  ~FailpointWish() {
    ::unsetenv("ROLLCALL_FAIL");
    ::unsetenv("ROLLCALL_FAIL_COUNT");
  }
  FailpointWish(const FailpointWish&) = delete;
  FailpointWish& operator=(const FailpointWish&) = delete;
};

}  // namespace rollcall::faults
