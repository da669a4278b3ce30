#pragma once

#include "domain/stage_handler.h"

namespace rollcall::pipeline {

// Detections → tracks. Needs embeddings.parquet and samples.parquet; leaves tracks.parquet,
// tracks.json, and embeddings.parquet anew with the column track_id filled. Tracks that are not
// believed to be faces (too short, no trustworthy landmarks, bad crops only) are dropped and
// counted in diagnostics/track_stats.json.
class TrackStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(domain::JobContext& context) override;
};

}  // namespace rollcall::pipeline
