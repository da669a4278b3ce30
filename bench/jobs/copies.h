#pragma once

#include "place.h"

namespace rollcall::bench {

inline constexpr int kSegmentsEach = 10;

// Leaves `place`, which is empty, with so many finished episodes: their rows, the files of their
// stage, the projected files and the projector's cursor; closed, and what is on the disk synced.
//
// The first one is made by an engine and a real worker. The others are its rows and files under
// names, row ids, change numbers, tokens and work keys of their own, written without syncing in
// between: 1.5 million commits would take many minutes. Files whose bytes would be the same share
// them. The results are two days old: what nothing refers to of them the sweeper may remove.
//
// Ends the bench unless the store's own check finds nothing and the copies read back as the first.
void FillWithCopies(Place& place, int episodes);

}  // namespace rollcall::bench
