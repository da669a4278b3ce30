#pragma once

#include "domain/stage_handler.h"

namespace rollcall::pipeline {

// The best face of each track, from faces.pack: never decodes the video again. Leaves
// stills/track_00001.jpg … and stills/track_stills.jsonl, as one folder.
class StillsStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(domain::JobContext& context) override;
};

// "track_00012.jpg"
std::string StillFileName(std::int64_t track_id);

}  // namespace rollcall::pipeline
