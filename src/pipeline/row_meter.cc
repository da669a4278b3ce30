#include "pipeline/row_meter.h"

#include <algorithm>

namespace rollcall::pipeline {
namespace {

// A report costs about a microsecond, a row of a table as much.
constexpr std::int64_t kReportEvery = 64;

}  // namespace

RowMeter::RowMeter(domain::JobContext& context, std::int64_t total)
    : context_(context), total_(total) {
  Report();
}

base::Result<void> RowMeter::Advance(std::int64_t by, domain::MediaTime position) {
  if (context_.stop_reason() != domain::StopReason::kNone) return domain::StoppedError();
  done_ += by;
  if (position.count() > 0) position_ = position;
  if (done_ - reported_ >= kReportEvery) Report();
  return {};
}

base::Result<void> RowMeter::AdvanceTo(std::int64_t done) {
  ROLLCALL_TRY(Advance(std::max<std::int64_t>(0, done - done_)));
  Report();
  return {};
}

void RowMeter::Report() {
  reported_ = done_;
  context_.ReportProgress({.done = done_,
                           .total = std::max(total_, done_),
                           .unit = "rows",
                           .counters = base::Json::object(),
                           .position = position_});
}

}  // namespace rollcall::pipeline
