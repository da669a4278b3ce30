#include "cli/job_follower.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "api/problem.h"
#include "base/shown_text.h"

namespace rollcall::cli {

using api::JobView;
using base::Json;
using base::Result;

namespace {

// Also how soon a Ctrl-C between two waits is seen.
constexpr std::chrono::milliseconds kTurn{200};

// The job that an event shows; nullopt where it tells of something else.
Result<std::optional<JobView>> JobIn(const client::Event& event) {
  if (event.name != "view" && event.name != "gone") return std::optional<JobView>{};
  ROLLCALL_TRY_ASSIGN(const Json data, base::ParseJson(event.data, "an event of the engine"));
  if (event.name == "gone") return api::ErrorOfProblem(data);
  ROLLCALL_TRY_ASSIGN(JobView job, api::JobViewFromJson(data));
  return std::optional(std::move(job));
}

}  // namespace

Result<JobFollower::Ending> JobFollower::Follow(std::int64_t job_id) {
  ROLLCALL_TRY_ASSIGN(JobView job, WatchPatiently(job_id));
  while (job.is_open()) {
    if (interrupt_.has_come()) {
      if (options_.on_interrupt == OnInterrupt::kLeave) {
        return Ending{.job = std::move(job), .was_left = true};
      }
      if (const auto cancelled = Cancel(job); !cancelled.ok() && !link_.is_lost()) {
        return cancelled.error();
      }
    }
    if (link_.is_lost()) {
      ROLLCALL_TRY_ASSIGN(job, WatchPatiently(job_id));
      continue;
    }
    const auto event = link_.Next(kTurn);
    if (!event.ok()) {
      if (link_.is_lost()) continue;
      return event.error();
    }
    if (!*event) continue;
    ROLLCALL_TRY_ASSIGN(auto news, JobIn(**event));
    if (!news) continue;
    job = std::move(*news);
    Show(job);
  }
  return Ending{.job = std::move(job), .was_left = false};
}

// Watches, over as many engines as may die meanwhile.
Result<JobView> JobFollower::WatchPatiently(std::int64_t job_id) {
  while (true) {
    if (link_.is_lost()) {
      has_cancelled_ = false;
      ROLLCALL_TRY(successor_.TakeUpAgain());
    }
    auto job = Watch(job_id);
    if (job.ok() || !link_.is_lost()) return job;
  }
}

Result<JobView> JobFollower::Watch(std::int64_t job_id) {
  // Ages that it shows move on.
  constexpr const char* kEveryMs = "500";
  ROLLCALL_TRY(link_.Listen(api::Get(
      {"api", "events"}, {{"topics", fmt::format("job:{}", job_id)}, {"every_ms", kEveryMs}})));
  std::optional<JobView> job;
  while (!job) {
    ROLLCALL_TRY_ASSIGN(const auto event, link_.Next(kTurn));
    if (!event) continue;
    ROLLCALL_TRY_ASSIGN(job, JobIn(*event));
  }
  Show(*job);
  return *std::move(job);
}

Result<void> JobFollower::Cancel(const JobView& job) {
  if (has_cancelled_) return {};
  has_cancelled_ = true;
  display_.Note("cancelling; press Ctrl-C again to leave at once");
  const auto answer = link_.Ask(api::Post({"api", "jobs", job.number(), "cancel"}));
  if (!answer.ok()) return answer.error();
  return {};
}

// A name or a message in it must not steer the terminal.
void JobFollower::Show(const JobView& job) {
  const auto shown = api::JobViewFromJson(base::ShownValues(ToJson(job)));
  if (shown.ok()) display_.Show(*shown, std::chrono::steady_clock::now());
}

}  // namespace rollcall::cli
