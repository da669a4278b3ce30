#include "projection/files_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "projection/gather.h"
#include "projection/job_files.h"

namespace rollcall::projection {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
using domain::JobState;

// Plain names to the paths that they may stand for.
using Names = std::map<std::string, std::vector<std::string>>;

std::string Shortened(const Json& value) {
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
                     Shortened(At(is, place)), Shortened(At(should_be, place)));
}

// Everything in `folder` and its sub-folders, with its path.
void ForEachBelow(vault::Vault& vault, const fs::path& folder,
                  const std::function<void(const fs::path&, const vault::Entry&)>& take) {
  static_cast<void>(vault.List(folder.string(), [&](const vault::Entry& entry) -> Result<bool> {
    const fs::path path = folder / entry.name;
    if (entry.kind == vault::Entry::Kind::kFolder) ForEachBelow(vault, path, take);
    take(path, entry);
    return true;
  }));
}

// `path` as a link at `name` has it.
std::string From(const fs::path& name, const fs::path& path) {
  return path.lexically_relative(name.parent_path()).string();
}

class Comparison {
 public:
  Comparison(const FilesCheckSources& sources, const subject::SubjectKind& kind,
             ProjectionReport& report)
      : sources_(sources), kind_(kind), report_(report) {}

  Result<void> Run() {
    ROLLCALL_TRY_ASSIGN(const auto known, kind_.projection.Known(sources_.store));
    const std::set<std::string> ids(known.begin(), known.end());
    for (const std::string& id : ids) {
      ROLLCALL_TRY_ASSIGN(const auto facts,
                          GatherSubject(sources_.store, sources_.vault, kind_, id));
      ROLLCALL_TRY(CompareDocuments(facts));
      for (const subject::StageFacts& stage : facts.stages) {
        ROLLCALL_TRY(CompareStage(facts, stage.row->name));
      }
      CompareNames(facts);
    }
    for (const subject::Area& area : kind_.files.Areas()) {
      for (const std::string& name : FoldersIn(area.name)) {
        if (!ids.contains(name)) {
          Add(fs::path(area.name) / name, "left over", "no such " + kind_.name);
        }
      }
    }
    LookForForeignJobs(ids);
    return {};
  }

 private:
  void Add(const fs::path& path, std::string kind, std::string detail) {
    report_.problems.push_back({path.string(), std::move(kind), std::move(detail)});
  }

  std::vector<std::string> FoldersIn(const std::string& area) const {
    std::vector<std::string> names;
    static_cast<void>(sources_.vault.List(area, [&](const vault::Entry& entry) -> Result<bool> {
      // Each may be a link to another disk.
      const bool is_folder =
          entry.kind == vault::Entry::Kind::kFolder || entry.kind == vault::Entry::Kind::kLink;
      if (is_folder) names.push_back(entry.name);
      return true;
    }));
    std::sort(names.begin(), names.end());
    return names;
  }

  // `left_out`: places whose value says nothing about a state.
  void CompareFile(const fs::path& relative, const std::string& expected,
                   const std::vector<std::string>& left_out) {
    ++report_.compared;
    const auto text = base::ReadFile(sources_.data_dir / relative);
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

  Result<void> CompareDocuments(const subject::SubjectFacts& facts) {
    if (!kind_.projection.has_documents()) return {};
    ROLLCALL_TRY_ASSIGN(const auto registry, kind_.projection.Registry(sources_.store, facts));
    CompareFile(registry.path, registry.text, {"/seq"});
    ROLLCALL_TRY_ASSIGN(const auto activity, kind_.projection.Activity(sources_.store, facts, {}));
    CompareFile(activity.path, activity.text, {"/seq", "/updated_at"});
    return {};
  }

  Result<void> CompareStage(const subject::SubjectFacts& facts, const std::string& stage) {
    ROLLCALL_TRY_ASSIGN(const auto history, sources_.store.RunHistory(facts.subject, stage));
    const auto shown = ShownGeneration(history);
    if (!shown) return {};
    ROLLCALL_TRY_ASSIGN(const auto labels,
                        kind_.projection.LabelsOf(sources_.store, facts.subject));
    const fs::path folder = fs::path("jobs") / shown->run.job_name();
    for (const store::RunView& view : history) {
      const bool is_shown = view.run.generation == shown->run.generation;
      CompareMeta(
          {.view = view, .live = std::nullopt, .labels = labels, .epoch = facts.epoch, .now = {}},
          is_shown ? folder : folder / std::to_string(view.run.generation));
    }
    CompareLock(*shown, folder / ".lock");
    return {};
  }

  void CompareMeta(const RunFacts& facts, const fs::path& folder) {
    const store::StageRun& run = facts.view.run;
    std::vector<std::string> left_out{"/seq"};
    if (run.state != JobState::kSucceeded) left_out.push_back("/stages/" + run.name + "/result");
    // An ended run keeps what the subject was then; a running one is a moment behind.
    if (domain::IsTerminal(run.state)) {
      for (const auto& [label, value] : facts.labels.current.items())
        left_out.push_back("/" + label);
    } else {
      left_out.insert(left_out.end(), {"/attempt", "/phase", "/is_stalled"});
    }
    CompareFile(folder / "meta.json", MetaJson(facts), left_out);
  }

  void CompareLock(const store::RunView& view, const fs::path& lock) {
    const bool is_between =
        view.run.state == JobState::kLeased && view.lease && view.lease->pid == 0;
    if (is_between) return;
    if (view.lease) return CompareFile(lock, LockJson(view), {});
    ++report_.compared;
    std::error_code error;
    if (!fs::exists(sources_.data_dir / lock, error)) return;
    Add(lock, "left over",
        fmt::format("{} is {}", view.run.job_name(), domain::JobStateWord(view.run.state)));
  }

  // What each plain name stands for: the file of the last stage in order whose flag is true, or,
  // where none is, that of any stage.
  static Names NamesOf(const subject::SubjectFacts& facts) {
    Names names;
    std::set<std::string> decided;
    for (const subject::StageFacts& stage : facts.stages) {
      for (const domain::Artifact& artifact : stage.artifacts) {
        if (artifact.path == artifact.name) continue;
        auto& paths = names[artifact.name];
        if (stage.is_true()) {
          paths.clear();
          decided.insert(artifact.name);
        } else if (decided.contains(artifact.name)) {
          continue;
        }
        paths.push_back(artifact.path);
      }
    }
    return names;
  }

  void CompareNames(const subject::SubjectFacts& facts) {
    for (const subject::StageFacts& stage : facts.stages) {
      for (const domain::Artifact& artifact : stage.artifacts) CompareArtifact(artifact);
    }
    const Names names = NamesOf(facts);
    for (const auto& [name, paths] : names) CompareLink(name, paths);
    for (const subject::Area& area : kind_.files.Areas()) {
      LookForForeignLinks(fs::path(area.name) / facts.subject.id, names);
    }
  }

  void CompareArtifact(const domain::Artifact& artifact) {
    ++report_.compared;
    const auto file = vault::FileOf(artifact);
    if (sources_.vault.Verify(file, vault::Depth::kPresence).ok()) return;
    const auto entry = sources_.vault.Look(artifact.path);
    Add(artifact.path, entry.ok() && *entry ? "differs" : "missing",
        "the store has another size of it");
  }

  void CompareLink(const std::string& name, const std::vector<std::string>& paths) {
    ++report_.compared;
    const auto target = sources_.vault.LinkTarget(name);
    if (!target.ok()) return Add(name, "differs", target.error().message);
    if (!*target) {
      const auto entry = sources_.vault.Look(name);
      const bool is_there = entry.ok() && *entry;
      return Add(name, is_there ? "differs" : "missing",
                 is_there ? "it is no link" : "the link to " + From(name, paths.front()));
    }
    if (std::find(paths.begin(), paths.end(), **target) != paths.end()) return;
    Add(name, "differs",
        fmt::format("it stands for {}, the store says {}", From(name, **target),
                    From(name, paths.front())));
  }

  void LookForForeignLinks(const fs::path& folder, const Names& names) {
    ForEachBelow(sources_.vault, folder, [&](const fs::path& path, const vault::Entry& entry) {
      if (entry.kind != vault::Entry::Kind::kLink || names.contains(path.string())) return;
      Add(path, "left over", "no result has this name");
    });
  }

  void LookForForeignJobs(const std::set<std::string>& ids) {
    for (const std::string& name : FoldersIn("jobs")) {
      const std::size_t end = name.find('_');
      if (end == std::string::npos || !kind_.stages.Find(name.substr(0, end))) continue;
      if (!ids.contains(name.substr(end + 1))) {
        Add(fs::path("jobs") / name, "left over", "no such " + kind_.name);
      }
    }
  }

  const FilesCheckSources& sources_;
  const subject::SubjectKind& kind_;
  ProjectionReport& report_;
};

}  // namespace

Result<ProjectionReport> CheckProjections(const FilesCheckSources& sources) {
  ProjectionReport report;
  for (const subject::SubjectKind& kind : sources.kinds.kinds()) {
    ROLLCALL_TRY(Comparison(sources, kind, report).Run());
  }
  return report;
}

}  // namespace rollcall::projection
