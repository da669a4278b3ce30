#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "app/data_access.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/text_table.h"
#include "compose/episode_composer.h"
#include "compose/spec.h"
#include "compose/truth.h"

namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;

struct ComposeFlags {
  std::string spec;
  std::string out;
};

std::string TruthTable(const compose::Truth& truth, const Paint& paint) {
  TextTable table({"  Person", "Seen", "Stretches"});
  for (const compose::TruthPerson& person : truth.people) {
    table.Add({"  " + base::Shown(person.id),
               ExactDuration(static_cast<double>(person.seen_ms) / 1000),
               std::to_string(person.intervals.size())});
  }
  return table.ToString(paint);
}

Result<ExitCode> Compose(const ComposeFlags& flags, const GlobalFlags& global) {
  const Console console(global);
  const app::ScopedUmask users(global.users_umask);  // The video is his, wherever he wants it.
  const char* media = std::getenv("ROLLCALL_MEDIA");
  ROLLCALL_TRY_ASSIGN(const auto spec, compose::LoadSpec(flags.spec, media ? media : ""));
  const Interrupt interrupt;
  const fs::path out = fs::absolute(flags.out).lexically_normal();
  ROLLCALL_TRY_ASSIGN(const auto truth,
                      compose::ComposeEpisode(spec, out, [&](std::int64_t /*frames*/) {
                        return !interrupt.has_come();
                      }));
  const fs::path truth_path = compose::TruthPath(out);
  if (console.is_json()) {
    console.PrintDocument({{"video", base::PathToText(out)},
                           {"truth", base::PathToText(truth_path)},
                           {"frames", truth.frames},
                           {"duration_ms", truth.duration_ms}});
    return ExitCode::kOk;
  }
  console.Print(fmt::format("{}\n  video: {}\n  truth: {}\n", TruthTable(truth, console.paint()),
                            base::Shown(out.native()), base::Shown(truth_path.native())));
  return ExitCode::kOk;
}

}  // namespace

void AddCompose(CommandLine& line) {
  auto flags = std::make_shared<ComposeFlags>();
  CLI::App* command = line.app.add_subcommand(
      "compose", "Make a video whose truth is known, from photographs and clips");
  command->add_option("spec", flags->spec, "The shot list, TOML")->required();
  command->add_option("-o,--out", flags->out, "The video; its truth goes beside it")
      ->type_name("FILE")
      ->required();
  command->add_flag("--json", line.flags.is_json, "One JSON document on standard output");
  command->callback(
      [&line, flags] { line.body = [&line, flags] { return Compose(*flags, line.flags); }; });
}

}  // namespace rollcall::cli
