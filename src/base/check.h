#pragma once

#include <string_view>

namespace rollcall::base {

// Prints the failed condition and aborts. Only for what a programmer can cause.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view message);

}  // namespace rollcall::base

// Holds in every build.
#define ROLLCALL_CHECK(condition, ...)                              \
  do {                                                              \
    if (!(condition)) [[unlikely]] {                                \
      ::rollcall::base::CheckFailed(__FILE__, __LINE__, #condition, \
                                    std::string_view(__VA_ARGS__)); \
    }                                                               \
  } while (false)
