#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/path_text.h"
#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/job_details.h"
#include "cli/job_run.h"
#include "cli/progress_lines.h"
#include "cli/requests.h"
#include "cli/results.h"
#include "cli/text_table.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"
#include "episode/stages/episode_stages.h"

namespace rollcall::cli {
namespace {

using api::JobView;
using base::Json;
using base::Result;

struct JobFlags {
  std::string stage;
  std::string key;
  std::string job;
  std::string from;
  bool is_forced = false;
  bool is_detached = false;
  bool lists_all = false;
  bool skips_poison = false;
  int lines = 40;
};

// Says the rest of a job that was stayed with: the table, if it was the whole way of an episode.
Result<ExitCode> Done(Session& session, const JobRun& run) {
  if (run.exit == ExitCode::kAlreadyRunning) return run.exit;
  const bool has_report = run.job.kind == "analyze" && !run.job.is_open();
  if (session.console().is_json()) {
    session.console().PrintDocument({{"job", ToJson(run.job)}, {"warnings", run.warnings}});
  } else if (run.exit == ExitCode::kOk && has_report) {
    ROLLCALL_TRY_ASSIGN(const Json report, ReadReport(session, run.job.subject_id));
    ROLLCALL_TRY(PrintReport(session, report));
  }
  return run.exit;
}

Result<ExitCode> Start(Session& session, const JobFlags& flags) {
  episode::StartRequest request = RequestFor(session);
  request.kind = flags.stage;
  request.episode = flags.key;
  request.from = flags.from;
  request.is_forced = flags.is_forced;
  ROLLCALL_TRY_ASSIGN(const JobRun run, StartJob(session, request, flags.is_detached));
  return Done(session, run);
}

std::string Painted(const std::string& word, const Paint& paint) {
  if (word == "ok") return paint.Good(word);
  if (word == "error") return paint.Bad(word);
  if (word == "stalled" || word == "interrupted" || word == "paused") return paint.Warn(word);
  return word == "running" ? paint.Accent(word) : word;
}

// What a person wants to know of a job in one line.
std::string NewsOf(const JobView& job) {
  if (const api::StageView* failed = job.FailedStage()) {
    return failed->name + ": " + (failed->error ? failed->error->reason : "error");
  }
  if (!job.is_open()) return {};
  const api::StageView* stage = job.CurrentStage();
  if (stage == nullptr) return {};
  if (const base::Error* full = job.DiskError()) {
    return stage->name + ": " + full->reason + "; goes on by itself when there is room";
  }
  return stage->name + ": " + LiveNews(*stage, job.is_worked_on);
}

Result<ExitCode> List(Session& session, const JobFlags& flags) {
  constexpr const char* kRecent = "20";
  ROLLCALL_TRY_ASSIGN(
      const Json answer,
      session.Ask(api::Get({"api", "jobs"}, {{"limit", flags.lists_all ? "0" : kRecent}})));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  TextTable table({"#", "JOB", "STATUS", "CREATED", "CURRENT STAGE"});
  for (const Json& json : answer.at("jobs")) {
    ROLLCALL_TRY_ASSIGN(const JobView job, api::JobViewFromJson(json));
    table.Add({std::to_string(job.job_id), job.name, Painted(StatusWord(job), console.paint()),
               ShortTime(job.created_at), NewsOf(job)});
  }
  std::string text =
      table.is_empty() ? "no jobs yet\n" : table.ToString(console.paint(), console.table_width());
  if (const auto more = answer.value("left_out", 0); more > 0) {
    text += fmt::format("{} older ones: --all\n", more);
  }
  if (answer.value("has_open_jobs", false) && !answer.value("is_working", false)) {
    text += fmt::format("nothing works on the open ones now; `{}` goes on with them\n",
                        session.Typed("jobs wait JOB"));
  }
  console.Print(text);
  return ExitCode::kOk;
}

Result<JobView> Find(Session& session, const std::string& job) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfJob(job));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  return api::JobViewFromJson(answer.at("job"));
}

// The newest events. What a stage waits for follows from the others, and is said above as it is
// now.
std::string EventTable(const Json& events, const Console& console) {
  constexpr std::size_t kShown = 40;
  std::vector<const Json*> wanted;
  for (const Json& event : events) {
    const std::string kind = event.at("kind");
    if (kind != "stage_waiting" && kind != "stage_blocked") wanted.push_back(&event);
  }
  TextTable table({"EVENT", "AT", ""});
  const std::size_t left_out = wanted.size() - std::min(wanted.size(), kShown);
  for (std::size_t i = left_out; i < wanted.size(); ++i) {
    const Json& event = *wanted[i];
    table.Add({event.at("kind"), ShortTime(event.at("at")), EventText(event.at("body"))});
  }
  if (table.is_empty()) return {};
  std::string text = "\n" + table.ToString(console.paint(), console.table_width());
  if (left_out > 0) text += "earlier ones are left out; --json has up to 200\n";
  return text;
}

std::string StageTable(const JobView& job, const Console& console) {
  const Paint paint = console.paint();
  TextTable stages({"STAGE", "STATUS", "RUN", "ATTEMPT", ""});
  for (const api::StageView& stage : job.stages) {
    stages.Add({stage.name, Painted(StatusWord(stage, job.is_worked_on), paint),
                std::to_string(stage.generation),
                stage.attempt == 0 ? "–" : std::to_string(stage.attempt),
                LiveNews(stage, job.is_worked_on)});
  }
  return stages.ToString(paint, console.table_width());
}

Result<ExitCode> Show(Session& session, const JobFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfJob(flags.job));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  ROLLCALL_TRY_ASSIGN(const JobView job, api::JobViewFromJson(answer.at("job")));
  const Paint paint = console.paint();
  std::string text =
      fmt::format("{}  {}\n  number    {}\n  created   {}\n", paint.Bold(job.name),
                  Painted(StatusWord(job), paint), job.job_id, ShortTime(job.created_at));
  if (!job.finished_at.empty()) text += "  finished  " + ShortTime(job.finished_at) + "\n";
  for (const base::Error& trouble : job.troubles) {
    text += "  trouble   " + paint.Warn(TroubleText(trouble)) + "\n";
  }
  text += "\n" + StageTable(job, console);
  if (const api::StageView* stage = job.CurrentStage(); stage && !stage->phase.empty()) {
    text += "\n" + paint.Bold(stage->name) + "\n" + LiveDetails(*stage, job.is_worked_on);
  }
  if (job.is_open() && !job.is_worked_on) {
    text += fmt::format("\nnothing works on it now; `{}` goes on with it\n",
                        session.Typed("jobs wait " + job.number()));
  }
  if (std::string attempts = AttemptTable(job.stages, paint); !attempts.empty()) {
    text += "\n" + attempts;
  }
  text += EventTable(answer.at("events"), console);
  console.Print(text);
  return ExitCode::kOk;
}

Result<ExitCode> DiagnoseJob(Session& session, const JobFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfJob(flags.job, Reading::kDiagnosis));
  ROLLCALL_TRY_ASSIGN(Json diagnosis, session.Ask(request));
  // Commands that it quotes find this data directory.
  diagnosis["advice"] = session.AsTyped(diagnosis.at("advice").get<std::string>());
  for (Json& finding : diagnosis.at("findings")) {
    finding = session.AsTyped(finding.get<std::string>());
  }
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(diagnosis);
    return ExitCode::kOk;
  }
  ROLLCALL_TRY_ASSIGN(const JobView job, Find(session, diagnosis.at("job_id").dump()));
  std::string text = fmt::format("{}  {}\n", console.paint().Bold(job.name),
                                 Painted(StatusWord(job), console.paint()));
  for (const Json& finding : diagnosis.at("findings")) {
    text += "  " + finding.get<std::string>() + "\n";
  }
  console.Print(text + "what to do: " + diagnosis.at("advice").get<std::string>() + "\n");
  return ExitCode::kOk;
}

Result<ExitCode> Cancel(Session& session, const JobFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfJob(flags.job, "cancel"));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  ROLLCALL_TRY_ASSIGN(JobView job, api::JobViewFromJson(answer.at("job")));
  const Console& console = session.console();
  if (answer.value("had_finished", false)) {
    console.Print(
        fmt::format("{} had ended already: {}\n", job.name, domain::JobStateWord(job.state)));
    if (console.is_json()) console.PrintDocument({{"job", ToJson(job)}});
    return ExitCode::kOk;
  }
  if (job.is_open()) {
    ROLLCALL_TRY_ASSIGN(JobRun run, FollowJob(session, job.job_id, {.shows_progress = false}));
    job = std::move(run.job);
  } else {
    Settle(session, job.job_id);
  }
  if (job.state == domain::JobState::kCancelled) {
    console.Print(fmt::format("{} is cancelled; go on with `{}`\n", job.name,
                              session.Typed("jobs resume " + job.number())));
  } else {
    // A success that came first has won.
    console.Print(
        fmt::format("{} had ended before: {}\n", job.name, domain::JobStateWord(job.state)));
  }
  if (console.is_json()) console.PrintDocument({{"job", ToJson(job)}});
  return ExitCode::kOk;
}

Result<ExitCode> Resume(Session& session, const JobFlags& flags) {
  ROLLCALL_TRY_ASSIGN(api::Request request, OfJob(flags.job, "resume"));
  request.body["skip_poison"] = flags.skips_poison;
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  ROLLCALL_TRY_ASSIGN(JobView job, api::JobViewFromJson(answer.at("job")));
  if (answer.value("planned_anew", false)) {
    session.console().Print(
        fmt::format("planned by an older rollcall: planned anew as job {}\n", job.number()));
  } else {
    SayWhereItGoesOn(session, job);
  }
  ROLLCALL_TRY_ASSIGN(auto warnings, WarnOfOthers(session, answer, job));
  if (flags.is_detached) {
    ROLLCALL_TRY(session.Ask(api::Post({"api", "engine", "detach"})));
    return Done(session, {ExitCode::kOk, std::move(job), std::move(warnings)});
  }
  ROLLCALL_TRY_ASSIGN(JobRun run, FollowJob(session, job.job_id, {.is_own = true}));
  run.warnings = std::move(warnings);
  return Done(session, run);
}

Result<ExitCode> WaitFor(Session& session, const JobFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const JobView job, Find(session, flags.job));
  if (job.is_open()) ROLLCALL_TRY(session.Ask(api::Post({"api", "engine", "work"})));
  ROLLCALL_TRY_ASSIGN(const JobRun run, FollowJob(session, job.job_id, {}));
  return Done(session, run);
}

Result<ExitCode> Logs(Session& session, const JobFlags& flags) {
  ROLLCALL_TRY_ASSIGN(api::Request request, OfJob(flags.job, Reading::kLog));
  request.query.emplace_back("lines", std::to_string(flags.lines));
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(request));
  const Console& console = session.console();
  if (console.is_json()) {
    console.PrintDocument(answer);
    return ExitCode::kOk;
  }
  for (const Json& line : answer.at("lines")) console.Print(line.get<std::string>() + "\n");
  return ExitCode::kOk;
}

CLI::App* AddVerb(CommandLine& line, CLI::App* group, const std::shared_ptr<JobFlags>& flags,
                  const std::string& name, const std::string& text,
                  Result<ExitCode> (*run)(Session&, const JobFlags&)) {
  CLI::App* command = group->add_subcommand(name, text);
  command->add_option("job", flags->job, "The job: analyze_KEY, detect_KEY, …, or its number")
      ->required();
  AddGlobalFlags(line, command);
  OnChosen(line, command, [flags, run](Session& session) { return run(session, *flags); });
  return command;
}

void AddStart(CommandLine& line, CLI::App* group, const std::shared_ptr<JobFlags>& flags) {
  CLI::App* command =
      group->add_subcommand("start", "Run a stage, and what it needs, of a known episode");
  const subject::StageTable& stages = episode::EpisodeStages();
  command
      ->add_option("stage", flags->stage,
                   fmt::format("analyze, or one stage: {} … {}", stages.rows().front().name,
                               stages.rows().back().name))
      ->required();
  command->add_option("key", flags->key, "The episode's key")->required();
  AddSetting(line, command, "--effort", "effort", "How much is looked at")
      ->type_name("draft|normal|full");
  AddSetting(line, command, "--models", "model_pack", "A model pack's name or folder")
      ->type_name("PACK");
  AddSetting(line, command, "--provider", "provider", "What computes: cpu, cuda")
      ->type_name("NAME");
  command->add_option("--from", flags->from, "Run this stage and those after it again")
      ->type_name("STAGE");
  command->add_flag("--force", flags->is_forced, "Run it again although it is done");
  command->add_flag("--detach", flags->is_detached,
                    "Return at once; the engine stays until the work is done");
  AddGlobalFlags(line, command);
  OnChosen(line, command, [flags](Session& session) { return Start(session, *flags); });
}

}  // namespace

void AddJobs(CommandLine& line) {
  auto flags = std::make_shared<JobFlags>();
  CLI::App* group = line.app.add_subcommand("jobs", "What runs, waits, and has ended");
  group->require_subcommand(1);
  AddStart(line, group, flags);

  CLI::App* list = group->add_subcommand("list", "The newest jobs; never starts work");
  list->add_flag("--all", flags->lists_all, "All of them");
  AddGlobalFlags(line, list);
  OnChosen(line, list, [flags](Session& session) { return List(session, *flags); });

  AddVerb(line, group, flags, "show", "One job: stages, attempts, events", Show);
  AddVerb(line, group, flags, "diagnose", "Why a job is where it is, and what to do", DiagnoseJob);
  AddVerb(line, group, flags, "cancel", "End a job; what is done is kept", Cancel);
  for (const char* name : {"resume", "retry"}) {
    const bool is_same = std::string_view(name) == "retry";
    const char* text = "Go on with a cancelled, failed or stalled job from its last checkpoint";
    CLI::App* verb =
        AddVerb(line, group, flags, name, is_same ? "Another word for `resume`" : text, Resume);
    verb->add_flag("--detach", flags->is_detached, "Return at once");
    verb->add_flag("--skip-poison", flags->skips_poison,
                   "After ERR_POISON_SEGMENT: leave that segment of the video out and go on behind "
                   "it; results say what was not looked at");
  }
  AddVerb(line, group, flags, "wait",
          "Wait until a job has ended; starts the work if nothing works on it", WaitFor);
  AddVerb(line, group, flags, "logs", "The last lines of a job's log", Logs)
      ->add_option("-n,--lines", flags->lines, "How many")
      ->check(CLI::Range(1, 1'000'000));
}

}  // namespace rollcall::cli
