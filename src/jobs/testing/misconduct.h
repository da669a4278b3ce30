#pragma once

#include <span>
#include <string_view>

#include "domain/stage_handler.h"

namespace rollcall::jobs {

// One way in which a handler can be bad, in a real worker process.
struct Misconduct {
  std::string_view name;  // The `behaviour` of a fake stage.
  base::Result<domain::StageOutput> (*act)(domain::JobContext& context);
};

// Null if there is none of that name.
const Misconduct* FindMisconduct(std::string_view name);
std::span<const Misconduct> AllMisconduct();

}  // namespace rollcall::jobs
