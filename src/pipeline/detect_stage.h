#pragma once

#include <filesystem>
#include <string>

#include "domain/stage_handler.h"
#include "pipeline/episode_params.h"

namespace rollcall::pipeline {

// Whether the model pack in `folder` is whole, every file with its pinned hash, and has what detect
// needs: what can be known before a job begins. ERR_MODEL_MISSING, ERR_MODEL_ALTERED,
// ERR_BAD_CONFIG. Reads some ten MB.
base::Result<void> CheckModels(const std::filesystem::path& folder);

// The one decode pass: sampled frames → faces, landmarks, quality, embeddings, crops, shot cuts.
// Needs manifest.parquet; leaves embeddings.parquet, samples.parquet, faces.pack, det_stats.json
// and diagnostics/embedding_stats.json. Checkpoints every 10 s of video; state is forgotten there,
// so the bytes do not depend on interruptions. Segments that the assignment skips are never
// decoded; an empty one stands for each, and the gap is told (skip_plan.h).
class DetectStage final : public domain::StageHandler {
 public:
  struct Options {
    std::filesystem::path model_pack;  // When the parameters name none.
    int threads = 2;                   // That examine frames, and that decode.
    domain::MediaTime segment{10'000'000};
  };
  explicit DetectStage(Options options) : options_(std::move(options)) {}

  base::Result<domain::StageOutput> Run(domain::JobContext& context) override;

 private:
  Options options_;
};

}  // namespace rollcall::pipeline
