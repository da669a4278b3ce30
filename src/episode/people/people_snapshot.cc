#include "episode/people/people_snapshot.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/json.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"

namespace rollcall::episode {

using base::Json;
using base::Result;
using pipeline::PresencePack;
namespace reason = domain::reason;

const pipeline::PersonTime* PeopleSnapshot::Labelled(int label) const {
  const auto found = std::ranges::find(people.times, label, &pipeline::PersonTime::label);
  return found == people.times.end() ? nullptr : &*found;
}

Result<std::shared_ptr<const PresencePack>> PeopleReader::PackOf(const store::StageRun& run) {
  constexpr std::size_t kPacksKept = 4;
  ROLLCALL_TRY_ASSIGN(const auto artifacts, store_.ArtifactList(run.id));
  const auto artifact = std::ranges::find_if(artifacts, [](const domain::Artifact& each) {
    return each.name.ends_with("/presence.pack");
  });
  if (artifact == artifacts.end()) {
    return domain::MakeError(reason::kNotAnalysed,
                             run.subject.id + " was analysed by an older rollcall",
                             "run `rollcall analyze` on its video once more");
  }
  {
    const base::MutexLock lock(mutex_);
    const auto kept = std::ranges::find(kept_, artifact->sha256, &Kept::sha256);
    if (kept != kept_.end()) {
      std::rotate(kept, kept + 1, kept_.end());
      return kept_.back().pack;
    }
  }
  ROLLCALL_TRY_ASSIGN(const auto path, vault_.Fetch(artifact->path));
  ROLLCALL_TRY_ASSIGN(PresencePack read, pipeline::ReadPresencePack(path));
  auto pack = std::make_shared<const PresencePack>(std::move(read));
  const base::MutexLock lock(mutex_);
  if (kept_.size() == kPacksKept) kept_.erase(kept_.begin());
  kept_.push_back({.sha256 = artifact->sha256, .pack = pack});
  return pack;
}

Result<std::shared_ptr<const PeopleSnapshot>> PeopleReader::Read(const std::string& key) {
  const store::Subject subject{.kind = std::string(kKind), .id = key};
  auto snapshot = std::make_shared<PeopleSnapshot>();
  snapshot->key = key;
  ROLLCALL_TRY_ASSIGN(auto analytics, store_.RunLastGood(subject, "analytics"));
  if (!analytics) {
    return domain::MakeError(reason::kNotAnalysed, key + " has not been analysed yet");
  }
  snapshot->analytics = *std::move(analytics);
  ROLLCALL_TRY_ASSIGN(snapshot->pack, PackOf(snapshot->analytics));
  ROLLCALL_TRY_ASSIGN(snapshot->log, store_.EditList(subject));
  snapshot->standing = StandingEdits(snapshot->log);
  ROLLCALL_TRY_ASSIGN(snapshot->edits, ParseEdits(snapshot->standing));
  const Json params = base::ObjectFrom(snapshot->analytics.params_json);
  const Json settings = params.value("settings", Json::object());
  ROLLCALL_TRY_ASSIGN(
      snapshot->people,
      pipeline::MeasurePeople(*snapshot->pack, snapshot->edits, snapshot->standing.last_label,
                              pipeline::ScreenTimeOptions::From(settings)));
  snapshot->files_are_current = params.value("edits_digest", "") == snapshot->standing.digest;
  return std::shared_ptr<const PeopleSnapshot>(std::move(snapshot));
}

}  // namespace rollcall::episode
