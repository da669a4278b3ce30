#include "service_rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "api/problem.h"
#include "app/api_routes.h"
#include "app/composition.h"
#include "base/check.h"
#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"
#include "jobs/testing/engine_fixture.h"
#include "oracle.h"
#include "store/sqlite/sqlite_store.h"
#include "worker/process_table.h"

namespace rollcall::faults {

namespace fs = std::filesystem;
using base::Json;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kTurn{2};
constexpr std::chrono::seconds kLimit{60};

jobs::Engine::Options OptionsFor(const fs::path& folder, const ServiceRig::Options& options) {
  jobs::Engine::Options engine{.data_dir = folder,
                               .kinds = app::Kinds(),
                               .open_vault = &app::OpenVault,
                               .worker_argv = {ROLLCALL_BIN_DIR "/faults", "--worker"},
                               .slots = 2,
                               .times = jobs::RuntimeTimes{}.DividedBy(kTimesDivisor)};
  engine.times.stall_min = milliseconds{200};
  engine.times.stall_grace = milliseconds{150};
  engine.times.retry_first = milliseconds{20};
  engine.times.disk_check = milliseconds{40};
  engine.times.sweep = milliseconds{150};
  if (options.adjust) options.adjust(engine.times);
  return engine;
}

bool IsOnceMore(const base::Error& error) {
  return error.code == base::ErrorCode::kUnavailable ||
         error.code == base::ErrorCode::kResourceExhausted ||
         error.reason == domain::reason::kRegistryUpdateFailed;
}

}  // namespace

struct ServiceRig::Wiring {
  Wiring(jobs::Engine& engine, store::JobStore& store, base::Clock& clock, const fs::path& folder)
      : data(app::DataDirectory::Open(folder).value()),
        life(app::EngineLife::Create(app::EngineLife::Kind::kForeground, [] { return false; })
                 .value()),
        planner(store, clock,
                [](const fs::path& video) -> base::Result<std::string> {
                  ROLLCALL_TRY_ASSIGN(const auto digest, base::DigestFile(video));
                  return digest.sha256;
                }),
        queries({.engine = engine, .store = store, .data = data}),
        service({.engine = engine,
                 .store = store,
                 .queries = queries,
                 .life = *life,
                 .planner = planner,
                 .data = data}),
        log(queries, engine, store),
        router(app::ApiRoutes({.queries = queries,
                               .service = &service,
                               .engine = engine,
                               .store = store,
                               .log = log})) {}

  app::DataDirectory data;
  std::unique_ptr<app::EngineLife> life;
  episode::EpisodePlanner planner;
  app::StoreQueries queries;
  app::EngineService service;
  app::EventLog log;
  server::Router router;
};

ServiceRig::ServiceRig(const Options& options)
    : folder_(fs::temp_directory_path() / ("rollcall-faults-" + base::RandomId().substr(0, 12))) {
  fs::create_directories(folder_);
  auto store =
      store::SqliteStore::Open({.path = folder_ / "rollcall.db", .vfs = options.vfs}, {clock_});
  ROLLCALL_CHECK(store.ok(), "the store opens");
  store_ = std::move(store).value();
  if (options.before) options.before(*store_);
  if (options.wrap) store_ = options.wrap(std::move(store_));
  engine_options_ = OptionsFor(folder_, options);
  MakeEngine();
}

void ServiceRig::MakeEngine() {
  auto engine = jobs::Engine::Create(engine_options_, *store_, clock_);
  ROLLCALL_CHECK(engine.ok(), "the engine's options are right");
  engine_ = std::move(engine).value();
  wiring_ = std::make_unique<Wiring>(*engine_, *store_, clock_, folder_);
}

void ServiceRig::Restart() {
  wiring_.reset();
  engine_.reset();
  MakeEngine();
}

ServiceRig::~ServiceRig() {
  wiring_.reset();
  engine_.reset();
  store_.reset();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void ServiceRig::Expect(bool holds, const std::string& sentence) {
  if (!holds) violations_.push_back(sentence);
}

bool ServiceRig::Eventually(const std::function<bool()>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (std::chrono::steady_clock::now() < deadline) {
    const std::int64_t seen = engine_->feed().count();
    if (is_so()) return true;
    engine_->feed().WaitBeyond(seen, kTurn);
  }
  return false;
}

Json ServiceRig::Ask(const api::Request& request, std::vector<std::string_view> also_done) {
  Json answer = Json::object();
  base::Error error;
  const bool is_done = Eventually([&] {
    auto asked = api::DocumentOf(wiring_->router.Run(request));
    error = asked.ok() ? base::Error{} : asked.error();
    if (asked.ok()) answer = *std::move(asked);
    return asked.ok() || !IsOnceMore(error) ||
           std::ranges::find(also_done, error.reason) != also_done.end();
  });
  const bool is_refused =
      !error.reason.empty() && std::ranges::find(also_done, error.reason) == also_done.end();
  Expect(is_done && !is_refused,
         fmt::format("{} {}: {}", request.method, request.Target(), error.ToString()));
  return answer;
}

void ServiceRig::Fetch(const api::Request& request) {
  api::Answer answer;
  const bool is_done = Eventually([&] {
    answer = wiring_->router.Run(request);
    const auto problem = base::ParseJson(answer.body, "answer");
    return answer.status == 200 || !problem.ok() || !IsOnceMore(api::ErrorOfProblem(*problem));
  });
  Expect(is_done && answer.status == 200,
         fmt::format("{} {}: {}", request.method, request.Target(), answer.body));
}

void ServiceRig::Follow(const api::Request& request) {
  std::shared_ptr<api::EventStream> stream;
  const bool has_end = request.Query("topics") != "jobs";
  Expect(Eventually([&] {
           if (stream == nullptr) stream = wiring_->router.Run(request).events;
           if (stream == nullptr) return false;
           const std::string said = stream->Take();
           return has_end ? stream->is_over() : !said.empty();
         }),
         fmt::format("{} is not over", request.Target()));
}

void ServiceRig::ExpectRefusal(const api::Request& request, std::string_view reason) {
  Expect(Eventually([&] {
           const auto asked = api::DocumentOf(wiring_->router.Run(request));
           return !asked.ok() && asked.error().reason == reason;
         }),
         fmt::format("{} {} was not refused with {}", request.method, request.Target(), reason));
}

store::JobId ServiceRig::Submit(const std::string& key, const std::vector<std::string>& stages,
                                const Json& params) {
  store::JobId id{};
  store::JobRequest request = jobs::FakeRequest(key, stages, params);
  Json asked = params;
  asked["revisions"] = app::Kinds().Find("episode")->stages.Revisions();  // No older program's.
  request.request_json = asked.dump();
  Expect(Eventually([&] {
           const auto submission = engine_->Submit(request);
           if (submission.ok()) id = submission->job.id;
           return submission.ok();
         }),
         key + " was not accepted");
  return id;
}

void ServiceRig::StartWorking() {
  Expect(Eventually([&] { return engine_->StartWorking().ok(); }), "nobody starts to work");
}

void ServiceRig::AwaitEnd(store::JobId id) {
  Expect(Eventually([&] {
           const auto job = store_->JobGet(id);
           return job.ok() && domain::IsTerminal(job->state);
         }),
         fmt::format("job {} did not end", static_cast<std::int64_t>(id)));
}

void ServiceRig::AwaitEndOfAll() {
  Expect(Eventually([&] {
           const auto open = store_->HasOpenJobs();
           return open.ok() && !*open;
         }),
         "a job did not end within a minute");
}

std::optional<store::RunView> ServiceRig::Run(const std::string& key, const std::string& stage) {
  auto run = store_->RunLatest({"episode", key}, stage);
  return run.ok() ? *std::move(run) : std::nullopt;
}

std::int64_t ServiceRig::SegmentCount(const std::string& key, const std::string& stage) {
  const auto run = Run(key, stage);
  if (!run) return 0;
  const auto segments = store_->SegmentList(run->run.work_key);
  return segments.ok() ? std::ssize(*segments) : 0;
}

fs::path ServiceRig::WriteVideo(const std::string& path, std::string_view bytes) {
  const fs::path video = folder_ / "videos" / path;
  fs::create_directories(video.parent_path());
  std::ofstream(video) << bytes;
  return video;
}

void ServiceRig::Touch(const std::string& name) { std::ofstream(folder_ / name) << "x"; }

// --- The oracle

namespace {

Json ReadState(const fs::path& path) {
  const auto text = base::ReadFile(path);
  auto json = base::ParseJson(text.ok() ? *text : "", path.string());
  return json.ok() ? std::move(json).value() : Json(nullptr);
}

// A store that lies is asked again.
template <typename Read>
auto Insist(ServiceRig& rig, const Read& read) -> decltype(read().value()) {
  decltype(read().value()) value{};
  rig.Eventually([&] {
    auto result = read();
    if (result.ok()) value = std::move(result).value();
    return result.ok();
  });
  return value;
}

}  // namespace

std::map<std::string, int> ServiceRig::Runs() {
  std::map<std::string, int> runs;
  for (const store::RunView& view :
       Insist(*this, [&] { return store_->RunsChangedSince(0, 10'000); })) {
    const store::StageRun& run = view.run;
    ++runs[fmt::format("{} {} {}", run.job_name(), run.work_key.substr(0, 8),
                       domain::JobStateName(run.state))];
  }
  return runs;
}

void ServiceRig::CheckRun(const store::RunView& view, bool is_newest_success) {
  const store::StageRun& run = view.run;
  const std::string name = run.job_name();
  const auto attempts = Insist(*this, [&] { return store_->AttemptList(run.id); });
  for (const store::Attempt& attempt : attempts) {
    Expect(attempt.ended_at.has_value(), name + " has an attempt without an end");
    const bool is_gone = Eventually(
        [&] { return worker::LiveProcessesOfAttempt(0, attempt.fence.attempt_uuid).empty(); });
    Expect(is_gone, name + ": a process of an ended attempt lives");
  }
  if (!is_newest_success) return;
  const auto segments = Insist(*this, [&] { return store_->SegmentList(run.work_key); });
  const auto wanted = base::ParseJson(run.params_json, "").value().value("segments", 3);
  Expect(std::ssize(segments) == wanted, fmt::format("{} has {} segments", name, segments.size()));
  for (const domain::Segment& segment : segments) {
    const auto digest = base::DigestFile(folder_ / segment.path);
    Expect(digest.ok() && digest->sha256 == segment.sha256,
           fmt::format("segment {} of {} is not what its row says", segment.number, name));
  }
  const auto bytes = base::ReadFile(folder_ / "harvest" / run.subject.id / (run.name + ".bin"));
  Expect(bytes.ok() && *bytes == ExpectedBytes(wanted), name + ": the result's bytes differ");
  const Json state = ReadState(folder_ / "episodes" / run.subject.id / "state.json");
  const subject::StageRow* row = app::Kinds().OfStage(run.name).row;
  Expect(state.is_object() && row != nullptr && state["states"][row->flag] == true,
         name + ": state.json does not say so");
  Expect(!fs::exists(folder_ / "jobs" / name / ".lock"), name + ": a .lock is left");
}

void ServiceRig::CheckAll() {
  AwaitEndOfAll();
  const auto jobs = Insist(*this, [&] { return store_->JobList(); });
  for (const store::Job& job : jobs) {
    Expect(Eventually([&] { return engine_->Settle(job.id, std::chrono::seconds{10}).ok(); }),
           job.job_name() + ": the projections do not settle");
  }
  const auto runs = Insist(*this, [&] { return store_->RunsChangedSince(0, 10'000); });
  std::map<std::string, store::StageRunId> newest;
  for (const store::RunView& view : runs) {
    const auto good =
        Insist(*this, [&] { return store_->RunLastGood(view.run.subject, view.run.name); });
    if (good) newest[view.run.job_name()] = good->id;
  }
  for (const store::RunView& view : runs) {
    const auto found = newest.find(view.run.job_name());
    CheckRun(view, found != newest.end() && found->second == view.run.id);
  }
  const auto checked = store_->IntegrityCheck();
  Expect(checked.ok(), "the store: " + (checked.ok() ? "" : checked.error().ToString()));
}

}  // namespace rollcall::faults
