#include "jobs/testing/engine_fixture.h"

#include <poll.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/random.h"
#include "jobs/testing/fake_kind.h"
#include "store/memory/memory_store.h"
#include "vault/local/local_vault.h"
#include "worker/process_table.h"
#include "worker/worker_cgroup.h"

namespace rollcall::jobs {

namespace fs = std::filesystem;

Engine::Options FakeEngineOptions(const fs::path& data_dir) {
  return {.data_dir = data_dir,
          .kinds = FakeKinds(),
          .open_vault = &OpenLocalVault,
          .worker_argv = {"/proc/self/exe", "--worker"},
          .slots = 2,
          .times = RuntimeTimes{}.DividedBy(kTimesDivisor)};
}

store::JobRequest FakeRequest(const std::string& key, const std::vector<std::string>& stages,
                              const base::Json& params) {
  store::JobRequest request{.subject = {"episode", key},
                            .kind = stages.size() == 1 ? stages.front() : "analyze",
                            .request_json = params.dump(),
                            .priority = 0,
                            .stages = {}};
  for (const std::string& stage : stages) {
    const std::string work_key = base::Sha256(key + stage + params.dump());
    const bool is_first = request.stages.empty();
    request.stages.push_back({.name = stage,
                              .work_key = work_key,
                              .dedupe_key = work_key,
                              .params_json = params.dump(),
                              .needs = is_first
                                           ? std::vector<std::string>{}
                                           : std::vector<std::string>{request.stages.back().name},
                              .reuse = std::nullopt});
  }
  return request;
}

bool HasTrouble(const api::JobView& view, std::string_view text) {
  return std::ranges::any_of(view.troubles, [&](const base::Error& error) {
    return error.reason == text || error.message.find(text) != std::string::npos;
  });
}

void ReadWith(base::DigestFunction read, Engine::Options& options) {
  options.open_vault = [read = std::move(read)](const base::HeldFolder& data_dir,
                                                base::Clock& clock) {
    return std::make_unique<vault::LocalVault>(data_dir, clock, read);
  };
}

EngineTest::EngineTest()
    : data_dir_(fs::temp_directory_path() / ("rollcall-jobs-" + base::RandomId().substr(0, 12))) {
  fs::create_directories(data_dir_);
  MakeStore(clock_);
}

void EngineTest::MakeStore(base::Clock& clock) {
  store_ = std::make_unique<store::MemoryStore>(store::StoreClock{clock});
  const store::Episode episode{.key = "x",
                               .display = "X_S01_E02",
                               .video_path = "/videos/x.mp4",
                               .fingerprint = "f",
                               .created_at = clock.Now().wall};
  EXPECT_TRUE(store_->EpisodePut(episode).ok());
}

EngineTest::~EngineTest() {
  engine_.reset();
  // Nobody comes after an owner that a test has killed.
  worker::WorkerCgroups(worker::WorkerCgroups::OwnFolder(), data_dir_).RemoveLeftovers();
  std::error_code ignored;
  fs::permissions(data_dir_, fs::perms::owner_all, ignored);
  fs::remove_all(data_dir_, ignored);
}

void EngineTest::StartEngine(const std::function<void(Engine::Options&)>& adjust) {
  Engine::Options options = FakeEngineOptions(data_dir_);
  if (adjust) adjust(options);
  auto engine = Engine::Create(std::move(options), *store_, clock_);
  ASSERT_TRUE(engine.ok()) << engine.error().ToString();
  engine_ = std::move(engine).value();
  const auto started = engine_->StartWorking();
  ASSERT_TRUE(started.ok()) << started.error().ToString();
}

bool EngineTest::Eventually(const std::function<bool()>& is_so) {
  // What files and processes do tells nobody: the feed is waited for in short turns.
  constexpr std::chrono::milliseconds kTurn{5};
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (std::chrono::steady_clock::now() < deadline) {
    const std::int64_t seen = engine_ ? engine_->feed().count() : 0;
    if (is_so()) return true;
    if (engine_) {
      engine_->feed().WaitBeyond(seen, kTurn);
    } else {
      ::poll(nullptr, 0, static_cast<int>(kTurn.count()));
    }
  }
  return false;
}

store::Job EngineTest::SubmitOk(const store::JobRequest& request) {
  const auto submission = engine_->Submit(request);
  EXPECT_TRUE(submission.ok()) << submission.error().ToString();
  return submission.ok() ? submission->job : store::Job{};
}

store::Job EngineTest::WaitForEnd(store::JobId id) {
  const auto job = engine_->Wait(id, kLong);
  EXPECT_TRUE(job.ok()) << job.error().ToString();
  EXPECT_TRUE(domain::IsTerminal(job->state)) << domain::JobStateName(job->state);
  return *job;
}

store::RunView EngineTest::Run(const std::string& stage) {
  const auto view = store_->RunLatest({"episode", "x"}, stage);
  EXPECT_TRUE(view.ok() && view->has_value()) << stage;
  return **view;
}

std::vector<store::Attempt> EngineTest::Attempts(const std::string& stage) {
  return store_->AttemptList(Run(stage).run.id).value();
}

api::StageView EngineTest::Stage(store::JobId id, std::size_t index) {
  return engine_->View(id).value().stages.at(index);
}

std::string EngineTest::ReadText(const std::string& path) {
  return base::ReadFile(data_dir_ / path).ok() ? base::ReadFile(data_dir_ / path).value() : "";
}

base::Json EngineTest::ReadJson(const std::string& path) {
  const auto text = base::ReadFile(data_dir_ / path);
  if (!text.ok()) return {};
  const auto json = base::ParseJson(*text, path);
  EXPECT_TRUE(json.ok()) << path << ": " << *text;
  return json.ok() ? *json : base::Json();
}

bool EngineTest::Exists(const std::string& path) { return fs::exists(data_dir_ / path); }

void EngineTest::Touch(const std::string& path) { std::ofstream(data_dir_ / path) << "\n"; }

std::vector<std::string> EngineTest::LogLines(const std::string& job) {
  std::vector<std::string> lines;
  std::istringstream text(ReadText("jobs/" + job + "/log"));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

bool EngineTest::AreAllProcessesGone() {
  for (const std::string stage : {"detect", "track", "stills"}) {
    const auto history = store_->RunHistory({"episode", "x"}, stage);
    for (const store::RunView& view : history.value()) {
      const auto attempts = store_->AttemptList(view.run.id);
      for (const store::Attempt& attempt : attempts.value()) {
        if (!worker::LiveProcessesOfAttempt(0, attempt.fence.attempt_uuid).empty()) return false;
      }
    }
  }
  return true;
}

}  // namespace rollcall::jobs
