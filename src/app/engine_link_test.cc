#include "app/engine_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "base/file.h"
#include "base/mutex.h"
#include "base/random.h"
#include "control/protocol.h"
#include "domain/reasons.h"
#include "housekeeping/data_lock.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
namespace method = control::method;
namespace reason = domain::reason;
using base::Json;
using std::chrono::milliseconds;

class EngineLinkTest : public ::testing::Test {
 protected:
  // An engine that outlived its link is still our child, and still at its files.
  ~EngineLinkTest() override {
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  base::Result<std::unique_ptr<EngineLink>> TryOpen(std::vector<std::string> argv) {
    return EngineLink::Open(DataDirectory::Open(folder_).value(),
                            {.engine_argv = std::move(argv), .patience = milliseconds{10'000}});
  }
  std::unique_ptr<EngineLink> Open() {
    auto link = TryOpen({"rollcall", "engine", "--data", folder_.string()});
    EXPECT_TRUE(link.ok()) << link.error().ToString();
    return link.ok() ? std::move(*link) : nullptr;
  }
  static pid_t PidOf(EngineLink& link) {
    const auto hello = link.Call(method::kHello, Json::object());
    EXPECT_TRUE(hello.ok());
    return hello.ok() ? hello->value("pid", 0) : 0;
  }
  static bool IsAlive(pid_t pid) { return ::kill(pid, 0) == 0; }

  fs::path folder_ = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
};

TEST_F(EngineLinkTest, StartsAnEngineWhereThereIsNoneAndEndsItAgain) {
  auto link = Open();
  ASSERT_NE(link, nullptr);
  EXPECT_TRUE(link->has_started_engine());
  const pid_t engine = PidOf(*link);
  EXPECT_TRUE(IsAlive(engine));
  link.reset();
  EXPECT_FALSE(IsAlive(engine));
  EXPECT_FALSE(fs::exists(folder_ / "rollcall.sock"));
}

// SIGTERM was obeyed after half a minute only.
TEST_F(EngineLinkTest, GivesUpWaitingForAnOwnerThatDoesNotAnswer) {
  const auto data = DataDirectory::Open(folder_).value();
  const auto lock = housekeeping::DataLock::Acquire(data.root()).value();
  int asked = 0;
  const auto link =
      EngineLink::Open(data, {.engine_argv = {"rollcall", "engine", "--data", folder_.string()},
                              .patience = std::chrono::hours{1},
                              .is_given_up = [&asked] { return ++asked == 2; }});
  ASSERT_FALSE(link.ok());
  EXPECT_EQ(link.error().reason, reason::kCancelled);
}

TEST_F(EngineLinkTest, FindsTheEngineThatIsThere) {
  const auto first = Open();
  const auto second = Open();
  ASSERT_NE(second, nullptr);
  EXPECT_FALSE(second->has_started_engine());
  EXPECT_EQ(PidOf(*second), PidOf(*first));
}

TEST_F(EngineLinkTest, LeavesTheEngineToAnotherCommandThatTalksToIt) {
  auto first = Open();
  auto second = Open();
  const pid_t engine = PidOf(*second);
  first.reset();
  EXPECT_EQ(PidOf(*second), engine);
  second.reset();
}

TEST_F(EngineLinkTest, ObservesUntilItIsAskedToWork) {
  const auto link = Open();
  EXPECT_FALSE(link->Call(method::kHello, Json::object())->value("is_working", true));
  ASSERT_TRUE(link->Call(method::kWork, Json::object()).ok());
  EXPECT_TRUE(link->Call(method::kHello, Json::object())->value("is_working", false));
}

TEST_F(EngineLinkTest, NoticesThatTheEngineIsGoneAndFindsANewOne) {
  const auto link = Open();
  const pid_t engine = PidOf(*link);
  ::kill(engine, SIGKILL);
  EXPECT_FALSE(link->Call(method::kHello, Json::object()).ok());
  EXPECT_TRUE(link->is_lost());
  ASSERT_TRUE(link->Reopen().ok());
  EXPECT_FALSE(link->is_lost());
  EXPECT_NE(PidOf(*link), engine);
}

// The engine ends by itself; a new one in a new folder of that name would be of another store.
TEST_F(EngineLinkTest, SaysThatTheDataDirectoryWasRenamedAndMakesNoNewOne) {
  const auto link = Open();
  const fs::path moved = folder_.string() + "-moved";
  fs::rename(folder_, moved);
  // It may answer that the directory is gone before it goes itself.
  while (!link->is_lost()) {
    static_cast<void>(link->Call(method::kHello, Json::object()));
    std::this_thread::yield();
  }
  const auto reopened = link->Reopen();
  ASSERT_FALSE(reopened.ok());
  EXPECT_EQ(reopened.error().reason, reason::kDataDirectoryMoved);
  EXPECT_FALSE(fs::exists(folder_));
  EXPECT_THAT(base::ReadFile(moved / "logs" / "engine.log").value(),
              ::testing::HasSubstr(folder_.string() + " was renamed or removed"));
  folder_ = moved;
}

TEST_F(EngineLinkTest, StartsNoneWhereItIsToldSo) {
  const auto link = EngineLink::Open(DataDirectory::Open(folder_).value(),
                                     {.when_none = EngineLink::WhenNone::kRefuse});
  ASSERT_FALSE(link.ok());
  EXPECT_EQ(link.error().reason, reason::kEngineUnavailable);
}

TEST_F(EngineLinkTest, SaysWhyTheEngineCannotServe) {
  const auto link = TryOpen({"rollcall", "refuse"});
  ASSERT_FALSE(link.ok());
  EXPECT_EQ(link.error().reason, reason::kStoreTooNew);
  EXPECT_EQ(link.error().message, "schema 99");
}

TEST_F(EngineLinkTest, SaysThatTheEngineEndedWithoutAWord) {
  const auto link = TryOpen({"rollcall", "die"});
  ASSERT_FALSE(link.ok());
  EXPECT_EQ(link.error().reason, reason::kEngineUnavailable);
}

TEST_F(EngineLinkTest, LetsManyCommandsStartAtOnceWithOneEngine) {
  constexpr int kCommands = 6;
  std::vector<pid_t> engines(kCommands);
  std::vector<std::unique_ptr<EngineLink>> links(kCommands);
  std::vector<std::thread> threads;
  // The kernel ties a child to the thread that began it, so the threads wait for each other.
  base::Mutex mutex;
  base::CondVar changed;
  int open = 0;
  for (int i = 0; i < kCommands; ++i) {
    threads.emplace_back([&, i] {
      auto link = Open();
      if (link != nullptr) engines[static_cast<std::size_t>(i)] = PidOf(*link);
      base::MutexLock lock(mutex);
      links[static_cast<std::size_t>(i)] = std::move(link);
      ++open;
      changed.NotifyAll();
      while (open < kCommands) changed.Wait(mutex);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const pid_t engine : engines) EXPECT_EQ(engine, engines[0]);
}

TEST_F(EngineLinkTest, ReachesADataDirectoryWhosePathNoSocketAddressHolds) {
  const fs::path short_folder = folder_;
  folder_ = folder_ / std::string(120, 'd') / std::string(60, 'e');
  EXPECT_NE(Open(), nullptr);
  folder_ = short_folder;
}

}  // namespace
}  // namespace rollcall::app
