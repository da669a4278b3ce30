#pragma once

#include <filesystem>
#include <memory>

#include "app/api_routes.h"
#include "app/composition.h"
#include "app/engine_life.h"
#include "app/engine_service.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "episode/stages/episode_planner.h"
#include "jobs/engine.h"

namespace rollcall::app::testing {

// How long videos take to be read: as long as a test wants.
class Reading {
 public:
  void Hold() {
    base::MutexLock lock(mutex_);
    is_held_ = true;
  }
  void Release() {
    base::MutexLock lock(mutex_);
    is_held_ = false;
    changed_.NotifyAll();
  }
  bool is_held() {
    base::MutexLock lock(mutex_);
    return is_held_;
  }
  void Pass() {
    base::MutexLock lock(mutex_);
    while (is_held_) changed_.Wait(mutex_);
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_held_ ROLLCALL_GUARDED_BY(mutex_) = false;
};

// One owner of a store, with workers that never answer.
class Owner {
 public:
  Owner(store::JobStore& store, const DataDirectory& data)
      : life_(std::move(EngineLife::Create(EngineLife::Kind::kForeground, [] { return false; }))
                  .value()),
        engine_(std::move(jobs::Engine::Create(OptionsFor(data), store, clock_)).value()),
        planner_(store, clock_,
                 [this](const std::filesystem::path& video) -> base::Result<std::string> {
                   reading_.Pass();
                   ROLLCALL_TRY_ASSIGN(const auto digest, base::DigestFile(video));
                   return digest.sha256;
                 }),
        queries_({.engine = *engine_, .store = store, .data = data}),
        service_({.engine = *engine_,
                  .store = store,
                  .queries = queries_,
                  .life = *life_,
                  .planner = planner_,
                  .data = data}),
        log_(queries_, *engine_, store),
        router_(ApiRoutes({.queries = queries_,
                           .service = &service_,
                           .engine = *engine_,
                           .store = store,
                           .log = log_,
                           .model_pack = "/nowhere"})) {}

  // As a command is answered.
  base::Result<base::Json> Ask(const api::Request& request) {
    return api::DocumentOf(router_.Run(request));
  }
  const server::Router& router() const { return router_; }
  StoreQueries& queries() { return queries_; }
  jobs::Engine& engine() { return *engine_; }
  Reading& reading() { return reading_; }

 private:
  static jobs::Engine::Options OptionsFor(const DataDirectory& data) {
    jobs::Engine::Options options;
    options.data_dir = data.root();
    options.kinds = Kinds();
    options.open_vault = &OpenVault;
    options.worker_argv = {"/proc/self/exe", "worker"};
    options.times = options.times.DividedBy(20);
    return options;
  }

  base::SystemClock clock_;
  Reading reading_;
  std::unique_ptr<EngineLife> life_;
  std::unique_ptr<jobs::Engine> engine_;
  episode::EpisodePlanner planner_;
  StoreQueries queries_;
  EngineService service_;
  EventLog log_;
  server::Router router_;
};

}  // namespace rollcall::app::testing
