#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::worker {

// Writes `bytes` durably into the attempt's staging folder, where they wait for the owner to move
// them to `seg-NNNNN.t<token>.<uuid8>` in the stage's segment folder. Fills path (of that place),
// file, size_bytes and sha256. A segment without bytes gets no file: its resume_blob holds
// everything. Errors as base::WriteFileAtomic; a failure leaves no file behind.
base::Result<domain::Segment> StageSegmentFile(const domain::StageAssignment& assignment,
                                               domain::Segment segment, std::string_view bytes);

}  // namespace rollcall::worker
