#include "worker/worker_cgroup.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <fstream>

#include "base/file.h"
#include "base/random.h"
#include "base/testing/not_tried.h"
#include "worker/process_table.h"
#include "worker/worker_process.h"

namespace rollcall::worker {
namespace {

namespace fs = std::filesystem;

TEST(WorkerCgroupText, ReadsCounts) {
  const std::string events = "low 0\nhigh 3\nmax 12\noom 1\noom_kill 2\noom_group_kill 0\n";
  EXPECT_EQ(CountInEvents(events, "oom_kill"), 2);
  EXPECT_EQ(CountInEvents(events, "oom"), 1);
  EXPECT_EQ(CountInEvents(events, "populated"), 0);
  EXPECT_EQ(CountInEvents("", "oom"), 0);
}

class WorkerCgroupTest : public testing::Test {
 protected:
  WorkerCgroupTest() { fs::create_directories(folder_); }
  // False, and said, where no control group (cgroup v2) may be made.
  bool CanMakeGroups() const {
    if (groups_.Make("probe", 0) != nullptr) return true;
    base::testing::SayNotTried("no control group (cgroup v2) may be made here");
    return false;
  }
  ~WorkerCgroupTest() override { fs::remove_all(folder_); }

  std::unique_ptr<WorkerProcess> StartShell(const std::string& script) {
    auto process = WorkerProcess::Start({.argv = {"/bin/sh", "-c", script},
                                         .attempt_uuid = uuid_,
                                         .output_path = folder_ / "out",
                                         .cgroups = &groups_});
    EXPECT_TRUE(process.ok()) << process.error().ToString();
    return std::move(process).value();
  }
  int CountFolders() const {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(WorkerCgroups::OwnFolder())) {
      count += entry.path().filename().string().starts_with(prefix_) ? 1 : 0;
    }
    return count;
  }
  // The number that a script wrote into the file `name`.
  pid_t WaitForPid(const char* name) {
    std::string text;
    while (text.find('\n') == std::string::npos) {
      const auto read = base::ReadFile(folder_ / name);
      if (read.ok()) text = *read;
      ::poll(nullptr, 0, 1);
    }
    return static_cast<pid_t>(std::stol(text));
  }
  static bool IsGone(pid_t pid) {
    const auto stat = ReadProcessStat(pid);
    return !stat || stat->state == 'Z';
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-cgroup-" + base::RandomId());
  const std::string uuid_ = base::RandomId();
  const WorkerCgroups groups_{WorkerCgroups::OwnFolder(), folder_};
  const std::string prefix_ = "rollcall-" + base::Sha256(folder_.string()).substr(0, 12) + "-";
};

// It has left the process group, and nothing in its environment says whose it is.
constexpr const char* kHides = "env -i setsid sh -c 'echo $$ > %s; exec sleep 1000' & wait";

TEST_F(WorkerCgroupTest, KillsAChildThatHidesFromItsGroupAndItsMark) {
  if (!CanMakeGroups()) return;
  std::string script(kHides);
  script.replace(script.find("%s"), 2, (folder_ / "pid").string());
  auto process = StartShell(script);
  const pid_t hidden = WaitForPid("pid");
  ASSERT_FALSE(IsGone(hidden));
  process->Signal(SIGKILL);
  while (!process->HasExited() || !process->HasEmptyCgroup()) ::poll(nullptr, 0, 1);
  EXPECT_TRUE(IsGone(hidden));
  EXPECT_FALSE(process->HasRunOutOfMemory());
  process->Reap();
  EXPECT_EQ(CountFolders(), 1);
  process.reset();
  EXPECT_EQ(CountFolders(), 0) << "the group goes with its process";
}

TEST_F(WorkerCgroupTest, RemovesWhatAnOwnerBeforeLeft) {
  if (!CanMakeGroups()) return;
  auto group = groups_.Make("left", 1 << 30);
  std::string script(kHides);
  script.replace(script.find("%s"), 2, (folder_ / "pid").string());
  auto process = StartShell(script);
  const pid_t hidden = WaitForPid("pid");
  EXPECT_EQ(CountFolders(), 2);
  // Another data directory's groups are another owner's.
  EXPECT_EQ(WorkerCgroups(WorkerCgroups::OwnFolder(), folder_ / "other").RemoveLeftovers(), 0);
  EXPECT_FALSE(IsGone(hidden));
  EXPECT_EQ(groups_.RemoveLeftovers(), 2);
  EXPECT_TRUE(IsGone(hidden));
  EXPECT_EQ(CountFolders(), 0);
}

TEST(WorkerCgroups, AreNoneWhereTheyMayNotBeMade) {
  const fs::path folder = fs::temp_directory_path() / ("rollcall-plain-" + base::RandomId());
  fs::create_directories(folder);
  EXPECT_EQ(WorkerCgroups(folder, "/data").Make("x", 0), nullptr) << "a plain folder is no cgroup";
  EXPECT_EQ(WorkerCgroups({}, "/data").Make("x", 0), nullptr);
  EXPECT_TRUE(fs::is_empty(folder));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace rollcall::worker
