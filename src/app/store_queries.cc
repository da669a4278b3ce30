#include "app/store_queries.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "api/http.h"
#include "app/diagnosis.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "domain/episode_key.h"
#include "domain/reasons.h"
#include "episode/episode_kind.h"
#include "projection/files_check.h"

namespace rollcall::app {

using base::Json;
using base::Result;
using store::JobId;
namespace reason = domain::reason;

namespace {

Json EventsJson(const std::vector<store::Event>& events) {
  Json list = Json::array();
  for (const store::Event& event : events) {
    auto body = base::ParseJson(event.body_json, "event");
    list.push_back({{"seq", event.seq},
                    {"at", base::IsoTime(event.at)},
                    {"kind", event.kind},
                    {"body", body.ok() ? std::move(*body) : Json::object()}});
  }
  return list;
}

// {"lease_ms": 30000, …}
Json RuntimeJson(const jobs::RuntimeTimes& times) {
  Json json = Json::object();
  for (const jobs::RuntimeTimeField& field : jobs::kRuntimeTimeFields) {
    json[std::string(field.name)] = (times.*field.member).count();
  }
  return json;
}

// Those that have `mark` in them, the last `most` of them. Bytes that are no UTF-8 are written out.
std::vector<std::string> LastLines(std::string_view text, std::size_t most, std::string_view mark) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < most) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    const std::size_t end = text.rfind('\n');
    const std::size_t begin = end == std::string_view::npos ? 0 : end + 1;
    const std::string_view line = text.substr(begin);
    if (line.find(mark) != std::string_view::npos) lines.push_back(base::ShownBytes(line));
    text = text.substr(0, begin);
  }
  std::ranges::reverse(lines);
  return lines;
}

std::optional<std::int64_t> NumberIn(std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = failure == std::errc{} && stop == text.data() + text.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<Json> StoreQueries::Hello() {
  ROLLCALL_TRY_ASSIGN(const bool has_open_jobs, parts_.engine.HasOpenJobs());
  return Json{{"version", ROLLCALL_VERSION},
              {"protocol", api::kProtocol},
              {"pid", ::getpid()},
              {"data_dir", base::PathToText(parts_.data.root())},
              {"is_working", parts_.engine.is_working()},
              {"has_open_jobs", has_open_jobs},
              {"slots", parts_.engine.slots()},
              {"runtime", RuntimeJson(parts_.engine.times())}};
}

Result<api::JobView> StoreQueries::View(std::int64_t job_id) {
  return parts_.engine.View(JobId{job_id});
}

Result<Json> StoreQueries::JobShow(std::string_view job) {
  constexpr int kEvents = 200;
  ROLLCALL_TRY_ASSIGN(const store::Job found, FindJob(job));
  ROLLCALL_TRY_ASSIGN(Json view, DetailedView(found.id));
  const std::int64_t after = std::max<std::int64_t>(0, found.event_seq - kEvents);
  ROLLCALL_TRY_ASSIGN(const auto events, parts_.store.EventsAfter(found.id, after, kEvents));
  return Json{{"job", std::move(view)}, {"events", EventsJson(events)}};
}

Result<Json> StoreQueries::JobList(std::int64_t limit) {
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  ROLLCALL_TRY_ASSIGN(const bool has_open_jobs, parts_.engine.HasOpenJobs());
  Json list = Json::array();
  std::size_t left_out = 0;
  for (const store::Job& job : jobs) {
    // An open job is never left out, however old it is.
    if (limit > 0 && list.size() >= static_cast<std::size_t>(limit) &&
        domain::IsTerminal(job.state)) {
      ++left_out;
      continue;
    }
    // All of them ever: without what costs reads of the store for each.
    const bool is_all = limit == 0 && domain::IsTerminal(job.state);
    if (is_all) {
      ROLLCALL_TRY_ASSIGN(const api::JobView view, View(static_cast<std::int64_t>(job.id)));
      list.push_back(ToJson(view));
    } else {
      ROLLCALL_TRY_ASSIGN(list.emplace_back(), DetailedView(job.id));
    }
  }
  return Json{{"jobs", std::move(list)},
              {"left_out", left_out},
              {"has_open_jobs", has_open_jobs},
              {"is_working", parts_.engine.is_working()}};
}

Result<Json> StoreQueries::JobEvents(std::string_view job, std::int64_t after) {
  constexpr int kEventsMax = 1000;
  ROLLCALL_TRY_ASSIGN(const store::Job found, FindJob(job));
  ROLLCALL_TRY_ASSIGN(const auto events, parts_.store.EventsAfter(found.id, after, kEventsMax));
  ROLLCALL_TRY_ASSIGN(std::string epoch, parts_.store.StreamEpoch());
  return Json{{"epoch", std::move(epoch)}, {"events", EventsJson(events)}};
}

// Jobs of one episode with other parameters have one name: which is meant, only a number says.
Result<void> StoreQueries::RefuseWhenAmbiguous(const std::string& job_name) {
  ROLLCALL_TRY_ASSIGN(const auto jobs, parts_.store.JobList());
  std::string open;
  int count = 0;
  for (const store::Job& job : jobs) {
    if (job.job_name() != job_name || domain::IsTerminal(job.state)) continue;
    open += fmt::format("{}{} ({})", count++ == 0 ? "" : ", ", static_cast<std::int64_t>(job.id),
                        domain::JobStateWord(job.state));
  }
  // The name of a stage that two open jobs have, each its own run of it.
  std::set<store::StageRunId> runs;
  for (const store::Job& job : jobs) {
    if (count > 0 || domain::IsTerminal(job.state)) continue;
    ROLLCALL_TRY_ASSIGN(const auto views, parts_.store.JobRuns(job.id));
    for (const store::RunView& view : views) {
      const bool is_open = !view.is_reused && !domain::IsTerminal(view.run.state);
      if (!is_open || view.run.job_name() != job_name || !runs.insert(view.run.id).second) continue;
      open += fmt::format("{}{} ({})", runs.size() == 1 ? "" : ", ",
                          static_cast<std::int64_t>(job.id), domain::JobStateWord(view.run.state));
    }
  }
  count = std::max(count, static_cast<int>(runs.size()));
  if (count < 2) return {};
  return domain::MakeError(reason::kBadParams,
                           fmt::format("{} jobs are called {}: {}", count, job_name, open),
                           "name one of them by its number");
}

Result<Json> StoreQueries::JobDiagnosis(std::string_view job) {
  ROLLCALL_TRY_ASSIGN(const store::Job found, FindJob(job));
  ROLLCALL_TRY_ASSIGN(const api::JobView view,
                      parts_.engine.View(found.id, projection::Detail::kHistory));
  const Diagnosis diagnosis = Diagnose(view, parts_.engine.times());
  return Json{{"job_id", view.job_id},
              {"job", view.name},
              {"status", domain::JobStateWord(view.state)},
              {"findings", diagnosis.findings},
              {"advice", diagnosis.advice}};
}

Result<Json> StoreQueries::JobLog(std::string_view job, std::size_t lines_max) {
  ROLLCALL_TRY_ASSIGN(const store::Job found, FindJob(job));
  const std::string& key = found.subject.id;
  const bool names_stage = job.ends_with("_" + key);
  const std::string stage(names_stage ? job.substr(0, job.size() - key.size() - 1)
                                      : std::string_view(found.kind));
  const bool is_stage = parts_.engine.kinds().OfStage(stage).row != nullptr;
  const auto path = is_stage ? parts_.data.job(stage + "_" + key) / "log"
                             : parts_.data.root() / "logs" / "worker.log";
  const auto text = base::ReadFile(path);
  if (!text.ok() && text.error().code != base::ErrorCode::kNotFound) return text.error();
  const std::string mark = is_stage ? "" : "] " + key + " ";
  return Json{{"path", base::PathToText(path)},
              {"lines", LastLines(text.ok() ? *text : std::string{}, lines_max, mark)}};
}

Result<store::Job> StoreQueries::FindJob(std::string_view job) {
  if (const auto number = NumberIn(job)) return parts_.store.JobGet(JobId{*number});
  const std::string name(job);
  ROLLCALL_TRY(RefuseWhenAmbiguous(name));
  return parts_.store.JobFind(name);
}

Result<Json> StoreQueries::DetailedView(JobId id) {
  ROLLCALL_TRY_ASSIGN(const api::JobView view,
                      parts_.engine.View(id, projection::Detail::kHistory));
  return ToJson(view);
}

episode::ViewSources StoreQueries::Sources() {
  return {.store = parts_.store,
          .vault = parts_.engine.vault(),
          .kind = *parts_.engine.kinds().Find(episode::kKind)};
}

Result<Json> StoreQueries::EpisodeList() {
  ROLLCALL_TRY_ASSIGN(const auto episodes, parts_.store.EpisodeList());
  Json list = Json::array();
  for (const store::Episode& episode : episodes) {
    ROLLCALL_TRY_ASSIGN(Json summary, episode::EpisodeSummary(Sources(), episode));
    list.push_back(std::move(summary));
  }
  return Json{{"episodes", std::move(list)}};
}

Result<Json> StoreQueries::EpisodeShow(std::string_view key) {
  ROLLCALL_TRY_ASSIGN(const store::Episode episode, FindEpisode(key));
  return episode::EpisodeDetails(Sources(), episode);
}

Result<store::Episode> StoreQueries::FindEpisode(std::string_view key) {
  ROLLCALL_TRY_ASSIGN(const auto parsed, domain::EpisodeKey::Parse(key));
  return parts_.store.EpisodeGet(parsed.text());
}

Result<Json> StoreQueries::StoreCheck() {
  ROLLCALL_TRY(parts_.store.IntegrityCheck());
  return Json{{"ok", true}};
}

// While an engine works, a file may be a moment behind: only what is wrong at every look counts.
Result<Json> StoreQueries::FilesCheck() {
  constexpr int kLooks = 6;
  constexpr std::chrono::milliseconds kBetweenLooks{400};
  const projection::FilesCheckSources sources{.store = parts_.store,
                                              .vault = parts_.engine.vault(),
                                              .kinds = parts_.engine.kinds(),
                                              .data_dir = parts_.data.root()};
  ROLLCALL_TRY_ASSIGN(auto report, projection::CheckProjections(sources));
  for (int look = 1; look < kLooks && !report.problems.empty(); ++look) {
    if (!parts_.engine.is_working()) break;
    std::this_thread::sleep_for(kBetweenLooks);
    ROLLCALL_TRY_ASSIGN(const auto again, projection::CheckProjections(sources));
    std::erase_if(report.problems, [&](const projection::ProjectionProblem& problem) {
      return std::ranges::find(again.problems, problem) == again.problems.end();
    });
  }
  Json problems = Json::array();
  for (const projection::ProjectionProblem& problem : report.problems) {
    problems.push_back(
        {{"path", problem.path}, {"kind", problem.kind}, {"detail", problem.detail}});
  }
  return Json{{"compared", report.compared}, {"problems", std::move(problems)}};
}

}  // namespace rollcall::app
