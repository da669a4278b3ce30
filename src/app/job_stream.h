#pragma once

#include <cstdint>
#include <string>

#include "api/http.h"
#include "control/control_server.h"

namespace rollcall::app {

// One job as an event stream: `event: view` with the job as GET /api/jobs/{id} shows it, at first
// and whenever it looks different; `event: gone` when it is not there any more. Over when the job
// has ended.
//
// Borrows `service`.
class JobStream final : public api::EventStream {
 public:
  JobStream(control::Service& service, std::int64_t job_id) : service_(service), job_id_(job_id) {}

  std::string Take() override;
  bool is_over() const override { return is_over_; }

 private:
  control::Service& service_;
  const std::int64_t job_id_;
  std::string last_;
  bool is_over_ = false;
};

}  // namespace rollcall::app
