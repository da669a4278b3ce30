#include "base/error.h"

#include <array>
#include <utility>

namespace rollcall::base {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 10> kNames{{
    {ErrorCode::kInvalidArgument, "invalid_argument"},
    {ErrorCode::kNotFound, "not_found"},
    {ErrorCode::kAlreadyExists, "already_exists"},
    {ErrorCode::kFailedPrecondition, "failed_precondition"},
    {ErrorCode::kUnavailable, "unavailable"},
    {ErrorCode::kResourceExhausted, "resource_exhausted"},
    {ErrorCode::kCancelled, "cancelled"},
    {ErrorCode::kDataLoss, "data_loss"},
    {ErrorCode::kUnimplemented, "unimplemented"},
    {ErrorCode::kInternal, "internal"},
}};

}  // namespace

std::string_view ErrorCodeName(ErrorCode code) {
  for (const auto& [known, name] : kNames) {
    if (known == code) return name;
  }
  return "internal";
}

ErrorCode ErrorCodeFromName(std::string_view name) {
  for (const auto& [code, known] : kNames) {
    if (known == name) return code;
  }
  return ErrorCode::kInternal;
}

std::string Error::ToString() const {
  std::string text = reason.empty() ? std::string(ErrorCodeName(code)) : reason;
  text += ": " + message;
  if (!hint.empty()) text += " (" + hint + ")";
  return text;
}

}  // namespace rollcall::base
