#include "app/engine_link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "api/error_json.h"
#include "base/file.h"
#include "base/file_mode.h"
#include "base/shown_text.h"
#include "domain/reasons.h"
#include "housekeeping/data_lock.h"
#include "vault/in_place.h"

namespace rollcall::app {
namespace {

using base::Json;
using base::Result;
using base::UniqueFd;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;
namespace reason = domain::reason;

constexpr milliseconds kRetryPause{50};
// An engine that was asked to end closes its workers' segments first.
constexpr milliseconds kChildEnd{35'000};
constexpr milliseconds kAnswerLimit{600'000};

base::Error Unavailable(std::string message) {
  return domain::MakeError(reason::kEngineUnavailable, std::move(message));
}

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void BecomeEngine(char* const* argv, pid_t parent, int ready_fd, int log_fd) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The command may have died before the kernel was told.
  if (::getppid() != parent) ::_exit(1);
  const int null_fd = ::open("/dev/null", O_RDONLY);
  ::dup2(null_fd, STDIN_FILENO);
  ::dup2(ready_fd, STDOUT_FILENO);
  ::dup2(log_fd, STDERR_FILENO);
  // What the command ignores or blocks is not the engine's affair.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) ::signal(number, SIG_DFL);
  ::execv("/proc/self/exe", argv);
  ::_exit(127);
}

// A few lines per engine: a log that has grown large is begun anew.
Result<UniqueFd> OpenLog(const std::filesystem::path& path) {
  constexpr std::uintmax_t kLogBytesMax = 4 << 20;
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  const int begin_anew = !ignored && size > kLogBytesMax ? O_TRUNC : 0;
  UniqueFd log(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | begin_anew,
                      base::kOwnFileMode));
  if (!log.is_open()) return base::ErrnoError(errno, "open", path);
  return log;
}

// The program that a process runs; after an update, one that is there no more.
std::string ProgramOf(pid_t pid) {
  std::error_code failure;
  const auto path = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), failure);
  return failure ? "its program" : base::Shown(path.string());
}

// One of them was updated while the other worked on.
base::Error OtherVersion(pid_t engine, const Json& hello) {
  const std::string version = hello.is_object() ? hello.value("version", "") : "";
  return domain::MakeError(
      reason::kEngineOtherVersion,
      fmt::format("the engine of this data directory (process {}) is of another version{} than "
                  "this program (" ROLLCALL_VERSION "): they do not understand each other",
                  engine, version.empty() ? "" : " (" + version + ")"),
      fmt::format("end it with `kill {}` and give the command again: open jobs go on from their "
                  "last checkpoint; or use {}",
                  engine, ProgramOf(engine)));
}

// The end of the engine's log, for a message: its last line.
std::string LastLine(const std::filesystem::path& path) {
  const auto text = base::ReadFile(path);
  if (!text.ok()) return {};
  std::string_view rest = *text;
  while (!rest.empty() && rest.back() == '\n') rest.remove_suffix(1);
  const std::size_t begin = rest.rfind('\n');
  return std::string(begin == std::string_view::npos ? rest : rest.substr(begin + 1));
}

}  // namespace

std::string AnswerToOlderCommand() {
  base::Error error = domain::MakeError(
      reason::kEngineOtherVersion,
      fmt::format("the engine of this data directory (process {}) is rollcall " ROLLCALL_VERSION
                  ", which this program is too old to talk to",
                  ::getpid()),
      fmt::format("use {}, or end that engine with `kill {}`", ProgramOf(::getpid()), ::getpid()));
  // At any other it would try for as long as it has patience.
  error.code = base::ErrorCode::kDataLoss;
  const Json answer{
      {"jsonrpc", "2.0"},
      {"id", nullptr},
      {"error", {{"code", -32000}, {"message", error.message}, {"data", api::ErrorToJson(error)}}}};
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string EngineRefusal(const base::Error& error) {
  return api::ErrorToJson(error).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::unique_ptr<EngineLink>> EngineLink::Open(const DataDirectory& data, Options options) {
  ROLLCALL_TRY_ASSIGN(auto folder, base::HeldFolder::Open(data.root()));
  auto link =
      std::unique_ptr<EngineLink>(new EngineLink(data, std::move(folder), std::move(options)));
  ROLLCALL_TRY(link->Connect());
  // From now on there may be work of ours to cancel, for which a new engine is needed.
  link->options_.is_given_up = [] { return false; };
  return link;
}

EngineLink::~EngineLink() {
  if (child_ > 0 && !is_lost()) {
    // An engine that stays says so after it has cut the kernel's tie to us. One that does not
    // answer is left as it is: the tie ends it.
    const auto answer = client_->Ask(api::Post({"api", "engine", "leave"}), kChildEnd);
    const bool stays = answer.ok() && answer->value("stays", false);
    client_.reset();
    if (stays) return;
  }
  if (child_ > 0) ReapChild(kChildEnd);
}

Result<Json> EngineLink::Ask(const api::Request& request,
                             const client::ApiClient::Meanwhile& meanwhile) {
  if (client_ == nullptr) return Unavailable("there is no connection to the engine");
  return client_->Ask(request, kAnswerLimit, meanwhile);
}

Result<void> EngineLink::Listen(const api::Request& request) {
  if (client_ == nullptr) return Unavailable("there is no connection to the engine");
  return client_->Listen(request);
}

Result<std::optional<client::Event>> EngineLink::Next(milliseconds limit) {
  if (client_ == nullptr) return Unavailable("there is no connection to the engine");
  return client_->Next(limit);
}

Result<void> EngineLink::Reopen() {
  client_.reset();
  if (child_ > 0) ReapChild(milliseconds{1000});
  return Connect();
}

// Whoever gets the lock on the data directory serves; everybody else connects to it.
Result<void> EngineLink::Connect() {
  const auto until = SteadyClock::now() + options_.patience;
  while (true) {
    ROLLCALL_TRY(vault::CheckInPlace(folder_));
    auto client = client::ApiClient::Connect(data_.socket());
    if (client.ok()) {
      client_ = std::move(*client);
      // One that is about to end may take the connection and never answer.
      const auto hello = client_->Ask(api::Get({"api", "engine", "hello"}), milliseconds{5000});
      const bool is_other = hello.ok() ? hello->value("protocol", 0) != api::kProtocol
                                       : hello.error().reason == reason::kEngineOtherVersion;
      if (is_other) return OtherVersion(client_->engine_pid(), hello.ok() ? *hello : Json());
      if (hello.ok()) return {};
      client_.reset();
      // It has answered: waiting mends no store.
      if (hello.error().code == base::ErrorCode::kDataLoss) {
        if (child_ > 0) ReapChild(milliseconds{0});
        return hello.error();
      }
    }
    if (options_.when_none == WhenNone::kRefuse) return Unavailable("no engine answers");
    if (child_ == 0) {
      const auto started = StartChild();
      if (started.ok()) continue;
      if (started.error().reason != reason::kStoreBusy) return started.error();
      if (SteadyClock::now() > until) return started.error();
    } else if (SteadyClock::now() > until) {
      return Unavailable("the engine that was started does not answer");
    }
    if (options_.is_given_up()) return domain::MakeError(reason::kCancelled, "stopped on request");
    std::this_thread::sleep_for(kRetryPause);
  }
}

Result<void> EngineLink::StartChild() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return base::ErrnoError(errno, "make a pipe for", data_.root());
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ROLLCALL_TRY_ASSIGN(const UniqueFd log, OpenLog(data_.engine_log()));
  std::vector<char*> argv;
  for (std::string& argument : options_.engine_argv) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return base::ErrnoError(errno, "start the engine for", data_.root());
  if (child == 0) BecomeEngine(argv.data(), parent, write_end.get(), log.get());
  child_ = child;
  write_end.Reset();
  auto ready = ReadReadiness(std::move(read_end));
  if (!ready.ok()) ReapChild(milliseconds{1000});
  return ready;
}

Result<void> EngineLink::ReadReadiness(UniqueFd pipe) {
  const auto until = SteadyClock::now() + options_.patience;
  std::string said;
  while (said.find('\n') == std::string::npos) {
    const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now());
    pollfd fd{pipe.get(), POLLIN, 0};
    const int ready =
        ::poll(&fd, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Unavailable("the engine did not start in time");
    char buffer[4096];
    const ssize_t n = ::read(pipe.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string last = LastLine(data_.engine_log());
      return Unavailable("the engine ended while it started" +
                         (last.empty() ? std::string{} : ": " + last));
    }
    said.append(buffer, static_cast<std::size_t>(n));
  }
  said.erase(said.find('\n'));
  if (said == kEngineReady) return {};
  ROLLCALL_TRY_ASSIGN(const Json refusal, base::ParseJson(said, "the engine's first words"));
  return api::ErrorFromJson(refusal);
}

void EngineLink::ReapChild(milliseconds limit) {
  const auto until = SteadyClock::now() + limit;
  while (true) {
    const pid_t ended = ::waitpid(child_, nullptr, WNOHANG);
    if (ended != 0) break;
    if (SteadyClock::now() > until) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
      break;
    }
    std::this_thread::sleep_for(milliseconds{5});
  }
  child_ = 0;
}

}  // namespace rollcall::app
