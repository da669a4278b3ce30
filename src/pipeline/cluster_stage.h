#pragma once

#include "domain/stage_handler.h"

namespace rollcall::pipeline {

// Tracks → people. Needs tracks.parquet; leaves clusters.json. Groups that are too short to be
// believed, and tracks that join none, are noise: never counted as a person.
class ClusterStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(domain::JobContext& context) override;
};

}  // namespace rollcall::pipeline
