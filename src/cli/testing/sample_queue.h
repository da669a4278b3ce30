#pragma once

#include <cstdint>

#include "api/job_view.h"
#include "cli/video_queue.h"

namespace rollcall::cli::testing {

// Jobs of a queue as an engine shows them, of validate, detect and analytics.

// `share` of detect's frames are done at a steady speed, of which all take `detect_s`.
api::JobView JobAt(std::int64_t id, double share, double detect_s);
api::JobView WaitingJob(std::int64_t id);
// With 5 people in 42:10; validate took a second and analytics four.
api::JobView EndedJob(std::int64_t id, double detect_s);
// The same, all of it done before.
api::JobView OnceDoneJob(std::int64_t id, double detect_s);
api::JobView FailedJob(std::int64_t id);

// /v/e1.mp4, /v/e2.mp4 … of 1 GB each.
std::vector<VideoFile> SampleVideos(int count);
VideoQueue QueueOf(int count, int slots = 1);

}  // namespace rollcall::cli::testing
