#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/command.h"
#include "cli/text_table.h"
#include "control/protocol.h"
#include "domain/reasons.h"
#include "vision/model_pack.h"

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

Result<ExitCode> List(Session& session) {
  const app::Config& config = session.config();
  const Console& console = session.console();
  Json list = Json::array();
  TextTable table({"", "PACK", "VERSION", "MODELS", "FOLDER"});
  for (const fs::path& folder : PackFolders(config)) {
    const bool is_chosen = folder == config.ModelPackFolder();
    const auto pack = ModelPack::Load(folder);
    const std::string version = pack.ok() ? pack->version() : "";
    const std::string roles = pack.ok() ? RolesOf(*pack) : pack.error().ToString();
    table.Add({is_chosen ? "*" : "", folder.filename().string(), version,
               pack.ok() ? roles : console.paint().Bad(roles), folder.string()});
    list.push_back({{"name", folder.filename().string()},
                    {"version", version},
                    {"models", roles},
                    {"folder", folder.string()},
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
  std::string text = fmt::format("{} {}  {}\n", pack.name(), pack.version(), folder.string());
  for (const FileCheck& check : CheckFiles(pack)) {
    text +=
        fmt::format("  {} {}\n", check.error ? console.paint().Bad("✗") : console.paint().Good("✓"),
                    check.file);
    files.push_back({{"file", check.file},
                     {"ok", !check.error},
                     {"error", check.error ? control::ErrorToJson(*check.error) : Json(nullptr)}});
    if (check.error && !worst) worst = check.error;
  }
  console.Print(text);
  if (console.is_json()) {
    console.PrintDocument({{"pack", pack.name()}, {"folder", folder.string()}, {"files", files}});
    return worst ? ExitCodeFor(*worst) : ExitCode::kOk;
  }
  if (worst) return *worst;
  return ExitCode::kOk;
}

// Beside its place first, then renamed: a pack is there whole or not at all.
Result<void> CopyPack(const fs::path& from, const fs::path& to) {
  const fs::path beside = to.string() + ".new";
  std::error_code error;
  fs::remove_all(beside, error);
  fs::copy(from, beside, fs::copy_options::recursive, error);
  if (!error) fs::remove_all(to, error);
  if (!error) fs::rename(beside, to, error);
  if (!error) return base::SyncFolder(to.parent_path());
  std::error_code ignored;
  fs::remove_all(beside, ignored);
  return base::ErrnoError(error.value(), "copy the pack to", to);
}

Result<ExitCode> AddPack(Session& session, const fs::path& folder, const std::string& as) {
  ROLLCALL_TRY_ASSIGN(const ModelPack pack, ModelPack::Load(folder));
  ROLLCALL_TRY(pack.Verify());
  const std::string name = as.empty() ? folder.filename().string() : as;
  if (name.empty() || name.find('/') != std::string::npos || name.starts_with(".")) {
    return domain::MakeError(reason::kBadParams, "\"" + name + "\" cannot name a pack",
                             "give a plain name with --name");
  }
  const fs::path to = session.data().models() / name;
  std::error_code ignored;
  if (!fs::equivalent(folder, to, ignored)) ROLLCALL_TRY(CopyPack(folder, to));
  const Console& console = session.console();
  console.Print(
      fmt::format("{} is in {}\nuse it with --models {}, or models.pack = \"{}\" in "
                  "rollcall.toml\n",
                  name, to.string(), name, name));
  if (console.is_json()) console.PrintDocument({{"name", name}, {"folder", to.string()}});
  return ExitCode::kOk;
}

}  // namespace

void AddModels(CommandLine& line) {
  struct Flags {
    std::string pack;
    std::string as;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* group = line.app.add_subcommand("models", "The model packs that find and tell faces");
  group->require_subcommand(1);

  CLI::App* list = group->add_subcommand("list", "All packs; * marks the one in use");
  AddGlobalFlags(line, list);
  OnChosen(line, list, [](Session& session) { return List(session); });

  CLI::App* verify = group->add_subcommand("verify", "Compare every file with its pinned hash");
  verify->add_option("pack", flags->pack, "Name or folder; without it, the one in use");
  AddGlobalFlags(line, verify);
  OnChosen(line, verify, [flags](Session& session) { return VerifyPack(session, flags->pack); });

  CLI::App* add = group->add_subcommand("add", "Copy a pack into the data directory");
  add->add_option("folder", flags->pack, "A folder with pack.toml")->required();
  add->add_option("--name", flags->as, "The name that it gets");
  AddGlobalFlags(line, add);
  OnChosen(line, add, [flags](Session& session) {
    return AddPack(session, fs::absolute(flags->pack).lexically_normal(), flags->as);
  });

  CLI::App* install = group->add_subcommand(
      "install",
      "Copy the pack that set-up made into the data directory, so that it moves with it");
  install->add_option("pack", flags->pack, "Its name")->default_str("default");
  AddGlobalFlags(line, install);
  OnChosen(line, install, [flags](Session& session) {
    const std::string name = flags->pack.empty() ? "default" : flags->pack;
    return AddPack(session, session.config().models_dir / name, name);
  });
}

}  // namespace rollcall::cli
