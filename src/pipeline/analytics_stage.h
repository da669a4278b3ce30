#pragma once

#include "domain/stage_handler.h"

namespace rollcall::pipeline {

// People → how long each was on screen. A function of clusters and the edit log. Leaves
// outputs/<key>/: report.json, totals.{csv,parquet,xlsx}, timeline.{csv,vtt}.
class AnalyticsStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(domain::JobContext& context) override;
};

}  // namespace rollcall::pipeline
