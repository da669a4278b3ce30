#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "store/ledger.h"

namespace rollcall::store {

// Segments that somebody wished to skip, and what results say of them, each step within one
// transaction. The rules are in docs/poison-segments.md.

// What an attempt at this work has to leave out.
base::Result<std::vector<domain::SegmentSpan>> SkippedSegments(Ledger& ledger,
                                                               std::string_view work_key);

// Does what a new run of this work wishes. kFailedPrecondition / ERR_NOTHING_TO_SKIP when it wishes
// to skip and the next segment is none that a run failed at.
base::Result<void> ApplySkipWish(Ledger& ledger, const StageRequest& stage);

// A segment is committed. True if it is one that was to be skipped; one that was only said to be
// poison is no more.
base::Result<bool> SettlePoison(Ledger& ledger, std::string_view work_key, std::int64_t number);

// What a result says that it lacks: [{start_ms, end_ms, reason}]. Empty for a whole one.
base::Json GapsOf(std::string_view result_json);
// The part of it that comes from the results that it was made from.
base::Json InputGapsOf(std::string_view result_json);

// Completes the result of a run that succeeds: `gaps` where its handler forgot them, `input_gaps`
// of the results that it was made from. A whole result is left as it is, to the byte.
base::Result<void> RecordGaps(Ledger& ledger, StageRun& run);

}  // namespace rollcall::store
