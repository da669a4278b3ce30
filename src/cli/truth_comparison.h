#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/terminal.h"
#include "compose/truth.h"

namespace rollcall::cli {

// A report beside the truth of the composed episode that it is about.
struct TruthComparison {
  struct Row {
    std::string truth_id;     // Empty: the report has somebody who was not there.
    std::string person_name;  // Empty: somebody was not found.
    std::int64_t truth_ms = 0;
    std::int64_t seen_ms = 0;

    std::int64_t error_ms() const { return seen_ms - truth_ms; }
  };
  std::vector<Row> rows;  // In the truth's order; then who is too many.

  // Everybody was found, nobody else, and no time is off by more.
  bool Holds(std::int64_t error_ms_max) const;
  std::string ToString(const Paint& paint, std::int64_t error_ms_max) const;
  base::Json ToJson() const;
};

// Pairs people by how long they are on screen at the same time, the longest first.
// ERR_ARTIFACT_CORRUPT when `report` is none.
base::Result<TruthComparison> CompareWithTruth(const base::Json& report,
                                               const compose::Truth& truth);

}  // namespace rollcall::cli
