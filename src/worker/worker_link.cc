#include "worker/worker_link.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "base/check.h"
#include "base/failpoint.h"
#include "worker/worker.h"

namespace rollcall::worker {
namespace {

using Steady = std::chrono::steady_clock;

[[noreturn]] void EndProcess(int status) {
  // No destructors: the handler is in the middle of something on another thread.
  ::_exit(status);
}

void WriteAllOrEnd(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) EndProcess(kWorkerExitSocketLost);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

WorkerLink::WorkerLink(base::UniqueFd socket)
    : socket_(std::move(socket)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  ROLLCALL_CHECK(wake_.is_open(), "eventfd");
  thread_ = std::thread([this] { Run(); });
}

WorkerLink::~WorkerLink() {
  is_closing_ = true;
  Wake();
  thread_.join();
}

void WorkerLink::Wake() {
  const std::uint64_t one = 1;
  ROLLCALL_CHECK(::write(wake_.get(), &one, sizeof one) == sizeof one);
}

void WorkerLink::DoOnThread(const std::function<void()>& act) {
  base::MutexLock lock(mutex_);
  given_ = &act;
  Wake();
  while (given_ != nullptr) changed_.Wait(mutex_);
}

void WorkerLink::RunGiven() {
  std::uint64_t count = 0;
  ROLLCALL_CHECK(::read(wake_.get(), &count, sizeof count) == sizeof count);
  base::MutexLock lock(mutex_);
  if (given_ == nullptr) return;
  (*given_)();
  given_ = nullptr;
  changed_.NotifyAll();
}

Assignment WorkerLink::WaitForAssignment() {
  base::MutexLock lock(mutex_);
  while (!assignment_) changed_.Wait(mutex_);
  return *assignment_;
}

base::Result<void> WorkerLink::Send(const Frame& frame) {
  ROLLCALL_TRY_ASSIGN(const std::string bytes, EncodeFrame(frame));
  base::MutexLock lock(send_mutex_);
  WriteAllOrEnd(socket_.get(), bytes);
  return {};
}

void WorkerLink::PostProgress(ProgressReport report) {
  base::MutexLock lock(mutex_);
  posted_ = std::move(report);
}

void WorkerLink::FlushProgress() {
  std::optional<ProgressReport> report;
  {
    base::MutexLock lock(mutex_);
    report.swap(posted_);
  }
  // A report too long for a frame is one that no person could read; the next one may fit.
  if (report) static_cast<void>(Send(EncodeProgress(*report)));
}

base::Result<void> WorkerLink::CommitSegment(const domain::Segment& segment) {
  {
    base::MutexLock lock(mutex_);
    ack_.reset();
  }
  FlushProgress();
  ROLLCALL_TRY(Send(EncodeSegment(FrameType::kSegmentReady, segment)));
  ROLLCALL_TRY(base::Failpoint("segment.announced"));
  base::MutexLock lock(mutex_);
  while (!ack_ || ack_->number != segment.number) changed_.Wait(mutex_);
  if (ack_->error) return *ack_->error;
  return base::Failpoint("segment.acknowledged");
}

void WorkerLink::SendPulse() {
  static_cast<void>(Send(EncodePulse({.seq = ++pulse_seq_})));  // A pulse always fits.
}

void WorkerLink::Run() {
  SendPulse();
  auto pulse_due = Steady::now() + pulse_.load();
  while (!is_closing_) {
    const auto turn =
        std::max(std::chrono::milliseconds{5}, std::min(progress_.load(), pulse_.load()));
    std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(turn.count()));
    if (ready < 0 && errno != EINTR) EndProcess(kWorkerExitSocketLost);
    if (ready > 0 && fds[0].revents != 0) Read();
    if (ready > 0 && fds[1].revents != 0) RunGiven();
    FlushProgress();
    // The assignment has said how often; the first pulse did not know that yet.
    pulse_due = std::min(pulse_due, Steady::now() + pulse_.load());
    if (Steady::now() >= pulse_due) {
      SendPulse();
      pulse_due = Steady::now() + pulse_.load();
    }
  }
}

void WorkerLink::Read() {
  std::array<char, 1 << 16> bytes{};
  const ssize_t n = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) EndProcess(kWorkerExitSocketLost);
  auto frames = reader_.Feed({bytes.data(), static_cast<std::size_t>(n)});
  if (!frames.ok()) {
    std::fprintf(stderr, "%s\n", frames.error().ToString().c_str());
    EndProcess(kWorkerExitProtocol);
  }
  for (const Frame& frame : *frames) Take(frame);
}

void WorkerLink::Take(const Frame& frame) {
  const auto value_or_end = [](auto decoded) {
    if (decoded.ok()) return std::move(decoded).value();
    std::fprintf(stderr, "%s\n", decoded.error().ToString().c_str());
    EndProcess(kWorkerExitProtocol);
  };
  switch (frame.type) {
    case FrameType::kCancel:
      stop_reason_ = domain::StopReason::kCancel;
      return;
    case FrameType::kDrain: {
      // A cancel is the stronger wish.
      auto none = domain::StopReason::kNone;
      stop_reason_.compare_exchange_strong(none, domain::StopReason::kDrain);
      return;
    }
    case FrameType::kAssignSegment:
      segments_.push_back(value_or_end(DecodeSegment(frame)));
      return;
    case FrameType::kAssign: {
      Assignment assignment = value_or_end(DecodeAssign(frame));
      assignment.stage.segments = std::move(segments_);
      for (domain::Segment& segment : assignment.stage.segments) {
        const std::filesystem::path path = segment.path;
        if (!path.empty()) segment.file = assignment.stage.segment_shelf / path.filename();
      }
      pulse_ = assignment.pulse;
      progress_ = assignment.progress;
      base::MutexLock lock(mutex_);
      assignment_ = std::move(assignment);
      changed_.NotifyAll();
      return;
    }
    case FrameType::kSegmentAck: {
      SegmentAck ack = value_or_end(DecodeSegmentAck(frame));
      base::MutexLock lock(mutex_);
      ack_ = std::move(ack);
      changed_.NotifyAll();
      return;
    }
    default:
      std::fprintf(stderr, "a frame that no agent sends\n");
      EndProcess(kWorkerExitProtocol);
  }
}

}  // namespace rollcall::worker
