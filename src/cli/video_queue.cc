#include "cli/video_queue.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/stage_text.h"
#include "cli/queue_estimate.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using api::StageView;
using domain::JobState;
using domain::TimeLeft;
using Seconds = std::chrono::duration<double>;

// The stage that looks at pictures: nearly all of the time.
constexpr std::string_view kLongStage = "detect";
// What comes after it, as a share of the whole, before anything is known of it.
constexpr double kTailShare = 0.05;
// So far in, what it has taken says more than what it says of itself.
constexpr double kNearlyDone = 0.9;

double SecondsAt(const StageView& stage) {
  return std::max(0.0, stage.elapsed_s.value_or(0) - stage.waited_s.value_or(0));
}

double WorkOf(const JobView& job) {
  double seconds = 0;
  for (const StageView& stage : job.stages) seconds += SecondsAt(stage);
  return seconds;
}

bool HasBegun(const JobView& job) {
  return std::ranges::any_of(job.stages, [](const StageView& stage) {
    const bool was_worked_on = !stage.is_reused && domain::IsTerminal(stage.state);
    return api::IsLive(stage) || stage.state == JobState::kRetryWait || was_worked_on;
  });
}

VideoState StateOf(const JobView& job) {
  switch (job.state) {
    case JobState::kSucceeded:
    case JobState::kSkipped:
      return std::ranges::all_of(job.stages, &StageView::is_reused) ? VideoState::kAlreadyDone
                                                                    : VideoState::kOk;
    case JobState::kFailed:
      return VideoState::kFailed;
    case JobState::kCancelled:
      return VideoState::kCancelled;
    default:
      return HasBegun(job) ? VideoState::kRunning : VideoState::kQueued;
  }
}

const StageView* LongStageOf(const JobView& job) {
  const auto found = std::ranges::find(job.stages, kLongStage, &StageView::name);
  return found == job.stages.end() ? nullptr : &*found;
}

base::Error ErrorOf(const JobView& job) {
  const StageView* failed = job.FailedStage();
  if (failed == nullptr || !failed->error) {
    return domain::MakeError(domain::reason::kInternal, "it failed without a reason");
  }
  base::Error error = *failed->error;
  error.message = failed->name + ": " + error.message;
  return error;
}

// What all of it takes, from how fast it is now.
std::optional<double> WholeOf(const JobView& job) {
  const StageView* stage = LongStageOf(job);
  if (stage == nullptr || !stage->eta_p50_s) return std::nullopt;
  const double share = api::ShareDone(*stage);
  if (share >= kNearlyDone) return std::nullopt;
  const double before = WorkOf(job) - SecondsAt(*stage);
  return (before + *stage->eta_p50_s / (1 - share)) / (1 - kTailShare);
}

// Of a video that is worked on; `whole_s`: what all of it takes, 0 if nobody knows.
std::optional<TimeLeft> LeftOf(const JobView& job, double whole_s) {
  const double tail = whole_s * kTailShare;
  const StageView* stage = LongStageOf(job);
  if (stage != nullptr && api::IsLive(*stage) && stage->eta_p50_s) {
    return TimeLeft{.p50 = Seconds{*stage->eta_p50_s + tail},
                    .p90 = Seconds{stage->eta_p90_s.value_or(*stage->eta_p50_s) + 2 * tail}};
  }
  if (whole_s <= 0) return std::nullopt;
  if (stage != nullptr && domain::IsTerminal(stage->state)) {
    return TimeLeft{.p50 = Seconds{tail / 2}, .p90 = Seconds{2 * tail}};
  }
  const double rest = std::max(whole_s - WorkOf(job), tail);
  return TimeLeft{.p50 = Seconds{rest}, .p90 = Seconds{1.5 * rest}};
}

// Of the last stage's results.
std::optional<std::int64_t> NumberOf(const QueuedVideo& video, const char* name) {
  if (!video.job || video.is_open() || video.job->stages.empty()) return std::nullopt;
  const base::Json& result = video.job->stages.back().result;
  const auto found = result.find(name);
  if (found == result.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

}  // namespace

std::string_view VideoStateWord(VideoState state) {
  constexpr std::array<std::string_view, 11> kWords{
      "waiting",    "queued", "running",   "ok",          "already done", "same file",
      "same video", "failed", "cancelled", "not started", "left"};
  return kWords.at(static_cast<std::size_t>(state));
}

bool QueuedVideo::is_open() const {
  return state == VideoState::kQueued || state == VideoState::kRunning;
}

bool QueuedVideo::has_ended() const { return state != VideoState::kWaiting && !is_open(); }

std::optional<std::int64_t> QueuedVideo::people() const { return NumberOf(*this, "people"); }
std::optional<std::int64_t> QueuedVideo::duration_ms() const {
  return NumberOf(*this, "duration_ms");
}

double QueuedVideo::took_s() const {
  double seconds = 0;
  if (!job) return seconds;
  for (const StageView& stage : job->stages) {
    if (!stage.is_reused) seconds += SecondsAt(stage);
  }
  return seconds;
}

VideoQueue::VideoQueue(std::vector<VideoFile> files, int slots) : slots_(slots) {
  for (VideoFile& file : files) {
    QueuedVideo& video = videos_.emplace_back();
    video.file = std::move(file);
    video.error = video.file.error;
    if (video.error) video.state = VideoState::kFailed;
    if (video.file.same_file) {
      video.state = VideoState::kSameFile;
      video.same_as = video.file.same_file;
    }
  }
}

QueueCounts VideoQueue::Counts() const {
  QueueCounts counts;
  for (const QueuedVideo& video : videos_) {
    const std::array<int*, 11> of_state{
        &counts.waiting,      &counts.queued,      &counts.running, &counts.ok,
        &counts.already_done, &counts.same,        &counts.same,    &counts.failed,
        &counts.cancelled,    &counts.not_started, &counts.left};
    ++*of_state.at(static_cast<std::size_t>(video.state));
  }
  counts.total = static_cast<int>(videos_.size()) - counts.same;
  return counts;
}

std::optional<std::size_t> VideoQueue::NextToStart() const {
  const auto next = std::ranges::find(videos_, VideoState::kWaiting, &QueuedVideo::state);
  if (next == videos_.end()) return std::nullopt;
  return static_cast<std::size_t>(next - videos_.begin());
}

bool VideoQueue::is_over() const { return std::ranges::all_of(videos_, &QueuedVideo::has_ended); }

const base::Error* VideoQueue::Trouble() const {
  for (const QueuedVideo& video : videos_) {
    if (!video.is_open()) continue;
    if (const base::Error* full = video.job->DiskError()) return full;
  }
  return nullptr;
}

std::optional<TimeLeft> VideoQueue::Left() const {
  if (NextToStart() || Trouble() != nullptr) return std::nullopt;
  QueueEstimate estimate(slots_);
  const auto bytes_of = [](const QueuedVideo& video) {
    return static_cast<double>(video.file.bytes);
  };
  for (const QueuedVideo& video : videos_) {
    const bool is_done = video.state == VideoState::kOk || video.state == VideoState::kAlreadyDone;
    if (is_done && !video.is_resumed) {
      estimate.Measure(bytes_of(video), WorkOf(*video.job));
    } else if (video.whole_s && (is_done || video.is_open())) {
      estimate.Measure(bytes_of(video), *video.whole_s);
    }
  }
  std::vector<QueueEstimate::Running> running;
  std::vector<double> waiting;
  for (const QueuedVideo& video : videos_) {
    if (video.state == VideoState::kQueued) waiting.push_back(bytes_of(video));
    if (video.state != VideoState::kRunning) continue;
    const double whole_s = video.whole_s.value_or(estimate.SecondsOf(bytes_of(video)));
    running.push_back({.bytes = bytes_of(video), .left = LeftOf(*video.job, whole_s)});
  }
  return estimate.Left(running, waiting);
}

void VideoQueue::OnStarted(std::size_t index, JobView job, bool is_own) {
  QueuedVideo& video = videos_.at(index);
  by_job_[job.job_id] = index;
  video.is_own = is_own;
  // Only the answer to a start has the segments that were there.
  video.is_resumed = std::ranges::any_of(
      job.stages, [](const StageView& stage) { return !stage.is_reused && stage.segments > 0; });
  Take(video, job);
}

void VideoQueue::OnFailed(std::size_t index, base::Error error) {
  videos_.at(index).state = VideoState::kFailed;
  videos_.at(index).error = std::move(error);
}

void VideoQueue::OnSame(std::size_t index, std::size_t first) {
  videos_.at(index).state = VideoState::kSameVideo;
  videos_.at(index).same_as = first;
}

bool VideoQueue::OnShown(const JobView& job) {
  const auto found = by_job_.find(job.job_id);
  if (found == by_job_.end()) return false;
  QueuedVideo& video = videos_[found->second];
  if (video.is_open()) Take(video, job);
  return true;
}

void VideoQueue::OnGone(std::int64_t job_id, base::Error error) {
  const auto found = by_job_.find(job_id);
  if (found != by_job_.end() && videos_[found->second].is_open()) {
    OnFailed(found->second, std::move(error));
  }
}

void VideoQueue::StopStarting() {
  for (QueuedVideo& video : videos_) {
    if (video.state == VideoState::kWaiting) video.state = VideoState::kNotStarted;
  }
}

void VideoQueue::Cancel() {
  is_cancelling_ = true;
  StopStarting();
  for (QueuedVideo& video : videos_) {
    if (video.is_open() && !video.is_own) video.state = VideoState::kLeft;
  }
}

void VideoQueue::Take(QueuedVideo& video, const JobView& job) {
  video.job = job;
  video.state = StateOf(job);
  if (video.state == VideoState::kFailed) video.error = ErrorOf(job);
  if (const auto whole_s = WholeOf(job)) video.whole_s = whole_s;
}

ExitCode VideoQueue::Exit() const {
  for (const QueuedVideo& video : videos_) {
    if (video.state == VideoState::kCancelled) return ExitCode::kCancelled;
    if (video.state != VideoState::kFailed || !video.error) continue;
    // As of one job: nobody typed what a stage was refused for.
    const bool has_ended = video.job && !video.job->is_open();
    const ExitCode code = has_ended ? ExitCodeFor(*video.job) : ExitCodeFor(*video.error);
    return code == ExitCode::kOk ? ExitCode::kFailed : code;
  }
  return ExitCode::kOk;
}

}  // namespace rollcall::cli
