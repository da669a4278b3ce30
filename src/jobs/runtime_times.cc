#include "jobs/runtime_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "domain/reasons.h"

namespace rollcall::jobs {
namespace {

base::Error Bad(std::string message) {
  return domain::MakeError(domain::reason::kBadConfig, std::move(message));
}

}  // namespace

RuntimeTimes RuntimeTimes::DividedBy(int divisor) const {
  RuntimeTimes scaled = *this;
  for (const RuntimeTimeField& field : kRuntimeTimeFields) {
    scaled.*field.member = std::max(Millis{1}, this->*field.member / divisor);
  }
  return scaled;
}

base::Result<void> RuntimeTimes::Check() const {
  for (const RuntimeTimeField& field : kRuntimeTimeFields) {
    if ((this->*field.member).count() < 1)
      return Bad(fmt::format("{} must be above 0", field.name));
  }
  if (renew * 3 > lease) return Bad("lease_ms must be at least three times renew_ms");
  if (self_fence >= lease)
    return Bad("self_fence_ms must be below lease_ms: an agent gives up before its leases run out");
  if (pulse * 3 > silence) return Bad("silence_ms must be at least three times pulse_ms");
  if (silence >= lease)
    return Bad("silence_ms must be below lease_ms: it is seen before the lease has run out");
  if (cancel_term > cancel_kill) return Bad("cancel_term comes before cancel_kill");
  if (retry_first > retry_max) return Bad("the first retry comes before the last");
  if (projection_min > projection_max) return Bad("projection_min is above projection_max");
  return {};
}

}  // namespace rollcall::jobs
