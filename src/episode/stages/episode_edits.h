#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "people/edit.h"
#include "store/job_store.h"

namespace rollcall::episode {

// The kind of edits that Rollcall writes itself: who has which number.
inline constexpr std::string_view kLabelKind = "label";

// The edit log of an episode as analytics is told it.
struct EditsOf {
  base::Json standing = base::Json::array();  // [{sequence, kind, body}], in their order.
  // SHA-256 of those, but for labels: undoing everything gives the work of before. Empty for none.
  std::string digest;
  int last_label = 0;  // The greatest that any line carries, standing or not.
};
EditsOf StandingEdits(std::span<const store::Edit> log);

// The same as values. kDataLoss / ERR_STORE_DAMAGED.
base::Result<std::vector<people::Edit>> ParseEdits(const EditsOf& edits);

}  // namespace rollcall::episode
