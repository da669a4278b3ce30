#include "store/records.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace rollcall::store {
namespace {

constexpr std::array<std::pair<AttemptOutcome, std::string_view>, 7> kOutcomes{{
    {AttemptOutcome::kSucceeded, "succeeded"},
    {AttemptOutcome::kFailed, "failed"},
    {AttemptOutcome::kInterrupted, "interrupted"},
    {AttemptOutcome::kCancelled, "cancelled"},
    {AttemptOutcome::kCrashed, "crashed"},
    {AttemptOutcome::kStalled, "stalled"},
    {AttemptOutcome::kExpired, "expired"},
}};

}  // namespace

std::string_view AttemptOutcomeName(AttemptOutcome outcome) {
  for (const auto& [known, name] : kOutcomes) {
    if (known == outcome) return name;
  }
  ROLLCALL_CHECK(false, "unknown outcome");
}

std::optional<AttemptOutcome> AttemptOutcomeFromName(std::string_view name) {
  for (const auto& [outcome, known] : kOutcomes) {
    if (known == name) return outcome;
  }
  return std::nullopt;
}

}  // namespace rollcall::store
