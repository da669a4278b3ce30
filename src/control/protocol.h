#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace rollcall::control {

// What commands say to the engine that owns the data directory: JSON-RPC 2.0 over the unix socket
// rollcall.sock in it, one document a line. A request has an id and gets one response; what the
// engine sends unasked (the snapshots of a watched job) is a notification, without an id.
namespace method {
inline constexpr std::string_view kHello = "engine.hello";    // → version, pid, is_working, …
inline constexpr std::string_view kWork = "engine.work";      // Start working on open jobs.
inline constexpr std::string_view kDetach = "engine.detach";  // Outlive the command that began it.
inline constexpr std::string_view kLeave = "engine.leave";    // The same if there is a reason to.
inline constexpr std::string_view kMetrics = "engine.metrics";  // → text, for Prometheus.
inline constexpr std::string_view kJobStart = "job.start";  // → job, existing, open_beside, …
inline constexpr std::string_view kJobCancel = "job.cancel";
inline constexpr std::string_view kJobResume = "job.resume";  // {job, skip_poison}
inline constexpr std::string_view kJobShow = "job.show";
inline constexpr std::string_view kJobList = "job.list";
inline constexpr std::string_view kJobSettle = "job.settle";  // Until the files show its state.
inline constexpr std::string_view kJobEvents = "job.events";
inline constexpr std::string_view kJobWatch = "job.watch";  // {job_id} → view, then snapshots.
inline constexpr std::string_view kEpisodeAdd = "episode.add";
inline constexpr std::string_view kEpisodeList = "episode.list";
inline constexpr std::string_view kEpisodeShow = "episode.show";
inline constexpr std::string_view kEpisodeRemove = "episode.remove";
inline constexpr std::string_view kStoreCheck = "store.check";
inline constexpr std::string_view kProjectionCheck = "projection.check";  // Files against store.

// Notifications. After the snapshot of an ended job none follows.
inline constexpr std::string_view kJobSnapshot = "job.snapshot";         // {job_id, job}
inline constexpr std::string_view kJobWatchFailed = "job.watch_failed";  // {job_id, error}
}  // namespace method

struct Request {
  base::Json id;  // Number or string, given back as it came.
  std::string method;
  base::Json params = base::Json::object();
};

struct Notification {
  std::string method;
  base::Json params;
};

// One line that a client sent. kInvalidArgument / ERR_BAD_REQUEST for what is no JSON, no JSON-RPC
// request, or has no id.
base::Result<Request> ParseRequest(std::string_view line);

// Lines to send, with their end.
std::string RequestLine(const Request& request);
std::string ResultLine(const base::Json& id, const base::Json& result);
std::string ErrorLine(const base::Json& id, const base::Error& error);
std::string NotificationLine(const Notification& notification);

}  // namespace rollcall::control
