#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/error_json.h"
#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/text_table.h"
#include "domain/reasons.h"
#include "vision/model_pack.h"
#include "vision/pack_catalog.h"

namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
using vision::ModelPack;
namespace reason = domain::reason;

// Folders with a pack.toml: those in the data directory first, they hide others of their name.
std::vector<fs::path> PackFolders(const app::Config& config) {
  std::vector<fs::path> folders;
  std::set<std::string> names;
  for (const fs::path& root : {config.data_dir / "models", config.models_dir}) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root, error)) {
      if (fs::exists(entry.path() / "pack.toml", error)) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    for (const fs::path& folder : found) {
      if (names.insert(folder.filename().string()).second) folders.push_back(folder);
    }
  }
  return folders;
}

Result<fs::path> FindPack(const app::Config& config, const std::string& name) {
  if (name.empty()) return config.ModelPackFolder();
  if (name.find('/') != std::string::npos) return fs::absolute(name).lexically_normal();
  for (const fs::path& folder : PackFolders(config)) {
    if (folder.filename() == name) return folder;
  }
  return domain::MakeError(reason::kModelMissing, "there is no model pack " + name,
                           "`rollcall models list` shows what there is");
}

std::string RolesOf(const ModelPack& pack) {
  std::string roles;
  for (const vision::PackRole& role : pack.roles()) {
    roles += fmt::format("{}{} ({})", roles.empty() ? "" : ", ", role.role, role.kind);
  }
  return roles;
}

Result<ExitCode> ListPacks(Session& session) {
  const app::Config& config = session.config();
  const Console& console = session.console();
  Json list = Json::array();
  TextTable table({"", "PACK", "VERSION", "MODELS", "FOLDER"});
  for (const fs::path& folder : PackFolders(config)) {
    const bool is_chosen = folder == config.ModelPackFolder();
    const auto pack = ModelPack::Load(folder);
    const std::string version = pack.ok() ? base::Shown(pack->version()) : "";
    const std::string roles = base::Shown(pack.ok() ? RolesOf(*pack) : pack.error().ToString());
    table.Add({is_chosen ? "*" : "", base::Shown(folder.filename().native()), version,
               pack.ok() ? roles : console.paint().Bad(roles), base::Shown(folder.native())});
    list.push_back({{"name", base::PathToText(folder.filename())},
                    {"version", version},
                    {"models", roles},
                    {"folder", base::PathToText(folder)},
                    {"chosen", is_chosen},
                    {"ok", pack.ok()}});
  }
  if (console.is_json()) {
    console.PrintDocument({{"packs", std::move(list)}});
  } else {
    console.Print(table.is_empty() ? "no model packs; set up again, or `rollcall models add`\n"
                                   : table.ToString(console.paint()));
  }
  return ExitCode::kOk;
}

struct FileCheck {
  std::string file;
  std::optional<base::Error> error;
};

// Each file by itself, so that all that is wrong is said at once.
std::vector<FileCheck> CheckFiles(const ModelPack& pack) {
  std::vector<FileCheck> checks;
  for (const vision::PackRole& role : pack.roles()) {
    FileCheck check{.file = role.file, .error = {}};
    const auto digest = base::DigestFile(pack.folder() / role.file);
    if (!digest.ok()) {
      check.error = domain::MakeError(reason::kModelMissing, digest.error().message);
    } else if (digest->sha256 != role.sha256) {
      check.error =
          domain::MakeError(reason::kModelAltered, fmt::format("{} has SHA-256 {}, not {}",
                                                               (pack.folder() / role.file).string(),
                                                               digest->sha256, role.sha256));
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

Result<ExitCode> VerifyPack(Session& session, const std::string& name) {
  const Console& console = session.console();
  ROLLCALL_TRY_ASSIGN(const fs::path folder, FindPack(session.config(), name));
  ROLLCALL_TRY_ASSIGN(const ModelPack pack, ModelPack::Load(folder));
  std::optional<base::Error> worst;
  Json files = Json::array();
  std::string text =
      base::Shown(fmt::format("{} {}  {}", pack.name(), pack.version(), folder.string())) + "\n";
  for (const FileCheck& check : CheckFiles(pack)) {
    text +=
        fmt::format("  {} {}\n", check.error ? console.paint().Bad("✗") : console.paint().Good("✓"),
                    base::Shown(check.file));
    files.push_back({{"file", check.file},
                     {"ok", !check.error},
                     {"error", check.error ? api::ErrorToJson(*check.error) : Json(nullptr)}});
    if (check.error && !worst) worst = check.error;
  }
  console.Print(text);
  if (console.is_json()) {
    console.PrintDocument(
        {{"pack", pack.name()}, {"folder", base::PathToText(folder)}, {"files", files}});
    return worst ? ExitCodeFor(*worst) : ExitCode::kOk;
  }
  if (worst) return *worst;
  return ExitCode::kOk;
}

Result<ExitCode> SayWhereItIs(const Console& console, const ModelPack& pack) {
  console.Print(fmt::format(
      "{0} is in {1}\nuse it with --models {0}, or models.pack = \"{0}\" in rollcall.toml\n",
      base::Shown(pack.name()), base::Shown(pack.folder().native())));
  if (console.is_json()) {
    console.PrintDocument({{"name", pack.name()}, {"folder", base::PathToText(pack.folder())}});
  }
  return ExitCode::kOk;
}

Result<ExitCode> AddPack(Session& session, const fs::path& folder) {
  ROLLCALL_TRY_ASSIGN(const ModelPack pack, vision::PackAdd(folder, session.data().models()));
  return SayWhereItIs(session.console(), pack);
}

// One line that is overwritten; nothing where no terminal shows it.
class DownloadLine {
 public:
  explicit DownloadLine(const Console& console) : console_(console) {}
  ~DownloadLine() {
    if (is_drawn_) console_.Print("\n");
  }
  void Draw(std::int64_t done, std::int64_t total) {
    if (!console_.terminal().is_coloured) return;
    const std::string all = total > 0 ? " of " + Bytes(total) : "";
    console_.PrintFrame(fmt::format("\r  fetched {}{}", Bytes(done), all));
    is_drawn_ = true;
  }

 private:
  const Console& console_;
  bool is_drawn_ = false;
};

Result<ExitCode> InstallPack(Session& session, const std::string& name_or_url,
                             const std::string& mirror_url) {
  const app::Config& config = session.config();
  const fs::path made = config.models_dir / name_or_url;
  std::error_code ignored;
  const bool is_local = name_or_url.find('/') == std::string::npos && mirror_url.empty() &&
                        fs::exists(made / "pack.toml", ignored);
  if (is_local) return AddPack(session, made);
  const Interrupt interrupt;
  DownloadLine line(session.console());
  const auto tick = [&](std::int64_t done, std::int64_t total) {
    line.Draw(done, total);
    return !interrupt.has_come();
  };
  ROLLCALL_TRY_ASSIGN(const ModelPack pack,
                      vision::PackInstall({.name_or_url = name_or_url,
                                           .models_dir = session.data().models(),
                                           .base_pack = config.models_dir / "default",
                                           .mirror_url = mirror_url},
                                          tick));
  return SayWhereItIs(session.console(), pack);
}

std::string KnownPacks() {
  std::string text = "default; the address of a pack.toml";
  for (const vision::KnownDetector& each : vision::KnownDetectors()) {
    text += fmt::format("; {} ({})", each.name, each.about);
  }
  return text;
}

}  // namespace

void AddModels(CommandLine& line) {
  struct Flags {
    std::string pack;
    std::string mirror;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* group = line.app.add_subcommand("models", "The model packs that find and tell faces");
  group->require_subcommand(1);

  CLI::App* list = group->add_subcommand("list", "All packs; * marks the one in use");
  AddGlobalFlags(line, list);
  OnChosen(line, list, [](Session& session) { return ListPacks(session); });

  CLI::App* verify = group->add_subcommand("verify", "Compare every file with its pinned hash");
  verify->add_option("pack", flags->pack, "Name or folder; without it, the one in use");
  AddGlobalFlags(line, verify);
  OnChosen(line, verify, [flags](Session& session) { return VerifyPack(session, flags->pack); });

  CLI::App* add = group->add_subcommand("add", "Check a pack and copy it into the data directory");
  add->add_option("folder", flags->pack, "A folder with pack.toml")->required();
  AddGlobalFlags(line, add);
  OnChosen(
      line, add,
      [flags](Session& session) {
        return AddPack(session, fs::absolute(flags->pack).lexically_normal());
      },
      Session::Data::kIsMade);

  CLI::App* install = group->add_subcommand(
      "install", "Fetch a pack into the data directory, or copy the one that set-up made");
  install->add_option("pack", flags->pack, KnownPacks())->default_str("default");
  install->add_option("--mirror", flags->mirror, "Fetch a known pack's file from this address");
  AddGlobalFlags(line, install);
  OnChosen(
      line, install,
      [flags](Session& session) {
        return InstallPack(session, flags->pack.empty() ? "default" : flags->pack, flags->mirror);
      },
      Session::Data::kIsMade);
}

}  // namespace rollcall::cli
