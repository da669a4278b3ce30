#pragma once

#include <string>

#include "rig.h"
#include "table.h"

namespace rollcall::faults {

// What a job of `segments` segments should leave behind.
std::string ExpectedBytes(int segments);

// Waits for the job's end and looks at everything that docs/faults.md lists; adds what is not as it
// should be to the row.
void CheckRound(Rig& rig, const std::string& key, const store::Job& job, int segments, Row& row);

// How each attempt of the key's latest run ended, for a violation to say.
std::string WhyEnded(Rig& rig, const std::string& key);

// The store's audit and SQLite's own check.
void CheckStore(Rig& rig, Row& row);

}  // namespace rollcall::faults
