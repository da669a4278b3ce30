#include "cli/queue_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/error_json.h"
#include "base/path_text.h"
#include "cli/queue_lines.h"
#include "cli/text_table.h"

namespace rollcall::cli {
namespace {

using base::Json;

constexpr const char* kNothing = "–";

bool HasResults(const QueuedVideo& video) {
  return video.state == VideoState::kOk || video.state == VideoState::kAlreadyDone;
}

std::string EpisodeOf(const QueuedVideo& video) {
  return video.job ? video.job->subject_id : std::string{};
}

std::string StateText(const VideoQueue& queue, std::size_t index, const Paint& paint) {
  const QueuedVideo& video = queue.videos()[index];
  switch (video.state) {
    case VideoState::kOk:
      return paint.Good("ok");
    case VideoState::kFailed:
      return paint.Bad(video.error->reason);
    case VideoState::kCancelled:
      return paint.Warn("cancelled");
    case VideoState::kSameFile:
    case VideoState::kSameVideo:
      return NewsText(queue, index);
    default:
      return std::string(VideoStateWord(video.state));
  }
}

// How wide a file's name may be where the table is to fit into `width` columns; 0: as wide as it
// is. It alone is cut: the episode's key says which it is.
int NameRoom(const VideoQueue& queue, int width) {
  constexpr int kOtherColumns = 6 + 6 + 7 + 20 + 5 * 2;
  constexpr int kNameMin = 16;
  if (width == 0) return 0;
  int episode = DisplayWidth("EPISODE");
  for (const QueuedVideo& video : queue.videos()) {
    episode = std::max(episode, DisplayWidth(EpisodeOf(video)));
  }
  return std::max(kNameMin, width - kOtherColumns - episode);
}

}  // namespace

std::string QueueTable(const VideoQueue& queue, const Paint& paint, int width) {
  TextTable table({"FILE", "EPISODE", "PEOPLE", "LENGTH", "TOOK", "STATE"});
  const int name_room = NameRoom(queue, width);
  for (std::size_t i = 0; i < queue.videos().size(); ++i) {
    const QueuedVideo& video = queue.videos()[i];
    const auto people = HasResults(video) ? video.people() : std::nullopt;
    const auto length = HasResults(video) ? video.duration_ms() : std::nullopt;
    const std::string episode = EpisodeOf(video);
    table.Add({name_room == 0 ? video.file.name : Clip(video.file.name, name_room),
               episode.empty() ? kNothing : episode, people ? std::to_string(*people) : kNothing,
               length ? ShortDuration(static_cast<double>(*length) / 1000) : kNothing,
               video.took_s() > 0 ? ShortDuration(video.took_s()) : kNothing,
               StateText(queue, i, paint)});
  }
  return table.ToString(paint, width);
}

std::string QueueSummary(const VideoQueue& queue, double took_s) {
  const QueueCounts counts = queue.Counts();
  std::vector<std::string> parts;
  const auto add = [&](int count, std::string_view what) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  add(counts.ok, "done");
  add(counts.already_done, "done before");
  add(counts.same, "the same as others");
  add(counts.failed, "failed");
  add(counts.cancelled, "cancelled");
  add(counts.not_started, "not started");
  add(counts.left, "left to another command");
  const std::size_t all = queue.videos().size();
  return fmt::format("{} {}: {}, in {}", all, all == 1 ? "video" : "videos", fmt::join(parts, ", "),
                     ShortDuration(took_s));
}

std::vector<base::Error> QueueErrors(const VideoQueue& queue) {
  std::vector<base::Error> errors;
  for (const QueuedVideo& video : queue.videos()) {
    if (video.state != VideoState::kFailed) continue;
    base::Error& error = errors.emplace_back(*video.error);
    error.message = video.file.name + ": " + error.message;
  }
  return errors;
}

Json QueueDocument(const VideoQueue& queue, const QueueFacts& facts) {
  Json videos = Json::array();
  for (const QueuedVideo& video : queue.videos()) {
    const std::string episode = EpisodeOf(video);
    const auto number = [&](const std::optional<std::int64_t>& value) {
      return HasResults(video) && value ? Json(*value) : Json(nullptr);
    };
    Json one{{"video", base::PathToText(video.file.path)},
             {"state", VideoStateWord(video.state)},
             {"episode_key", episode.empty() ? Json(nullptr) : Json(episode)},
             {"job_id", video.job ? Json(video.job->job_id) : Json(nullptr)},
             {"people", number(video.people())},
             {"duration_ms", number(video.duration_ms())},
             {"took_s", std::round(video.took_s() * 1000) / 1000},
             {"outputs",
              HasResults(video) ? Json(base::PathToText(facts.outputs(episode))) : Json(nullptr)},
             {"error",
              video.state == VideoState::kFailed ? api::ErrorToJson(*video.error) : Json(nullptr)}};
    if (video.same_as) {
      one["same_as"] = base::PathToText(queue.videos()[*video.same_as].file.path);
    }
    videos.push_back(std::move(one));
  }
  const QueueCounts counts = queue.Counts();
  return {{"videos", std::move(videos)},
          {"counts",
           {{"ok", counts.ok},
            {"already_done", counts.already_done},
            {"same", counts.same},
            {"failed", counts.failed},
            {"cancelled", counts.cancelled},
            {"not_started", counts.not_started},
            {"left", counts.left}}},
          {"left_out",
           {{"other_files", facts.left_out.other_files},
            {"hidden", facts.left_out.hidden},
            {"linked_folders", facts.left_out.linked_folders},
            {"data_directories", facts.left_out.data_directories},
            {"unreadable", facts.left_out.unreadable}}},
          {"took_s", std::round(facts.took_s * 1000) / 1000},
          {"warnings", facts.warnings}};
}

}  // namespace rollcall::cli
