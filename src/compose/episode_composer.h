#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "base/result.h"
#include "compose/spec.h"
#include "compose/truth.h"

namespace rollcall::compose {

// Called now and then with the frames written so far; false ends the work with kCancelled.
using ComposeProgress = std::function<bool(std::int64_t frames)>;

// Renders the episode frame by frame into the video `out` (the container by its extension) and
// writes the truth beside it (TruthPath). The same spec and sources give the same truth and, with
// one build of libav, the same video. Memory does not grow with the length.
//
// Neither file is there until both are whole. kInvalidArgument / ERR_BAD_PARAMS with the spec's
// line for a picture that cannot be shown as it says, for a face that is cut off or covered and for
// what the encoder refuses; errors of the sources as media::Probe.
base::Result<Truth> ComposeEpisode(const EpisodeSpec& spec, const std::filesystem::path& out,
                                   const ComposeProgress& progress);

// "x/episode.mp4" → "x/episode.truth.json".
std::filesystem::path TruthPath(const std::filesystem::path& video);

}  // namespace rollcall::compose
