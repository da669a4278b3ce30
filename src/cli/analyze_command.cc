#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/analyze_many.h"
#include "cli/command.h"
#include "cli/job_run.h"
#include "cli/results.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using base::Json;
using base::Result;

struct AnalyzeFlags {
  std::vector<std::string> videos;
  std::string episode;
  std::string from;
  bool is_forced = false;
};

episode::StartRequest RequestOf(const Session& session, const AnalyzeFlags& flags) {
  episode::StartRequest request = RequestFor(session);
  request.episode = flags.episode;
  request.from = flags.from;
  request.is_forced = flags.is_forced;
  return request;
}

Result<ExitCode> Analyze(Session& session, const AnalyzeFlags& flags) {
  episode::StartRequest request = RequestOf(session, flags);
  request.video = FullPath(flags.videos.front());
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

// No data directory is made where there is nothing to be done in it.
Result<ExitCode> AnalyzeSeveral(const GlobalFlags& global, const AnalyzeFlags& flags) {
  ROLLCALL_TRY_ASSIGN(VideoList list, FindVideos(flags.videos));
  if (!flags.episode.empty() && list.videos.size() > 1) {
    return domain::MakeError(
        domain::reason::kBadParams,
        "--episode names one video, and there are " + std::to_string(list.videos.size()),
        "leave it out: each video's name gives it a key");
  }
  if (list.is_hopeless()) return ReportHopeless(global, std::move(list));
  ROLLCALL_TRY_ASSIGN(const auto session, Session::Open(global, Session::Data::kIsMade));
  return AnalyzeMany(*session, std::move(list), RequestOf(*session, flags));
}

}  // namespace

void AddAnalyze(CommandLine& line) {
  auto flags = std::make_shared<AnalyzeFlags>();
  CLI::App* command =
      line.app.add_subcommand("analyze", "Who is on screen in a video, and for how long");
  command
      ->add_option("video", flags->videos,
                   "Video files, which stay where they are, or folders of them")
      ->required();
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
  command->callback([&line, flags] {
    line.body = [&line, flags]() -> Result<ExitCode> {
      if (IsQueue(flags->videos)) return AnalyzeSeveral(line.flags, *flags);
      ROLLCALL_TRY(episode::CheckVideoFile(FullPath(flags->videos.front())));
      ROLLCALL_TRY_ASSIGN(const auto session, Session::Open(line.flags, Session::Data::kIsMade));
      return Analyze(*session, *flags);
    };
  });
}

}  // namespace rollcall::cli
