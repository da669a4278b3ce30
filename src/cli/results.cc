#include "cli/results.h"

#include "app/composition.h"
#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "cli/report_table.h"
#include "cli/requests.h"
#include "domain/reasons.h"

namespace rollcall::cli {

using base::Json;
using base::Result;

std::string ShownPath(const Json& stored) {
  return base::Shown(base::PathFromText(stored.get<std::string>()).native());
}

std::vector<domain::Artifact> ArtifactsOf(const Json& stage) {
  std::vector<domain::Artifact> artifacts;
  for (const Json& json : stage.at("artifacts")) {
    artifacts.push_back({.name = json.at("name"),
                         .path = json.at("path"),
                         .size_bytes = json.at("size_bytes"),
                         .sha256 = json.at("sha256"),
                         .count = json.at("count")});
  }
  return artifacts;
}

Result<std::filesystem::path> FindResult(Session& session, const std::string& key,
                                         const std::string& name) {
  ROLLCALL_TRY_ASSIGN(const api::Request request, OfEpisode(key));
  ROLLCALL_TRY_ASSIGN(const Json episode, session.Ask(request));
  // Two stages may leave a file of one name: the later one has the last word.
  const domain::Artifact* found = nullptr;
  std::vector<domain::Artifact> all;
  for (const Json& stage : episode.at("stages")) {
    for (domain::Artifact& artifact : ArtifactsOf(stage)) all.push_back(std::move(artifact));
  }
  for (const domain::Artifact& artifact : all) {
    if (artifact.name == name) found = &artifact;
  }
  if (found == nullptr) {
    return domain::MakeError(
        domain::reason::kPrereqFailed, key + " has no " + name + " yet",
        "run `rollcall analyze VIDEO` or `rollcall jobs start analyze " + key + "` first");
  }
  ROLLCALL_TRY_ASSIGN(const auto bytes, app::OwnVault::Open(session.data().root()));
  ROLLCALL_TRY(bytes->vault().Verify(vault::FileOf(*found), vault::Depth::kBytes));
  return bytes->vault().Fetch(found->path);
}

Result<Json> ReadReport(Session& session, const std::string& key) {
  ROLLCALL_TRY_ASSIGN(const auto path, FindResult(session, key, "outputs/" + key + "/report.json"));
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
  return base::ParseJson(text, path.string());
}

Result<void> PrintReport(const Session& session, const Json& report) {
  const Console& console = session.console();
  ROLLCALL_TRY_ASSIGN(const std::string table,
                      ReportTable(base::ShownValues(report), console.terminal()));
  const auto folder = session.data().outputs(report.value("episode", std::string{}));
  console.Print("\n" + table + "\n" + console.paint().Dim("  files: ") +
                base::Shown(folder.native()) + "\n");
  return {};
}

}  // namespace rollcall::cli
