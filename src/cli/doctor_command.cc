#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "cli/command.h"
#include "cli/results.h"
#include "control/protocol.h"
#include "jobs/worker_cgroup.h"
#include "jobs/worker_sandbox.h"
#include "vision/model_pack.h"

namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
namespace method = control::method;

// Less is too little for the results of one long episode.
constexpr std::int64_t kFreeBytesMin = 2'000'000'000;

enum class Verdict { kGood, kWarning, kBad };

struct Finding {
  std::string name;
  Verdict verdict = Verdict::kGood;
  std::string text;
  std::string hint;
};

Finding FromResult(std::string name, const Result<void>& result, std::string good) {
  if (result.ok()) return {std::move(name), Verdict::kGood, std::move(good), ""};
  const base::Error& error = result.error();
  return {std::move(name), Verdict::kBad, error.reason + ": " + error.message, error.hint};
}

// The mount's type from /proc/self/mountinfo: the longest mount point above `path`.
std::string FileSystemOf(const fs::path& path) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::string best_type = "unknown";
  std::size_t best_length = 0;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string skipped;
    std::string mount_point;
    fields >> skipped >> skipped >> skipped >> skipped >> mount_point;
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const bool is_above = path.string().starts_with(mount_point) &&
                          (mount_point == "/" || path.string().size() == mount_point.size() ||
                           path.string()[mount_point.size()] == '/');
    if (!is_above || mount_point.size() < best_length) continue;
    best_length = mount_point.size();
    best_type = line.substr(dash + 3, line.find(' ', dash + 3) - dash - 3);
  }
  return best_type;
}

Finding CheckDisk(const app::DataDirectory& data) {
  const std::int64_t free = data.FreeBytes();
  const std::string text = Bytes(free) + " free on " + FileSystemOf(data.root());
  if (free >= kFreeBytesMin) return {"disk", Verdict::kGood, text, ""};
  return {"disk", Verdict::kWarning, text, "free some space; long episodes need about 1 GB"};
}

Finding CheckModels(const app::Config& config) {
  const auto folder = config.ModelPackFolder();
  const auto pack = vision::ModelPack::Load(folder);
  if (!pack.ok()) return FromResult("models", pack.error(), "");
  std::string text =
      fmt::format("{} {}, {} files verified", pack->name(), pack->version(), pack->roles().size());
  return FromResult("models", pack->Verify(), std::move(text));
}

// Loading a model is the only honest answer to "does this provider work here".
Finding CheckProvider(const app::Config& config) {
  const auto pack = vision::ModelPack::Load(config.ModelPackFolder());
  if (!pack.ok()) return {"provider", Verdict::kWarning, "no models to try it with", ""};
  const auto detector =
      pack->MakeDetector({.provider = config.provider, .threads = config.inference_threads()});
  const Result<void> result = detector.ok() ? Result<void>{} : detector.error();
  return FromResult("provider", result,
                    fmt::format("{}, {} threads", config.provider, config.inference_threads()));
}

// What a worker may not do and have, as an engine started now would have it.
Finding CheckWorkers(const app::DataDirectory& data, const app::Config& config) {
  const std::string memory = config.worker_memory_mb == 0
                                 ? "no memory limit"
                                 : fmt::format("at most {} MB each", config.worker_memory_mb);
  const jobs::WorkerCgroups groups(jobs::WorkerCgroups::OwnFolder(), data.root() / "doctor");
  const bool has_groups = groups.Make(base::RandomId(), 0) != nullptr;
  const std::string rest =
      fmt::format("{}, {}", memory, has_groups ? "a control group each" : "no control groups");
  const auto sandbox = jobs::TrySandbox();
  if (sandbox.ok()) {
    return {"workers", Verdict::kGood, "sandboxed (seccomp filter on), " + rest, ""};
  }
  return {"workers", Verdict::kWarning,
          fmt::format("not sandboxed: {}; {}", sandbox.error().message, rest),
          sandbox.error().hint};
}

// Do the files for people say what the store says?
Finding CheckProjections(const app::DataDirectory& data, const Json& episodes) {
  std::string wrong;
  int count = 0;
  for (const Json& episode : episodes) {
    const std::string key = episode.at("episode_key");
    // Without a job there was nothing to project.
    if (episode.at("status").empty()) continue;
    ++count;
    const auto text = base::ReadFile(data.episode(key) / "state.json");
    const auto state = text.ok() ? base::ParseJson(*text, "state.json") : Json(nullptr);
    if (!state.ok() || !state->is_object() ||
        state->value("states", Json::object()) != episode.at("states")) {
      wrong += (wrong.empty() ? "" : ", ") + key;
    }
  }
  if (wrong.empty()) {
    return {"projections", Verdict::kGood, fmt::format("{} episodes agree with the store", count),
            ""};
  }
  return {"projections", Verdict::kWarning, "state.json differs from the store for " + wrong,
          "they are written again with the next job; files must not have been removed by hand"};
}

Result<std::vector<Finding>> Examine(Session& session) {
  const app::DataDirectory& data = session.data();
  std::vector<Finding> findings;
  findings.push_back({"data directory", Verdict::kGood, data.root().string(), ""});
  findings.push_back(CheckDisk(data));
  findings.push_back(FromResult("writable", data.CheckWritable(), "yes"));
  findings.push_back(CheckModels(session.config()));
  findings.push_back(CheckProvider(session.config()));
  findings.push_back(CheckWorkers(data, session.config()));

  const auto hello = session.Call(method::kHello, Json::object());
  if (!hello.ok()) {
    findings.push_back(FromResult("engine", hello.error(), ""));
    return findings;
  }
  ROLLCALL_TRY_ASSIGN(const app::EngineLink* link, session.Engine());
  findings.push_back(
      {"engine", Verdict::kGood,
       link->has_started_engine()
           ? std::string("none was running; one was started to look")
           : fmt::format("version {}, process {}, {}", hello->value("version", ""),
                         hello->value("pid", 0),
                         hello->value("is_working", false) ? "working" : "observing"),
       ""});
  const auto checked = session.Call(method::kStoreCheck, Json::object());
  findings.push_back(FromResult("store", checked.ok() ? Result<void>{} : checked.error(),
                                "integrity check passed"));
  const auto episodes = session.Call(method::kEpisodeList, Json::object());
  if (episodes.ok()) {
    findings.push_back(CheckProjections(data, episodes->at("episodes")));
  } else {
    findings.push_back(FromResult("projections", episodes.error(), ""));
  }
  return findings;
}

std::string GlyphOf(Verdict verdict, const Paint& paint) {
  if (verdict == Verdict::kGood) return paint.Good("✓");
  return verdict == Verdict::kWarning ? paint.Warn("!") : paint.Bad("✗");
}

std::string ConfigText(const app::Config& config, const Paint& paint) {
  std::string text = paint.Bold("settings") + "\n";
  const Json settings = config.ToJson();
  for (const auto& [name, setting] : settings.items()) {
    const Json& value = setting.at("value");
    text += fmt::format("  {}  {}  {}\n", PadRight(name, 16),
                        value.is_string() ? value.get<std::string>() : value.dump(),
                        paint.Dim("(" + setting.at("origin").get<std::string>() + ")"));
  }
  return text;
}

Result<ExitCode> Doctor(Session& session) {
  ROLLCALL_TRY_ASSIGN(const auto findings, Examine(session));
  const Console& console = session.console();
  const Paint paint = console.paint();
  bool is_bad = false;
  Json list = Json::array();
  std::string text = ConfigText(session.config(), paint) + "\n" + paint.Bold("checks") + "\n";
  for (const Finding& finding : findings) {
    is_bad = is_bad || finding.verdict == Verdict::kBad;
    text += fmt::format("  {} {}  {}\n", GlyphOf(finding.verdict, paint),
                        PadRight(finding.name, 14), finding.text);
    if (!finding.hint.empty()) text += paint.Dim("      hint: " + finding.hint) + "\n";
    list.push_back({{"check", finding.name},
                    {"ok", finding.verdict != Verdict::kBad},
                    {"warning", finding.verdict == Verdict::kWarning},
                    {"text", finding.text},
                    {"hint", finding.hint}});
  }
  if (console.is_json()) {
    console.PrintDocument({{"settings", session.config().ToJson()}, {"checks", std::move(list)}});
  } else {
    console.Print(text);
  }
  return is_bad ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace

void AddDoctor(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand(
      "doctor", "Settings and where they come from; disk, models, store, files");
  AddSetting(line, command, "--models", "model_pack", "A model pack's name or folder")
      ->type_name("PACK");
  AddSetting(line, command, "--provider", "provider", "What computes: cpu, cuda")
      ->type_name("NAME");
  AddGlobalFlags(line, command);
  OnChosen(line, command, [](Session& session) { return Doctor(session); });
}

}  // namespace rollcall::cli
