#pragma once

#include <vector>

#include "media/packet_index.h"
#include "pipeline/episode_params.h"

namespace rollcall::pipeline {

struct SamplingOptions {
  domain::MediaTime step{100'000};  // Of `normal`: ten samples a second.
  // How far a sample may move to a picture that others refer to (such pictures are decoded anyway;
  // disposable ones are then never decoded at all).
  domain::MediaTime slack{40'000};
};

// The frame_ids to look at, ascending. Draft: keyframes that are whole. Normal: for each multiple
// of `step` the nearest frame, within `slack` rather one that is not disposable. Full: all.
std::vector<std::int64_t> PlanSamples(const media::PacketIndex& index, Effort effort,
                                      const SamplingOptions& options);

}  // namespace rollcall::pipeline
