#include "owner_process.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <shared_mutex>
#include <thread>

#include "base/check.h"
#include "broken_stores.h"
#include "housekeeping/data_lock.h"
#include "jobs/engine.h"
#include "jobs/testing/engine_fixture.h"
#include "store/sqlite/sqlite_store.h"
#include "store/testing/faulty_store.h"

namespace rollcall::faults {
namespace {

using base::Json;
using base::Result;
using store::FaultyStore;

// Stops the process between transactions, and counts what is refused because of the fence.
class StoppableStore final : public FaultyStore {
 public:
  StoppableStore(std::unique_ptr<store::JobStore> inner, const OwnerWish& wish)
      : FaultyStore(std::move(inner),
                    [this](std::string_view method, When when) {
                      Watch(method, when);
                      return std::nullopt;
                    }),
        wish_(wish) {}

  void StopHere() {
    const std::unique_lock<std::shared_mutex> none_inside(gate_);
    ::raise(SIGSTOP);
  }

  Result<void> SegmentCommit(const store::Fence& fence, const domain::Segment& segment) override {
    return Noted("SegmentCommit", store::FaultyStore::SegmentCommit(fence, segment));
  }
  Result<void> TaskSucceed(const store::Fence& fence, const std::string& result_json,
                           std::span<const domain::Artifact> artifacts,
                           const store::AttemptEnd& end) override {
    return Noted("TaskSucceed",
                 store::FaultyStore::TaskSucceed(fence, result_json, artifacts, end));
  }
  Result<void> TaskEnd(const store::Fence& fence, const store::AttemptEnd& end) override {
    return Noted("TaskEnd", store::FaultyStore::TaskEnd(fence, end));
  }
  Result<std::vector<store::RenewReply>> LeaseRenew(const store::AgentIdentity& agent,
                                                    std::span<const store::Heartbeat> heartbeats,
                                                    std::chrono::nanoseconds lease) override {
    auto replies = store::FaultyStore::LeaseRenew(agent, heartbeats, lease);
    if (!replies.ok()) return replies;
    for (const store::RenewReply& reply : *replies) {
      if (!reply.is_held) Note("LeaseRenew");
    }
    return replies;
  }

 private:
  void Watch(std::string_view method, When when) {
    if (when == When::kAfter) return gate_.unlock_shared();
    if (method == wish_.stop_before && ++calls_ == wish_.stop_nth) StopHere();
    gate_.lock_shared();
  }

  void Note(std::string_view method) {
    std::ofstream(RefusedFile(wish_.folder), std::ios::app) << method << std::endl;
  }

  Result<void> Noted(std::string_view method, Result<void> done) {
    if (!done.ok() && done.error().reason == "ERR_FENCED") Note(method);
    return done;
  }

  const OwnerWish wish_;
  std::shared_mutex gate_;  // Shared by calls; whoever stops the process has it alone.
  std::atomic<int> calls_{0};
};

Json ToJson(const OwnerWish& wish) {
  return {{"folder", wish.folder.string()},
          {"key", wish.key},
          {"params", wish.params},
          {"times_divisor", wish.times_divisor},
          {"is_first_host", wish.is_first_host},
          {"is_unfenced", wish.is_unfenced},
          {"stop_before", wish.stop_before},
          {"stop_nth", wish.stop_nth}};
}

OwnerWish FromJson(const Json& json) {
  return {.folder = json.at("folder").get<std::string>(),
          .key = json.at("key"),
          .params = json.at("params"),
          .times_divisor = json.at("times_divisor"),
          .is_first_host = json.at("is_first_host"),
          .is_unfenced = json.at("is_unfenced"),
          .stop_before = json.at("stop_before"),
          .stop_nth = json.at("stop_nth")};
}

// Waits for SIGUSR1 on a thread of its own; no other thread takes that signal.
void StopOnSignal(StoppableStore& store) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  std::thread([&store, wanted] {
    int signal = 0;
    while (::sigwait(&wanted, &signal) == 0) store.StopHere();
  }).detach();
}

Result<void> Own(const OwnerWish& wish) {
  std::optional<housekeeping::DataLock> lock;
  if (!wish.is_first_host) {
    ROLLCALL_TRY_ASSIGN(auto acquired, housekeeping::DataLock::Acquire(wish.folder));
    lock.emplace(std::move(acquired));
  }
  base::SystemClock clock;
  ROLLCALL_TRY_ASSIGN(auto opened, store::SqliteStore::Open(
                                       {.path = wish.folder / "rollcall.db", .vfs = {}}, {clock}));
  StoppableStore store(
      Break(std::move(opened), wish.is_unfenced ? Breakage::kFenceOff : Breakage::kNone, clock),
      wish);
  StopOnSignal(store);
  auto options = jobs::FakeEngineOptions(wish.folder);
  if (wish.times_divisor > 0) options.times = jobs::RuntimeTimes{}.DividedBy(wish.times_divisor);
  if (wish.is_first_host) options.agent_id = "first";
  ROLLCALL_TRY_ASSIGN(const auto engine, jobs::Engine::Create(std::move(options), store, clock));
  ROLLCALL_TRY(engine->StartWorking());
  ROLLCALL_TRY(store.EpisodePut({.key = wish.key,
                                 .display = wish.key,
                                 .video_path = "/videos/" + wish.key,
                                 .fingerprint = wish.key,
                                 .created_at = clock.Now().wall}));
  ROLLCALL_TRY_ASSIGN(const auto submission,
                      engine->Submit(jobs::FakeRequest(wish.key, {"detect"}, wish.params)));
  ROLLCALL_TRY(engine->Wait(submission.job.id, std::chrono::minutes{5}));
  return engine->Settle(submission.job.id, std::chrono::minutes{1});
}

}  // namespace

pid_t StartOwner(const OwnerWish& wish) {
  const std::string json = ToJson(wish).dump();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  ROLLCALL_CHECK(pid >= 0);
  if (pid > 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::execl("/proc/self/exe", "faults", "--owner", json.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

std::optional<int> AwaitOwner(pid_t pid, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG | WUNTRACED) == pid) return status;
    ::poll(nullptr, 0, 2);
  }
  return std::nullopt;
}

std::filesystem::path RefusedFile(const std::filesystem::path& folder) {
  return folder / "refused";
}

int RunOwner(const std::string& wish_json) {
  const auto owned = Own(FromJson(Json::parse(wish_json)));
  if (!owned.ok()) std::fprintf(stderr, "an owner: %s\n", owned.error().ToString().c_str());
  // No destructors of what the detached thread uses.
  ::_exit(owned.ok() ? 0 : 1);
}

}  // namespace rollcall::faults
