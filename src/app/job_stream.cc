#include "app/job_stream.h"

#include <fmt/format.h>

#include <utility>

#include "api/problem.h"
#include "base/json.h"

namespace rollcall::app {
namespace {

using base::Json;

std::string Event(std::string_view name, const Json& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name,
                     data.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// What shows only that time has passed.
constexpr const char* kAges[] = {"pulse_age_s", "progress_age_s", "elapsed_s", "budget_used_s"};

std::string WithoutAges(Json job) {
  for (Json& stage : job.at("stages")) {
    for (const char* age : kAges) stage.erase(age);
  }
  return job.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string JobStream::Take() {
  const auto view = queries_.View(job_id_);
  if (!view.ok()) {
    is_over_ = true;
    return Event("gone", api::ProblemOf(view.error(), "/api/jobs/" + std::to_string(job_id_)));
  }
  const Json job = ToJson(*view);
  is_over_ = !view->is_open();
  std::string text = WithoutAges(job);
  const auto now = std::chrono::steady_clock::now();
  if (text == last_ && now - taken_at_ < every_) return {};
  taken_at_ = now;
  last_ = std::move(text);
  return Event("view", job);
}

}  // namespace rollcall::app
