#include "domain/reasons.h"

#include <array>

#include "domain/stage_handler.h"

namespace rollcall::domain {
namespace {

using base::ErrorCode;

struct Entry {
  std::string_view reason;
  ErrorCode code;
  std::string_view hint;
};

constexpr std::array<Entry, 60> kEntries{{
    {reason::kEpisodeNotRegistered, ErrorCode::kNotFound,
     "add it with `rollcall episodes add VIDEO`; `rollcall episodes list` shows what there is"},
    {reason::kVideoNotFound, ErrorCode::kNotFound,
     "check the path; if the file has moved, add it again with `rollcall episodes add VIDEO`"},
    {reason::kVideoUnreadable, ErrorCode::kInvalidArgument,
     "play it with another program; if that fails too, the file is damaged or not a video"},
    {reason::kVideoNoPicture, ErrorCode::kInvalidArgument, "give a file that has a video stream"},
    {reason::kVideoChanged, ErrorCode::kFailedPrecondition,
     "the file is not the one that was added; add it again with `rollcall episodes add VIDEO`"},
    {reason::kVideoTooLarge, ErrorCode::kInvalidArgument, "scale it down to 8192 pixels or less"},
    {reason::kPermission, ErrorCode::kFailedPrecondition,
     "check who owns it and whether the file system is writable"},
    {reason::kBadKey, ErrorCode::kInvalidArgument,
     "use letters, digits, '-', '_' and '.', at most 100 of them, for example rhobh_s05_e03"},
    {reason::kKeyTaken, ErrorCode::kAlreadyExists, "name this one with --episode"},
    {reason::kBadParams, ErrorCode::kInvalidArgument, "see rollcall COMMAND --help"},
    {reason::kBadConfig, ErrorCode::kInvalidArgument,
     "correct rollcall.toml in the data directory"},
    {reason::kRegistryUpdateFailed, ErrorCode::kFailedPrecondition,
     "make the data directory writable, then `rollcall jobs resume JOB`; the results are kept"},
    {reason::kJobAlreadyRunning, ErrorCode::kAlreadyExists,
     "wait with `rollcall jobs wait JOB`, or end it with `rollcall jobs cancel JOB`"},
    {reason::kIdempotencyKeyReused, ErrorCode::kFailedPrecondition,
     "send a fresh key with each new request, and the same one only to repeat a request as it was"},
    {reason::kJobNotFound, ErrorCode::kNotFound, "`rollcall jobs list` shows what there is"},
    {reason::kModelMissing, ErrorCode::kNotFound,
     "`rollcall models list` shows what there is; setting up again makes the default pack"},
    {reason::kModelAltered, ErrorCode::kDataLoss,
     "the file is not the one that the pack names; install the pack again"},
    {reason::kDownloadFailed, ErrorCode::kUnavailable, "try again: it goes on where it stopped"},
    {reason::kProviderMissing, ErrorCode::kFailedPrecondition,
     "choose provider = \"cpu\", or an ONNX Runtime that has this provider"},
    {reason::kPrereqFailed, ErrorCode::kFailedPrecondition,
     "run the stage that it needs again; `rollcall jobs list` shows what failed"},
    {reason::kArtifactCorrupt, ErrorCode::kDataLoss,
     "run the stage that makes it again with --from"},
    {reason::kStalled, ErrorCode::kUnavailable, "it is tried again from its last checkpoint"},
    {reason::kWorkerCrashed, ErrorCode::kUnavailable, "it is tried again from its last checkpoint"},
    {reason::kPoisonSegment, ErrorCode::kInternal,
     "one part of the video ends the worker each time; see the job's log"},
    {reason::kNothingToSkip, ErrorCode::kFailedPrecondition,
     "`rollcall jobs diagnose JOB` says why it failed; `rollcall jobs resume JOB` tries it again"},
    {reason::kNotAnalysed, ErrorCode::kFailedPrecondition,
     "`rollcall analyze VIDEO` first; it has no people yet"},
    {reason::kNoSuchPerson, ErrorCode::kNotFound, "`rollcall people list KEY` shows who there is"},
    {reason::kNoSuchPiece, ErrorCode::kNotFound,
     "`rollcall people show KEY PERSON` lists a person's pieces"},
    {reason::kNameTaken, ErrorCode::kAlreadyExists,
     "if they are one, `rollcall people merge KEY WHO --into PERSON`; else give another name"},
    {reason::kBadName, ErrorCode::kInvalidArgument,
     "1 to 200 bytes of text, without control characters and marks that turn its direction"},
    {reason::kBadEdit, ErrorCode::kInvalidArgument, "see rollcall people --help, or /api/docs"},
    {reason::kNothingToUndo, ErrorCode::kFailedPrecondition,
     "`rollcall people history KEY` shows what was said and what of it stands"},
    {reason::kNothingToRedo, ErrorCode::kFailedPrecondition,
     "`rollcall people history KEY` shows what was said and what of it stands"},
    {reason::kDiskFull, ErrorCode::kResourceExhausted,
     "free some space; then work goes on from its last checkpoint"},
    {reason::kTooManyOpenFiles, ErrorCode::kResourceExhausted,
     "allow more open files (ulimit -n), or let fewer jobs run at a time"},
    {reason::kOutOfMemory, ErrorCode::kResourceExhausted,
     "allow a worker more with jobs.worker_memory_mb in rollcall.toml or "
     "ROLLCALL_WORKER_MEMORY_MB"},
    {reason::kFenced, ErrorCode::kCancelled, "another attempt has taken over; nothing to do"},
    {reason::kInterrupted, ErrorCode::kUnavailable, "it goes on from its last checkpoint"},
    {reason::kCancelled, ErrorCode::kCancelled,
     "`rollcall jobs resume JOB` goes on where it ended"},
    {reason::kStoreBusy, ErrorCode::kFailedPrecondition,
     "another rollcall owns this data directory; talk to that one or choose another with --data"},
    {reason::kStoreDamaged, ErrorCode::kDataLoss,
     "put back a copy of the data directory's rollcall.db; results on disk are untouched"},
    {reason::kStoreUnavailable, ErrorCode::kUnavailable, "try again; see the server's log"},
    {reason::kNetworkFileSystem, ErrorCode::kFailedPrecondition,
     "choose a folder on a local disk with --data; videos may lie on the network"},
    {reason::kDataDirectoryMoved, ErrorCode::kFailedPrecondition,
     "put the folder back, or name its new place with --data; then `rollcall jobs list` shows what "
     "there is to go on with"},
    {reason::kStoreTooNew, ErrorCode::kFailedPrecondition,
     "a newer rollcall wrote this data directory; use that one"},
    {reason::kBadRequest, ErrorCode::kInvalidArgument,
     "the two ends are of different versions, or something else wrote to the socket"},
    {reason::kAddressInUse, ErrorCode::kAlreadyExists,
     "end what listens there, or choose another port with --port"},
    {reason::kNoSuchResource, ErrorCode::kNotFound, "docs/api.md lists what there is"},
    {reason::kMethodNotAllowed, ErrorCode::kInvalidArgument, "the field Allow says which are"},
    {reason::kForbidden, ErrorCode::kFailedPrecondition,
     "only this server's own pages and programs without an Origin may change something"},
    {reason::kMisdirected, ErrorCode::kInvalidArgument,
     "use one of the addresses that `rollcall serve` printed"},
    {reason::kRequestTimeout, ErrorCode::kUnavailable, "send the request again, faster"},
    {reason::kHeadTooLarge, ErrorCode::kInvalidArgument, "send fewer or shorter fields"},
    {reason::kTooLarge, ErrorCode::kInvalidArgument, "send less"},
    {reason::kUnsupportedMedia, ErrorCode::kInvalidArgument,
     "send JSON with Content-Type: application/json"},
    {reason::kEngineUnavailable, ErrorCode::kUnavailable,
     "see logs/engine.log in the data directory, then give the same command again"},
    {reason::kEngineOtherVersion, ErrorCode::kFailedPrecondition,
     "end the engine that runs, or use its program"},
    {reason::kProtocol, ErrorCode::kInternal, "please report it with the job's log"},
    {reason::kInternal, ErrorCode::kInternal, "please report it with the job's log"},
    {"ERR_IO", ErrorCode::kUnavailable, ""},
}};

}  // namespace

base::Error MakeError(std::string_view reason, std::string message) {
  for (const Entry& entry : kEntries) {
    if (entry.reason == reason) {
      return {entry.code, std::string(reason), std::move(message), std::string(entry.hint)};
    }
  }
  return {ErrorCode::kInternal, std::string(reason), std::move(message), {}};
}

base::Error MakeError(std::string_view reason, std::string message, std::string hint) {
  base::Error error = MakeError(reason, std::move(message));
  error.hint = std::move(hint);
  return error;
}

bool IsRetryable(const base::Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kResourceExhausted;
}

bool IsDiskFull(const base::Error& error) { return error.reason == reason::kDiskFull; }

bool IsTooManyOpenFiles(const base::Error& error) {
  return error.reason == reason::kTooManyOpenFiles;
}

base::Error StoppedError() { return MakeError(reason::kCancelled, "stopped on request"); }

}  // namespace rollcall::domain
