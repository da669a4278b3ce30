#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "housekeeping/own_name.h"
#include "projection/worker_log.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::housekeeping {

// Removes what attempts that are over have left and no row refers to, once it is old: segments
// (`seg-*`) without a row, results (`name.g<token>`, files and folders) that no run's row names and
// no plain name shows, what was being written (`*.tmp…`) when its process ended, and the last words
// of workers of runs that have ended or are gone.
//
// It removes only what has a name of ours, in the areas of the kinds and below jobs/, of a subject
// that its kind lets it sweep; nothing whose token an attempt holds; and it follows no link. A
// result that a row names stays, however many newer ones there are: a start with its parameters
// takes it over. It goes with its subject.
//
// Not thread-safe. Borrows all of Sources.
class Sweeper {
 public:
  struct Sources {
    store::JobStore& store;
    vault::Vault& vault;
    const subject::SubjectKinds& kinds;
    base::Clock& clock;
    projection::WorkerLog& log;
  };
  struct Swept {
    int files = 0;  // A folder that is a result counts as one.
    int kept_by_failure = 0;
    std::string first_failure;
    std::vector<std::string> examples;  // The first few paths.
  };
  // `retention`: how long what nothing refers to stays.
  Sweeper(const Sources& sources, std::chrono::milliseconds retention)
      : sources_(sources), retention_(retention) {}

  // Looks once through everything; ends early when `is_ending` says so. What went, and what could
  // not be removed, is a line in the log. An error of the store: it is not known what is referred
  // to, and the rest is left for the next time.
  base::Result<Swept> Sweep(const std::function<bool()>& is_ending);

 private:
  struct Candidate {
    std::filesystem::path path;
    OwnName name;
  };
  struct Referred;
  class Walk;

  base::Result<void> SweepKind(const subject::SubjectKind& kind, Walk& walk, Swept& swept);
  base::Result<void> SweepSubject(const subject::SubjectKind& kind, const std::string& id,
                                  const std::vector<Candidate>& candidates, Swept& swept);
  base::Result<Referred> ReferredOf(const subject::SubjectKind& kind, const std::string& id);
  base::Result<void> SweepJobs(Walk& walk, Swept& swept);
  base::Result<bool> HasEnded(const std::string& job_name);
  void Remove(const Candidate& candidate, Swept& swept);
  bool IsShown(const std::filesystem::path& path);
  bool IsOld(const std::filesystem::path& path, const vault::Entry& entry);
  void Tell(const Swept& swept);

  const Sources sources_;
  const std::chrono::milliseconds retention_;
};

}  // namespace rollcall::housekeeping
