#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <new>

#include "base/check.h"
#include "base/unique_fd.h"
#include "store/sqlite/testing/sqlite_home.h"

namespace rollcall::store {
namespace {

constexpr std::chrono::seconds kSharedLease{30};

// The clock of one host for the processes on it: stands still until one of them moves it.
class SharedClock final : public base::Clock {
 public:
  SharedClock() {
    void* const page = ::mmap(nullptr, sizeof(std::atomic<std::int64_t>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ROLLCALL_CHECK(page != MAP_FAILED);
    passed_ns_ = new (page) std::atomic<std::int64_t>(0);
  }
  ~SharedClock() override { ::munmap(passed_ns_, sizeof(std::atomic<std::int64_t>)); }
  SharedClock(const SharedClock&) = delete;
  SharedClock& operator=(const SharedClock&) = delete;

  base::Instant Now() override {
    const std::chrono::nanoseconds passed{*passed_ns_};
    return {.wall = base::WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(passed)},
            .boot = std::chrono::hours{1} + passed};
  }
  void Advance(std::chrono::nanoseconds by) { *passed_ns_ += by.count(); }

 private:
  std::atomic<std::int64_t>* passed_ns_;
};

enum class Errand : char { kClaim, kReap };

// How many tasks the errand gave the agent, or took away from anybody.
char Do(Errand errand, JobStore& store, const AgentIdentity& agent) {
  if (errand == Errand::kReap) return static_cast<char>(store.LeaseReap()->size());
  const auto task = *store.TaskClaim({.agent = agent, .stages = {}, .lease = kSharedLease});
  return task ? 1 : 0;
}

// Another process with a store of its own on the same file, whose agent is of another boot. Does
// what it is asked to, one thing after another.
class OtherProcess {
 public:
  OtherProcess(const std::filesystem::path& db, SharedClock& clock) {
    std::array<int, 2> asking{};
    std::array<int, 2> answering{};
    ROLLCALL_CHECK(::pipe(asking.data()) == 0 && ::pipe(answering.data()) == 0);
    pid_ = ::fork();
    ROLLCALL_CHECK(pid_ >= 0);
    base::UniqueFd errands(asking[0]);
    ask_ = base::UniqueFd(asking[1]);
    answer_ = base::UniqueFd(answering[0]);
    base::UniqueFd answers(answering[1]);
    if (pid_ > 0) return;
    ask_.Reset();
    auto store = std::move(SqliteStore::Open({.path = db}, {clock, "boot of the host"})).value();
    const AgentIdentity agent{.id = "other", .incarnation = "1", .boot_id = "another boot"};
    Errand errand{};
    while (::read(errands.get(), &errand, 1) == 1) {
      const char got = Do(errand, *store, agent);
      if (::write(answers.get(), &got, 1) != 1) break;
    }
    ::_exit(0);
  }
  ~OtherProcess() {
    ask_.Reset();
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    EXPECT_EQ(status, 0);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  int Ask(Errand errand) {
    char got = -1;
    EXPECT_EQ(::write(ask_.get(), &errand, 1), 1);
    EXPECT_EQ(::read(answer_.get(), &got, 1), 1) << "it has ended";
    return got;
  }

 private:
  pid_t pid_ = 0;
  base::UniqueFd ask_;
  base::UniqueFd answer_;
};

// Each took the other's fresh lease for one of a boot that is over.
TEST(SqliteProcessesTest, AgentsOfDifferentBootsInTwoProcessesLeaveEachOthersLeasesAlone) {
  SharedClock clock;
  SqliteHome home({.clock = clock, .boot_id = "boot of the host"}, "");
  home.Close();
  OtherProcess other(home.folder().db(), clock);
  home.Reopen();
  JobStore& store = home.store();
  const AgentIdentity agent{.id = "agent", .incarnation = "1", .boot_id = "boot"};
  for (const char* key : {"x", "y"}) {
    ASSERT_TRUE(store.JobSubmit(MakeRequest("detect", key, {"detect"})).ok());
  }
  ASSERT_EQ(Do(Errand::kClaim, store, agent), 1);
  ASSERT_EQ(other.Ask(Errand::kClaim), 1);
  clock.Advance(kSharedLease - std::chrono::nanoseconds{1});
  EXPECT_EQ(Do(Errand::kReap, store, agent), 0);
  EXPECT_EQ(other.Ask(Errand::kReap), 0);
  clock.Advance(std::chrono::nanoseconds{1});
  EXPECT_EQ(other.Ask(Errand::kReap), 2) << "its own and the other's";
  EXPECT_EQ(Do(Errand::kReap, store, agent), 0);

  const auto task = *store.TaskClaim({.agent = agent, .stages = {}, .lease = kSharedLease});
  ASSERT_TRUE(task.has_value());
  AttemptEnd end = MakeEnd(AttemptOutcome::kFailed);
  end.retry_in = std::chrono::seconds{5};
  EXPECT_OK(store.TaskEnd(task->fence, end));
  EXPECT_EQ(other.Ask(Errand::kClaim), 1) << "the other run";
  EXPECT_EQ(other.Ask(Errand::kClaim), 0) << "the retry is not due, whoever asks";
  clock.Advance(std::chrono::seconds{5});
  EXPECT_EQ(other.Ask(Errand::kClaim), 1);
  EXPECT_EQ(store.LeaseList()->size(), 2U);
  EXPECT_OK(store.IntegrityCheck());
}

}  // namespace
}  // namespace rollcall::store
