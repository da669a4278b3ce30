#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace rollcall::domain {

// The public typed reasons. Part of the interface: never renamed.
namespace reason {
inline constexpr std::string_view kEpisodeNotRegistered = "ERR_EPISODE_NOT_REGISTERED";
inline constexpr std::string_view kVideoNotFound = "ERR_VIDEO_NOT_FOUND";
inline constexpr std::string_view kVideoUnreadable = "ERR_VIDEO_UNREADABLE";
inline constexpr std::string_view kVideoNoPicture = "ERR_VIDEO_NO_PICTURE";
inline constexpr std::string_view kVideoChanged = "ERR_VIDEO_CHANGED";
inline constexpr std::string_view kVideoTooLarge = "ERR_VIDEO_TOO_LARGE";
inline constexpr std::string_view kPermission = "ERR_PERMISSION";
inline constexpr std::string_view kBadKey = "ERR_BAD_EPISODE_KEY";
inline constexpr std::string_view kKeyTaken = "ERR_EPISODE_KEY_TAKEN";
inline constexpr std::string_view kBadParams = "ERR_BAD_PARAMS";
inline constexpr std::string_view kBadConfig = "ERR_BAD_CONFIG";
inline constexpr std::string_view kRegistryUpdateFailed = "ERR_REGISTRY_UPDATE_FAILED";
inline constexpr std::string_view kJobAlreadyRunning = "ERR_JOB_ALREADY_RUNNING";
inline constexpr std::string_view kIdempotencyKeyReused = "ERR_IDEMPOTENCY_KEY_REUSED";
inline constexpr std::string_view kJobNotFound = "ERR_JOB_NOT_FOUND";
inline constexpr std::string_view kModelMissing = "ERR_MODEL_MISSING";
inline constexpr std::string_view kModelAltered = "ERR_MODEL_ALTERED";
inline constexpr std::string_view kDownloadFailed = "ERR_DOWNLOAD_FAILED";
inline constexpr std::string_view kProviderMissing = "ERR_PROVIDER_MISSING";
inline constexpr std::string_view kPrereqFailed = "ERR_PREREQ_FAILED";
inline constexpr std::string_view kArtifactCorrupt = "ERR_ARTIFACT_CORRUPT";
inline constexpr std::string_view kStalled = "ERR_STALLED";
inline constexpr std::string_view kWorkerCrashed = "ERR_WORKER_CRASHED";
inline constexpr std::string_view kPoisonSegment = "ERR_POISON_SEGMENT";
inline constexpr std::string_view kNothingToSkip = "ERR_NOTHING_TO_SKIP";
inline constexpr std::string_view kNotAnalysed = "ERR_NOT_ANALYSED";
inline constexpr std::string_view kNoSuchPerson = "ERR_NO_SUCH_PERSON";
inline constexpr std::string_view kNoSuchPiece = "ERR_NO_SUCH_PIECE";
inline constexpr std::string_view kNameTaken = "ERR_NAME_TAKEN";
inline constexpr std::string_view kBadName = "ERR_BAD_NAME";
inline constexpr std::string_view kBadEdit = "ERR_BAD_EDIT";
inline constexpr std::string_view kNothingToUndo = "ERR_NOTHING_TO_UNDO";
inline constexpr std::string_view kNothingToRedo = "ERR_NOTHING_TO_REDO";
inline constexpr std::string_view kDiskFull = "ERR_DISK_FULL";
inline constexpr std::string_view kTooManyOpenFiles = "ERR_TOO_MANY_OPEN_FILES";
inline constexpr std::string_view kOutOfMemory = "ERR_OUT_OF_MEMORY";
inline constexpr std::string_view kFenced = "ERR_FENCED";
inline constexpr std::string_view kInterrupted = "ERR_INTERRUPTED";
inline constexpr std::string_view kCancelled = "ERR_CANCELLED";
inline constexpr std::string_view kStoreBusy = "ERR_STORE_IN_USE";
inline constexpr std::string_view kNetworkFileSystem = "ERR_NETWORK_FILE_SYSTEM";
inline constexpr std::string_view kDataDirectoryMoved = "ERR_DATA_DIRECTORY_MOVED";
inline constexpr std::string_view kStoreTooNew = "ERR_STORE_TOO_NEW";
inline constexpr std::string_view kStoreDamaged = "ERR_STORE_DAMAGED";
inline constexpr std::string_view kStoreUnavailable = "ERR_STORE_UNAVAILABLE";
inline constexpr std::string_view kBadRequest = "ERR_BAD_REQUEST";
inline constexpr std::string_view kAddressInUse = "ERR_ADDRESS_IN_USE";
inline constexpr std::string_view kNoSuchResource = "ERR_NO_SUCH_RESOURCE";
inline constexpr std::string_view kMethodNotAllowed = "ERR_METHOD_NOT_ALLOWED";
inline constexpr std::string_view kForbidden = "ERR_FORBIDDEN";
inline constexpr std::string_view kMisdirected = "ERR_MISDIRECTED_REQUEST";
inline constexpr std::string_view kRequestTimeout = "ERR_REQUEST_TIMEOUT";
inline constexpr std::string_view kHeadTooLarge = "ERR_HEAD_TOO_LARGE";
inline constexpr std::string_view kTooLarge = "ERR_TOO_LARGE";
inline constexpr std::string_view kUnsupportedMedia = "ERR_UNSUPPORTED_MEDIA_TYPE";
inline constexpr std::string_view kEngineUnavailable = "ERR_ENGINE_UNAVAILABLE";
inline constexpr std::string_view kEngineOtherVersion = "ERR_ENGINE_OTHER_VERSION";
inline constexpr std::string_view kProtocol = "ERR_PROTOCOL";
inline constexpr std::string_view kInternal = "ERR_INTERNAL";
}  // namespace reason

// An Error with the code and the hint that belong to `reason` (one table, in reasons.cc).
base::Error MakeError(std::string_view reason, std::string message);
// The same with a hint for this case.
base::Error MakeError(std::string_view reason, std::string message, std::string hint);

// Whether trying again without a change can help; the rest are never retried.
bool IsRetryable(const base::Error& error);
// Whether there was no space: nothing can go on before there is.
bool IsDiskFull(const base::Error& error);
bool IsTooManyOpenFiles(const base::Error& error);

}  // namespace rollcall::domain
