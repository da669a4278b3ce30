#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "api/http.h"
#include "app/store_queries.h"

namespace rollcall::app {

// One job as an event stream: `event: view` with the job as GET /api/jobs/{id} shows it, at first
// and whenever it looks different; `event: gone` when it is not there any more. Over when the job
// has ended.
//
// Borrows `queries`.
class JobStream final : public api::EventStream {
 public:
  // `every`: it is shown at least as often, for a display whose ages should move.
  JobStream(StoreQueries& queries, std::int64_t job_id, std::chrono::milliseconds every)
      : queries_(queries), job_id_(job_id), every_(every) {}

  std::string Take() override;
  bool is_over() const override { return is_over_; }
  std::chrono::milliseconds patience() const override { return every_; }

 private:
  StoreQueries& queries_;
  const std::int64_t job_id_;
  const std::chrono::milliseconds every_;
  std::string last_;
  std::chrono::steady_clock::time_point taken_at_{};
  bool is_over_ = false;
};

}  // namespace rollcall::app
