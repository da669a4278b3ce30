#include "command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/check.h"
#include "base/file.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Pipe {
  base::UniqueFd read_end;
  base::UniqueFd write_end;
};

Pipe MakePipe() {
  int ends[2];
  ROLLCALL_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

// False when the stream has ended.
bool Take(base::UniqueFd& fd, std::string& text) {
  char buffer[8192];
  const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
  if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
  if (n == 0) fd.Reset();
  return n > 0;
}

}  // namespace

Command::Command(std::vector<std::string> arguments, const Environment& environment) {
  arguments.insert(arguments.begin(), ROLLCALL_BIN_DIR "/rollcall");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  Pipe out = MakePipe();
  Pipe err = MakePipe();
  pid_ = ::fork();
  ROLLCALL_CHECK(pid_ >= 0, "fork");
  if (pid_ == 0) {
    ::setpgid(0, 0);
    ::dup2(out.write_end.get(), STDOUT_FILENO);
    ::dup2(err.write_end.get(), STDERR_FILENO);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::setpgid(pid_, pid_);
  out_ = std::move(out.read_end);
  err_ = std::move(err.read_end);
}

Command::~Command() {
  if (is_reaped_) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Command::Signal(int number) const { ::kill(pid_, number); }

bool Command::Read(milliseconds limit) {
  pollfd fds[2]{{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}};
  ::poll(fds, 2, static_cast<int>(limit.count()));
  if (fds[0].revents != 0) Take(out_, ended_.out);
  if (fds[1].revents != 0) Take(err_, ended_.err);
  return out_.is_open() || err_.is_open();
}

bool Command::WaitForOutput(std::string_view text, std::chrono::seconds limit) {
  const auto until = steady_clock::now() + limit;
  while (true) {
    const bool has_come =
        ended_.out.find(text) != std::string::npos || ended_.err.find(text) != std::string::npos;
    if (has_come) return true;
    if (steady_clock::now() > until || !Read(milliseconds{50})) return false;
  }
}

Ended Command::Wait(std::chrono::seconds limit) {
  const auto until = steady_clock::now() + limit;
  int status = 0;
  // An engine that stays may hold the streams open: the command's own end decides.
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (steady_clock::now() > until) ::kill(-pid_, SIGKILL);
    Read(milliseconds{20});
  }
  is_reaped_ = true;
  while ((out_.is_open() || err_.is_open()) && steady_clock::now() < until) {
    const std::size_t before = ended_.out.size() + ended_.err.size();
    Read(milliseconds{0});
    if (ended_.out.size() + ended_.err.size() == before) break;
  }
  if (WIFEXITED(status)) ended_.exit = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ended_.signal = WTERMSIG(status);
  return ended_;
}

Ended RunCommand(std::vector<std::string> arguments, const Command::Environment& environment) {
  return Command(std::move(arguments), environment).Wait();
}

bool Ffmpeg(const std::string& arguments) {
  return std::system(("ffmpeg -nostdin -v error -y " + arguments).c_str()) == 0;
}

void PauseBetweenLooks() { ::poll(nullptr, 0, 10); }

std::vector<std::string> ProcessesAbout(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (name == std::to_string(::getpid())) continue;
    // A worker names the folder in no argument; its files do.
    const auto arguments = base::ReadFile(entry.path() / "cmdline");
    std::string command_line = arguments.ok() ? *arguments : std::string{};
    std::replace(command_line.begin(), command_line.end(), '\0', ' ');
    bool is_about = command_line.find(folder.string()) != std::string::npos;
    for (const auto& fd : fs::directory_iterator(entry.path() / "fd", error)) {
      std::error_code ignored;
      const fs::path target = fs::read_symlink(fd.path(), ignored);
      is_about = is_about || target.string().starts_with(folder.string());
    }
    const auto stat = base::ReadFile(entry.path() / "stat");
    const bool is_zombie = stat.ok() && stat->find(") Z ") != std::string::npos;
    if (is_about && !is_zombie) found.push_back(name + " " + command_line);
  }
  return found;
}

}  // namespace rollcall::e2e
