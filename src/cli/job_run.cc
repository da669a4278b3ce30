#include "cli/job_run.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "api/error_json.h"
#include "cli/interrupt.h"
#include "cli/progress_lines.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using api::StageView;
using base::Json;
using base::Result;

// The stage that answers "what is it doing": its name is what one waits for or cancels.
std::string CurrentId(const JobView& job) {
  const StageView* stage = job.CurrentStage();
  return stage == nullptr ? job.name : stage->job;
}

Result<JobRun> RefuseRunning(Session& session, JobView job) {
  const Console& console = session.console();
  const std::string id = CurrentId(job);
  const StageView* stage = job.CurrentStage();
  std::string text = "already running: " + id + "\n";
  if (stage != nullptr) {
    const bool is_running = stage->state == domain::JobState::kRunning;
    text += "  " + (is_running ? StageProgress(*stage) : StageSummary(*stage)) + "\n";
  }
  text += fmt::format(
      "  wait for it:  {}\n"
      "  end it:       {}\n",
      session.Typed("jobs wait " + job.number()), session.Typed("jobs cancel " + job.number()));
  console.Print(text);
  if (console.is_json()) {
    const auto error = domain::MakeError(
        domain::reason::kJobAlreadyRunning, id + " runs already",
        session.AsTyped(fmt::format("wait with `rollcall jobs wait {0}`, or end it with "
                                    "`rollcall jobs cancel {0}`",
                                    job.number())));
    console.PrintDocument({{"error", api::ErrorToJson(error)}, {"job", ToJson(job)}});
  }
  return JobRun{.exit = ExitCode::kAlreadyRunning, .job = std::move(job), .warnings = {}};
}

// For a command that waits for one thing only.
class NoProgress final : public ProgressDisplay {
 public:
  void Show(const JobView& /*job*/, Moment /*now*/) override {}
  void Note(const std::string& /*line*/) override {}
};

void SayHowItEnded(const Session& session, const JobView& job, bool was_left) {
  const Console& console = session.console();
  if (was_left) {
    console.Print(fmt::format("{} goes on; wait with `{}`\n", job.name,
                              session.Typed("jobs wait " + job.number())));
    return;
  }
  if (job.state == domain::JobState::kCancelled) {
    console.Print(
        fmt::format("cancelled; what is done is kept. Go on with `{}`, or give the same "
                    "command again\n",
                    session.Typed("jobs resume " + job.number())));
    return;
  }
  const StageView* failed = job.FailedStage();
  if (failed == nullptr) return;
  base::Error error = failed->error.value_or(
      domain::MakeError(domain::reason::kInternal, failed->name + " failed without a reason"));
  error.message = failed->job + ": " + error.message;
  // With --json the job itself carries the error; one document is all there is.
  error.hint = session.AsTyped(error.hint);
  Console({}).PrintError(error);
}

}  // namespace

Result<std::vector<std::string>> WarnOfOthers(const Session& session, const Json& answer,
                                              const JobView& job) {
  std::vector<std::string> warnings;
  for (const Json& beside : answer.value("open_beside", Json::array())) {
    ROLLCALL_TRY_ASSIGN(const JobView other, api::JobViewFromJson(beside));
    warnings.push_back(session.AsTyped(OpenBesideText(other, job)));
    session.console().PrintWarning(warnings.back());
  }
  return warnings;
}

void Settle(Session& session, std::int64_t job_id) {
  const auto settled = session.Ask(api::Post({"api", "engine", "settle"}, {{"job_id", job_id}}));
  if (!settled.ok()) session.console().PrintWarning(settled.error().ToString());
}

void SayWhereItGoesOn(const Session& session, const JobView& job) {
  const StageView* stage = job.CurrentStage();
  if (stage == nullptr) return;
  const bool is_begun = stage->segments > 0;
  session.console().Print(fmt::format(
      "resuming {}{}\n", stage->job,
      is_begun ? fmt::format(" from segment {}", stage->segments) : " from its beginning"));
}

episode::StartRequest RequestFor(const Session& session) {
  episode::StartRequest request;
  request.effort = session.config().effort;
  request.model_pack = session.config().ModelPackFolder();
  request.provider = session.config().provider;
  return request;
}

Result<JobRun> StartJob(Session& session, const episode::StartRequest& request, bool is_detached) {
  ROLLCALL_TRY(session.data().CheckWritable());
  const Interrupt interrupt;  // From here on there is something to cancel.
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(api::Post({"api", "jobs"}, request.ToJson())));
  ROLLCALL_TRY_ASSIGN(JobView job, api::JobViewFromJson(answer.value("job", Json::object())));
  const bool is_resumed = answer.value("resumed", false);
  if (answer.value("existing", false) && !is_resumed) {
    return RefuseRunning(session, std::move(job));
  }
  ROLLCALL_TRY_ASSIGN(auto warnings, WarnOfOthers(session, answer, job));
  const StageView* stage = job.CurrentStage();
  if (is_resumed || (stage != nullptr && stage->segments > 0)) SayWhereItGoesOn(session, job);
  if (is_detached) {
    ROLLCALL_TRY(session.Ask(api::Post({"api", "engine", "detach"})));
    session.console().Print(fmt::format("started {}; wait with `{}`\n", job.name,
                                        session.Typed("jobs wait " + job.number())));
    return JobRun{.exit = ExitCode::kOk, .job = std::move(job), .warnings = std::move(warnings)};
  }
  ROLLCALL_TRY_ASSIGN(JobRun run, FollowJob(session, job.job_id, {.is_own = true}));
  run.warnings = std::move(warnings);
  return run;
}

Result<JobRun> FollowJob(Session& session, std::int64_t job_id, const FollowOptions& options) {
  ROLLCALL_TRY_ASSIGN(app::EngineLink * link, session.Engine());
  const Interrupt interrupt;
  std::unique_ptr<ProgressDisplay> display = std::make_unique<NoProgress>();
  if (options.shows_progress) display = session.console().MakeProgress();
  JobFollower follower(*link, *display, interrupt,
                       {.on_interrupt = options.is_own ? JobFollower::OnInterrupt::kCancelJob
                                                       : JobFollower::OnInterrupt::kLeave});
  ROLLCALL_TRY_ASSIGN(JobFollower::Ending ending, follower.Follow(job_id));
  if (!ending.was_left) Settle(session, job_id);
  if (options.shows_progress || ending.was_left) {
    SayHowItEnded(session, ending.job, ending.was_left);
  }
  const ExitCode exit = ending.was_left ? ExitCode::kCancelled : ExitCodeFor(ending.job);
  return JobRun{.exit = exit, .job = std::move(ending.job), .warnings = {}};
}

}  // namespace rollcall::cli
