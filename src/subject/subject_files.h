#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/job_store.h"

namespace rollcall::subject {

// A folder whose sub-folders are named after the subjects of a kind.
struct Area {
  std::string name;  // "harvest", in the data directory.
  // People keep files of their own beside the results: of what looks like a result only those go
  // whose plain name a row has had.
  bool is_shared = false;
};

// Where the files of one kind's subjects lie. No state; thread-safe.
class SubjectFiles {
 public:
  virtual ~SubjectFiles() = default;

  // What is made of a subject lies below <area>/<id>/, its results among it, and nowhere else but
  // in jobs/<stage>_<id>/.
  virtual std::vector<Area> Areas() const = 0;
  // Where a stage's checkpoints lie, relative to the data directory.
  virtual std::filesystem::path SegmentFolder(std::string_view id,
                                              std::string_view stage) const = 0;
  // Whether the sweep may remove what is old and named by no row. Not of a subject that the store
  // does not know: its files were kept on purpose when it was forgotten, or are somebody else's.
  virtual base::Result<bool> MaySweep(store::JobStore& store, std::string_view id) const = 0;
};

}  // namespace rollcall::subject
