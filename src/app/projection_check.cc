#include "app/projection_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "domain/stage.h"
#include "projection/projection.h"
#include "projection/subject_facts.h"
#include "vault/file_check.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
using domain::JobState;

// Names to the files that they may stand for, each relative to the name's folder.
using Names = std::map<std::string, std::vector<std::string>>;

std::string Shown(const Json& value) {
  constexpr std::size_t kLong = 60;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > kLong ? text.substr(0, kLong) + "…" : text;
}

Json At(const Json& document, const std::string& pointer) {
  const Json::json_pointer place(pointer);
  return document.contains(place) ? document.at(place) : Json();
}

// "states/detected is true, the store says false"; empty when they are equal.
std::string FirstDifference(const Json& is, const Json& should_be) {
  const Json patch = Json::diff(is, should_be);
  if (patch.empty()) return {};
  const std::string place = patch[0].at("path");
  return fmt::format("{} is {}, the store says {}", place.empty() ? "it" : place.substr(1),
                     Shown(At(is, place)), Shown(At(should_be, place)));
}

class Comparison {
 public:
  Comparison(store::JobStore& store, const DataDirectory& data) : store_(store), data_(data) {}

  Result<ProjectionReport> Run() {
    ROLLCALL_TRY_ASSIGN(const auto episodes, store_.EpisodeList());
    std::set<std::string> keys;
    for (const store::Episode& episode : episodes) {
      keys.insert(episode.key);
      ROLLCALL_TRY_ASSIGN(const auto facts, projection::GatherSubject(store_, data_.root(),
                                                                      {"episode", episode.key}));
      CompareEpisode(facts);
      for (const projection::StageFacts& stage : facts.stages) {
        ROLLCALL_TRY(CompareStage(facts, domain::StageName(stage.stage)));
      }
      CompareNames(facts);
    }
    for (const char* kind : {"episodes", "harvest", "outputs"}) {
      for (const std::string& name : FoldersIn(kind)) {
        if (!keys.contains(name)) Add(fs::path(kind) / name, "left over", "no such episode");
      }
    }
    LookForForeignJobs(keys);
    return std::move(report_);
  }

 private:
  void Add(const fs::path& path, std::string kind, std::string detail) {
    report_.problems.push_back({path.string(), std::move(kind), std::move(detail)});
  }

  std::vector<std::string> FoldersIn(const fs::path& relative) const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(data_.root() / relative, error)) {
      if (entry.is_directory(error)) names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // `left_out`: places whose value says nothing about a state.
  void CompareFile(const fs::path& relative, const std::string& expected,
                   const std::vector<std::string>& left_out) {
    ++report_.compared;
    const auto text = base::ReadFile(data_.root() / relative);
    if (!text.ok()) return Add(relative, "missing", "");
    auto is = base::ParseJson(*text, relative.string());
    if (!is.ok() || !is->is_object()) return Add(relative, "differs", "it is no JSON object");
    Json should_be = Json::parse(expected);
    for (const std::string& place : left_out) {
      const Json::json_pointer pointer(place);
      for (Json* document : {&*is, &should_be}) {
        if (document->contains(pointer)) document->at(pointer) = nullptr;
      }
      // There in one of them only: as good as not there.
      if (is->contains(pointer) != should_be.contains(pointer)) {
        Json& holder = is->contains(pointer) ? *is : should_be;
        holder.at(pointer.parent_pointer()).erase(pointer.back());
      }
    }
    std::string difference = FirstDifference(*is, should_be);
    if (!difference.empty()) Add(relative, "differs", std::move(difference));
  }

  void CompareEpisode(const projection::SubjectFacts& facts) {
    const fs::path folder = fs::path("episodes") / facts.subject.id;
    CompareFile(folder / "state.json", projection::StateJson(facts), {"/seq"});
    CompareFile(folder / "runtime.json", projection::RuntimeJson(facts, {}),
                {"/seq", "/updated_at"});
  }

  Result<void> CompareStage(const projection::SubjectFacts& facts, std::string_view stage) {
    ROLLCALL_TRY_ASSIGN(const auto history, store_.RunHistory(facts.subject, stage));
    const auto shown = projection::ShownGeneration(history);
    if (!shown) return {};
    const fs::path folder = fs::path("jobs") / shown->run.public_id();
    for (const store::RunView& view : history) {
      const bool is_shown = view.run.generation == shown->run.generation;
      CompareMeta(facts, view, is_shown ? folder : folder / std::to_string(view.run.generation));
    }
    CompareLock(*shown, folder / ".lock");
    return {};
  }

  void CompareMeta(const projection::SubjectFacts& facts, const store::RunView& view,
                   const fs::path& folder) {
    const store::StageRun& run = view.run;
    std::vector<std::string> left_out{"/seq"};
    if (run.state != JobState::kSucceeded) left_out.push_back("/stages/" + run.name + "/result");
    // An ended run keeps how the video was called then; a running one is a moment behind.
    const bool has_ended = domain::IsTerminal(run.state);
    for (const char* place : {"/video_path", "/episode_id"}) {
      if (has_ended) left_out.emplace_back(place);
    }
    for (const char* place : {"/attempt", "/phase", "/is_stalled"}) {
      if (!has_ended) left_out.emplace_back(place);
    }
    const std::string expected = projection::MetaJson({.view = view,
                                                       .live = std::nullopt,
                                                       .episode = facts.episode,
                                                       .epoch = facts.epoch,
                                                       .now = {}});
    CompareFile(folder / "meta.json", expected, left_out);
  }

  void CompareLock(const store::RunView& view, const fs::path& lock) {
    const bool is_between =
        view.run.state == JobState::kLeased && view.lease && view.lease->pid == 0;
    if (is_between) return;
    if (view.lease) return CompareFile(lock, projection::LockJson(view), {});
    ++report_.compared;
    std::error_code error;
    if (!fs::exists(data_.root() / lock, error)) return;
    Add(lock, "left over",
        fmt::format("{} is {}", view.run.public_id(), domain::JobStateWord(view.run.state)));
  }

  // What each plain name stands for: the file of the last stage in order whose flag is true, or,
  // where none is, that of any stage.
  static Names NamesOf(const projection::SubjectFacts& facts) {
    Names names;
    std::set<std::string> decided;
    for (const projection::StageFacts& stage : facts.stages) {
      for (const domain::Artifact& artifact : stage.artifacts) {
        if (artifact.path == artifact.name) continue;
        auto& targets = names[artifact.name];
        if (stage.is_true()) {
          targets.clear();
          decided.insert(artifact.name);
        } else if (decided.contains(artifact.name)) {
          continue;
        }
        targets.push_back(
            fs::path(artifact.path).lexically_relative(fs::path(artifact.name).parent_path()));
      }
    }
    return names;
  }

  void CompareNames(const projection::SubjectFacts& facts) {
    for (const projection::StageFacts& stage : facts.stages) {
      for (const domain::Artifact& artifact : stage.artifacts) {
        ++report_.compared;
        if (vault::HasArtifacts(data_.root(), {&artifact, 1})) continue;
        Add(artifact.path, fs::exists(data_.root() / artifact.path) ? "differs" : "missing",
            "the store has another size of it");
      }
    }
    const Names names = NamesOf(facts);
    for (const auto& [name, targets] : names) CompareLink(name, targets);
    for (const char* kind : {"harvest", "outputs"}) {
      LookForForeignLinks(fs::path(kind) / facts.subject.id, names);
    }
  }

  void CompareLink(const std::string& name, const std::vector<std::string>& targets) {
    ++report_.compared;
    std::error_code error;
    const fs::path link = data_.root() / name;
    const fs::path to = fs::read_symlink(link, error);
    if (error) {
      const bool is_there = fs::exists(fs::symlink_status(link));
      return Add(name, is_there ? "differs" : "missing",
                 is_there ? "it is no link" : "the link to " + targets.front());
    }
    if (std::find(targets.begin(), targets.end(), to.string()) != targets.end()) return;
    Add(name, "differs",
        fmt::format("it stands for {}, the store says {}", to.string(), targets.front()));
  }

  void LookForForeignLinks(const fs::path& folder, const Names& names) {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(data_.root() / folder, error)) {
      if (!entry.is_symlink(error)) continue;
      const std::string name = entry.path().lexically_relative(data_.root());
      if (!names.contains(name)) Add(name, "left over", "no result has this name");
    }
  }

  void LookForForeignJobs(const std::set<std::string>& keys) {
    for (const std::string& name : FoldersIn("jobs")) {
      const std::size_t end = name.find('_');
      if (end == std::string::npos || !domain::StageFromName(name.substr(0, end))) continue;
      if (!keys.contains(name.substr(end + 1))) {
        Add(fs::path("jobs") / name, "left over", "no such episode");
      }
    }
  }

  store::JobStore& store_;
  const DataDirectory& data_;
  ProjectionReport report_;
};

}  // namespace

Result<ProjectionReport> CheckProjections(store::JobStore& store, const DataDirectory& data) {
  return Comparison(store, data).Run();
}

}  // namespace rollcall::app
