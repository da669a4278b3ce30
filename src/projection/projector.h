#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/held_folder.h"
#include "base/json.h"
#include "projection/live_board.h"
#include "projection/worker_log.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::projection {

// Makes the files that people look at agree with the store:
//   jobs/<stage>_<id>/{meta.json,.lock}       the shown generation; older ones below <generation>/
//   the documents of the subject's kind       its registry, and what is at work
//   harvest/<id>/embeddings.parquet → .g7     the plain names of the last good artefacts, in the
//   vault
// Each file is replaced as a whole; readers see the old or the new. A transition of a stage is
// projected step by step in a fixed order, each with its line in the log, written after the step;
// a step that fails is tried again by the next call, and nothing is done or said twice.
//
// Not thread-safe: ProjectorThread owns it. Borrows everything that it is given.
class Projector {
 public:
  struct Sources {
    const base::HeldFolder& data_dir;
    store::JobStore& store;
    base::Clock& clock;
    const LiveBoard& board;
    WorkerLog& log;
    const subject::SubjectKinds& kinds;
    vault::Vault& vault;
  };
  enum class Mode {
    kWhatChanged,  // Files whose bytes would be the same are left alone.
    kEverything,   // All are written: shows whether they can be.
  };

  explicit Projector(const Sources& sources)
      : data_dir_(sources.data_dir.held_path()), sources_(sources) {}

  // One stage of one subject. An error of the store, or of the file that could not be written;
  // ERR_DATA_DIRECTORY_MOVED.
  base::Result<void> ProjectStage(const store::Subject& subject, const std::string& stage,
                                  Mode mode);

  // Whether the files already tell this run's state, apart from its progress.
  bool IsProjected(const store::RunView& view) const;

 private:
  // What the files say of a stage, and how far the newest transition has come.
  struct Projected {
    int generation = 0;
    std::int64_t token = 0;                 // Of the attempt; 0 while there is none.
    std::string word;                       // JobStateWord; empty: nothing.
    std::optional<domain::JobState> state;  // Behind the word; not known of what is on disk.
    std::int64_t seq = -1;                  // As the file of an ended run has it; -1 is not known.
    std::size_t step = 0;
    bool is_complete = false;
  };
  // A step of a transition and what the log then says.
  struct Step {
    std::function<base::Result<void>()> act;
    std::string line;  // Empty: nothing.
  };
  struct Target;

  base::Result<void> Project(const store::Subject& subject, const std::string& stage, Mode mode);
  base::Json OwnMeta(const std::filesystem::path& folder) const;
  Projected Remembered(const store::StageRun& run);
  base::Result<void> MoveOlder(const std::vector<store::RunView>& history, const Target& target,
                               const Projected& older);
  base::Result<void> WriteLaterGenerations(const std::vector<store::RunView>& history,
                                           const Target& target);
  base::Result<void> WriteEarlierGenerations(const std::vector<store::RunView>& history,
                                             const Target& target);
  std::vector<Step> StepsFor(const Target& target, const Projected& from);
  std::vector<Step> StartSteps(const Target& target);
  std::vector<Step> EndSteps(const Target& target);
  std::vector<Step> PauseSteps(const Target& target, const Projected& from);
  std::vector<Step> QuietSteps(const Target& target, const Projected& from);

  base::Result<void> WriteMeta(const Target& target, const store::RunView& view,
                               const std::filesystem::path& folder);
  base::Result<void> WriteRegistry(const Target& target);
  base::Result<void> WriteActivity(const Target& target);
  base::Result<void> WriteLock(const Target& target);
  base::Result<void> RemoveLock(const Target& target);
  base::Result<void> LinkResult(const Target& target);
  base::Result<void> LinkArtifacts(const std::vector<domain::Artifact>& artifacts);
  base::Result<void> Write(const std::filesystem::path& path, const std::string& text, Mode mode);
  std::filesystem::path JobFolder(const store::StageRun& run) const;
  std::string EndLine(const store::StageRun& run) const;

  const std::filesystem::path data_dir_;  // The held one: it may be renamed between two writes.
  const Sources sources_;
  std::string epoch_;
  std::map<std::string, Projected> projected_;  // By public id; only what has not ended.
  std::map<store::StageRunId, std::int64_t>
      archived_;  // The change that an earlier one's file has.
};

}  // namespace rollcall::projection
