#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "app/data_access.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/results.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"

namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;
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

// Where `-o` means: a folder takes the file under a name that says whose it is,
// "a_s01_e01.totals.csv".
Result<fs::path> PlaceFor(const fs::path& out, const std::string& key, const std::string& file) {
  std::error_code ignored;
  const fs::path place = fs::absolute(out).lexically_normal();
  if (fs::is_directory(place, ignored)) return place / (key + "." + file);
  if (!place.has_filename() || !fs::is_directory(place.parent_path(), ignored)) {
    const std::string folder = place.parent_path().string();
    return domain::MakeError(domain::reason::kBadParams, "there is no folder " + folder,
                             "make it first: mkdir -p '" + folder + "'");
  }
  return place;
}

// With the modes that the person's umask gives: the data directory's are not for what he takes
// elsewhere. A link keeps leading to its file, and what is no plain file (a pipe, a device) is
// written to instead of being replaced.
Result<void> WriteTo(const fs::path& out, const std::string& bytes, mode_t users_umask) {
  const app::ScopedUmask users(users_umask);
  std::error_code missing;
  const fs::path target = fs::canonical(out, missing);
  if (missing) return base::WriteUsersFileAtomic(out, bytes);
  if (fs::is_regular_file(target)) return base::WriteUsersFileAtomic(target, bytes);
  std::ofstream stream(target, std::ios::binary | std::ios::app);
  stream << bytes << std::flush;
  if (!stream) return base::ErrnoError(errno, "write", out);
  return {};
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
    Console::PrintBytes(bytes);
    return ExitCode::kOk;
  }
  ROLLCALL_TRY_ASSIGN(const fs::path out, PlaceFor(flags.out, key.text(), file));
  ROLLCALL_TRY(WriteTo(out, bytes, session.users_umask()));
  if (session.console().is_json()) {
    session.console().PrintDocument(
        {{"path", base::PathToText(out)}, {"size_bytes", bytes.size()}});
  } else {
    session.console().Print(fmt::format("wrote {} ({})\n", base::Shown(out.native()),
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
  command
      ->add_option("-o,--out", flags->out,
                   "The file, or a folder for it: DIR/KEY.totals.csv; without it, standard output")
      ->type_name("FILE|DIR");
  AddGlobalFlags(line, command);
  OnChosen(line, command, [flags](Session& session) { return Export(session, *flags); });
}

}  // namespace rollcall::cli
