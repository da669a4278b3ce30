#pragma once

#include "base/json.h"
#include "base/result.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::episode {

struct ViewSources {
  store::JobStore& store;
  vault::Vault& vault;
  const subject::SubjectKind& kind;
};

// {episode_key, display, video_path, fingerprint, created_at, states{flag: bool},
//  timestamps{flag}, status{stage: word}}: the flags mean what they mean in state.json.
base::Result<base::Json> EpisodeSummary(const ViewSources& sources, const store::Episode& episode);
// The summary and `stages`: for each its newest run, its attempts, its last good artefacts.
base::Result<base::Json> EpisodeDetails(const ViewSources& sources, const store::Episode& episode);

}  // namespace rollcall::episode
