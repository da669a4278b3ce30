#include "rig.h"

#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <cstdlib>

#include "base/check.h"
#include "base/random.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"

namespace rollcall::faults {

using std::chrono::milliseconds;

class Rig::JumpingClock final : public base::Clock {
 public:
  base::Instant Now() override {
    base::Instant now = system_.Now();
    now.wall += milliseconds{jump_.load()} + milliseconds{sleep_.load()};
    now.boot += milliseconds{sleep_.load()};
    return now;
  }
  void Jump(milliseconds by) { jump_ += by.count(); }
  void Sleep(milliseconds by) { sleep_ += by.count(); }

 private:
  base::SystemClock system_;
  std::atomic<std::int64_t> jump_{0};
  std::atomic<std::int64_t> sleep_{0};
};

Rig::Rig() : Rig({.times_divisor = kTimesDivisor, .agent_id = "owner", .slots = 2}) {}

Rig::Rig(Options options)
    : options_(std::move(options)),
      folder_(std::filesystem::temp_directory_path() /
              ("rollcall-faults-" + base::RandomId().substr(0, 12))),
      clock_(std::make_unique<JumpingClock>()) {
  std::filesystem::create_directories(folder_);
}

Rig::~Rig() {
  LetGo();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

milliseconds Rig::Own(const Wrap& wrap) {
  const auto began = std::chrono::steady_clock::now();
  // The kernel frees a killed owner's lock with its last process.
  ROLLCALL_CHECK(Eventually([&] {
    auto lock = housekeeping::DataLock::Acquire(folder_);
    if (lock.ok()) lock_.emplace(std::move(lock).value());
    return lock_.has_value();
  }));
  auto store = store::SqliteStore::Open({.path = folder_ / "rollcall.db", .vfs = {}}, {*clock_});
  ROLLCALL_CHECK(store.ok(), "the store opens");
  store_ = std::move(store).value();
  if (wrap) store_ = wrap(std::move(store_));
  auto engine_options = jobs::FakeEngineOptions(folder_);
  engine_options.times = jobs::RuntimeTimes{}.DividedBy(options_.times_divisor);
  engine_options.agent_id = options_.agent_id;
  engine_options.slots = options_.slots;
  auto engine = jobs::Engine::Create(std::move(engine_options), *store_, *clock_);
  ROLLCALL_CHECK(engine.ok(), "the engine's options are right");
  engine_ = std::move(engine).value();
  ROLLCALL_CHECK(engine_->StartWorking().ok(), "the engine starts");
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
}

void Rig::LetGo() {
  engine_.reset();
  store_.reset();
  lock_.reset();
}

store::Job Rig::Submit(const std::string& key, const base::Json& params) {
  const store::Episode episode{.key = key,
                               .display = key,
                               .video_path = "/videos/" + key,
                               .fingerprint = key,
                               .created_at = clock_->Now().wall};
  store::Job job;
  const auto submit = [&] {
    if (!store_->EpisodePut(episode).ok()) return false;
    auto submission = engine_->Submit(jobs::FakeRequest(key, {"detect"}, params));
    if (submission.ok()) job = submission->job;
    return submission.ok();
  };
  // A store that lies or is full refuses at times: whoever submits tries again.
  ROLLCALL_CHECK(Eventually(submit), "a job is accepted");
  return job;
}

bool Rig::Eventually(const std::function<bool()>& is_so, std::chrono::seconds limit) {
  constexpr milliseconds kTurn{2};
  const auto deadline = std::chrono::steady_clock::now() + limit;
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

api::StageView Rig::Stage(store::JobId id) {
  const auto view = engine_->View(id);
  return view.ok() ? view->stages.front() : api::StageView{};
}

store::RunView Rig::Run(const std::string& key) {
  store::RunView run;
  ROLLCALL_CHECK(Eventually([&] {
    const auto view = store_->RunLatest({"episode", key}, "detect");
    if (view.ok() && *view) run = **view;
    return view.ok() && view->has_value();
  }));
  return run;
}

std::size_t Rig::SegmentCount(const std::string& key) {
  const auto segments = store_->SegmentList(Run(key).run.work_key);
  return segments.ok() ? segments->size() : 0;
}

void Rig::JumpWall(milliseconds by) { clock_->Jump(by); }

void Rig::Sleep(milliseconds by) { clock_->Sleep(by); }

base::Instant Rig::Now() { return clock_->Now(); }

}  // namespace rollcall::faults
