#include "cli/queue_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "api/problem.h"
#include "api/stage_text.h"
#include "base/shown_text.h"
#include "cli/console.h"
#include "cli/queue_lines.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using base::Json;
using base::Result;
namespace reason = domain::reason;

// Also how soon a Ctrl-C between two waits is seen.
constexpr std::chrono::milliseconds kQueueTurn{200};

// No other video would fare better.
bool ConcernsAll(const base::Error& error) {
  constexpr std::array kReasons{
      reason::kBadParams,         reason::kBadConfig,          reason::kBadRequest,
      reason::kProviderMissing,   reason::kDiskFull,           reason::kDataDirectoryMoved,
      reason::kStoreUnavailable,  reason::kStoreDamaged,       reason::kStoreBusy,
      reason::kEngineUnavailable, reason::kEngineOtherVersion, reason::kProtocol};
  return std::ranges::find(kReasons, error.reason) != kReasons.end();
}

// Of a hint that offers one: "… --episode KEY"; empty if it does not.
struct OfferedKey {
  std::string key;
  std::string rest;  // What the hint says behind it.
};

OfferedKey OfferIn(const std::string& hint) {
  constexpr std::string_view kFlag = "--episode ";
  const std::size_t flag = hint.find(kFlag);
  if (flag == hint.npos) return {};
  const std::size_t begin = flag + kFlag.size();
  const std::size_t end = std::min(hint.find_first_of(" ,", begin), hint.size());
  return {.key = hint.substr(begin, end - begin), .rest = hint.substr(end)};
}

// A name or a message in it must not steer the terminal.
Result<JobView> ShownJob(const Json& json) { return api::JobViewFromJson(base::ShownValues(json)); }

}  // namespace

QueueRun::QueueRun(Parts parts, Options options)
    : parts_(parts),
      options_(std::move(options)),
      successor_(parts.link, parts.interrupt, options_.restarts_max,
                 [&display = parts.display](const std::string& line) { display.Note(line); }) {}

Result<void> QueueRun::Run() {
  ROLLCALL_TRY(Listen());
  while (true) {
    if (parts_.interrupt.has_come()) ROLLCALL_TRY(Cancel());
    if (parts_.link.is_lost()) ROLLCALL_TRY(GoOn());
    ROLLCALL_TRY(TellEnded());
    if (parts_.link.is_lost()) continue;
    if (parts_.queue.is_over()) return {};
    const auto next = parts_.queue.NextToStart();
    ROLLCALL_TRY(next ? StartNext(*next) : Watch(kQueueTurn));
  }
}

Result<void> QueueRun::Listen() {
  // Ages that are shown move on.
  constexpr const char* kEveryMs = "500";
  return parts_.link.Listen(
      api::Get({"api", "events"}, {{"topics", "jobs"}, {"every_ms", kEveryMs}}));
}

// With the engine that is there after one has died. What ended meanwhile is in no stream.
Result<void> QueueRun::GoOn() {
  ROLLCALL_TRY(successor_.TakeUpAgain());
  cancelled_.clear();
  const auto look = [this]() -> Result<void> {
    ROLLCALL_TRY(Listen());
    for (const QueuedVideo& video : parts_.queue.videos()) {
      if (!video.is_open()) continue;
      ROLLCALL_TRY_ASSIGN(const Json answer, Ask(api::Get({"api", "jobs", video.job->number()})));
      ROLLCALL_TRY_ASSIGN(const JobView job, ShownJob(answer.value("job", Json::object())));
      parts_.queue.OnShown(job);
    }
    return {};
  };
  const auto looked = look();
  return parts_.link.is_lost() ? Result<void>{} : looked;
}

Result<Json> QueueRun::Ask(const api::Request& request) {
  return parts_.link.Ask(request, [this] {
    // An engine that dies meanwhile does not answer either.
    static_cast<void>(Watch(std::chrono::milliseconds{0}));
  });
}

Result<void> QueueRun::StartNext(std::size_t index) {
  if (const auto first = parts_.same_videos.Before(index)) {
    parts_.queue.OnSame(index, *first);
    return {};
  }
  parts_.display.Show(parts_.queue, std::chrono::steady_clock::now());
  if (parts_.interrupt.has_come()) return {};
  return Start(index, options_.request.episode);
}

Result<void> QueueRun::Start(std::size_t index, const std::string& episode) {
  episode::StartRequest request = options_.request;
  request.video = parts_.queue.videos()[index].file.path;
  request.episode = episode;
  const auto answer = Ask(api::Post({"api", "jobs"}, request.ToJson()));
  if (answer.ok()) return TakeAnswer(index, *answer);
  if (!parts_.link.is_lost()) return Refused(index, episode, answer.error());
  sent_ = index;
  return {};
}

Result<void> QueueRun::Refused(std::size_t index, const std::string& episode, base::Error error) {
  if (ConcernsAll(error)) {
    const auto& videos = parts_.queue.videos();
    const bool is_nothing_begun = std::ranges::none_of(
        videos, [](const QueuedVideo& video) { return video.job.has_value(); });
    if (is_nothing_begun) return error;
    parts_.queue.OnFailed(index, std::move(error));
    parts_.queue.StopStarting();
    return {};
  }
  const OfferedKey offer = OfferIn(error.hint);
  if (error.reason == reason::kKeyTaken && !offer.key.empty()) {
    // A key is offered that is taken only where this video has it.
    const bool is_known = episode.empty() && Ask(api::Get({"api", "episodes", offer.key})).ok();
    if (is_known) return Start(index, offer.key);
    if (parts_.link.is_lost()) return {};
    // Among several videos --episode is no way out: here is a command that is.
    error.hint = fmt::format(
        "by itself it can have another key: `rollcall analyze {} --episode {}`{}",
        ShellWord(parts_.queue.videos()[index].file.path.native()), offer.key, offer.rest);
  }
  parts_.queue.OnFailed(index, std::move(error));
  return {};
}

Result<void> QueueRun::TakeAnswer(std::size_t index, const Json& answer) {
  ROLLCALL_TRY_ASSIGN(const JobView job, ShownJob(answer.value("job", Json::object())));
  const bool was_sent = sent_ == index;
  const bool is_taken_up = answer.value("resumed", false) || was_sent || !options_.was_working;
  const bool is_own = !answer.value("existing", false) || is_taken_up;
  parts_.queue.OnStarted(index, job, is_own);
  const std::string& name = parts_.queue.videos()[index].file.name;
  const api::StageView* stage = job.CurrentStage();
  if (!is_own) {
    parts_.display.Note(fmt::format("{}: another command has begun it (job {}); waiting for it",
                                    name, job.number()));
  } else if (stage != nullptr && stage->segments > 0) {
    parts_.display.Note(
        fmt::format("{}: resuming {} from segment {}", name, stage->name, stage->segments));
  }
  for (const Json& beside : answer.value("open_beside", Json::array())) {
    ROLLCALL_TRY_ASSIGN(const JobView other, ShownJob(beside));
    Warn(name + ": " + OpenBesideText(other, job));
  }
  return {};
}

void QueueRun::Warn(std::string sentence) {
  parts_.display.Note("warning: " + sentence);
  warnings_.push_back(std::move(sentence));
}

// What is said of a video is true of its files, too.
Result<void> QueueRun::TellEnded() {
  const auto& videos = parts_.queue.videos();
  for (std::size_t i = 0; i < videos.size(); ++i) {
    const QueuedVideo& video = videos[i];
    if (!video.has_ended() || told_.contains(i)) continue;
    if (video.job && !video.job->is_open()) {
      successor_.ForgetRestarts();
      const auto settled =
          Ask(api::Post({"api", "engine", "settle"}, {{"job_id", video.job->job_id}}));
      if (parts_.link.is_lost()) return {};
      if (!settled.ok()) Warn(settled.error().ToString());
    }
    told_.insert(i);
    parts_.display.TellEnded(parts_.queue, i);
  }
  return {};
}

// The newest first: what waits must not begin when what runs ends.
Result<void> QueueRun::Cancel() {
  if (!was_interrupted()) {
    parts_.display.Note("cancelling; press Ctrl-C again to leave at once");
    parts_.queue.Cancel();
  }
  const auto& videos = parts_.queue.videos();
  for (std::size_t i = videos.size(); i-- > 0;) {
    if (parts_.link.is_lost()) return {};
    if (!videos[i].is_open() || !cancelled_.insert(videos[i].job->job_id).second) continue;
    const auto answer = Ask(api::Post({"api", "jobs", videos[i].job->number(), "cancel"}));
    if (!answer.ok() && !parts_.link.is_lost()) return answer.error();
  }
  return {};
}

Result<void> QueueRun::Watch(std::chrono::milliseconds limit) {
  while (true) {
    const auto event = parts_.link.Next(limit);
    if (!event.ok()) return parts_.link.is_lost() ? Result<void>{} : event.error();
    if (!*event) break;
    Take(**event);
    limit = std::chrono::milliseconds{0};
  }
  parts_.display.Show(parts_.queue, std::chrono::steady_clock::now());
  return {};
}

// What is no view of a job as this program knows them is none of ours.
void QueueRun::Take(const client::Event& event) {
  if (event.name != "view" && event.name != "gone") return;
  const auto data = base::ParseJson(event.data, "an event of the engine");
  if (!data.ok()) return;
  if (event.name == "gone") {
    parts_.queue.OnGone(data->value("job_id", std::int64_t{0}), api::ErrorOfProblem(*data));
    return;
  }
  if (const auto job = ShownJob(*data); job.ok()) parts_.queue.OnShown(*job);
}

}  // namespace rollcall::cli
