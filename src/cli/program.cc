#include "cli/program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "cli/command.h"
#include "cli/console.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 ok, 2 usage, 3 input, 4 cancelled, 5 failed, 6 already running.\n"
    "Settings: flags, then ROLLCALL_* variables, then rollcall.toml in the data directory; "
    "`rollcall doctor` shows them.";

void Build(CommandLine& line) {
  line.app.name("rollcall");
  line.app.description("Who is on screen in a video, and for how long.");
  line.app.footer(kFooter);
  line.app.set_version_flag("--version", "rollcall " ROLLCALL_VERSION);
  line.app.require_subcommand(1);
  AddAnalyze(line);
  AddEpisodes(line);
  AddPeople(line);
  AddJobs(line);
  AddInspect(line);
  AddExport(line);
  AddModels(line);
  AddDoctor(line);
  AddMetrics(line);
  AddCompose(line);
  AddSample(line);
  AddEngine(line);
  // Before the command as well as after it: `rollcall --json jobs list`.
  AddGlobalFlags(line, &line.app);
  for (CLI::App* command : line.app.get_subcommands({})) {
    if (!command->get_subcommands({}).empty()) AddGlobalFlags(line, command);
  }
}

// Where the line stops short of a command, CLI11 says no more than that; here is which word is
// none, and what there is.
base::Error UsageError(const CommandLine& line, const CLI::ParseError& error) {
  const CLI::App* group = &line.app;
  std::string name = "rollcall";
  while (!group->get_subcommands().empty()) {
    group = group->get_subcommands().back();
    name += " " + group->get_name();
  }
  constexpr std::string_view kReason = domain::reason::kBadParams;
  using domain::MakeError;
  if (group->get_require_subcommand_min() == 0) return MakeError(kReason, error.what());
  const std::string help = fmt::format("see `{} --help`", name);
  const std::vector<std::string> words = line.app.remaining(/*recurse=*/true);
  if (!words.empty() && words.front().starts_with("-")) {
    return MakeError(kReason, fmt::format("{} has no option \"{}\"", name, words.front()), help);
  }
  std::vector<std::string> commands;
  for (const CLI::App* command : group->get_subcommands({})) {
    if (!command->get_group().empty()) commands.push_back(command->get_name());
  }
  return MakeError(kReason,
                   words.empty() ? name + " needs a command"
                                 : fmt::format("{} has no command \"{}\"", name, words.front()),
                   fmt::format("one of {}; {}", fmt::join(commands, ", "), help));
}

// --json may stand behind --version, and CLI11 calls for the version before it stores that flag.
int SayVersion(const CommandLine& line, const CLI::CallForVersion& request) {
  if (line.app.count("--json") == 0) return line.app.exit(request);
  Console(line.flags).PrintDocument({{"name", "rollcall"}, {"version", ROLLCALL_VERSION}});
  return static_cast<int>(ExitCode::kOk);
}

int Run(int argc, char** argv) {
  CommandLine line;
  // Until it is known who may read the data directory; a worker has its engine's.
  line.flags.users_umask = ::umask(077);
  Build(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::CallForVersion& request) {
    return SayVersion(line, request);
  } catch (const CLI::Success& request) {
    return line.app.exit(request);  // --help
  } catch (const CLI::ParseError& error) {
    Console(line.flags).PrintError(UsageError(line, error));
    return static_cast<int>(ExitCode::kUsage);
  }
  const auto exit = line.body();
  if (!exit.ok()) {
    Console(line.flags).PrintError(exit.error());
    return static_cast<int>(ExitCodeFor(exit.error()));
  }
  if (const int code = Console::OutputError(); code != 0) {
    Console({}).PrintError(base::ErrnoError(code, "write", "the output"));
    return static_cast<int>(ExitCode::kFailed);
  }
  return static_cast<int>(*exit);
}

}  // namespace

int Main(int argc, char** argv) {
  // A reader that has gone away (`| head`) is an error of that write, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    Console({}).PrintError(domain::MakeError(domain::reason::kInternal, error.what()));
    return static_cast<int>(ExitCode::kFailed);
  }
}

}  // namespace rollcall::cli
