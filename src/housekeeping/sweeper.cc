#include "housekeeping/sweeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace rollcall::housekeeping {
namespace {

namespace fs = std::filesystem;
using base::Result;
using vault::Entry;

bool IsProcess(std::int64_t pid) {
  std::error_code failure;
  return fs::exists(fmt::format("/proc/{}", pid), failure) || failure;
}

}  // namespace

// What rows name of one subject.
struct Sweeper::Referred {
  std::set<std::string> paths;
  std::set<std::string> names;  // That its results have.
};

// Looks below one folder for what is old and ours; real folders only.
class Sweeper::Walk {
 public:
  Walk(Sweeper& sweeper, const std::function<bool()>& is_ending)
      : sweeper_(sweeper), is_ending_(is_ending) {}

  bool is_ending() const { return is_ending_(); }

  // `extra`: a name that is a candidate as well.
  std::vector<Candidate> Below(const fs::path& folder, std::string_view extra = {}) {
    found_.clear();
    Look(folder, extra);
    return std::move(found_);
  }

  // Calls `act` with each name in `area`, until it fails or the sweep ends. Names are not gathered:
  // there are as many as there are subjects.
  template <typename Act>
  Result<void> ForEachIn(const std::string& area, const Act& act) {
    Result<void> acted;
    // What cannot be read is not looked through.
    static_cast<void>(sweeper_.sources_.vault.List(area, [&](const Entry& entry) -> Result<bool> {
      if (is_ending_()) return false;
      acted = act(entry.name);
      return acted.ok();
    }));
    return acted;
  }

 private:
  void Look(const fs::path& folder, std::string_view extra) {
    static_cast<void>(
        sweeper_.sources_.vault.List(folder.string(), [&](const Entry& entry) -> Result<bool> {
          const fs::path path = folder / entry.name;
          const auto own = entry.name == extra ? OwnName{} : ParseOwnName(entry.name);
          if (own && sweeper_.IsOld(path, entry)) {
            found_.push_back({.path = path, .name = *own});
          } else if (!own && entry.kind == Entry::Kind::kFolder) {
            Look(path, extra);
          }
          return !is_ending_();
        }));
  }

  Sweeper& sweeper_;
  const std::function<bool()>& is_ending_;
  std::vector<Candidate> found_;
};

// By the newest time in it, of itself and not of what a link names.
bool Sweeper::IsOld(const fs::path& path, const Entry& entry) {
  if (sources_.clock.Now().wall - entry.changed < retention_) return false;
  if (entry.kind != Entry::Kind::kFolder) return true;
  bool is_old = true;
  const auto listed = sources_.vault.List(path.string(), [&](const Entry& inner) -> Result<bool> {
    is_old = IsOld(path / inner.name, inner);
    return is_old;
  });
  return is_old && listed.ok();
}

Result<Sweeper::Swept> Sweeper::Sweep(const std::function<bool()>& is_ending) {
  Walk walk(*this, is_ending);
  Swept swept;
  for (const subject::SubjectKind& kind : sources_.kinds.kinds()) {
    ROLLCALL_TRY(SweepKind(kind, walk, swept));
  }
  ROLLCALL_TRY(SweepJobs(walk, swept));
  Tell(swept);
  return swept;
}

// A subject is swept where its id comes first.
Result<void> Sweeper::SweepKind(const subject::SubjectKind& kind, Walk& walk, Swept& swept) {
  const std::vector<subject::Area> areas = kind.files.Areas();
  for (auto area = areas.begin(); area != areas.end(); ++area) {
    const auto sweep = [&](const std::string& id) -> Result<void> {
      const auto has_id = [&](const subject::Area& before) {
        const auto entry = sources_.vault.Look((fs::path(before.name) / id).string());
        return !entry.ok() || entry->has_value();
      };
      if (std::any_of(areas.begin(), area, has_id)) return {};
      std::vector<Candidate> candidates;
      for (auto each = area; each != areas.end(); ++each) {
        std::ranges::move(walk.Below(fs::path(each->name) / id), std::back_inserter(candidates));
      }
      if (candidates.empty() || walk.is_ending()) return {};
      return SweepSubject(kind, id, candidates, swept);
    };
    ROLLCALL_TRY(walk.ForEachIn(area->name, sweep));
  }
  return {};
}

Result<Sweeper::Referred> Sweeper::ReferredOf(const subject::SubjectKind& kind,
                                              const std::string& id) {
  Referred referred;
  for (const subject::StageRow& row : kind.stages.rows()) {
    ROLLCALL_TRY_ASSIGN(const auto history, sources_.store.RunHistory({kind.name, id}, row.name));
    std::set<std::string> works;
    for (const store::RunView& view : history) {
      works.insert(view.run.work_key);
      ROLLCALL_TRY_ASSIGN(const auto artifacts, sources_.store.ArtifactList(view.run.id));
      for (const auto& artifact : artifacts) {
        referred.paths.insert(artifact.path);
        referred.names.insert(artifact.name);
      }
    }
    for (const std::string& work_key : works) {
      ROLLCALL_TRY_ASSIGN(const auto segments, sources_.store.SegmentList(work_key));
      for (const auto& segment : segments) referred.paths.insert(segment.path);
    }
  }
  return referred;
}

Result<void> Sweeper::SweepSubject(const subject::SubjectKind& kind, const std::string& id,
                                   const std::vector<Candidate>& candidates, Swept& swept) {
  // First who holds a lease, then what is recorded: an attempt that ends in between has recorded
  // its files by then, and one that begins in between has a token that no file has yet.
  ROLLCALL_TRY_ASSIGN(const auto leases, sources_.store.LeaseList());
  std::set<std::int64_t> held;
  for (const store::Lease& lease : leases) held.insert(lease.fence.token);
  ROLLCALL_TRY_ASSIGN(const bool may_sweep, kind.files.MaySweep(sources_.store, id));
  if (!may_sweep) return {};
  ROLLCALL_TRY_ASSIGN(const Referred referred, ReferredOf(kind, id));
  const std::vector<subject::Area> areas = kind.files.Areas();
  for (const Candidate& candidate : candidates) {
    if (held.contains(candidate.name.token)) continue;
    if (referred.paths.contains(candidate.path.string())) continue;
    const auto area =
        std::ranges::find(areas, candidate.path.begin()->string(), &subject::Area::name);
    const bool is_shared = area != areas.end() && area->is_shared && candidate.name.is_result;
    const fs::path name = fs::path(candidate.path).replace_extension();
    if (is_shared && !referred.names.contains(name.string())) continue;
    Remove(candidate, swept);
  }
  return {};
}

// Whether no attempt of the run that is shown there can be writing: it has ended, or there is none.
Result<bool> Sweeper::HasEnded(const std::string& job_name) {
  for (const subject::SubjectKind& kind : sources_.kinds.kinds()) {
    for (const subject::StageRow& row : kind.stages.rows()) {
      if (!job_name.starts_with(row.name + "_")) continue;
      const std::string id = job_name.substr(row.name.size() + 1);
      ROLLCALL_TRY_ASSIGN(const auto view, sources_.store.RunLatest({kind.name, id}, row.name));
      return !view || domain::IsTerminal(view->run.state);
    }
  }
  return false;  // Not a folder of ours.
}

// An id may look like one of our names: the folders of subjects and jobs are no candidates.
Result<void> Sweeper::SweepJobs(Walk& walk, Swept& swept) {
  return walk.ForEachIn("jobs", [&](const std::string& job_name) -> Result<void> {
    const auto candidates = walk.Below(fs::path("jobs") / job_name, "worker.out");
    if (candidates.empty() || walk.is_ending()) return {};
    ROLLCALL_TRY_ASSIGN(const bool has_ended, HasEnded(job_name));
    if (!has_ended) return {};
    for (const Candidate& candidate : candidates) Remove(candidate, swept);
    return {};
  });
}

// What the plain name shows stays, whatever the store says: it may be an older copy of itself.
bool Sweeper::IsShown(const fs::path& path) {
  const auto shown = sources_.vault.LinkTarget((path.parent_path() / path.stem()).string());
  if (!shown.ok()) return true;  // It may show it.
  return *shown && fs::path(**shown).filename() == path.filename();
}

void Sweeper::Remove(const Candidate& candidate, Swept& swept) {
  constexpr std::size_t kExamplesMax = 5;
  if (candidate.name.pid != 0 && IsProcess(candidate.name.pid)) return;
  if (candidate.name.token != 0 && IsShown(candidate.path)) return;
  const auto entry = sources_.vault.Look(candidate.path.string());
  const bool is_untouched = entry.ok() && *entry && IsOld(candidate.path, **entry);
  if (!is_untouched) return;
  if (const auto removed = sources_.vault.Remove(candidate.path.string()); !removed.ok()) {
    if (swept.kept_by_failure++ == 0) swept.first_failure = removed.error().message;
    return;
  }
  ++swept.files;
  if (swept.examples.size() < kExamplesMax) swept.examples.push_back(candidate.path.string());
}

void Sweeper::Tell(const Swept& swept) {
  if (swept.files > 0) {
    std::string names;
    for (const std::string& name : swept.examples) names += (names.empty() ? "" : ", ") + name;
    const bool has_more = static_cast<std::size_t>(swept.files) > swept.examples.size();
    sources_.log.Note(fmt::format("removed {} old files that nothing refers to: {}{}", swept.files,
                                  names, has_more ? ", …" : ""));
  }
  if (swept.kept_by_failure > 0) {
    sources_.log.Note(
        fmt::format("{} old files that nothing refers to cannot be removed, the first is {}",
                    swept.kept_by_failure, swept.first_failure));
  }
}

}  // namespace rollcall::housekeeping
