#pragma once

#include "api/job_view.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "projection/snapshot.h"
#include "store/job_store.h"

namespace rollcall::app {

// What the engine knows, in the shapes that commands read.

api::JobView ViewOf(const projection::JobSnapshot& snapshot, base::WallTime now);

// The attempts of stages that have been restarted: why is what a watcher wants to know. Costs
// nothing where there are none.
base::Result<void> AddRestarts(store::JobStore& store, const projection::JobSnapshot& snapshot,
                               api::JobView& view);

// Fills in what a view that is sent twice a second leaves out: all attempts of each stage, and how
// many segments each unfinished one has. Reads the store twice per stage.
base::Result<void> AddHistory(store::JobStore& store, const projection::JobSnapshot& snapshot,
                              api::JobView& view);

// {episode_key, display, video_path, fingerprint, created_at, states{flag: bool},
//  timestamps{flag}, status{stage: word}}: the flags mean what they mean in state.json.
base::Result<base::Json> EpisodeSummary(store::JobStore& store,
                                        const std::filesystem::path& data_dir,
                                        const store::Episode& episode);

// The summary and `stages`: for each its newest run, its attempts, its last good artefacts.
base::Result<base::Json> EpisodeDetails(store::JobStore& store,
                                        const std::filesystem::path& data_dir,
                                        const store::Episode& episode);

}  // namespace rollcall::app
