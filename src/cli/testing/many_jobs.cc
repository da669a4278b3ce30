#include "cli/testing/many_jobs.h"

#include <utility>

#include "domain/reasons.h"

namespace rollcall::cli::testing {
namespace {

using base::Json;
using base::Result;

class ManyJobsStream final : public api::EventStream {
 public:
  explicit ManyJobsStream(ManyJobs& jobs) : jobs_(jobs) {}
  std::string Take() override { return jobs_.Views(); }
  std::chrono::milliseconds patience() const override { return std::chrono::milliseconds{5}; }

 private:
  ManyJobs& jobs_;
};

std::int64_t NumberIn(const std::vector<std::string>& at) { return std::stoll(at[0]); }

server::Route Done(const char* pattern) {
  return {.method = "POST", .pattern = pattern, .run = [](const auto&, const auto&) {
            return api::JsonAnswer(Json::object());
          }};
}

}  // namespace

Result<api::Answer> ManyJobs::Start(const api::Request& request) {
  const std::string video = request.body.value("video", "");
  std::int64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back("start " + video + request.body.value("episode", ""));
    id = static_cast<std::int64_t>(jobs_.size()) + 1;
  }
  ROLLCALL_TRY_ASSIGN(const Begun begun, on_start(video, id));
  Set(begun.job);
  return api::JsonAnswer({{"job", ToJson(begun.job)},
                          {"existing", begun.is_existing},
                          {"resumed", begun.is_resumed},
                          {"open_beside", Json::array()}},
                         202);
}

Result<api::Answer> ManyJobs::Episode(const std::string& key) const {
  if (key == known_key) return api::JsonAnswer(Json::object());
  return domain::MakeError(domain::reason::kEpisodeNotRegistered, "unknown");
}

void ManyJobs::Set(const api::JobView& job) {
  const std::lock_guard lock(mutex_);
  jobs_[job.job_id] = job;
}

Json ManyJobs::Cancel(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  calls_.push_back("cancel " + std::to_string(id));
  jobs_.at(id).state = domain::JobState::kCancelled;
  return Json::object();
}

Json ManyJobs::Show(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  calls_.push_back("show " + std::to_string(id));
  return {{"job", ToJson(jobs_.at(id))}};
}

std::string ManyJobs::Views() {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [id, job] : jobs_) {
    if (hides_ended && !job.is_open()) continue;
    text += "event: view\ndata: " + ToJson(job).dump() + "\n\n";
  }
  return text;
}

std::vector<std::string> ManyJobs::calls() {
  const std::lock_guard lock(mutex_);
  return calls_;
}

ManyJobsServer::ManyJobsServer(ManyJobs& jobs, const std::filesystem::path& data)
    : router_({Done("/api/engine/work"),
               Done("/api/engine/leave"),
               Done("/api/engine/settle"),
               {.method = "GET",
                .pattern = "/api/engine/hello",
                .run =
                    [](const auto&, const auto&) {
                      return api::JsonAnswer({{"protocol", api::kProtocol}});
                    }},
               {.method = "POST",
                .pattern = "/api/jobs",
                .run = [&jobs](const auto&, const auto& request) { return jobs.Start(request); }},
               {.method = "GET",
                .pattern = "/api/episodes/{key}",
                .run = [&jobs](const auto& at, const auto&) { return jobs.Episode(at[0]); }},
               {.method = "GET",
                .pattern = "/api/jobs/{job}",
                .run = [&jobs](const auto& at,
                               const auto&) { return api::JsonAnswer(jobs.Show(NumberIn(at))); }},
               {.method = "POST",
                .pattern = "/api/jobs/{job}/cancel",
                .run = [&jobs](const auto& at,
                               const auto&) { return api::JsonAnswer(jobs.Cancel(NumberIn(at))); }},
               {.method = "GET",
                .pattern = "/api/events",
                .run = [&jobs](const auto&, const auto&) -> Result<api::Answer> {
                  return api::Answer{.events = std::make_shared<ManyJobsStream>(jobs)};
                }}}),
      server_(
          std::move(server::HttpServer::Create(router_, {.unix_socket = data / "rollcall.sock"}))
              .value()) {}

}  // namespace rollcall::cli::testing
