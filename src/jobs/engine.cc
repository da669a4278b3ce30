#include "jobs/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"
#include "vault/in_place.h"

namespace rollcall::jobs {
namespace {

base::Error BadOption(std::string message) {
  return domain::MakeError(domain::reason::kBadConfig, std::move(message));
}

base::Result<void> Validate(const Engine::Options& options) {
  if (options.slots < 1) return BadOption("there must be at least one slot for workers");
  if (options.worker_memory_bytes_max < 0) return BadOption("a worker's memory is not negative");
  if (options.worker_argv.empty()) return BadOption("there is no worker program");
  if (options.agent_id.empty()) return BadOption("the agent needs a name");
  ROLLCALL_TRY(options.times.Check());
  if (options.kinds.Runnable().empty()) return BadOption("there are no stages");
  if (!options.open_vault) return BadOption("there is no vault");
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Engine>> Engine::Create(Options options, store::JobStore& store,
                                                     base::Clock& clock) {
  ROLLCALL_TRY(Validate(options));
  ROLLCALL_TRY(base::MakeFolders(options.data_dir / "logs"));
  ROLLCALL_TRY_ASSIGN(auto data_dir, base::HeldFolder::Open(options.data_dir));
  return std::unique_ptr<Engine>(new Engine(std::move(options), std::move(data_dir), store, clock));
}

Engine::Engine(Options options, base::HeldFolder data_dir, store::JobStore& store,
               base::Clock& clock)
    : options_(std::move(options)),
      data_dir_(std::move(data_dir)),
      store_(store),
      clock_(clock),
      metrics_(options_.metrics ? options_.metrics : std::make_shared<Metrics>()),
      log_(options_.data_dir),
      cancel_wishes_(store),
      running_(store, [this](store::JobId id) { return View(id); }),
      vault_(options_.open_vault(data_dir_, clock)) {}

Engine::~Engine() {
  // In this order: the agent's last words are still projected.
  sweeper_.reset();
  agent_.reset();
  wakes_projector_ = {};
  projector_.reset();
}

projection::ProjectorThread& Engine::EnsureProjector() {
  base::MutexLock lock(mutex_);
  if (projector_ == nullptr) {
    projector_ = std::make_unique<projection::ProjectorThread>(
        projection::Projector::Sources{.data_dir = data_dir_,
                                       .store = store_,
                                       .clock = clock_,
                                       .board = board_,
                                       .log = log_,
                                       .kinds = options_.kinds,
                                       .vault = *vault_},
        projection::ProjectorThread::Cadence{.least = options_.times.projection_min,
                                             .most = options_.times.projection_max});
    wakes_projector_ = feed_.Subscribe([projector = projector_.get()](const auto& change) {
      if (change.kind == projection::ChangeFeed::Kind::kTransition) projector->Wake();
    });
  }
  return *projector_;
}

Agent* Engine::agent() {
  base::MutexLock lock(mutex_);
  return agent_.get();
}

bool Engine::is_working() const {
  base::MutexLock lock(mutex_);
  return agent_ != nullptr || is_starting_ || options_.is_worked_on_elsewhere;
}

base::Result<void> Engine::StartWorking() {
  projection::ProjectorThread& projector = EnsureProjector();
  const base::MutexLock starting(start_mutex_);
  {
    base::MutexLock lock(mutex_);
    if (agent_ != nullptr) return {};
    is_starting_ = true;
  }
  auto working = Agent::Start({.worker_argv = options_.worker_argv,
                               .slots = options_.slots,
                               .worker_memory_bytes_max = options_.worker_memory_bytes_max,
                               .disk_free_bytes_min = options_.disk_free_bytes_min,
                               .times = options_.times,
                               .identity = {.id = options_.agent_id,
                                            .incarnation = base::RandomId(),
                                            .boot_id = base::BootId()}},
                              {.data_dir = data_dir_,
                               .kinds = options_.kinds,
                               .vault = *vault_,
                               .store = store_,
                               .clock = clock_,
                               .board = board_,
                               .feed = feed_,
                               .log = log_,
                               .cancel_wishes = cancel_wishes_,
                               .metrics = *metrics_,
                               .projector = projector});
  base::MutexLock lock(mutex_);
  is_starting_ = false;
  if (!working.ok()) return std::move(working).error();
  agent_ = std::move(working).value();
  sweeper_ =
      std::make_unique<housekeeping::SweeperThread>(housekeeping::Sweeper({.store = store_,
                                                                           .vault = *vault_,
                                                                           .kinds = options_.kinds,
                                                                           .clock = clock_,
                                                                           .log = log_},
                                                                          options_.times.retention),
                                                    data_dir_, options_.times.sweep);
  return {};
}

base::Result<void> Engine::EnsureWorking() {
  {
    base::MutexLock lock(mutex_);
    if (agent_ != nullptr || is_starting_) return {};
  }
  return StartWorking();
}

void Engine::TellTransition() {
  EnsureProjector();
  feed_.Tell({projection::ChangeFeed::Kind::kTransition, {}});
  if (Agent* working = agent()) working->Wake();
}

base::Result<store::Job> Engine::Wait(store::JobId id, std::chrono::milliseconds limit) {
  using Steady = std::chrono::steady_clock;
  // Somebody else may work on the store: it is looked at now and then in any case.
  constexpr std::chrono::milliseconds kLookAgain{500};
  const auto deadline = Steady::now() + limit;
  while (true) {
    const std::int64_t seen = feed_.count();
    ROLLCALL_TRY_ASSIGN(auto job, store_.JobGet(id));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    if (domain::IsTerminal(job.state) || left.count() <= 0) return job;
    feed_.WaitBeyond(seen, std::min(left, kLookAgain));
  }
}

projection::EngineFacts Engine::Facts(store::JobId id) const {
  projection::EngineFacts facts{.working = is_working() ? projection::Working::kYes
                                                        : projection::Working::kNo};
  const auto disk_error = board_.disk_error();
  if (disk_error) facts.troubles.push_back(*disk_error);
  if (cancel_wishes_.IsKept(id)) facts.troubles.push_back(CancelWaits(id, "the disk is full"));
  base::MutexLock lock(mutex_);
  const auto unseen = projector_ ? projector_->last_error() : std::nullopt;
  const bool is_said = disk_error && unseen && domain::IsDiskFull(*unseen);
  if (unseen && !is_said) facts.troubles.push_back(*unseen);
  return facts;
}

base::Result<api::JobView> Engine::View(store::JobId id, projection::Detail detail) {
  return projection::ViewOf(store_, board_, id, Facts(id), detail, clock_.Now());
}

base::Result<void> Engine::Settle(store::JobId id, std::chrono::milliseconds limit) {
  // Shared with the projector's thread, which may finish after we have given up.
  struct Progress {
    base::Mutex mutex;
    base::CondVar changed;
    std::size_t open ROLLCALL_GUARDED_BY(mutex) = 0;
    std::optional<base::Error> error ROLLCALL_GUARDED_BY(mutex);
  };
  const auto progress = std::make_shared<Progress>();
  ROLLCALL_TRY_ASSIGN(const auto runs, store_.JobRuns(id));
  {
    base::MutexLock lock(progress->mutex);
    progress->open = runs.size();
  }
  projection::ProjectorThread& projector = EnsureProjector();
  for (const store::RunView& view : runs) {
    projector.ProjectNow(view.run.id, projection::Projector::Mode::kWhatChanged,
                         [progress](auto projected) {
                           base::MutexLock lock(progress->mutex);
                           if (!projected.ok()) progress->error = projected.error();
                           --progress->open;
                           progress->changed.NotifyAll();
                         });
  }
  const auto deadline = std::chrono::steady_clock::now() + limit;
  base::MutexLock lock(progress->mutex);
  while (progress->open > 0) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left.count() <= 0 || !progress->changed.WaitFor(progress->mutex, left)) break;
  }
  if (progress->error) return *progress->error;
  if (progress->open == 0) return {};
  return domain::MakeError(domain::reason::kRegistryUpdateFailed,
                           "the files of the data directory are not up to date yet");
}

base::Result<bool> Engine::HasOpenJobs() { return store_.HasOpenJobs(); }

base::Result<std::string> Engine::MetricsText() {
  Metrics::Gauges gauges{.now = clock_.Now().wall,
                         .workers_running = static_cast<int>(board_.Running().size()),
                         .slots = is_working() ? options_.slots : 0};
  ROLLCALL_TRY_ASSIGN(gauges.queues, store_.QueueList(options_.kinds.Runnable()));
  const projection::ProjectorThread& projector = EnsureProjector();
  gauges.is_disk_full = board_.disk_error().has_value();
  gauges.projector_lag = projector.lag();
  gauges.projections_failing = projector.failing_count();
  return metrics_->Text(gauges);
}

projection::ChangeFeed::Subscription Engine::Subscribe(projection::ChangeFeed::Callback callback) {
  return feed_.Subscribe(std::move(callback));
}

base::Result<void> Engine::CheckDataDir() {
  const Agent* working = agent();
  if (working != nullptr && working->has_lost_data_dir()) {
    return vault::DataDirectoryMoved(options_.data_dir);
  }
  return vault::CheckInPlace(data_dir_);
}

void Engine::Drain() {
  if (Agent* working = agent()) working->Drain();
}

}  // namespace rollcall::jobs
