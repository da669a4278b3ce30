#include "cli/command.h"

#include <utility>

#include "episode/stages/episode_planner.h"

namespace rollcall::cli {

void OnChosen(CommandLine& line, CLI::App* subcommand,
              std::function<base::Result<ExitCode>(Session&)> run, Session::Data wanted) {
  subcommand->callback([&line, wanted, run = std::move(run)] {
    line.body = [&line, wanted, run]() -> base::Result<ExitCode> {
      ROLLCALL_TRY_ASSIGN(const auto session, Session::Open(line.flags, wanted));
      return run(*session);
    };
  });
}

void OnChosenForVideo(CommandLine& line, CLI::App* subcommand, const std::string& video,
                      std::function<base::Result<ExitCode>(Session&)> run) {
  subcommand->callback([&line, &video, run = std::move(run)] {
    line.body = [&line, &video, run]() -> base::Result<ExitCode> {
      ROLLCALL_TRY(episode::CheckVideoFile(FullPath(video)));
      ROLLCALL_TRY_ASSIGN(const auto session, Session::Open(line.flags, Session::Data::kIsMade));
      return run(*session);
    };
  });
}

std::filesystem::path FullPath(const std::string& typed) {
  return (std::filesystem::current_path() / typed).lexically_normal();
}

CLI::Option* AddSetting(CommandLine& line, CLI::App* subcommand, const std::string& flag,
                        const std::string& setting, const std::string& text) {
  return subcommand->add_option_function<std::string>(
      flag, [&line, setting](const std::string& value) { line.flags.settings[setting] = value; },
      text);
}

void AddGlobalFlags(CommandLine& line, CLI::App* subcommand) {
  AddSetting(line, subcommand, "--data", "data",
             "The data directory; else ROLLCALL_DATA, else ~/.local/share/rollcall")
      ->type_name("DIR");
  subcommand->add_flag("--json", line.flags.is_json, "One JSON document on standard output");
}

}  // namespace rollcall::cli
