#pragma once

#include <string>
#include <vector>

#include "domain/stage_handler.h"
#include "pipeline/episode_params.h"
#include "pipeline/skip_plan.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {

// What detect has counted so far; travels in a segment's counters_json.
struct DetectCounters {
  std::int64_t frames_processed = 0;
  std::int64_t faces_detected = 0;
  std::int64_t embeddings_computed = 0;
  std::int64_t failed_reads = 0;
  std::int64_t faces_turned = 0;    // Found on their side or upside down.
  std::int64_t frames_damaged = 0;  // Of those processed: parts were concealed by the decoder.
  std::int64_t frames_skipped = 0;  // Left out with a skipped segment.
  std::int64_t frames_closer = 0;   // Besides the samples, where shots follow each other fast.
  std::vector<Gap> gaps;            // What was skipped, in milliseconds.

  base::Json ToJson() const;
  static base::Result<DetectCounters> FromJson(std::string_view text);
};

// Which networks ran, for det_stats.json.
struct DetectModels {
  std::string pack;
  std::string detector;
  std::string landmarker;
  std::string embedder;
  std::string provider;
};

// Merges the committed segments, in order and one at a time in memory, into the stage's files.
// `bytes`: of the segments that are read and of the files that are made durable.
base::Result<domain::StageOutput> MergeDetectSegments(domain::JobContext& context,
                                                      const EpisodeParams& params,
                                                      const std::vector<domain::Segment>& segments,
                                                      const DetectModels& models, WorkMeter& bytes);

}  // namespace rollcall::pipeline
