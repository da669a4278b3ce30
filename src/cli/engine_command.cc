#include <sys/stat.h>

#include <memory>

#include "app/engine_process.h"
#include "app/worker_process.h"
#include "cli/command.h"
#include "cli/console.h"

namespace rollcall::cli {
namespace {

using base::Result;
using Mode = app::EngineProcessOptions::Mode;

Result<ExitCode> RunEngine(const GlobalFlags& flags, const app::EngineProcessOptions& options) {
  ROLLCALL_TRY_ASSIGN(const app::Config config,
                      app::LoadConfig(flags.settings, app::ProcessEnvironment()));
  ROLLCALL_TRY(app::RunEngineProcess(config, options));
  return ExitCode::kOk;
}

void AddServe(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand(
      "serve",
      "Own the data directory and work on its jobs until SIGTERM or Ctrl-C, which let each worker "
      "close its segment. Other commands talk to it through the socket in the data directory; "
      "with --port, programs of this host by HTTP. It has no web page yet.");
  auto port = std::make_shared<std::optional<std::uint16_t>>();
  command->add_option("--port", *port, "Answer HTTP at this port of 127.0.0.1; 0: any")
      ->type_name("PORT");
  AddGlobalFlags(line, command);
  command->callback([&line, port] {
    line.body = [&line, port] {
      return RunEngine(line.flags,
                       {.mode = Mode::kForeground, .port = *port, .works_at_once = true});
    };
  });
}

// What the other commands start; not for people, so not in --help.
void AddHidden(CommandLine& line) {
  auto works_at_once = std::make_shared<bool>(false);
  CLI::App* engine = line.app.add_subcommand("engine", "The engine that a command starts");
  engine->group("");
  engine->add_flag("--work", *works_at_once, "Work at once");
  AddGlobalFlags(line, engine);
  engine->callback([&line, works_at_once] {
    line.body = [&line, works_at_once] {
      return RunEngine(line.flags, {.mode = Mode::kChild, .works_at_once = *works_at_once});
    };
  });

  auto threads = std::make_shared<int>(1);
  CLI::App* worker = line.app.add_subcommand("worker", "The worker that an engine starts");
  worker->group("");
  worker->add_option("--threads", *threads, "For inference")->check(CLI::Range(1, 256));
  worker->callback([&line, threads] {
    line.body = [&line, threads]() -> Result<ExitCode> {
      ::umask(line.flags.users_umask | S_IRWXO);
      return static_cast<ExitCode>(app::RunWorkerProcess(*threads));
    };
  });
}

}  // namespace

void AddEngine(CommandLine& line) {
  AddServe(line);
  AddHidden(line);
}

}  // namespace rollcall::cli
