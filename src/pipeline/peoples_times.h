#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "people/fold.h"
#include "people/sight_matcher.h"
#include "pipeline/cluster_file.h"
#include "pipeline/presence_pack.h"
#include "pipeline/screen_time.h"
#include "pipeline/track_table.h"

namespace rollcall::pipeline {

TrackQuality QualityOf(const TrackSummary& track);
people::TrackSpan SpanOf(const TrackSummary& track);

std::vector<people::Group> GroupsOf(const ClusterFile& clusters);

struct PeoplesTimes {
  people::Folded folded;
  std::vector<PersonTime> times;  // Longest first.
};

// The same people and times that analytics puts into its files, from what it left beside them.
// `edits` stand, in their order; `last_label`: the greatest of the log.
base::Result<PeoplesTimes> MeasurePeople(const PresencePack& pack,
                                         std::span<const people::Edit> edits, int last_label,
                                         const ScreenTimeOptions& options);
// The first half of it.
people::Folded FoldPack(const PresencePack& pack, std::span<const people::Edit> edits);

}  // namespace rollcall::pipeline
