#include "jobs/supervised_worker.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "worker/process_table.h"

namespace rollcall::jobs {
namespace {

bool HasEnded(const base::UniqueFd& pidfd) {
  pollfd ended{pidfd.get(), POLLIN, 0};
  return pidfd.is_open() && ::poll(&ended, 1, 0) > 0;
}

}  // namespace

base::Result<std::unique_ptr<SupervisedWorker>> SupervisedWorker::Start(
    const worker::WorkerProcess::Options& options, const Watch& watch, const RuntimeTimes& times) {
  ROLLCALL_TRY_ASSIGN(auto process, worker::WorkerProcess::Start(options));
  return std::unique_ptr<SupervisedWorker>(new SupervisedWorker(std::move(process), watch, times));
}

SupervisedWorker::SupervisedWorker(std::unique_ptr<worker::WorkerProcess> process,
                                   const Watch& watch, const RuntimeTimes& times)
    : times_(times),
      process_(std::move(process)),
      ward_(watch.watchdog.Watch(watch.fence, *process_, watch.renewed_at)) {}

void SupervisedWorker::AddPollFds(std::vector<pollfd>& fds, bool reads) const {
  if (is_gone_) return;
  // An ended leader's pidfd stays readable; from then on only the rest of its group is waited for.
  if (!process_->HasExited()) fds.push_back({process_->pidfd(), POLLIN, 0});
  for (const base::UniqueFd& remnant : remnants_) fds.push_back({remnant.get(), POLLIN, 0});
  if (!is_socket_open_) return;
  const int events = (reads ? POLLIN : 0) | (process_->has_output() ? POLLOUT : 0);
  if (events != 0) fds.push_back({process_->socket(), static_cast<short>(events), 0});
}

base::Result<void> SupervisedWorker::Send(const worker::Frame& frame) {
  if (!is_socket_open_) return {};
  ROLLCALL_TRY_ASSIGN(const std::string bytes, EncodeFrame(frame));
  static_cast<void>(process_->Send(bytes));
  return {};
}

void SupervisedWorker::Flush() { static_cast<void>(process_->Flush()); }

base::Result<std::optional<std::vector<worker::Frame>>> SupervisedWorker::Receive() {
  using Frames = std::optional<std::vector<worker::Frame>>;
  if (!is_socket_open_) return Frames{};
  std::array<char, 1 << 16> bytes{};
  ssize_t n = -1;
  do {
    n = ::recv(process_->socket(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Frames{};
  if (n <= 0) {
    is_socket_open_ = false;
    return Frames{};
  }
  auto frames = reader_.Feed(std::string_view(bytes.data(), static_cast<std::size_t>(n)));
  if (frames.ok()) return Frames(*std::move(frames));
  is_socket_open_ = false;
  return std::move(frames).error();
}

void SupervisedWorker::Kill(base::BootTime now) {
  if (!killed_at_) killed_at_ = now;
  looked_at_ = now;
  process_->Signal(SIGKILL);
}

std::chrono::nanoseconds SupervisedWorker::LookPeriod() const {
  return std::max<std::chrono::nanoseconds>(std::chrono::milliseconds{10}, times_.pulse / 4);
}

bool SupervisedWorker::LookForEnd(base::BootTime since, base::BootTime now) {
  if (!is_gone_ && process_->HasExited()) LookForRemnants(now);
  if (is_gone_) return false;
  if (!killed_at_ && now - since >= times_.exit_grace) Kill(now);
  if (!killed_at_) return false;
  // Whatever it forked in between, too.
  if (now - looked_at_ >= LookPeriod()) Kill(now);
  if (now - *killed_at_ < times_.unkillable || !trouble_.empty()) return false;
  trouble_ =
      fmt::format("unkillable: process {} does not end by SIGKILL ({}); its slot is not used",
                  process_->pid(), worker::DescribeThreads(process_->pid()));
  return true;
}

// Ended leaders leave nobody behind. What is found is waited for by its pidfd; without a sign it is
// looked for again only after a while, because a look reads all of /proc.
void SupervisedWorker::LookForRemnants(base::BootTime now) {
  if (has_leader_ended_) {
    const std::size_t before = remnants_.size();
    std::erase_if(remnants_, HasEnded);
    const bool have_ended = before > 0 && remnants_.empty();
    if (!have_ended && now - looked_at_ < LookPeriod()) return;
  }
  has_leader_ended_ = true;
  remnants_ = process_->Remnants();
  if (!remnants_.empty() || !process_->HasEmptyCgroup()) return Kill(now);
  ward_.reset();  // Before its number may become another's.
  exit_ = process_->Reap();
  is_gone_ = true;
  is_socket_open_ = false;
}

}  // namespace rollcall::jobs
