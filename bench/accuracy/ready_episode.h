#pragma once

#include <filesystem>

#include "base/result.h"
#include "compose/truth.h"

namespace rollcall::bench {

// The truth of an episode of the media folder's own composer: `X.truth.json` (intervals in frames)
// and `X.truth.csv` (shots), turned into time by the video's own timestamps (joining shots by
// stream copy has left frames of 80 ms in some). It does not say where a face is, so a person alone
// may be anywhere in the frame, and of two the first is in its left half, the second in its right.
// kDataLoss / ERR_ARTIFACT_CORRUPT if the two files do not agree.
base::Result<compose::Truth> ReadReadyTruth(const std::filesystem::path& video);

}  // namespace rollcall::bench
