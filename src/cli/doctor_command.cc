#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/data_access.h"
#include "base/random.h"
#include "base/shown_text.h"
#include "cli/clock_check.h"
#include "cli/command.h"
#include "cli/results.h"
#include "domain/reasons.h"
#include "housekeeping/data_lock.h"
#include "vision/model_pack.h"
#include "worker/file_sandbox.h"
#include "worker/worker_cgroup.h"
#include "worker/worker_sandbox.h"

namespace rollcall::cli {
namespace {

using base::Json;
using base::Result;

// Less is too little for the results of one long episode.
constexpr std::int64_t kFreeBytesMin = 2'000'000'000;

enum class Verdict { kGood, kWarning, kBad };

struct Finding {
  std::string name;
  Verdict verdict = Verdict::kGood;
  std::string text;
  std::string hint;
  Json details = nullptr;
};

Finding FromResult(std::string name, const Result<void>& result, std::string good) {
  if (result.ok()) return {std::move(name), Verdict::kGood, std::move(good), "", nullptr};
  const base::Error& error = result.error();
  return {std::move(name), Verdict::kBad, error.reason + ": " + error.message, error.hint, nullptr};
}

Finding CheckDisk(const app::DataDirectory& data) {
  const std::int64_t free = data.FreeBytes();
  const std::string text = Bytes(free) + " free";
  if (free >= kFreeBytesMin) return {"disk", Verdict::kGood, text, ""};
  return {"disk", Verdict::kWarning, text, "free some space; long episodes need about 1 GB"};
}

// A store on another machine's disk would be damaged sooner or later; no engine starts there.
Finding CheckFileSystem(const app::DataDirectory& data) {
  const std::string type = housekeeping::FileSystemType(data.root());
  if (housekeeping::IsNetworkFileSystem(type)) {
    return FromResult("file system",
                      domain::MakeError(domain::reason::kNetworkFileSystem,
                                        data.root().string() + " is on " + type),
                      "");
  }
  if (type.empty()) return {"file system", Verdict::kWarning, "its type cannot be told", ""};
  return {"file system", Verdict::kGood, type + ", local", ""};
}

// `newest_recorded`: ISO, empty if nothing is.
Finding CheckClock(const std::string& newest_recorded) {
  constexpr std::chrono::milliseconds kMoment{100};
  const ClockReading earlier = ClockReading::Now();
  std::this_thread::sleep_for(kMoment);
  std::string trouble = ClockTrouble(earlier, ClockReading::Now(), newest_recorded);
  if (trouble.empty()) return {"clock", Verdict::kGood, "wall, boot and monotonic agree", ""};
  return {"clock", Verdict::kWarning, std::move(trouble),
          "set the machine's time; leases go by the boot clock, times for people do not"};
}

// Faces and vectors of people are nobody else's business.
Finding CheckReaders(const app::DataDirectory& data, std::optional<gid_t> group) {
  const app::Readers readers = app::ReadersOf(data, group);
  const std::string mode = fmt::format("mode {:04o}", readers.mode);
  constexpr const char* kMend = "`rollcall doctor --fix-permissions` takes it from all others";
  if (readers.has_others) {
    return {"permissions", Verdict::kWarning,
            "every user of this host can reach what is in the data directory, faces too: " + mode,
            kMend};
  }
  if (!readers.unwanted_group.empty()) {
    return {"permissions", Verdict::kWarning,
            fmt::format("members of the group {} can reach what is in the data directory, faces "
                        "too: {}",
                        readers.unwanted_group, mode),
            std::string(kMend) + "; data.group in rollcall.toml says that they may"};
  }
  if (readers.lacks_group) {
    return {"permissions", Verdict::kWarning,
            "the group that data.group names cannot read all of it: " + mode,
            "`rollcall doctor --fix-permissions` lets it read, and nobody else"};
  }
  return {"permissions", Verdict::kGood,
          fmt::format("its owner{}, {}", group ? " and the group of data.group" : " alone", mode),
          ""};
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
  const worker::WorkerCgroups groups(worker::WorkerCgroups::OwnFolder(), data.root() / "doctor");
  const bool has_groups = groups.Make(base::RandomId(), 0) != nullptr;
  const std::string rest =
      fmt::format("{}, {}", memory, has_groups ? "a control group each" : "no control groups");
  const auto calls = worker::TrySandbox();
  const auto files = worker::TryFileSandbox();
  const std::string text = fmt::format(
      "{}, {}, {}", calls.ok() ? "sandboxed (seccomp filter on)" : "not sandboxed (no seccomp)",
      files.ok() ? fmt::format("kept to their files (Landlock {})", worker::LandlockVersion())
                 : "not kept to their files (no Landlock)",
      rest);
  const std::string hint = !calls.ok() ? calls.error().hint : !files.ok() ? files.error().hint : "";
  return {"workers", hint.empty() ? Verdict::kGood : Verdict::kWarning, text, hint};
}

// Do the files for people say what the store says? `answer`: of projection.check.
Finding CheckProjections(const Json& answer) {
  constexpr std::size_t kShown = 5;
  const Json& problems = answer.at("problems");
  const int compared = answer.at("compared");
  if (problems.empty()) {
    return {"projections", Verdict::kGood,
            fmt::format("{} files and links agree with the store", compared), ""};
  }
  std::string text = fmt::format("{} of {} do not agree with the store", problems.size(), compared);
  for (std::size_t i = 0; i < std::min(problems.size(), kShown); ++i) {
    const Json& problem = problems[i];
    const std::string detail = problem.at("detail");
    text += fmt::format("\n      {} {}{}{}", problem.at("path").get<std::string>(),
                        problem.at("kind").get<std::string>(), detail.empty() ? "" : ": ", detail);
  }
  if (problems.size() > kShown) {
    text += fmt::format("\n      and {} more: --json", problems.size() - kShown);
  }
  return {
      .name = "projections",
      .verdict = Verdict::kWarning,
      .text = std::move(text),
      .hint =
          "the store decides: remove what differs or is left over, then `rollcall analyze VIDEO` "
          "writes again what is missing, and makes anew what cannot be written again",
      .details = problems};
}

// `hello`: what it has answered.
Result<std::string> DescribeEngine(Session& session, const Json& hello) {
  if (session.is_looking()) return std::string("none can be started; the store was read without");
  ROLLCALL_TRY_ASSIGN(const app::EngineLink* link, session.Engine());
  if (link->has_started_engine()) return std::string("none was running; one was started to look");
  return fmt::format("version {}, process {}, {}", hello.value("version", ""),
                     hello.value("pid", 0),
                     hello.value("is_working", false) ? "working" : "observing");
}

Result<std::vector<Finding>> Examine(Session& session) {
  const app::DataDirectory& data = session.data();
  std::vector<Finding> findings;
  findings.push_back({"data directory", Verdict::kGood, base::Shown(data.root().native()), ""});
  findings.push_back(CheckFileSystem(data));
  findings.push_back(CheckDisk(data));
  findings.push_back(FromResult("writable", data.CheckWritable(), "yes"));
  findings.push_back(CheckReaders(data, session.group()));
  findings.push_back(CheckModels(session.config()));
  findings.push_back(CheckProvider(session.config()));
  findings.push_back(CheckWorkers(data, session.config()));

  const auto hello = session.Ask(api::Get({"api", "engine", "hello"}));
  if (!hello.ok()) {
    findings.push_back(FromResult("engine", hello.error(), ""));
    return findings;
  }
  ROLLCALL_TRY_ASSIGN(std::string engine, DescribeEngine(session, *hello));
  findings.push_back({"engine", Verdict::kGood, std::move(engine), ""});
  const auto checked = session.Ask(api::Get({"api", "engine", "check-store"}));
  findings.push_back(FromResult("store", checked.ok() ? Result<void>{} : checked.error(),
                                "integrity check passed"));
  const auto compared = session.Ask(api::Get({"api", "engine", "check-files"}));
  findings.push_back(compared.ok() ? CheckProjections(*compared)
                                   : FromResult("projections", compared.error(), ""));
  const auto newest = session.Ask(api::Get({"api", "jobs"}, {{"limit", "1"}}));
  const bool has_jobs = newest.ok() && !newest->at("jobs").empty();
  findings.push_back(CheckClock(has_jobs ? newest->at("jobs")[0].value("created_at", "") : ""));
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
    // Thirty times that nobody has changed are in --json.
    if (name.starts_with("runtime.") && setting.at("origin") == "default") continue;
    const Json& value = setting.at("value");
    text += fmt::format("  {}  {}  {}\n", PadRight(name == "data" ? "--data" : name, 21),
                        value.is_string() && value != "" ? ShownPath(value) : value.dump(),
                        paint.Dim("(" + setting.at("origin").get<std::string>() + ")"));
  }
  return text;
}

// Before the checks, which then say what it has come to.
Result<void> FixPermissions(const Session& session) {
  ROLLCALL_TRY_ASSIGN(const auto mended, app::MendAccess(session.data(), session.group()));
  if (mended.failed > 0) {
    session.console().PrintWarning(fmt::format("{} files or folders stay as they are: {}",
                                               mended.failed, mended.first_failure));
  }
  session.console().Print(
      fmt::format("changed the permissions of {} files and folders\n\n", mended.changed));
  return {};
}

Result<ExitCode> Doctor(Session& session, bool fixes_permissions) {
  if (fixes_permissions) ROLLCALL_TRY(FixPermissions(session));
  ROLLCALL_TRY_ASSIGN(const auto findings, Examine(session));
  const Console& console = session.console();
  const Paint paint = console.paint();
  bool is_bad = false;
  Json list = Json::array();
  std::string text = ConfigText(session.config(), paint) + "\n" + paint.Bold("checks") + "\n";
  for (const Finding& finding : findings) {
    is_bad = is_bad || finding.verdict == Verdict::kBad;
    text += fmt::format("  {} {}  {}\n", GlyphOf(finding.verdict, paint),
                        PadRight(finding.name, 14), base::ShownLines(finding.text));
    if (!finding.hint.empty())
      text += paint.Dim("      hint: " + console.AsTyped(finding.hint)) + "\n";
    list.push_back({{"check", finding.name},
                    {"ok", finding.verdict != Verdict::kBad},
                    {"warning", finding.verdict == Verdict::kWarning},
                    {"text", finding.text},
                    {"hint", finding.hint}});
    if (!finding.details.is_null()) list.back()["details"] = finding.details;
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
      "doctor",
      "Settings and where they come from; file system, disk, models, store, files, clock");
  AddSetting(line, command, "--models", "model_pack", "A model pack's name or folder")
      ->type_name("PACK");
  AddSetting(line, command, "--provider", "provider", "What computes: cpu, cuda")
      ->type_name("NAME");
  AddGlobalFlags(line, command);
  auto fixes_permissions = std::make_shared<bool>(false);
  command->add_flag("--fix-permissions", *fixes_permissions,
                    "First take the data directory from everybody but its owner and data.group");
  OnChosen(line, command,
           [fixes_permissions](Session& session) { return Doctor(session, *fixes_permissions); });
}

}  // namespace rollcall::cli
