#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/exit_code.h"
#include "cli/session.h"

namespace rollcall::cli {

// What to do once the command line has been read.
using CommandBody = std::function<base::Result<ExitCode>()>;

// The command line's grammar and what belongs to it. Each file `*_command.cc` adds its subcommands
// with one function; the chosen one sets `body`.
struct CommandLine {
  CLI::App app;
  GlobalFlags flags;
  CommandBody body;
};

// Opens the session and gives it to `run` when `subcommand` was chosen.
void OnChosen(CommandLine& line, CLI::App* subcommand,
              std::function<base::Result<ExitCode>(Session&)> run,
              Session::Data wanted = Session::Data::kExists);
// The same for one that puts something about a video into the data directory, which is not made
// for a video that is not there.
void OnChosenForVideo(CommandLine& line, CLI::App* subcommand, const std::string& video,
                      std::function<base::Result<ExitCode>(Session&)> run);
// What a person typed, as the engine has to have it.
std::filesystem::path FullPath(const std::string& typed);

// A flag whose value is a setting: goes to flags.settings[setting] as typed.
CLI::Option* AddSetting(CommandLine& line, CLI::App* subcommand, const std::string& flag,
                        const std::string& setting, const std::string& text);
// --data and --json, which every command has.
void AddGlobalFlags(CommandLine& line, CLI::App* subcommand);

void AddAnalyze(CommandLine& line);
void AddEpisodes(CommandLine& line);
void AddPeople(CommandLine& line);
void AddJobs(CommandLine& line);
void AddInspect(CommandLine& line);
void AddExport(CommandLine& line);
void AddModels(CommandLine& line);
void AddDoctor(CommandLine& line);
void AddMetrics(CommandLine& line);
void AddCompose(CommandLine& line);
void AddSample(CommandLine& line);
void AddEngine(CommandLine& line);

}  // namespace rollcall::cli
