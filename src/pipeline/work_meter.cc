#include "pipeline/work_meter.h"

#include <algorithm>

namespace rollcall::pipeline {
namespace {

// As often as the runtime takes it.
constexpr std::chrono::milliseconds kSayEvery{200};

}  // namespace

base::Result<void> GoOn(const domain::JobContext& context) {
  if (context.stop_reason() != domain::StopReason::kNone) return domain::StoppedError();
  return {};
}

void WorkMeter::Begin(std::int64_t more) {
  total_ = done_ + more;
  quiet_ = Steady::now();
}

base::Result<void> WorkMeter::Advance(std::int64_t more) {
  done_ += more;
  unseen_ += more;
  if (unseen_ < every_) return {};
  unseen_ = 0;
  if (Steady::now() - quiet_ >= kSayEvery) Report();
  return GoOn(context_);
}

void WorkMeter::Report() {
  quiet_ = Steady::now();
  context_.ReportProgress({.done = done_,
                           .total = std::max(done_, total_),
                           .unit = unit_,
                           .counters = counters_,
                           .position = position_});
}

}  // namespace rollcall::pipeline
