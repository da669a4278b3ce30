#include "cli/exit_code.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

namespace reason = domain::reason;

// Reasons that speak of what the person gave us, as opposed to what went wrong with it.
constexpr std::array kInputReasons{reason::kEpisodeNotRegistered,
                                   reason::kVideoNotFound,
                                   reason::kVideoUnreadable,
                                   reason::kVideoNoPicture,
                                   reason::kVideoTooLarge,
                                   reason::kPermission,
                                   reason::kBadKey,
                                   reason::kKeyTaken,
                                   reason::kJobNotFound,
                                   reason::kModelMissing,
                                   reason::kModelAltered,
                                   std::string_view{"ERR_NOT_FOUND"}};
constexpr std::array kUsageReasons{
    reason::kBadParams,   reason::kBadConfig,     reason::kNothingToSkip, reason::kBadEdit,
    reason::kBadName,     reason::kNameTaken,     reason::kNoSuchPerson,  reason::kNoSuchPiece,
    reason::kNotAnalysed, reason::kNothingToUndo, reason::kNothingToRedo};

template <typename List>
bool Contains(const List& list, std::string_view reason) {
  return std::find(list.begin(), list.end(), reason) != list.end();
}

}  // namespace

ExitCode ExitCodeFor(const base::Error& error) {
  if (error.reason == reason::kJobAlreadyRunning) return ExitCode::kAlreadyRunning;
  if (error.reason == reason::kCancelled) return ExitCode::kCancelled;
  if (Contains(kUsageReasons, error.reason)) return ExitCode::kUsage;
  if (Contains(kInputReasons, error.reason)) return ExitCode::kInput;
  return ExitCode::kFailed;
}

ExitCode ExitCodeFor(const api::JobView& job) {
  switch (job.state) {
    case domain::JobState::kSucceeded:
    case domain::JobState::kSkipped:
      return ExitCode::kOk;
    case domain::JobState::kCancelled:
      return ExitCode::kCancelled;
    default:
      break;
  }
  const api::StageView* failed = job.FailedStage();
  if (failed == nullptr || !failed->error) return ExitCode::kFailed;
  const ExitCode code = ExitCodeFor(*failed->error);
  // A job whose stage was refused for its parameters has failed; nobody typed them.
  return code == ExitCode::kInput ? code : ExitCode::kFailed;
}

}  // namespace rollcall::cli
