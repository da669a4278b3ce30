#include "cli/command.h"

namespace rollcall::cli {

using base::Json;
using base::Result;

void AddMetrics(CommandLine& line) {
  CLI::App* metrics = line.app.add_subcommand(
      "metrics", "What the engine has counted, in the text format of Prometheus");
  AddGlobalFlags(line, metrics);
  OnChosen(line, metrics, [](Session& session) -> Result<ExitCode> {
    ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(api::Get({"metrics"})));
    if (session.console().is_json()) {
      session.console().PrintDocument(answer);
    } else {
      session.console().Print(answer.at("text").get<std::string>());
    }
    return ExitCode::kOk;
  });
}

}  // namespace rollcall::cli
