#include "app/engine_link.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "api/error_json.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/unix_socket.h"
#include "domain/reasons.h"
#include "housekeeping/data_lock.h"
#include "server/http_server.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;
using base::Json;
using std::chrono::milliseconds;

api::Request Hello() { return api::Get({"api", "engine", "hello"}); }

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
    const auto hello = link.Ask(Hello());
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

// Another process that talks to the engine until it is told to go.
class Talker {
 public:
  explicit Talker(const fs::path& data) {
    int in[2];
    int out[2];
    EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::execl("/proc/self/exe", "app_test", "talk", data.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    go_ = base::UniqueFd(in[1]);
    base::UniqueFd said(out[0]);
    char word = 0;
    EXPECT_EQ(::read(said.get(), &word, 1), 1) << "it reached no engine";
  }
  void Go() {
    go_.Reset();
    int status = 0;
    ::waitpid(pid_, &status, 0);
    EXPECT_EQ(status, 0);
  }

 private:
  pid_t pid_ = 0;
  base::UniqueFd go_;
};

TEST_F(EngineLinkTest, LeavesTheEngineToAnotherCommandThatTalksToIt) {
  auto first = Open();
  const pid_t engine = PidOf(*first);
  Talker talker(folder_);
  first.reset();
  EXPECT_TRUE(IsAlive(engine));
  talker.Go();
  ::waitpid(engine, nullptr, 0);  // Now it ends by itself.
}

// It waited for forty seconds and then said that the data directory was in use.
TEST_F(EngineLinkTest, SaysAtOnceThatAnEngineSpeaksAnotherProtocol) {
  const auto data = DataDirectory::Open(folder_).value();
  const server::Router router(
      {{.method = "GET", .pattern = "/api/engine/hello", .run = [](const auto&, const auto&) {
          return api::JsonAnswer({{"protocol", 99}, {"version", "9.9"}});
        }}});
  const auto server = server::HttpServer::Create(router, {.unix_socket = data.socket()}).value();
  const auto link = TryOpen({"rollcall", "die"});
  ASSERT_FALSE(link.ok());
  EXPECT_EQ(link.error().reason, reason::kEngineOtherVersion);
  EXPECT_THAT(link.error().message, ::testing::HasSubstr("(9.9)"));
  EXPECT_THAT(link.error().hint, ::testing::HasSubstr("kill " + std::to_string(::getpid())));
}

// As engines did before HTTP: an error, a line of JSON, for whatever is no JSON.
TEST_F(EngineLinkTest, SaysAtOnceThatAnEngineKnowsNoHttp) {
  const auto data = DataDirectory::Open(folder_).value();
  const auto listener = base::ListenAtUnixSocket(data.socket()).value();
  // A client looks who is there before it asks.
  std::thread engine([&] {
    std::vector<base::UniqueFd> clients;
    while (clients.size() < 2) {
      pollfd waiting{listener.get(), POLLIN, 0};
      ::poll(&waiting, 1, -1);
      clients.emplace_back(::accept(listener.get(), nullptr, nullptr));
    }
    const std::string answer = R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000}})"
                               "\n";
    char rest[4096];
    for (const base::UniqueFd& client : clients) {
      ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    for (const base::UniqueFd& client : clients) {
      while (::recv(client.get(), rest, sizeof rest, 0) > 0) {
      }
    }
  });
  const auto link = TryOpen({"rollcall", "die"});
  engine.join();
  ASSERT_FALSE(link.ok());
  EXPECT_EQ(link.error().reason, reason::kEngineOtherVersion);
}

TEST_F(EngineLinkTest, ToldByAnEngineOfNowAnOlderCommandGivesUpAtOnce) {
  const auto link = Open();
  const auto fd = base::ConnectToUnixSocket(folder_ / "rollcall.sock").value();
  const std::string asked = R"({"jsonrpc":"2.0","id":1,"method":"engine.hello","params":{}})"
                            "\n";
  ASSERT_EQ(::send(fd.get(), asked.data(), asked.size(), 0), std::ssize(asked));
  std::string answer;
  char buffer[4096];
  pollfd waiting{fd.get(), POLLIN, 0};
  while (answer.find('\n') == std::string::npos && ::poll(&waiting, 1, 10'000) == 1) {
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (n <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  const Json line = Json::parse(answer);
  EXPECT_TRUE(line.at("id").is_null());
  const auto error = api::ErrorFromJson(line.at("error").at("data"));
  EXPECT_EQ(error.reason, reason::kEngineOtherVersion);
  EXPECT_EQ(error.code, base::ErrorCode::kDataLoss) << "at any other it tries for forty seconds";
}

TEST_F(EngineLinkTest, ObservesUntilItIsAskedToWork) {
  const auto link = Open();
  EXPECT_FALSE(link->Ask(Hello())->value("is_working", true));
  ASSERT_TRUE(link->Ask(api::Post({"api", "engine", "work"})).ok());
  EXPECT_TRUE(link->Ask(Hello())->value("is_working", false));
}

TEST_F(EngineLinkTest, NoticesThatTheEngineIsGoneAndFindsANewOne) {
  const auto link = Open();
  const pid_t engine = PidOf(*link);
  ::kill(engine, SIGKILL);
  EXPECT_FALSE(link->Ask(Hello()).ok());
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
    static_cast<void>(link->Ask(Hello()));
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
