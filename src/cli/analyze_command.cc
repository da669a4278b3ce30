#include <filesystem>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/job_run.h"
#include "cli/results.h"

namespace rollcall::cli {
namespace {

using base::Json;
using base::Result;

struct AnalyzeFlags {
  std::string video;
  std::string episode;
  std::string from;
  bool is_forced = false;
};

Result<ExitCode> Analyze(Session& session, const AnalyzeFlags& flags) {
  episode::StartRequest request = RequestFor(session);
  request.video = FullPath(flags.video);
  request.episode = flags.episode;
  request.from = flags.from;
  request.is_forced = flags.is_forced;
  ROLLCALL_TRY_ASSIGN(const JobRun run, StartJob(session, request, false));
  if (run.exit == ExitCode::kAlreadyRunning) return run.exit;
  Json report = nullptr;
  if (run.exit == ExitCode::kOk) {
    ROLLCALL_TRY_ASSIGN(report, ReadReport(session, run.job.subject_id));
    ROLLCALL_TRY(PrintReport(session, report));
  }
  if (session.console().is_json()) {
    session.console().PrintDocument(
        {{"report", std::move(report)}, {"job", ToJson(run.job)}, {"warnings", run.warnings}});
  }
  return run.exit;
}

}  // namespace

void AddAnalyze(CommandLine& line) {
  auto flags = std::make_shared<AnalyzeFlags>();
  CLI::App* command =
      line.app.add_subcommand("analyze", "Who is on screen in a video, and for how long");
  command->add_option("video", flags->video, "The video file; it stays where it is")->required();
  command
      ->add_option("--episode", flags->episode,
                   "The episode's key; without it, the file's name gives one")
      ->type_name("KEY");
  AddSetting(line, command, "--effort", "effort",
             "draft: keyframes only; normal: ten samples a second; full: every frame")
      ->type_name("draft|normal|full");
  AddSetting(line, command, "--models", "model_pack", "A model pack's name or folder")
      ->type_name("PACK");
  AddSetting(line, command, "--provider", "provider", "What computes: cpu, cuda")
      ->type_name("NAME");
  command->add_option("--from", flags->from, "Run this stage and those after it again")
      ->type_name("STAGE");
  command->add_flag("--force", flags->is_forced, "Run everything again");
  AddGlobalFlags(line, command);
  OnChosenForVideo(line, command, flags->video,
                   [flags](Session& session) { return Analyze(session, *flags); });
}

}  // namespace rollcall::cli
