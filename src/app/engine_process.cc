#include "app/engine_process.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "app/api_routes.h"
#include "app/composition.h"
#include "app/data_access.h"
#include "app/data_directory.h"
#include "app/engine_life.h"
#include "app/engine_link.h"
#include "app/engine_service.h"
#include "app/store_queries.h"
#include "base/clock.h"
#include "base/shown_text.h"
#include "episode/stages/episode_planner.h"
#include "housekeeping/data_lock.h"
#include "jobs/engine.h"
#include "media/video_probe.h"
#include "server/http_server.h"
#include "server/tcp_listener.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::app {
namespace {

using base::Result;
using Mode = EngineProcessOptions::Mode;

// Whether anybody listens does not matter to the engine.
void Say(std::string_view line) {
  const std::string text = fmt::format(
      "{} [{}] {}\n", base::IsoTime(base::SystemClock().Now().wall), ::getpid(), base::Shown(line));
  std::fputs(text.c_str(), stderr);
}

// The command that waits at the other end of standard output.
class Parent {
 public:
  explicit Parent(Mode mode) : is_waiting_(mode == Mode::kChild) {}

  // Once: then the pipe is closed, so that nobody writes to it by mistake.
  void Tell(std::string_view line) {
    if (!is_waiting_) return;
    is_waiting_ = false;
    const std::string text = std::string(line) + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
  }

 private:
  bool is_waiting_;
};

// For commands at the data directory's socket, for other programs of this host where a port is
// wanted.
Result<std::unique_ptr<server::HttpServer>> OpenServer(const server::Router& router,
                                                       const DataDirectory& data, EngineLife& life,
                                                       const EngineProcessOptions& options) {
  constexpr const char* kAddress = "127.0.0.1";
  server::TcpListener tcp;
  if (options.port) {
    ROLLCALL_TRY_ASSIGN(tcp, server::ListenAtTcp(kAddress, *options.port));
  }
  ROLLCALL_TRY_ASSIGN(
      auto server,
      server::HttpServer::Create(
          router, {.unix_socket = data.socket(),
                   .tcp_listener = std::move(tcp.fd),
                   .tcp_gate = {.hosts = {kAddress, "localhost", "[::1]"}},
                   .answer_to_older = AnswerToOlderCommand(),
                   .on_unix_clients = [&life](int count) { life.SetClientCount(count); },
                   .log = [](const std::string& line) { Say(line); }}));
  if (options.port) Say(fmt::format("answering at http://{}:{}/", kAddress, tcp.port));
  return server;
}

Result<void> Serve(const Config& config, const EngineProcessOptions& options, Parent& parent) {
  const bool is_child = options.mode == Mode::kChild;
  ROLLCALL_TRY_ASSIGN(const auto group, GroupOf(config));
  ROLLCALL_TRY_ASSIGN(const DataDirectory data, DataDirectory::Open(config.data_dir, group));
  // Workers inherit it: what DuckDB and others write there has no other guard.
  ::umask(UmaskFor(data, group));
  // Before any thread, so that all of them leave signals to this one.
  jobs::Engine* engine_for_life = nullptr;
  EngineService* service_for_life = nullptr;
  ROLLCALL_TRY_ASSIGN(const auto life,
                      EngineLife::Create(
                          is_child ? EngineLife::Kind::kChild : EngineLife::Kind::kForeground,
                          [&engine_for_life, &service_for_life]() -> Result<bool> {
                            if (!engine_for_life->is_working()) return false;
                            if (service_for_life->people().is_following()) return true;
                            return engine_for_life->HasOpenJobs();
                          },
                          [&engine_for_life] { return !engine_for_life->CheckDataDir().ok(); }));
  ROLLCALL_TRY_ASSIGN(const housekeeping::DataLock lock,
                      housekeeping::DataLock::Acquire(data.root()));
  const auto metrics = std::make_shared<jobs::Metrics>();
  base::SystemClock clock;
  ROLLCALL_TRY_ASSIGN(
      const auto store,
      store::SqliteStore::Open({.path = data.database(),
                                .observer =
                                    [metrics](const store::SqliteStore::TransactionFacts& facts) {
                                      if (facts.is_write)
                                        metrics->OnStoreWrite(facts.committing, facts.error);
                                    }},
                               {clock}));
  ROLLCALL_TRY_ASSIGN(
      const auto engine,
      jobs::Engine::Create({.data_dir = data.root(),
                            .kinds = Kinds(),
                            .open_vault = &OpenVault,
                            .worker_argv = {"/proc/self/exe", "worker", "--threads",
                                            std::to_string(config.inference_threads())},
                            .slots = config.slots,
                            .worker_memory_bytes_max = std::int64_t{config.worker_memory_mb} << 20,
                            .disk_free_bytes_min = std::int64_t{config.disk_free_mb} << 20,
                            .times = config.runtime,
                            .metrics = metrics},
                           *store, clock));
  engine_for_life = engine.get();
  episode::EpisodePlanner planner(
      *store, clock, [](const std::filesystem::path& video) { return media::Fingerprint(video); });
  StoreQueries queries({.engine = *engine, .store = *store, .data = data});
  EngineService service({.engine = *engine,
                         .store = *store,
                         .queries = queries,
                         .life = *life,
                         .planner = planner,
                         .data = data,
                         .say = [](const std::string& line) { Say(line); }});
  service_for_life = &service;
  if (options.works_at_once) ROLLCALL_TRY(service.BeginToWork());
  EventLog log(queries, *engine, *store);
  const server::Router router(ApiRoutes({.queries = queries,
                                         .service = &service,
                                         .engine = *engine,
                                         .store = *store,
                                         .log = log,
                                         .effort = config.effort,
                                         .model_pack = config.ModelPackFolder(),
                                         .provider = config.provider}));
  ROLLCALL_TRY_ASSIGN(auto server, OpenServer(router, data, *life, options));
  {
    const auto subscription = engine->Subscribe([&](const projection::ChangeFeed::Change& change) {
      const bool is_transition = change.kind == projection::ChangeFeed::Kind::kTransition;
      using News = server::HttpServer::News;
      server->Notify(is_transition ? News::kTransition : News::kProgress);
      if (is_transition) life->LookAgain();
    });
    Say("serving " + data.root().string());
    parent.Tell(kEngineReady);
    life->Run();
  }
  // Workers that closed a segment first would have nowhere to write it.
  if (const auto is_there = engine->CheckDataDir(); !is_there.ok()) {
    Say("ending: " + is_there.error().message);
    return is_there;
  }
  Say("ending");
  engine->Drain();
  server.reset();
  return {};
}

}  // namespace

Result<void> RunEngineProcess(const Config& config, const EngineProcessOptions& options) {
  Parent parent(options.mode);
  auto served = Serve(config, options, parent);
  if (!served.ok()) parent.Tell(EngineRefusal(served.error()));
  return served;
}

}  // namespace rollcall::app
