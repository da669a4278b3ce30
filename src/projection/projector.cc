#include "projection/projector.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "projection/gather.h"
#include "projection/job_files.h"
#include "vault/in_place.h"

namespace rollcall::projection {
namespace {

namespace fs = std::filesystem;
using domain::JobState;

// Given to an agent that has not started its process yet: nothing to show for a moment.
bool IsBetween(const store::RunView& view) {
  return view.run.state == JobState::kLeased && view.lease && view.lease->pid == 0;
}

std::int64_t TokenOf(const store::RunView& view) {
  return view.lease ? view.lease->fence.token : 0;
}

base::Result<void> Rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
    return base::ErrnoError(errno, "rename", from);
  }
  return {};
}

}  // namespace

// One call's matter.
struct Projector::Target {
  store::Subject subject;
  std::string stage;
  store::RunView view;                         // The shown generation.
  const subject::SubjectKind* kind = nullptr;  // Null: another program's.
  const subject::StageRow* row = nullptr;      // Likewise.
  subject::Labels labels;
  Mode mode = Mode::kWhatChanged;

  bool has_documents() const { return kind != nullptr && kind->projection.has_documents(); }
  // Whether the registry tells of this stage.
  bool has_flag() const { return has_documents() && row != nullptr && !row->flag.empty(); }
};

fs::path Projector::JobFolder(const store::StageRun& run) const {
  return data_dir_ / "jobs" / run.job_name();
}

bool Projector::IsProjected(const store::RunView& view) const {
  const auto found = projected_.find(view.run.job_name());
  return found != projected_.end() && found->second.is_complete &&
         found->second.generation == view.run.generation && found->second.token == TokenOf(view) &&
         found->second.state == view.run.state;
}

base::Result<void> Projector::ProjectStage(const store::Subject& subject, const std::string& stage,
                                           Mode mode) {
  auto projected = Project(subject, stage, mode);
  if (projected.ok()) return {};
  // People know the data directory by its name.
  base::Error error = projected.error();
  const std::string& held = data_dir_.native();
  if (const auto at = error.message.find(held); at != std::string::npos) {
    error.message.replace(at, held.size(), sources_.data_dir.path().native());
  }
  return error;
}

base::Result<void> Projector::Project(const store::Subject& subject, const std::string& stage,
                                      Mode mode) {
  ROLLCALL_TRY(vault::CheckInPlace(sources_.data_dir));
  if (epoch_.empty()) {
    ROLLCALL_TRY_ASSIGN(epoch_, sources_.store.StreamEpoch());
  }
  ROLLCALL_TRY_ASSIGN(const auto history, sources_.store.RunHistory(subject, stage));
  const auto shown = ShownGeneration(history);
  if (!shown || (IsBetween(*shown) && mode == Mode::kWhatChanged)) return {};
  Target target{.subject = subject,
                .stage = stage,
                .view = *shown,
                .kind = sources_.kinds.Find(subject.kind),
                .mode = mode};
  if (target.kind != nullptr) {
    target.row = target.kind->stages.Find(stage);
    ROLLCALL_TRY_ASSIGN(target.labels, target.kind->projection.LabelsOf(sources_.store, subject));
  }
  const store::StageRun& run = target.view.run;
  ROLLCALL_TRY(base::MakeFoldersIn(data_dir_, JobFolder(run)));

  Projected from = Remembered(run);
  if (from.generation != 0 && from.generation < run.generation) {
    ROLLCALL_TRY(MoveOlder(history, target, from));
    from = {};
  }
  const std::string_view word = domain::JobStateWord(run.state);
  const bool is_same =
      from.generation == run.generation && from.word == word && from.token == TokenOf(target.view);
  const std::vector<Step> steps =
      is_same && from.is_complete ? QuietSteps(target, from) : StepsFor(target, from);
  Projected& now = projected_[run.job_name()];
  const bool goes_on = is_same && !from.is_complete;
  now = {.generation = run.generation,
         .token = TokenOf(target.view),
         .word = std::string(word),
         .state = run.state,
         .seq = from.seq,
         .step = goes_on ? from.step : 0,
         .is_complete = is_same && from.is_complete};
  for (; now.step < steps.size(); ++now.step) {
    ROLLCALL_TRY(vault::CheckInPlace(sources_.data_dir));  // Each may wait for the disk.
    ROLLCALL_TRY(steps[now.step].act());
    ROLLCALL_TRY(base::Failpoint("projector.step"));
    if (!steps[now.step].line.empty()) sources_.log.Line(run, steps[now.step].line);
  }
  now.step = 0;
  now.is_complete = true;
  ROLLCALL_TRY(WriteLaterGenerations(history, target));
  ROLLCALL_TRY(WriteEarlierGenerations(history, target));
  if (domain::IsTerminal(run.state)) projected_.erase(run.job_name());
  return {};
}

// The envelope in `folder` as an object; null unless it was made from this store.
base::Json Projector::OwnMeta(const fs::path& folder) const {
  const auto text = base::ReadFile(folder / "meta.json");
  if (!text.ok()) return nullptr;
  auto meta = base::Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const bool is_own = meta.is_object() && meta.value("epoch", base::Json()) == base::Json(epoch_);
  return is_own ? std::move(meta) : base::Json(nullptr);
}

// What the files were last made to say. After a start of the owner this is the one thing that is
// taken from a projection: which generation the folder holds and which of its ends was told, so
// that logs are neither mixed nor told twice. No state is learned from it.
Projector::Projected Projector::Remembered(const store::StageRun& run) {
  const auto found = projected_.find(run.job_name());
  if (found != projected_.end()) return found->second;
  const base::Json meta = OwnMeta(JobFolder(run));
  if (meta.is_null()) return {};
  try {
    return {.generation = meta.at("generation").get<int>(),
            .token = 0,
            .word = meta.at("stages").at(run.name).at("status").get<std::string>(),
            .state = std::nullopt,
            .seq = meta.at("seq").get<std::int64_t>(),
            .step = 0,
            .is_complete = true};
  } catch (const base::Json::exception&) {
    return {};  // Not ours: written anew.
  }
}

base::Result<void> Projector::MoveOlder(const std::vector<store::RunView>& history,
                                        const Target& target, const Projected& older) {
  const fs::path folder = JobFolder(target.view.run);
  const fs::path archive = folder / std::to_string(older.generation);
  ROLLCALL_TRY(base::MakeFoldersIn(data_dir_, archive));
  ROLLCALL_TRY(Rename(folder / "meta.json", archive / "meta.json"));
  ROLLCALL_TRY(Rename(folder / "log", archive / "log"));
  ROLLCALL_TRY(base::SyncFolder(archive));
  ROLLCALL_TRY(base::SyncFolder(folder));
  for (const store::RunView& view : history) {
    // Its end may never have been told: the owner died in between.
    const bool is_old = view.run.generation == older.generation && view.run.change != older.seq;
    if (is_old) ROLLCALL_TRY(WriteMeta(target, view, archive));
  }
  return {};
}

// Generations that wait behind the shown one have their place already.
base::Result<void> Projector::WriteLaterGenerations(const std::vector<store::RunView>& history,
                                                    const Target& target) {
  for (const store::RunView& view : history) {
    if (view.run.generation <= target.view.run.generation) continue;
    const fs::path folder = JobFolder(view.run) / std::to_string(view.run.generation);
    ROLLCALL_TRY(base::MakeFoldersIn(data_dir_, folder));
    ROLLCALL_TRY(WriteMeta(target, view, folder));
  }
  return {};
}

// Earlier generations may still change, too: one that never began can be cancelled after a later
// one has run. A file that has the run's last change is left alone, with how far it had come.
base::Result<void> Projector::WriteEarlierGenerations(const std::vector<store::RunView>& history,
                                                      const Target& target) {
  for (const store::RunView& view : history) {
    const store::StageRun& run = view.run;
    if (run.generation >= target.view.run.generation) continue;
    const fs::path folder = JobFolder(run) / std::to_string(run.generation);
    const auto known = archived_.find(run.id);
    std::error_code failure;
    const bool is_there = fs::exists(folder / "meta.json", failure);
    if (is_there && known != archived_.end() && known->second == run.change) continue;
    const base::Json meta = OwnMeta(folder);
    const bool is_told = meta.is_object() && meta.value("seq", base::Json()) == run.change;
    if (!is_told) {
      ROLLCALL_TRY(base::MakeFoldersIn(data_dir_, folder));
      ROLLCALL_TRY(WriteMeta(target, view, folder));
    }
    archived_[run.id] = run.change;
  }
  return {};
}

std::vector<Projector::Step> Projector::StepsFor(const Target& target, const Projected& from) {
  const JobState state = target.view.run.state;
  if (domain::IsTerminal(state)) return EndSteps(target);
  const std::string_view word = domain::JobStateWord(state);
  const std::string_view running = domain::JobStateWord(JobState::kRunning);
  if (word == running) return StartSteps(target);
  return from.word == running ? PauseSteps(target, from) : QuietSteps(target, from);
}

std::vector<Projector::Step> Projector::StartSteps(const Target& target) {
  const store::StageRun& run = target.view.run;
  const fs::path folder = JobFolder(run);
  std::vector<Step> steps;
  steps.push_back(
      {[] { return base::Result<void>(); }, fmt::format("stage=start job_id={}", run.job_name())});
  if (target.has_documents()) {
    steps.push_back({[this, &target] { return WriteActivity(target); },
                     fmt::format("Registered as active job: {}", run.job_name())});
  }
  steps.push_back({[this, &target] { return WriteLock(target); }, "Created lock file"});
  steps.push_back({[this, &target, folder] { return WriteMeta(target, target.view, folder); },
                   "envelope stage=running"});
  if (target.has_flag()) {
    steps.push_back({[this, &target] { return WriteRegistry(target); },
                     fmt::format("registry {}=false", target.row->flag)});
  }
  return steps;
}

std::vector<Projector::Step> Projector::EndSteps(const Target& target) {
  const store::StageRun& run = target.view.run;
  const fs::path folder = JobFolder(run);
  const bool is_ok = run.state == JobState::kSucceeded;
  std::vector<Step> steps;
  steps.push_back({[] { return base::Result<void>(); }, EndLine(run)});
  if (is_ok) steps.push_back({[this, &target] { return LinkResult(target); }, ""});
  steps.push_back({[this, &target, folder] { return WriteMeta(target, target.view, folder); },
                   fmt::format("envelope stage={}", domain::JobStateWord(run.state))});
  if (target.has_flag()) {
    steps.push_back({[this, &target] { return WriteRegistry(target); },
                     fmt::format("registry {}={}", target.row->flag, is_ok)});
  }
  steps.push_back({[this, &target] { return RemoveLock(target); }, ""});
  if (target.has_documents()) {
    steps.push_back(
        {[this, &target] { return WriteActivity(target); }, "Cleared active job from runtime"});
  }
  return steps;
}

// An attempt has ended, the stage has not.
std::vector<Projector::Step> Projector::PauseSteps(const Target& target, const Projected& from) {
  const store::StageRun& run = target.view.run;
  std::vector<Step> steps = QuietSteps(target, from);
  steps.insert(steps.begin(), {[this, &target] { return RemoveLock(target); },
                               fmt::format("attempt ended, the stage goes on: {}",
                                           run.wait_reason.empty() ? "queued" : run.wait_reason)});
  return steps;
}

std::vector<Projector::Step> Projector::QuietSteps(const Target& target, const Projected& from) {
  const store::StageRun& run = target.view.run;
  const fs::path folder = JobFolder(run);
  std::vector<Step> steps;
  if (run.state == JobState::kSucceeded) {
    steps.push_back({[this, &target] { return LinkResult(target); }, ""});
  }
  // The envelope of an ended run keeps how far it had come, which the store does not know.
  const bool is_final = domain::IsTerminal(run.state) && from.seq == run.change;
  if (!is_final) {
    steps.push_back(
        {[this, &target, folder] { return WriteMeta(target, target.view, folder); }, ""});
  }
  if (domain::IsTerminal(run.state)) {
    steps.push_back({[this, &target] { return RemoveLock(target); }, ""});
  }
  if (target.has_documents()) {
    steps.push_back({[this, &target] { return WriteRegistry(target); }, ""});
    steps.push_back({[this, &target] { return WriteActivity(target); }, ""});
  }
  return steps;
}

std::string Projector::EndLine(const store::StageRun& run) const {
  std::string line = fmt::format("stage=end status={}", domain::JobStateWord(run.state));
  if (run.state == JobState::kFailed && run.last_error) {
    return fmt::format("{} error={}: {}", line, run.last_error->reason, run.last_error->message);
  }
  if (run.state != JobState::kSucceeded) return line;
  const auto live = sources_.board.Get(run.id);
  const std::string totals =
      DescribeTotals(live ? live->liveness : store::Liveness{}, run.result_json);
  return totals.empty() ? line : line + " " + totals;
}

base::Result<void> Projector::Write(const fs::path& path, const std::string& text, Mode mode) {
  if (mode == Mode::kWhatChanged) {
    const auto present = base::ReadFile(path);
    if (present.ok() && *present == text) return {};
  }
  ROLLCALL_TRY(base::MakeFoldersIn(data_dir_, path.parent_path()));
  return base::WriteFileAtomic(path, text);
}

base::Result<void> Projector::WriteMeta(const Target& target, const store::RunView& view,
                                        const fs::path& folder) {
  std::optional<LiveAttempt> live = sources_.board.Get(view.run.id);
  const std::string text = MetaJson({.view = view,
                                     .live = std::move(live),
                                     .labels = target.labels,
                                     .epoch = epoch_,
                                     .now = sources_.clock.Now().wall});
  return Write(folder / "meta.json", text, target.mode);
}

base::Result<void> Projector::WriteRegistry(const Target& target) {
  ROLLCALL_TRY_ASSIGN(const auto facts, GatherSubject(sources_.store, sources_.vault, *target.kind,
                                                      target.subject.id));
  // Another stage may have succeeded meanwhile: a flag is true only when the plain names are there.
  for (const subject::StageFacts& stage : facts.stages) {
    if (stage.is_true()) ROLLCALL_TRY(LinkArtifacts(stage.artifacts));
  }
  ROLLCALL_TRY_ASSIGN(const auto document, target.kind->projection.Registry(sources_.store, facts));
  return Write(data_dir_ / document.path, document.text, target.mode);
}

base::Result<void> Projector::WriteActivity(const Target& target) {
  ROLLCALL_TRY_ASSIGN(const auto facts, GatherSubject(sources_.store, sources_.vault, *target.kind,
                                                      target.subject.id));
  ROLLCALL_TRY_ASSIGN(const auto document, target.kind->projection.Activity(
                                               sources_.store, facts, sources_.clock.Now().wall));
  return Write(data_dir_ / document.path, document.text, target.mode);
}

base::Result<void> Projector::WriteLock(const Target& target) {
  return Write(JobFolder(target.view.run) / ".lock", LockJson(target.view), target.mode);
}

base::Result<void> Projector::RemoveLock(const Target& target) {
  const fs::path path = JobFolder(target.view.run) / ".lock";
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return base::ErrnoError(errno, "remove", path);
  }
  return base::SyncFolder(path.parent_path());
}

base::Result<void> Projector::LinkResult(const Target& target) {
  ROLLCALL_TRY_ASSIGN(const auto artifacts, sources_.store.ArtifactList(target.view.run.id));
  return LinkArtifacts(artifacts);
}

base::Result<void> Projector::LinkArtifacts(const std::vector<domain::Artifact>& artifacts) {
  for (const domain::Artifact& artifact : artifacts) {
    ROLLCALL_TRY(sources_.vault.Link(artifact.name, artifact.path));
  }
  return {};
}

}  // namespace rollcall::projection
