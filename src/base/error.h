#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rollcall::base {

// What kind of failure it was. These ten decide retry and HTTP status, in one table each.
enum class ErrorCode {
  kInvalidArgument,
  kNotFound,
  kAlreadyExists,
  kFailedPrecondition,
  kUnavailable,
  kResourceExhausted,
  kCancelled,
  kDataLoss,
  kUnimplemented,
  kInternal,
};

// "invalid_argument", "not_found", …
std::string_view ErrorCodeName(ErrorCode code);

// The reverse; kInternal for a name that is not known.
ErrorCode ErrorCodeFromName(std::string_view name);

// A failure that the world can cause. `reason` is the public typed string (`ERR_VIDEO_NOT_FOUND`),
// `message` says to a person what failed on which object, `hint` what to do about it.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string reason;
  std::string message;
  std::string hint;
  // Of a full disk: for how many bytes there was no room; 0 where nobody knows.
  std::int64_t bytes_wanted = 0;

  // "ERR_X: message (hint)"
  std::string ToString() const;
};

}  // namespace rollcall::base
