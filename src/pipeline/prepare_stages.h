#pragma once

#include "domain/stage_handler.h"

namespace rollcall::pipeline {

// Is it a video that can be analysed? Leaves probe.json: container, codec, size, duration, hash.
class ValidateStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(domain::JobContext& context) override;
};

// Demux only: every frame's time and the sampling plan. Leaves manifest.parquet and extract.json
// {frames, keyframes, samples, first_picture_us, end_us, duration_us, effort, warnings[]}.
class ExtractStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(domain::JobContext& context) override;
};

}  // namespace rollcall::pipeline
