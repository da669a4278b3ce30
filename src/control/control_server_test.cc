#include "control/control_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/testing/no_descriptors.h"
#include "base/unique_fd.h"
#include "control/control_client.h"
#include "control/protocol.h"
#include "control/testing/fake_service.h"
#include "domain/reasons.h"
#include "server/unix_socket.h"

namespace rollcall::control {
namespace {

using base::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace reason = domain::reason;

class ControlServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<ControlServer> Serve() { return Serve({.socket = socket()}); }
  std::unique_ptr<ControlServer> Serve(ControlServer::Options options) {
    auto server = ControlServer::Create(service_, std::move(options));
    EXPECT_TRUE(server.ok()) << server.error().ToString();
    return std::move(server).value();
  }
  std::unique_ptr<ControlClient> Connect() {
    auto client = ControlClient::Connect(socket());
    EXPECT_TRUE(client.ok()) << client.error().ToString();
    return std::move(client).value();
  }
  std::filesystem::path socket() const { return folder_.path() / "rollcall.sock"; }

  // Writes raw bytes and reads until the server has sent a line or closed.
  std::string Exchange(std::string_view bytes) {
    auto fd = server::ConnectTo(socket());
    EXPECT_TRUE(fd.ok());
    EXPECT_EQ(::send(fd->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return ReadLines(fd->get(), 1);
  }
  // Until `count` lines have come, or the end.
  static std::string ReadLines(int fd, std::ptrdiff_t count) {
    std::string answer;
    while (std::count(answer.begin(), answer.end(), '\n') < count) {
      pollfd waiting{fd, POLLIN, 0};
      if (::poll(&waiting, 1, 10'000) != 1) break;
      char buffer[4096];
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      answer.append(buffer, static_cast<std::size_t>(n));
    }
    return answer;
  }

  testing::TemporaryFolder folder_;
  testing::FakeService service_;
};

TEST_F(ControlServerTest, LeavesASocketAloneThatHasTakenItsPlace) {
  // It does not look for its socket meanwhile: it would make a new one before the second does.
  auto first = Serve({.socket = socket(), .look_interval = std::chrono::hours{1}});
  std::filesystem::rename(socket(), folder_.path() / "moved.sock");
  const auto second = Serve();
  first.reset();
  EXPECT_NE(Connect(), nullptr);
}

// Every command waited without a word for half a minute, and the engine never learnt of it.
TEST_F(ControlServerTest, ListensAnewWhenSomebodyRemovesItsSocket) {
  std::promise<std::string> said;
  const auto server = Serve({.socket = socket(),
                             .look_interval = milliseconds{5},
                             .log = [&](const std::string& line) { said.set_value(line); }});
  const auto before = Connect();
  std::filesystem::remove(socket());
  EXPECT_EQ(said.get_future().get(), "the socket was removed; a new one is in its place");
  const auto after = Connect();
  ASSERT_NE(after, nullptr);
  EXPECT_TRUE(after->Call("echo", {{"a", 1}}).ok());
  EXPECT_TRUE(before->Call("echo", {{"a", 1}}).ok()) << "who was connected stays so";
}

// Between its look and its listening, that is.
TEST_F(ControlServerTest, ListeningReplacesNoSocketThatIsThere) {
  const auto server = Serve();
  EXPECT_FALSE(server::ListenAt(socket()).ok());
  EXPECT_TRUE(Connect()->Call("echo", Json::object()).ok());
}

TEST_F(ControlServerTest, LeavesNoSocketInAFolderThatHasTakenThePlaceOfItsOwn) {
  const std::filesystem::path own = folder_.path() / "own";
  std::filesystem::create_directory(own);
  std::atomic<int> said = 0;
  const auto server = Serve({.socket = own / "rollcall.sock",
                             .look_interval = milliseconds{0},
                             .log = [&](const std::string&) { ++said; }});
  const auto client = ControlClient::Connect(own / "rollcall.sock").value();
  std::filesystem::rename(own, folder_.path() / "away");
  std::filesystem::create_directory(own);
  // It has looked before it answers the second.
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client->Call("echo", Json::object()).ok());
  EXPECT_TRUE(std::filesystem::is_empty(own));
  EXPECT_EQ(said, 0);
}

// The next snapshot of a watched job.
base::Result<api::JobView> NextView(ControlClient& client) {
  auto notification = client.Next(seconds{10});
  if (!notification.ok()) return notification.error();
  if (!*notification) return domain::MakeError(reason::kInternal, "nothing came");
  if ((*notification)->method != method::kJobSnapshot) {
    return domain::MakeError(reason::kInternal, (*notification)->method);
  }
  return api::JobViewFromJson((*notification)->params.at("job"));
}

TEST_F(ControlServerTest, AnswersACall) {
  const auto server = Serve();
  const auto answer = Connect()->Call("echo", {{"a", 1}});
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_EQ(*answer, (Json{{"a", 1}}));
}

TEST_F(ControlServerTest, GivesATypedErrorBackAsItWas) {
  const auto server = Serve();
  const auto answer = Connect()->Call("fail", Json::object());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, reason::kDiskFull);
  EXPECT_EQ(answer.error().code, base::ErrorCode::kResourceExhausted);
  EXPECT_EQ(answer.error().message, "no space for segment 3");
  EXPECT_EQ(answer.error().hint, "free 2 GB");
}

TEST_F(ControlServerTest, KeepsOthersAnsweredWhileOneCallBlocks) {
  const auto server = Serve();
  const auto slow = Connect();
  auto blocked = std::async(std::launch::async, [&] { return slow->Call("block", {}); });
  service_.WaitForBlocked();
  EXPECT_TRUE(Connect()->Call("echo", Json::object()).ok());
  service_.Release();
  EXPECT_EQ(blocked.get().value(), "released");
}

// A cancel waited for two starts that read large files.
TEST_F(ControlServerTest, AnswersACallHoweverManyOthersBlock) {
  const auto server = Serve();
  constexpr int kSlow = 12;
  std::vector<std::unique_ptr<ControlClient>> clients;
  std::vector<std::future<base::Result<Json>>> slow;
  for (int blocked = 1; blocked <= kSlow; ++blocked) {
    clients.push_back(Connect());
    slow.push_back(std::async(std::launch::async, [client = clients.back().get()] {
      return client->Call("block", Json::object());
    }));
    // Else a call that nobody takes up would be waited for in vain.
    EXPECT_TRUE(Connect()->Call("echo", Json::object(), seconds{10}).ok()) << blocked << " block";
    if (HasFailure()) break;
    service_.WaitForBlocked(blocked);
  }
  service_.Release();
  for (auto& call : slow) EXPECT_EQ(call.get().value(), "released");
}

TEST_F(ControlServerTest, AnswersACallWhileALookAtAWatchedJobBlocks) {
  const auto server = Serve({.socket = socket(), .watch_interval = std::chrono::hours{1}});
  service_.Put(testing::SampleJob(5));
  const auto watcher = Connect();
  ASSERT_TRUE(watcher->Call(method::kJobWatch, {{"job_id", 5}}).ok());
  service_.BlockViews();
  api::JobView changed = testing::SampleJob(5);
  changed.stages[0].attempt = 2;
  service_.Put(changed);
  server->NotifyChanged();
  service_.WaitForBlocked();
  EXPECT_TRUE(Connect()->Call("echo", Json::object(), seconds{10}).ok());
  service_.Release();
  EXPECT_EQ(NextView(*watcher)->stages[0].attempt, 2);
}

TEST_F(ControlServerTest, SendsAWatcherTheJobAtOnceAndAtTransitions) {
  const auto server = Serve({.socket = socket(), .watch_interval = std::chrono::hours{1}});
  service_.Put(testing::SampleJob(5));
  const auto client = Connect();
  const auto first = client->Call(method::kJobWatch, {{"job_id", 5}});
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  EXPECT_EQ(api::JobViewFromJson(*first)->stages[0].done, 640);

  api::JobView changed = testing::SampleJob(5);
  changed.stages[0].attempt = 2;
  service_.Put(changed);
  server->NotifyChanged();
  const auto second = NextView(*client);
  ASSERT_TRUE(second.ok()) << second.error().ToString();
  EXPECT_EQ(second->stages[0].attempt, 2);
}

TEST_F(ControlServerTest, HoldsMereProgressBackUntilTheIntervalHasPassed) {
  const auto server = Serve({.socket = socket(), .watch_interval = std::chrono::hours{1}});
  service_.Put(testing::SampleJob(5));
  const auto client = Connect();
  ASSERT_TRUE(client->Call(method::kJobWatch, {{"job_id", 5}}).ok());
  api::JobView changed = testing::SampleJob(5);
  changed.stages[0].done = 700;
  service_.Put(changed);
  server->NotifyChanged();
  changed.stages[0].state = domain::JobState::kCancelling;
  service_.Put(changed);
  server->NotifyChanged();
  // The first thing that comes is the transition.
  const auto next = NextView(*client);
  ASSERT_TRUE(next.ok()) << next.error().ToString();
  EXPECT_EQ(next->stages[0].state, domain::JobState::kCancelling);
}

TEST_F(ControlServerTest, SendsProgressByItself) {
  const auto server = Serve({.socket = socket(), .watch_interval = milliseconds{5}});
  service_.Put(testing::SampleJob(5));
  const auto client = Connect();
  ASSERT_TRUE(client->Call(method::kJobWatch, {{"job_id", 5}}).ok());
  EXPECT_TRUE(NextView(*client).ok());
  EXPECT_TRUE(NextView(*client).ok());
}

TEST_F(ControlServerTest, EndsAWatchWithTheJobsLastState) {
  const auto server = Serve({.socket = socket(), .watch_interval = milliseconds{5}});
  api::JobView view = testing::SampleJob(5);
  service_.Put(view);
  const auto client = Connect();
  ASSERT_TRUE(client->Call(method::kJobWatch, {{"job_id", 5}}).ok());
  view.state = domain::JobState::kSucceeded;
  service_.Put(view);
  server->NotifyChanged();
  domain::JobState last = domain::JobState::kRunning;
  while (!domain::IsTerminal(last)) {
    const auto next = NextView(*client);
    ASSERT_TRUE(next.ok()) << next.error().ToString();
    last = next->state;
  }
  EXPECT_FALSE(*client->Next(milliseconds{50}));
}

TEST_F(ControlServerTest, SaysWhenAWatchedJobIsGone) {
  const auto server = Serve({.socket = socket(), .watch_interval = milliseconds{5}});
  service_.Put(testing::SampleJob(5));
  const auto client = Connect();
  ASSERT_TRUE(client->Call(method::kJobWatch, {{"job_id", 5}}).ok());
  service_.Remove(5);
  std::string last;
  while (last != method::kJobWatchFailed) {
    const auto next = client->Next(seconds{10});
    ASSERT_TRUE(next.ok() && *next);
    last = (*next)->method;
  }
}

TEST_F(ControlServerTest, RefusesToWatchAJobThatIsNotThere) {
  const auto server = Serve();
  const auto answer = Connect()->Call(method::kJobWatch, {{"job_id", 9}});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, reason::kJobNotFound);
}

TEST_F(ControlServerTest, AnswersJunkWithAnErrorAndGoesOn) {
  const auto server = Serve();
  const std::string answer = Exchange("GET / HTTP/1.1\r\n\n");
  EXPECT_NE(answer.find("ERR_BAD_REQUEST"), std::string::npos) << answer;
  EXPECT_TRUE(Connect()->Call("echo", Json::object()).ok());
}

TEST_F(ControlServerTest, EndsAConnectionWhoseLineIsTooLong) {
  const auto server = Serve({.socket = socket(), .line_bytes_max = 1000});
  const std::string answer = Exchange(std::string(1001, 'x'));
  EXPECT_NE(answer.find("1000 bytes"), std::string::npos) << answer;
  service_.WaitForClients(0);
  EXPECT_TRUE(Connect()->Call("echo", Json::object()).ok());
}

std::string EchoRequest(int id, const char* params = "{}") {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id) +
         ",\"method\":\"echo\",\"params\":" + params + "}\n";
}

TEST_F(ControlServerTest, AnswersAClientThatHasShutItsSideDown) {
  const auto server = Serve();
  auto fd = server::ConnectTo(socket());
  ASSERT_TRUE(fd.ok());
  const std::string sent = EchoRequest(1) + EchoRequest(2);
  ASSERT_EQ(::send(fd->get(), sent.data(), sent.size(), MSG_NOSIGNAL), std::ssize(sent));
  ASSERT_EQ(::shutdown(fd->get(), SHUT_WR), 0);
  const std::string answer = ReadLines(fd->get(), 3);  // Two and the end.
  EXPECT_NE(answer.find("\"id\":1"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\"id\":2"), std::string::npos) << answer;
  service_.WaitForClients(0);
}

TEST_F(ControlServerTest, AnswersALastLineWithoutAnEnd) {
  const auto server = Serve();
  auto fd = server::ConnectTo(socket());
  ASSERT_TRUE(fd.ok());
  std::string sent = EchoRequest(7);
  sent.pop_back();
  ASSERT_EQ(::send(fd->get(), sent.data(), sent.size(), MSG_NOSIGNAL), std::ssize(sent));
  ASSERT_EQ(::shutdown(fd->get(), SHUT_WR), 0);
  EXPECT_NE(ReadLines(fd->get(), 1).find("\"id\":7"), std::string::npos);
}

TEST_F(ControlServerTest, AnswersASlowCallOfAClientThatHasShutItsSideDown) {
  const auto server = Serve();
  auto fd = server::ConnectTo(socket());
  ASSERT_TRUE(fd.ok());
  const std::string sent = R"({"jsonrpc":"2.0","id":1,"method":"block"})"
                           "\n";
  ASSERT_EQ(::send(fd->get(), sent.data(), sent.size(), MSG_NOSIGNAL), std::ssize(sent));
  ASSERT_EQ(::shutdown(fd->get(), SHUT_WR), 0);
  service_.WaitForBlocked();
  service_.Release();
  EXPECT_NE(ReadLines(fd->get(), 1).find("released"), std::string::npos);
}

TEST_F(ControlServerTest, ForgetsAWatcherThatIsGone) {
  const auto server = Serve({.socket = socket(), .watch_interval = std::chrono::hours{1}});
  service_.Put(testing::SampleJob(5));
  auto client = Connect();
  ASSERT_TRUE(client->Call(method::kJobWatch, {{"job_id", 5}}).ok());
  client.reset();
  service_.WaitForClients(0);
}

std::chrono::microseconds ProcessorTime() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

// Until every other thread of this process waits for something: none is only just beginning, which
// a sanitizer that then looks at it cannot do without descriptors.
void AwaitIdleThreads() {
  const auto is_busy = [](const std::filesystem::path& task) {
    if (task.filename() == std::to_string(::gettid())) return false;
    const auto stat = base::ReadFile(task / "stat");
    return stat.ok() && stat->find(") S ") == std::string::npos;
  };
  const auto tasks = [] { return std::filesystem::directory_iterator("/proc/self/task"); };
  while (std::any_of(begin(tasks()), end(tasks()), is_busy)) ::poll(nullptr, 0, 1);
}

TEST_F(ControlServerTest, WaitsWithoutSpinningForADescriptorToAcceptAClientWith) {
  std::mutex mutex;
  std::vector<std::string> said;
  const auto server = Serve({.socket = socket(), .log = [&](const std::string& line) {
                               const std::lock_guard lock(mutex);
                               said.push_back(line);
                             }});
  const auto before = Connect();
  ASSERT_TRUE(before->Call("echo", Json::object()).ok());
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(socket().native().size(), sizeof address.sun_path);
  std::strcpy(address.sun_path, socket().c_str());
  const std::string sent = EchoRequest(1);
  AwaitIdleThreads();
  {
    const base::testing::NoDescriptors none;
    ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(fd.get(), sent.data(), sent.size(), MSG_NOSIGNAL), std::ssize(sent));
    const auto used = ProcessorTime();
    pollfd waiting{fd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 1000), 0) << "it cannot have been let in";
    EXPECT_LT(ProcessorTime() - used, milliseconds{100});
    EXPECT_TRUE(before->Call("echo", Json::object()).ok()) << "others are served meanwhile";
  }
  EXPECT_NE(ReadLines(fd.get(), 1).find("\"id\":1"), std::string::npos);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(said.size(), 2U) << "once when it begins, once when it is over";
  EXPECT_EQ(said[0], "commands have to wait, none can be let in: Too many open files");
  EXPECT_EQ(said[1], "commands are let in again");
}

TEST_F(ControlServerTest, TurnsAwayAClientTooMany) {
  const auto server = Serve({.socket = socket(), .clients_max = 1});
  const auto first = Connect();
  ASSERT_TRUE(first->Call("echo", Json::object()).ok());
  const auto second = Connect()->Call("echo", Json::object());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, reason::kEngineUnavailable);
  EXPECT_TRUE(first->Call("echo", Json::object()).ok());
}

TEST_F(ControlServerTest, CountsClientsThatComeAndGo) {
  const auto server = Serve();
  auto client = Connect();
  service_.WaitForClients(1);
  client.reset();
  service_.WaitForClients(0);
}

TEST_F(ControlServerTest, TellsAClientThatItIsGone) {
  auto server = Serve();
  const auto client = Connect();
  ASSERT_TRUE(client->Call("echo", Json::object()).ok());
  server.reset();
  const auto answer = client->Call("echo", Json::object());
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, reason::kEngineUnavailable);
  EXPECT_TRUE(client->is_lost());
}

TEST_F(ControlServerTest, LeavesNoSocketBehind) {
  Serve().reset();
  EXPECT_FALSE(std::filesystem::exists(socket()));
  const auto client = ControlClient::Connect(socket());
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().reason, reason::kEngineUnavailable);
}

TEST_F(ControlServerTest, ReplacesASocketThatADeadOwnerLeft) {
  { const auto dead = server::ListenAt(socket()); }
  ASSERT_TRUE(std::filesystem::exists(socket()));
  EXPECT_FALSE(ControlClient::Connect(socket()).ok());
  const auto server = Serve();
  EXPECT_TRUE(Connect()->Call("echo", Json::object()).ok());
}

TEST_F(ControlServerTest, ListensAtAPathThatNoSocketAddressHolds) {
  const auto deep = folder_.path() / std::string(120, 'd') / std::string(120, 'e');
  std::filesystem::create_directories(deep);
  const auto server = Serve({.socket = deep / "rollcall.sock"});
  auto client = ControlClient::Connect(deep / "rollcall.sock");
  ASSERT_TRUE(client.ok()) << client.error().ToString();
  EXPECT_TRUE((*client)->Call("echo", Json::object()).ok());
}

TEST_F(ControlServerTest, LetsOnlyItsOwnUserIn) {
  const auto server = Serve();
  struct stat status {};
  ASSERT_EQ(::stat(socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(ControlServerTest, ServesManyClientsAtOnce) {
  const auto server = Serve();
  std::vector<std::future<int>> clients;
  for (int i = 0; i < 16; ++i) {
    clients.push_back(std::async(std::launch::async, [this, i] {
      const auto client = Connect();
      int right = 0;
      for (int j = 0; j < 50; ++j) {
        const Json sent{{"client", i}, {"call", j}};
        const auto answer = client->Call("echo", sent);
        right += answer.ok() && *answer == sent ? 1 : 0;
      }
      return right;
    }));
  }
  for (auto& client : clients) EXPECT_EQ(client.get(), 50);
}

}  // namespace
}  // namespace rollcall::control
