#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/file.h"
#include "cli/command.h"
#include "cli/results.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

using base::Result;

struct ExportFlags {
  std::string key;
  std::string format = "csv";
  std::string table = "totals";
  std::string out;
};

// The output file that holds `format`.
Result<std::string> FileFor(const ExportFlags& flags) {
  if (flags.format == "csv") return flags.table + ".csv";
  if (flags.table != "totals") {
    return domain::MakeError(domain::reason::kBadParams,
                             "--table timeline goes with --format csv only");
  }
  static const std::map<std::string, std::string> kFiles{{"xlsx", "totals.xlsx"},
                                                         {"json", "report.json"},
                                                         {"vtt", "timeline.vtt"},
                                                         {"parquet", "totals.parquet"}};
  return kFiles.at(flags.format);
}

Result<ExitCode> Export(Session& session, const ExportFlags& flags) {
  ROLLCALL_TRY_ASSIGN(const std::string file, FileFor(flags));
  ROLLCALL_TRY_ASSIGN(const auto key, domain::EpisodeKey::Parse(flags.key));
  ROLLCALL_TRY_ASSIGN(const auto path,
                      FindResult(session, key.text(), "outputs/" + key.text() + "/" + file));
  ROLLCALL_TRY_ASSIGN(const std::string bytes, base::ReadFile(path));
  const bool is_binary = flags.format == "xlsx" || flags.format == "parquet";
  if (flags.out.empty() || flags.out == "-") {
    if (is_binary && ::isatty(STDOUT_FILENO) == 1) {
      return domain::MakeError(domain::reason::kBadParams, flags.format + " is not for a terminal",
                               "name a file with -o");
    }
    Console({}).Print(bytes);
    return ExitCode::kOk;
  }
  const auto out = std::filesystem::absolute(flags.out);
  ROLLCALL_TRY(base::WriteFileAtomic(out, bytes));
  if (session.console().is_json()) {
    session.console().PrintDocument({{"path", out.string()}, {"size_bytes", bytes.size()}});
  } else {
    session.console().Print(fmt::format("wrote {} ({})\n", out.string(),
                                        Bytes(static_cast<std::int64_t>(bytes.size()))));
  }
  return ExitCode::kOk;
}

}  // namespace

void AddExport(CommandLine& line) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command = line.app.add_subcommand("export", "An episode's result as a file");
  command->add_option("key", flags->key, "The episode's key")->required();
  command->add_option("--format", flags->format, "The file's format")
      ->check(CLI::IsMember({"csv", "xlsx", "json", "vtt", "parquet"}))
      ->capture_default_str();
  command->add_option("--table", flags->table, "For csv: screen time per person, or each stretch")
      ->check(CLI::IsMember({"totals", "timeline"}))
      ->capture_default_str();
  command->add_option("-o,--out", flags->out, "The file; without it, standard output")
      ->type_name("FILE");
  AddGlobalFlags(line, command);
  OnChosen(line, command, [flags](Session& session) { return Export(session, *flags); });
}

}  // namespace rollcall::cli
