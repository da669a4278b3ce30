#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <random>

#include "base/unique_fd.h"
#include "store/sqlite/testing/sqlite_home.h"

namespace rollcall::store {
namespace {

constexpr int kRounds = 50;

// Opens the store as a new owner does, ends what the last one left, and commits segments for ever.
// Each commit that returned ok is told through the pipe as its number.
[[noreturn]] void CommitForEver(const std::filesystem::path& db, int round, int pipe) {
  base::SystemClock clock;
  auto store = std::move(SqliteStore::Open({.path = db}, {clock})).value();
  const AgentIdentity agent{.id = "agent", .incarnation = std::to_string(round), .boot_id = "boot"};
  const auto leftovers = *store->LeaseLeftovers(agent);
  for (const Lease& lease : leftovers) {
    if (!store->LeaseVoid(lease.fence).ok()) _exit(2);
  }
  const auto task =
      *store->TaskClaim({.agent = agent, .stages = {}, .lease = std::chrono::seconds{30}});
  if (!task || !store->TaskStarted(task->fence, getpid(), round).ok()) _exit(3);
  for (std::int64_t number = std::ssize(task->segments);; ++number) {
    if (!store->SegmentCommit(task->fence, MakeSegment(number)).ok()) _exit(4);
    if (write(pipe, &number, sizeof number) != sizeof number) _exit(5);
  }
}

struct Child {
  pid_t pid;
  base::UniqueFd acks;
};

Child StartChild(const std::filesystem::path& db, int round) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    CommitForEver(db, round, ends[1]);
  }
  close(ends[1]);
  return {.pid = pid, .acks = base::UniqueFd(ends[0])};
}

// Reads at most `limit` acknowledgements; returns the last number, or `last` if there was none.
std::int64_t ReadAcks(int fd, int limit, std::int64_t last) {
  std::int64_t number = 0;
  for (int i = 0; i < limit && read(fd, &number, sizeof number) == sizeof number; ++i) {
    last = number;
  }
  return last;
}

TEST(SqliteKillTest, KillsTearNothingAndLoseNothingThatWasAcknowledged) {
  SqliteHome home;
  ASSERT_TRUE(home.store().JobSubmit(MakeRequest("detect", "x", {"detect"})).ok());
  home.Close();

  std::mt19937 engine(20260722);
  std::int64_t last_ack = -1;
  int rounds_with_work = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::int64_t before = last_ack;
    Child child = StartChild(home.folder().db(), round);
    last_ack = ReadAcks(child.acks.get(), static_cast<int>(engine() % 20), last_ack);
    // Somewhere within the next commit.
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds{engine() % 800};
    while (std::chrono::steady_clock::now() < until) {
    }
    kill(child.pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child.pid, &status, 0), child.pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    last_ack = ReadAcks(child.acks.get(), 1'000'000, last_ack);
    if (last_ack > before) ++rounds_with_work;

    home.Reopen();
    const auto check = home.store().IntegrityCheck();
    ASSERT_TRUE(check.ok()) << "round " << round << ": " << check.error().ToString();
    const auto segments = *home.store().SegmentList("x/detect/1");
    ASSERT_GE(std::ssize(segments), last_ack + 1) << "round " << round;
    // One may have been committed and not yet told.
    ASSERT_LE(std::ssize(segments), last_ack + 2) << "round " << round;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      ASSERT_EQ(segments[i].number, static_cast<std::int64_t>(i));
    }
    last_ack = std::ssize(segments) - 1;
    home.Close();
  }
  EXPECT_GE(rounds_with_work, kRounds / 2);
  RecordProperty("segments", static_cast<int>(last_ack + 1));
}

}  // namespace
}  // namespace rollcall::store
