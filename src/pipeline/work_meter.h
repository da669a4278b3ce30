#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::pipeline {

// Rows of a table between two looks at whether to go on.
inline constexpr std::int64_t kRowsPerLook = 1024;
// Called for each row; its error ends the loop.
using OnRow = std::function<base::Result<void>()>;

// StoppedError when the runtime wants the stage to stop.
base::Result<void> GoOn(const domain::JobContext& context);

// What a loop of a stage says while it works, in one unit, and where it hears that it is to stop.
// Every loop that a long video, a slow disk or many faces can make long goes through one: what says
// nothing is taken for stalled and killed, however well it works. What is over at once says
// nothing. One per unit and attempt, since `done` only grows in it.
//
// Not thread-safe. Borrows the context.
class WorkMeter {
 public:
  // `every`: units between two looks, for units of which there are very many.
  WorkMeter(domain::JobContext& context, std::string_view unit, std::int64_t every = 1)
      : context_(context), unit_(unit), every_(every) {
    Begin();
  }

  // A stretch begins in which so much more will be done, if that is known. Of what was not foreseen
  // the total grows with `done`; what was foreseen and did not come is no longer to do.
  void Begin(std::int64_t more = 0);
  // Shown beside it.
  void SetCounters(base::Json counters) { counters_ = std::move(counters); }
  void SetPosition(domain::MediaTime position) { position_ = position; }

  // So much more is done; then as GoOn.
  base::Result<void> Advance(std::int64_t more = 1);
  // The same as a callback that lives no longer than this.
  base::OnBytes OnBytes() {
    return [this](std::int64_t bytes) { return Advance(bytes); };
  }
  // Says where it stands, however short it was.
  void Report();

 private:
  using Steady = std::chrono::steady_clock;

  domain::JobContext& context_;
  const std::string unit_;
  const std::int64_t every_;
  base::Json counters_ = base::Json::object();
  domain::MediaTime position_{};
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
  std::int64_t unseen_ = 0;     // Done since the last look.
  Steady::time_point quiet_{};  // Since when nothing was said.
};

}  // namespace rollcall::pipeline
