#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/file.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/job_run.h"
#include "cli/results.h"
#include "cli/truth_comparison.h"
#include "compose/sample.h"
#include "compose/truth.h"

namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;

// What `./run` promises of every episode at this effort.
constexpr std::int64_t kErrorMsMax = 500;

Result<compose::Sample> Make(const Session& session, const fs::path& photos) {
  const fs::path folder = session.data().root() / "uploads" / "sample";
  ROLLCALL_TRY(base::MakeFolders(folder));
  session.console().Print("making the sample episode …\n");
  const Interrupt interrupt;
  return compose::MakeSample(photos, folder,
                             [&](std::int64_t /*frames*/) { return !interrupt.has_come(); });
}

Result<ExitCode> Sample(Session& session, const fs::path& photos) {
  ROLLCALL_TRY(session.data().CheckWritable());
  ROLLCALL_TRY_ASSIGN(const compose::Sample sample, Make(session, photos));
  episode::StartRequest request = RequestFor(session);
  request.video = sample.video;
  request.episode = "sample";
  ROLLCALL_TRY_ASSIGN(const JobRun run, StartJob(session, request, false));
  if (run.exit != ExitCode::kOk) return run.exit;
  ROLLCALL_TRY_ASSIGN(const Json report, ReadReport(session, run.job.subject_id));
  ROLLCALL_TRY_ASSIGN(const compose::Truth truth, compose::ReadTruth(sample.truth));
  ROLLCALL_TRY_ASSIGN(const TruthComparison comparison, CompareWithTruth(report, truth));
  const bool holds = comparison.Holds(kErrorMsMax);
  const Console& console = session.console();
  ROLLCALL_TRY(PrintReport(session, report));
  console.Print("\n" + comparison.ToString(console.paint(), kErrorMsMax) + "\n");
  console.Print(holds
                    ? fmt::format("  The sample was made from photographs, so its truth is known: "
                                  "everybody was found, within {:.1f} s.\n\n"
                                  "  Now one of yours:  ./run analyze VIDEO\n",
                                  static_cast<double>(kErrorMsMax) / 1000)
                    : "  The report differs from what is known to be in the sample.\n");
  if (console.is_json()) {
    console.PrintDocument({{"report", report},
                           {"truth", compose::TruthToJson(truth)},
                           {"comparison", comparison.ToJson()},
                           {"holds", holds},
                           {"job", ToJson(run.job)}});
  }
  return holds ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace

void AddSample(CommandLine& line) {
  auto photos = std::make_shared<std::string>(ROLLCALL_PHOTOS_DIR);
  CLI::App* command = line.app.add_subcommand(
      "sample", "Make an episode whose truth is known, analyse it, and compare");
  command->add_option("--photos", *photos, "The photographs that set-up unpacked")
      ->envname("ROLLCALL_PHOTOS")
      ->type_name("DIR");
  AddGlobalFlags(line, command);
  OnChosen(
      line, command, [photos](Session& session) { return Sample(session, *photos); },
      Session::Data::kIsMade);
}

}  // namespace rollcall::cli
