#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "api/job_view.h"
#include "base/error.h"
#include "cli/exit_code.h"
#include "cli/video_list.h"
#include "domain/time_left.h"

namespace rollcall::cli {

// What has come of one video of a queue; docs/analyze-many.md has the words.
enum class VideoState {
  kWaiting,  // Not looked at yet.
  kQueued,
  kRunning,  // Begun, and not ended.
  kOk,
  kAlreadyDone,
  kSameFile,
  kSameVideo,
  kFailed,
  kCancelled,
  kNotStarted,
  kLeft,  // Another command's, which goes on without us.
};
// "already done"
std::string_view VideoStateWord(VideoState state);

struct QueuedVideo {
  VideoFile file;
  VideoState state = VideoState::kWaiting;
  std::optional<api::JobView> job;  // As it was last shown.
  bool is_own = true;               // This command began its job, or took it up.
  std::optional<base::Error> error;
  std::optional<std::size_t> same_as;
  // Its job goes on from checkpoints: its own time is not that of the whole.
  bool is_resumed = false;
  std::optional<double> whole_s;  // What all of it takes, as it has told while it ran.

  bool is_open() const;    // Its job has not ended.
  bool has_ended() const;  // Nothing more comes of it here.
  // Of its results; nullopt where there are none.
  std::optional<std::int64_t> people() const;
  std::optional<std::int64_t> duration_ms() const;
  // That workers were at it for this job.
  double took_s() const;
};

struct QueueCounts {
  int total = 0;  // Without those that are another one.
  int same = 0;
  int waiting = 0;  // Not looked at yet.
  int queued = 0;
  int running = 0;
  int ok = 0;
  int already_done = 0;
  int failed = 0;
  int cancelled = 0;
  int not_started = 0;
  int left = 0;

  int looked_at() const { return total + same - waiting; }
  int done() const { return ok + already_done; }
};

// The videos of one command, in order, and what has come of each.
//
// Thread-compatible. Knows no engine: it is told what starts have answered and what jobs look like.
class VideoQueue {
 public:
  // `slots`: workers at a time.
  VideoQueue(std::vector<VideoFile> files, int slots);

  const std::vector<QueuedVideo>& videos() const { return videos_; }
  QueueCounts Counts() const;
  // The first that is not looked at yet.
  std::optional<std::size_t> NextToStart() const;
  bool is_over() const;
  // Nullopt before every video was looked at and one has told enough; and while the disk is full.
  std::optional<domain::TimeLeft> Left() const;
  // Why everything waits, or null.
  const base::Error* Trouble() const;

  void OnStarted(std::size_t index, api::JobView job, bool is_own);
  void OnFailed(std::size_t index, base::Error error);
  void OnSame(std::size_t index, std::size_t first);
  // False if it is none of ours.
  bool OnShown(const api::JobView& job);
  // Its job was forgotten.
  void OnGone(std::int64_t job_id, base::Error error);
  // Nothing more is started.
  void StopStarting();
  // The same, and what belongs to other commands is not waited for.
  void Cancel();
  bool is_cancelling() const { return is_cancelling_; }

  // 0 if nothing failed, else that of the first that did.
  ExitCode Exit() const;

 private:
  void Take(QueuedVideo& video, const api::JobView& job);

  std::vector<QueuedVideo> videos_;
  std::map<std::int64_t, std::size_t> by_job_;
  const int slots_;
  bool is_cancelling_ = false;
};

}  // namespace rollcall::cli
