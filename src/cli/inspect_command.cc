#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/job_view.h"
#include "app/composition.h"
#include "base/file.h"
#include "base/shown_text.h"
#include "cli/command.h"
#include "cli/job_details.h"
#include "cli/progress_lines.h"
#include "cli/report_table.h"
#include "cli/requests.h"
#include "cli/results.h"
#include "cli/text_table.h"
#include "episode/episode_kind.h"

namespace rollcall::cli {
namespace {

using base::Json;
using base::Result;

constexpr std::size_t kLogLines = 8;

// The newest lines of the common log that are about `key`.
std::vector<std::string> LogLines(const app::DataDirectory& data, const std::string& key) {
  std::vector<std::string> lines;
  const auto text = base::ReadFile(data.root() / "logs" / "worker.log");
  if (!text.ok()) return lines;
  std::size_t end = text->size();
  while (end > 0 && lines.size() < kLogLines) {
    const std::size_t begin = text->rfind('\n', end - 1);
    const std::size_t from = begin == std::string::npos ? 0 : begin + 1;
    std::string line = text->substr(from, end - from);
    if (line.find("] " + key + " ") != std::string::npos) lines.push_back(std::move(line));
    end = begin == std::string::npos ? 0 : begin;
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

// Open jobs of the episode, newest first: what runs now.
Result<std::vector<api::JobView>> OpenJobs(Session& session, const std::string& key) {
  ROLLCALL_TRY_ASSIGN(const Json answer, session.Ask(api::Get({"api", "jobs"}, {{"limit", "1"}})));
  std::vector<api::JobView> open;
  for (const Json& json : answer.at("jobs")) {
    ROLLCALL_TRY_ASSIGN(api::JobView job, api::JobViewFromJson(json));
    if (job.subject_kind == episode::kKind && job.subject_id == key && job.is_open())
      open.push_back(std::move(job));
  }
  return open;
}

// Hashes every file of every stage: `verified` beside each artefact of `episode`.
Result<void> Verify(const app::DataDirectory& data, Json& episode) {
  ROLLCALL_TRY_ASSIGN(const auto bytes, app::OwnVault::Open(data.root()));
  for (Json& stage : episode.at("stages")) {
    const auto artifacts = ArtifactsOf(stage);
    for (std::size_t i = 0; i < artifacts.size(); ++i) {
      const auto verified =
          bytes->vault().Verify(vault::FileOf(artifacts[i]), vault::Depth::kBytes);
      stage["artifacts"][i]["verified"] = verified.ok();
      if (!verified.ok()) {
        stage["artifacts"][i]["problem"] = base::Shown(verified.error().message);
      }
    }
  }
  return {};
}

// The envelope's file as it stands on the disk; null if it is not there or no JSON.
Json Envelope(const app::DataDirectory& data, const std::string& job_name) {
  const auto text = base::ReadFile(data.job(job_name) / "meta.json");
  if (!text.ok()) return nullptr;
  auto json = base::ParseJson(*text, "meta.json");
  return json.ok() ? std::move(*json) : Json(nullptr);
}

std::string States(const Json& episode, const Paint& paint) {
  std::string text = paint.Bold("registry") + "\n";
  for (const auto& [flag, is_done] : episode.at("states").items()) {
    const Json& at = episode.at("timestamps").at(flag);
    text += fmt::format("  {} {}  {}\n", is_done.get<bool>() ? paint.Good("✓") : paint.Dim("○"),
                        PadRight(flag, 20), at.is_string() ? at.get<std::string>() : "");
  }
  return text;
}

// `is_worked_on`: an engine takes work; without one nothing runs, whatever an envelope says.
std::string Envelopes(const Json& episode, bool is_worked_on, const Console& console) {
  const Paint paint = console.paint();
  TextTable table({"  STAGE", "STATUS", "RUN", "ATTEMPTS", "RESULT"});
  for (const Json& stage : episode.at("stages")) {
    if (stage.at("generation") == 0) continue;
    std::string result = stage.at("result").empty() ? std::string{} : stage.at("result").dump();
    if (stage.at("status") == "error" && stage.at("error").is_object()) {
      result = paint.Bad(stage["error"].value("reason", "") + ": " +
                         stage["error"].value("message", ""));
    }
    const std::string status = stage.at("status");
    table.Add({"  " + stage.at("name").get<std::string>(),
               status == "running" && !is_worked_on ? "interrupted" : status,
               std::to_string(stage.at("generation").get<int>()),
               std::to_string(stage.at("attempts").size()), std::move(result)});
  }
  return paint.Bold("jobs") + "\n" +
         (table.is_empty() ? "  none yet\n" : table.ToString(paint, console.table_width()));
}

// The stage whose file a plain name stands for: the last one that leaves a file of the name.
std::map<std::string, std::string> Owners(const Json& episode) {
  std::map<std::string, std::string> owners;
  for (const Json& stage : episode.at("stages")) {
    for (const Json& artifact : stage.at("artifacts")) {
      owners[artifact.at("name").get<std::string>()] = stage.at("name").get<std::string>();
    }
  }
  return owners;
}

std::string Artifacts(const Json& episode, const Paint& paint) {
  TextTable table({"  ", "FILE", "SIZE", "ROWS", "SHA-256"});
  const auto owners = Owners(episode);
  for (const Json& stage : episode.at("stages")) {
    for (const Json& artifact : stage.at("artifacts")) {
      const bool is_shown = owners.at(artifact.at("name")) == stage.at("name");
      if (!is_shown && artifact.value("verified", false)) continue;
      const bool is_whole = artifact.value("verified", false);
      const auto rows = artifact.at("count").get<std::int64_t>();
      table.Add({"  " + (is_whole ? paint.Good("✓") : paint.Bad("✗")), artifact.at("name"),
                 PadLeft(Bytes(artifact.at("size_bytes").get<std::int64_t>()), 8),
                 rows > 0 ? Grouped(rows) : "",
                 is_whole ? artifact.at("sha256").get<std::string>().substr(0, 16)
                          : paint.Bad(artifact.value("problem", ""))});
    }
  }
  return paint.Bold("files") + "\n" + (table.is_empty() ? "  none yet\n" : table.ToString(paint));
}

std::string Now(const Session& session, const std::vector<api::JobView>& open, const Paint& paint) {
  std::string text = paint.Bold("now") + "\n";
  for (const api::JobView& job : open) {
    const std::string goes_on = session.Typed("jobs wait " + job.number());
    for (const api::StageView& stage : job.stages) {
      if (!stage.phase.empty()) {
        text += fmt::format("  {}: {}\n", stage.job, LiveNews(stage, job.is_worked_on));
      } else if (stage.state == domain::JobState::kQueued ||
                 stage.state == domain::JobState::kRetryWait) {
        text += fmt::format("  {}: {}\n", stage.job, StageSummary(stage));
      }
    }
    if (!job.is_worked_on) {
      text += fmt::format("  nothing works on {} now; `{}` goes on with it\n", job.name, goes_on);
      continue;
    }
    for (const base::Error& trouble : job.troubles) {
      text += fmt::format("  {}: {}\n", job.name, TroubleText(trouble));
    }
    const api::StageView* current = job.CurrentStage();
    if (current != nullptr) text += LiveDetails(*current, true);
  }
  return open.empty() ? text + "  nothing runs\n" : text;
}

// Every attempt of the newest run of each stage.
Result<std::string> Attempts(const Json& episode, const Paint& paint) {
  std::vector<api::StageView> stages;
  for (const Json& json : episode.at("stages")) {
    api::StageView& stage = stages.emplace_back();
    stage.name = json.at("name");
    ROLLCALL_TRY_ASSIGN(stage.attempts, api::AttemptsFromJson(json.at("attempts")));
  }
  const std::string table = AttemptTable(stages, paint);
  return paint.Bold("attempts") + "\n" + (table.empty() ? "  none yet\n" : table);
}

Result<void> PrintText(const Session& session, const Json& episode,
                       const std::vector<api::JobView>& open) {
  const Console& console = session.console();
  const Paint paint = console.paint();
  const std::string key = episode.at("episode_key");
  std::string text =
      fmt::format("{}  {}\n\n", paint.Bold(key), ShownPath(episode.at("video_path")));
  if (episode.value("older_results", false)) text += OlderResults(paint) + "\n";
  ROLLCALL_TRY_ASSIGN(const std::string attempts, Attempts(episode, paint));
  const bool is_worked_on = std::all_of(open.begin(), open.end(),
                                        [](const api::JobView& job) { return job.is_worked_on; });
  text += States(episode, paint) + "\n" + Now(session, open, paint) + "\n" +
          Envelopes(episode, is_worked_on, console) + "\n" + attempts + "\n" +
          Artifacts(episode, paint) + "\n" + paint.Bold("log") + "\n";
  const auto lines = LogLines(session.data(), key);
  if (lines.empty()) text += "  none yet\n";
  for (const std::string& line : lines) text += "  " + base::Shown(line) + "\n";
  console.Print(text);
  return {};
}

Result<ExitCode> Inspect(Session& session, const std::string& typed_key) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfEpisode(typed_key));
  ROLLCALL_TRY_ASSIGN(Json episode, session.Ask(request));
  const std::string key = episode.at("episode_key");
  ROLLCALL_TRY_ASSIGN(const auto open, OpenJobs(session, key));
  ROLLCALL_TRY(Verify(session.data(), episode));
  if (!session.console().is_json()) {
    ROLLCALL_TRY(PrintText(session, episode, open));
    return ExitCode::kOk;
  }
  Json document = std::move(episode);
  document["envelopes"] = Json::object();
  for (const Json& stage : document.at("stages")) {
    const std::string id = stage.at("name").get<std::string>() + "_" + key;
    if (Json envelope = Envelope(session.data(), id); !envelope.is_null()) {
      document["envelopes"][id] = std::move(envelope);
    }
  }
  document["open_jobs"] = Json::array();
  for (const api::JobView& job : open) document["open_jobs"].push_back(ToJson(job));
  document["log"] = LogLines(session.data(), key);
  session.console().PrintDocument(document);
  return ExitCode::kOk;
}

}  // namespace

void AddInspect(CommandLine& line) {
  auto key = std::make_shared<std::string>();
  CLI::App* command = line.app.add_subcommand(
      "inspect", "Everything about an episode: states, jobs, files with their hashes, log");
  command->add_option("key", *key, "The episode's key")->required();
  AddGlobalFlags(line, command);
  OnChosen(line, command, [key](Session& session) { return Inspect(session, *key); });
}

}  // namespace rollcall::cli
