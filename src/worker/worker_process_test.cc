#include "worker/worker_process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/random.h"
#include "worker/process_table.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;

class WorkerProcessTest : public testing::Test {
 protected:
  WorkerProcessTest() { fs::create_directories(folder_); }
  ~WorkerProcessTest() override { fs::remove_all(folder_); }

  std::unique_ptr<WorkerProcess> StartShell(const std::string& script) {
    auto process = WorkerProcess::Start({.argv = {"/bin/sh", "-c", script},
                                         .attempt_uuid = uuid_,
                                         .output_path = folder_ / "out",
                                         .temporary_folder = folder_});
    EXPECT_TRUE(process.ok()) << process.error().ToString();
    return std::move(process).value();
  }
  // Waits for the leader's end.
  static ProcessExit Ended(WorkerProcess& process) {
    pollfd ended{process.pidfd(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 30'000), 1);
    return process.Reap();
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-process-" + base::RandomId());
  const std::string uuid_ = base::RandomId();
};

TEST_F(WorkerProcessTest, SaysHowMuchMemoryALiveProcessHasHeld) {
  EXPECT_GT(PeakMemoryBytes(::getpid()), 1'000'000);
  EXPECT_EQ(PeakMemoryBytes(-1), 0);
}

TEST_F(WorkerProcessTest, SaysHowAProcessEnded) {
  EXPECT_EQ(Ended(*StartShell("exit 3")).ToString(), "exit 3");
  EXPECT_EQ(Ended(*StartShell("kill -11 $$")).ToString(), "signal 11");
}

TEST_F(WorkerProcessTest, KeepsTheLastWords) {
  const auto process = StartShell("echo one; echo two >&2");
  Ended(*process);
  EXPECT_EQ(process->OutputTail(), "one\ntwo");
}

TEST_F(WorkerProcessTest, GivesTheChildNothingButItsSocketAndItsOutput) {
  const auto process = StartShell("ls /proc/self/fd | tr '\\n' ' '");
  Ended(*process);
  EXPECT_EQ(process->OutputTail(), "0 1 2 3 4");  // 4 is of ls itself.
}

TEST_F(WorkerProcessTest, TellsItsChildNoSecretOfTheOwnersEnvironment) {
  ::setenv("CLOUD_SECRET_ACCESS_KEY", "hunter2", 1);
  ::setenv("LC_TIME", "C", 1);
  const auto process = StartShell("cat /proc/self/environ");
  Ended(*process);
  ::unsetenv("CLOUD_SECRET_ACCESS_KEY");
  ::unsetenv("LC_TIME");
  const std::string environment = process->OutputTail();
  EXPECT_EQ(environment.find("hunter2"), std::string::npos);
  EXPECT_EQ(environment.find("HOME="), std::string::npos);
  EXPECT_NE(environment.find("LC_TIME=C"), std::string::npos);
  EXPECT_NE(environment.find("ROLLCALL_ATTEMPT=" + uuid_), std::string::npos);
  EXPECT_NE(environment.find("TMPDIR=" + folder_.string()), std::string::npos);
}

TEST_F(WorkerProcessTest, LeadsAGroupOfItsOwn) {
  const auto process = StartShell("sleep 1000");
  EXPECT_EQ(ReadProcessStat(process->pid())->group, process->pid());
  EXPECT_EQ(ReadProcessStat(process->pid())->start_ticks, process->start_ticks());
}

TEST_F(WorkerProcessTest, LeavesRemnantsUntilItsChildrenHaveEndedToo) {
  const auto process = StartShell("sleep 1000 & setsid sleep 1000 & exit 0");
  pollfd ended{process->pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 30'000), 1);
  EXPECT_TRUE(process->HasExited());
  auto remnants = process->Remnants();
  // While one becomes another program it has no mark for a moment.
  for (; remnants.size() != 2; remnants = process->Remnants()) ::poll(nullptr, 0, 1);
  process->Signal(SIGKILL);
  for (const base::UniqueFd& remnant : remnants) {
    pollfd gone{remnant.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&gone, 1, 30'000), 1) << "its pidfd does not say that it has ended";
  }
  EXPECT_TRUE(process->Remnants().empty());
  process->Reap();
  EXPECT_TRUE(LiveProcessesOfAttempt(0, uuid_).empty());
}

TEST_F(WorkerProcessTest, TakesEverythingWithItWhenItIsDestroyed) {
  StartShell("trap '' TERM; sleep 1000 & sleep 1000").reset();
  while (!LiveProcessesOfAttempt(0, uuid_).empty()) ::poll(nullptr, 0, 1);
}

TEST_F(WorkerProcessTest, SaysThatAProgramCannotBeExecuted) {
  auto process = WorkerProcess::Start(
      {.argv = {"/no/such/program"}, .attempt_uuid = uuid_, .output_path = folder_ / "out"});
  ASSERT_TRUE(process.ok());
  EXPECT_EQ(Ended(**process).ToString(), "exit 127");
  EXPECT_EQ((*process)->OutputTail(), "the worker program cannot be executed");
}

TEST_F(WorkerProcessTest, LeavesAProcessAloneThatMerelyHasTheNumber) {
  const auto process = StartShell("sleep 1000");
  EXPECT_EQ(KillLeftBehind({.pid = process->pid(),
                            .start_ticks = process->start_ticks() + 1,
                            .attempt_uuid = base::RandomId()},
                           std::chrono::milliseconds{100}),
            0);
  EXPECT_FALSE(process->HasExited());
}

TEST_F(WorkerProcessTest, KillsWhatIsLeftOfAnAttempt) {
  const auto process = StartShell("setsid sleep 1000 & sleep 1000");
  EXPECT_EQ(
      KillLeftBehind(
          {.pid = process->pid(), .start_ticks = process->start_ticks(), .attempt_uuid = uuid_},
          std::chrono::seconds{30}),
      0);
  EXPECT_TRUE(process->HasExited());
  EXPECT_TRUE(LiveProcessesOfAttempt(0, uuid_).empty());
}

}  // namespace
}  // namespace rollcall::worker
