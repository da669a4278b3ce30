// The server's unix socket and who is connected there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/testing/no_descriptors.h"
#include "base/unix_socket.h"
#include "server/testing/served_test.h"

namespace rollcall::server {
namespace {

namespace fs = std::filesystem;
using server::testing::RawClient;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpSocketTest : public server::testing::ServedTest {};

// Another process that is connected at the unix socket until it is killed.
class OtherProgram {
 public:
  explicit OtherProgram(const fs::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    pid_ = ::fork();
    if (pid_ != 0) return;
    // As in every fork of a process with threads: only async-signal-safe calls.
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    while (true) ::pause();
  }
  ~OtherProgram() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  OtherProgram(const OtherProgram&) = delete;
  OtherProgram& operator=(const OtherProgram&) = delete;

 private:
  pid_t pid_ = 0;
};

TEST_F(HttpSocketTest, CountsProgramsAtTheUnixSocketWhateverTheirConnections) {
  {
    RawClient first = AtUnix();
    RawClient second = AtUnix();
    for (RawClient* client : {&first, &second}) {
      client->Send(Get("/echo"));
      client->ReadUntil("\"door\"");
    }
    RawClient tcp = AtTcp();
    EXPECT_EQ(unix_clients_, 1);
    const OtherProgram other(socket());
    while (unix_clients_ != 2) std::this_thread::yield();
  }
  while (unix_clients_ != 0) std::this_thread::yield();
}

TEST_F(HttpSocketTest, LetsOnlyItsOwnUserIn) {
  struct stat status {};
  ASSERT_EQ(::stat(socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

// Somebody has opened what was made for one user; only root can play that somebody here.
TEST_F(HttpSocketTest, TurnsAnotherUserAway) {
  if (::geteuid() != 0) return;
  ::chmod(folder_.c_str(), 0755);
  ::chmod(socket().c_str(), 0666);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
  const std::string sent = GetLast("/echo");
  const pid_t other = ::fork();
  if (other == 0) {
    constexpr uid_t kNobody = 65534;
    // Of this thread alone, without the library's word to the others.
    ::syscall(SYS_setresuid, kNobody, kNobody, kNobody);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(1);
    static_cast<void>(!::write(fd, sent.data(), sent.size()));
    char answer[13]{};
    if (::read(fd, answer, 12) != 12) ::_exit(2);
    ::_exit(std::memcmp(answer, "HTTP/1.1 403", 12) == 0 ? 0 : 3);
  }
  int status = 0;
  ::waitpid(other, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(asked_, 0);
}

// Every command waited without a word for half a minute, and the engine never learnt of it.
TEST_F(HttpSocketTest, ListensAnewWhenSomebodyRemovesItsSocket) {
  std::promise<std::string> said;
  Start({.look_interval = std::chrono::milliseconds{5},
         .log = [&](const std::string& line) { said.set_value(line); }});
  RawClient before = AtUnix();
  fs::remove(socket());
  EXPECT_EQ(said.get_future().get(), "the socket was removed; a new one is in its place");
  RawClient after = AtUnix();
  after.Send(GetLast("/echo"));
  EXPECT_THAT(after.ReadAll(), StartsWith("HTTP/1.1 200"));
  before.Send(GetLast("/echo"));
  EXPECT_THAT(before.ReadAll(), StartsWith("HTTP/1.1 200")) << "who was connected stays so";
}

TEST_F(HttpSocketTest, ReplacesASocketThatADeadOwnerLeftAndLeavesNoneBehind) {
  server_.reset();
  EXPECT_FALSE(fs::exists(socket()));
  { const auto dead = base::ListenAtUnixSocket(socket()); }
  EXPECT_FALSE(base::ConnectToUnixSocket(socket()).ok());
  Start({});
  EXPECT_TRUE(base::ConnectToUnixSocket(socket()).ok());
}

std::chrono::microseconds ProcessorTime() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

// Until every other thread of this process waits for something: none is only just beginning, which
// a sanitizer that then looks at it cannot do without descriptors.
void AwaitIdleThreads() {
  const auto is_busy = [](const fs::path& task) {
    if (task.filename() == std::to_string(::gettid())) return false;
    const auto stat = base::ReadFile(task / "stat");
    return stat.ok() && stat->find(") S ") == std::string::npos;
  };
  const auto tasks = [] { return fs::directory_iterator("/proc/self/task"); };
  while (std::any_of(begin(tasks()), end(tasks()), is_busy)) ::poll(nullptr, 0, 1);
}

TEST_F(HttpSocketTest, WaitsWithoutSpinningForADescriptorToAcceptAClientWith) {
  base::Mutex mutex;
  std::vector<std::string> said;
  Start({.log = [&](const std::string& line) {
    const base::MutexLock lock(mutex);
    said.push_back(line);
  }});
  RawClient before = AtUnix();
  before.Send(Get("/echo"));
  before.ReadUntil("\"door\"");
  RawClient waiting = AtUnix();
  waiting.Send(Get("/echo"));
  waiting.ReadUntil("\"door\"");
  const base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(socket().native().size(), sizeof address.sun_path);
  std::strcpy(address.sun_path, socket().c_str());
  const std::string sent = GetLast("/echo");
  std::string answered;
  AwaitIdleThreads();
  {
    const base::testing::NoDescriptors none;
    ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::send(fd.get(), sent.data(), sent.size(), MSG_NOSIGNAL), std::ssize(sent));
    const auto used = ProcessorTime();
    pollfd readable{fd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&readable, 1, 1000), 0) << "it cannot have been let in";
    EXPECT_LT(ProcessorTime() - used, std::chrono::milliseconds{100});
    before.Send(GetLast("/echo"));
    answered = before.ReadAll();
  }
  EXPECT_THAT(answered, HasSubstr("HTTP/1.1 200")) << "others are served meanwhile";
  pollfd readable{fd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&readable, 1, 10'000), 1);
  const base::MutexLock lock(mutex);
  ASSERT_EQ(said.size(), 2U) << "once when it begins, once when it is over";
  EXPECT_EQ(said[0], "clients have to wait, none can be let in: Too many open files");
  EXPECT_EQ(said[1], "clients are let in again");
}

TEST_F(HttpSocketTest, TellsAnOlderProgramSoInItsOwnWords) {
  Start({.answer_to_older = "{\"old\":true}\n"});
  RawClient client = AtUnix();
  client.Send("{\"jsonrpc\":\"2.0\",\"id\":1}\n");
  EXPECT_EQ(client.ReadAll(), "{\"old\":true}\n");
  RawClient tcp = AtTcp();
  tcp.Send("{\"jsonrpc\":\"2.0\",\"id\":1}\n");
  EXPECT_THAT(tcp.ReadAll(), StartsWith("HTTP/1.1 400"));
}

}  // namespace
}  // namespace rollcall::server
