#pragma once

#include <cstdint>

#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::pipeline {

// From inside a stage's loops: says how far it is of all that it has to do, and ends it when it is
// to stop. Cheap enough for every row. Borrows the context.
class RowMeter {
 public:
  RowMeter(domain::JobContext& context, std::int64_t total);

  // `by` more are done, `position` of the video is reached (0: where it was). The error of a stage
  // that is to stop; it returns it at once.
  base::Result<void> Advance(std::int64_t by = 1, domain::MediaTime position = {});
  // A pass is over that had less to do than its share of `total`.
  base::Result<void> AdvanceTo(std::int64_t done);
  // All is done.
  base::Result<void> Finish() { return AdvanceTo(total_); }

  // There is more to do than was known.
  void Expect(std::int64_t more) { total_ += more; }

 private:
  void Report();

  domain::JobContext& context_;
  std::int64_t total_;
  std::int64_t done_ = 0;
  std::int64_t reported_ = 0;
  domain::MediaTime position_{};
};

}  // namespace rollcall::pipeline
