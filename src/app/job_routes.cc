#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <utility>

#include "api/params.h"
#include "app/api_routes.h"
#include "app/log_stream.h"
#include "base/path_text.h"
#include "domain/reasons.h"

namespace rollcall::app {
namespace {

using api::Answer;
using api::Request;
using base::Json;
using base::Result;
using Segments = std::vector<std::string>;
namespace reason = domain::reason;

constexpr std::size_t kStartBytesMax = 64 * 1024;
constexpr std::size_t kTopicsMax = 100;
constexpr std::size_t kLinesMax = 10'000;

Result<std::int64_t> JobIdOf(std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && stop == text.data() + text.size() && number > 0) return number;
  return domain::MakeError(reason::kJobNotFound, "a stream's job is named by its number",
                           "GET /api/jobs lists them");
}

class Jobs {
 public:
  explicit Jobs(const ApiParts& parts) : parts_(parts) {}

  Result<Answer> List(const Request& request) const {
    ROLLCALL_TRY_ASSIGN(const std::int64_t limit, api::IntegerQuery(request, "limit", 20));
    ROLLCALL_TRY_ASSIGN(const Json list, parts_.queries.JobList(limit));
    return api::JsonAnswer(list);
  }
  Result<Answer> Start(const Request& request) const {
    ROLLCALL_TRY(CheckNamesNoFile(request));
    Json body = request.body;
    const auto fill = [&body](const char* name, std::string value) {
      if (!body.contains(name)) body[name] = std::move(value);
    };
    fill("effort", parts_.effort);
    fill("model_pack", base::PathToText(parts_.model_pack));
    fill("provider", parts_.provider);
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json answer, owner->JobStart(body, request.Field("idempotency-key")));
    const bool is_refused = answer.value("existing", false) && !answer.value("resumed", false) &&
                            !answer.value("repeated", false);
    Answer started = api::JsonAnswer(answer, is_refused ? 409 : 202);
    const auto id = answer.at("job").at("job_id").get<std::int64_t>();
    started.fields.emplace_back("Location", fmt::format("/api/jobs/{}", id));
    return started;
  }
  Result<Answer> Show(const std::string& job) const {
    ROLLCALL_TRY_ASSIGN(const Json document, parts_.queries.JobShow(job));
    return api::JsonAnswer(document);
  }
  Result<Answer> Events(const std::string& job, const Request& request) const {
    ROLLCALL_TRY_ASSIGN(const std::int64_t after, api::IntegerQuery(request, "after", 0));
    ROLLCALL_TRY_ASSIGN(const Json document, parts_.queries.JobEvents(job, after));
    return api::JsonAnswer(document);
  }
  Result<Answer> Diagnosis(const std::string& job) const {
    ROLLCALL_TRY_ASSIGN(const Json document, parts_.queries.JobDiagnosis(job));
    return api::JsonAnswer(document);
  }
  Result<Answer> Log(const std::string& job, const Request& request) const {
    ROLLCALL_TRY_ASSIGN(const std::int64_t lines, api::IntegerQuery(request, "lines", 40, 1));
    ROLLCALL_TRY_ASSIGN(
        const Json document,
        parts_.queries.JobLog(job,
                              std::min<std::size_t>(static_cast<std::size_t>(lines), kLinesMax)));
    return api::JsonAnswer(document);
  }
  Result<Answer> Cancel(const std::string& job) const {
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json document, owner->JobCancel(job));
    return api::JsonAnswer(document);
  }
  Result<Answer> Resume(const std::string& job, const Request& request) const {
    ROLLCALL_TRY_ASSIGN(EngineService * owner, parts_.Owner());
    ROLLCALL_TRY_ASSIGN(const Json document, owner->JobResume(job, request.body));
    return api::JsonAnswer(document);
  }

  Result<Answer> Stream(const Request& request) const {
    constexpr std::int64_t kEveryLeastMs = 100;
    ROLLCALL_TRY_ASSIGN(auto options, TopicsOf(request.Query("topics").value_or("jobs")));
    ROLLCALL_TRY_ASSIGN(const std::int64_t every_ms,
                        api::IntegerQuery(request, "every_ms", 3'600'000, kEveryLeastMs));
    options.every = std::chrono::milliseconds{every_ms};
    // A browser sends the field when it comes back, and cannot when it comes first.
    const auto last = request.Field("last-event-id");
    options.cursor = last ? *last : request.Query("after").value_or("");
    return Answer{.events = std::make_shared<LogStream>(parts_.log, std::move(options))};
  }

 private:
  // "jobs": all; "job:12,job:13": these, which are there.
  Result<LogStream::Options> TopicsOf(const std::string& topics) const {
    constexpr std::string_view kJob = "job:";
    LogStream::Options options;
    if (topics == "jobs") {
      ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
      for (const store::Job& job : jobs) {
        if (!domain::IsTerminal(job.state)) options.open.insert(static_cast<std::int64_t>(job.id));
      }
      return options;
    }
    for (std::string_view rest = topics; !rest.empty();) {
      const std::string_view topic = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), topic.size() + 1));
      if (!topic.starts_with(kJob) || options.jobs.size() == kTopicsMax) {
        return domain::MakeError(
            reason::kBadRequest,
            fmt::format("topics is neither jobs nor job:NUMBER, at most {} of them", kTopicsMax),
            "");
      }
      ROLLCALL_TRY_ASSIGN(const std::int64_t id, JobIdOf(topic.substr(kJob.size())));
      ROLLCALL_TRY(parts_.queries.View(id));
      options.jobs.insert(id);
    }
    return options;
  }

  ApiParts parts_;
};

}  // namespace

std::vector<server::Route> JobRoutes(const ApiParts& parts) {
  const Jobs jobs(parts);
  return {
      {.method = "GET",
       .pattern = "/api/jobs",
       .run = [jobs](const Segments&, const Request& request) { return jobs.List(request); }},
      {.method = "POST",
       .pattern = "/api/jobs",
       .run = [jobs](const Segments&, const Request& request) { return jobs.Start(request); },
       .body_bytes_max = kStartBytesMax},
      {.method = "GET",
       .pattern = "/api/jobs/{job}",
       .run = [jobs](const Segments& at, const Request&) { return jobs.Show(at[0]); }},
      {.method = "GET",
       .pattern = "/api/jobs/{job}/events",
       .run = [jobs](const Segments& at,
                     const Request& request) { return jobs.Events(at[0], request); }},
      {.method = "GET",
       .pattern = "/api/jobs/{job}/diagnosis",
       .run = [jobs](const Segments& at, const Request&) { return jobs.Diagnosis(at[0]); }},
      {.method = "GET",
       .pattern = "/api/jobs/{job}/log",
       .run = [jobs](const Segments& at,
                     const Request& request) { return jobs.Log(at[0], request); }},
      {.method = "POST",
       .pattern = "/api/jobs/{job}/cancel",
       .run = [jobs](const Segments& at, const Request&) { return jobs.Cancel(at[0]); }},
      {.method = "POST",
       .pattern = "/api/jobs/{job}/resume",
       .run = [jobs](const Segments& at,
                     const Request& request) { return jobs.Resume(at[0], request); }},
      // What failed is tried again from its checkpoints: the same.
      {.method = "POST",
       .pattern = "/api/jobs/{job}/retry",
       .run = [jobs](const Segments& at,
                     const Request& request) { return jobs.Resume(at[0], request); }},
      {.method = "GET",
       .pattern = "/api/events",
       .run = [jobs](const Segments&, const Request& request) { return jobs.Stream(request); }},
  };
}

}  // namespace rollcall::app
