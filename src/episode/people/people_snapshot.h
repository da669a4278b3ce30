#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "episode/stages/episode_edits.h"
#include "people/edit.h"
#include "pipeline/peoples_times.h"
#include "pipeline/presence_pack.h"
#include "store/job_store.h"
#include "vault/vault.h"

namespace rollcall::episode {

// The people of an episode as they are now: what the newest good analytics found, and all that was
// said since. Immutable.
struct PeopleSnapshot {
  std::string key;
  std::shared_ptr<const pipeline::PresencePack> pack;
  store::StageRun analytics;
  std::vector<store::Edit> log;
  EditsOf standing;
  std::vector<people::Edit> edits;  // The same as values.
  pipeline::PeoplesTimes people;
  bool files_are_current = false;  // They were made with all that stands.

  // Of a label, among people.times; nullptr if nobody shown has it.
  const pipeline::PersonTime* Labelled(int label) const;
  const people::Person& PersonOf(const pipeline::PersonTime& time) const {
    return people.folded.people[time.person];
  }
};

// Makes them, and keeps the packs that were read last. Thread-safe. Borrows store and vault.
class PeopleReader {
 public:
  PeopleReader(store::JobStore& store, vault::Vault& vault) : store_(store), vault_(vault) {}

  // kFailedPrecondition / ERR_NOT_ANALYSED; ERR_ARTIFACT_CORRUPT.
  base::Result<std::shared_ptr<const PeopleSnapshot>> Read(const std::string& key);

 private:
  struct Kept {
    std::string sha256;
    std::shared_ptr<const pipeline::PresencePack> pack;
  };
  base::Result<std::shared_ptr<const pipeline::PresencePack>> PackOf(const store::StageRun& run);

  store::JobStore& store_;
  vault::Vault& vault_;
  base::Mutex mutex_;
  std::vector<Kept> kept_ ROLLCALL_GUARDED_BY(mutex_);  // The newest last.
};

}  // namespace rollcall::episode
