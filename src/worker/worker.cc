#include "worker/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <string>

#include "base/failpoint.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "worker/file_sandbox.h"
#include "worker/messages.h"
#include "worker/segment_file.h"
#include "worker/worker_link.h"

namespace rollcall::worker {
namespace {

// What a handler sees of the runtime, over the link to the agent.
class LinkedContext final : public domain::JobContext {
 public:
  LinkedContext(WorkerLink& link, domain::StageAssignment assignment)
      : link_(link), assignment_(std::move(assignment)) {}

  const domain::StageAssignment& assignment() const override { return assignment_; }
  domain::StopReason stop_reason() const override { return link_.stop_reason(); }

  void SetPhase(domain::Phase phase) override {
    link_.FlushProgress();
    static_cast<void>(link_.Send(EncodePhase(phase)));  // Always fits.
  }

  void ReportProgress(const domain::Progress& progress) override {
    link_.PostProgress(
        {.done = progress.done,
         .total = progress.total,
         .unit = std::string(progress.unit),
         .counters = progress.counters.is_object() ? progress.counters : base::Json::object(),
         .position = progress.position});
  }

  void Log(std::string_view line) override {
    constexpr std::size_t kLineMax = 16'384;
    link_.FlushProgress();
    static_cast<void>(link_.Send(EncodeLog(line.substr(0, kLineMax))));
  }

  void BeginSegment(const domain::SegmentSpan& segment) override {
    link_.FlushProgress();
    static_cast<void>(link_.Send(EncodeSegmentBegun(segment)));  // Always fits.
  }

  base::Result<domain::Segment> CommitSegment(domain::Segment segment,
                                              std::string_view bytes) override {
    ROLLCALL_TRY_ASSIGN(auto written, StageSegmentFile(assignment_, std::move(segment), bytes));
    ROLLCALL_TRY(link_.CommitSegment(written));
    return written;
  }

 private:
  WorkerLink& link_;
  const domain::StageAssignment assignment_;
};

base::Error Thrown(std::string_view stage, std::string_view what) {
  return domain::MakeError(domain::reason::kInternal,
                           fmt::format("the stage {} ended by an exception: {}", stage, what));
}

std::int64_t MemoryLimitMb() {
  rlimit limit{};
  const bool has_limit = ::getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return has_limit ? static_cast<std::int64_t>(limit.rlim_cur >> 20) : 0;
}

base::Error OutOfMemory(std::string_view stage, std::string_view what) {
  const std::int64_t limit = MemoryLimitMb();
  return domain::MakeError(
      domain::reason::kOutOfMemory,
      fmt::format("the stage {} needed more memory than {} (met as: {})", stage,
                  limit > 0 ? fmt::format("the {} MB a worker may have", limit) : "there is for it",
                  what));
}

// Libraries that report want of memory as an error of their own keep it only in their sentence:
// libav and the C library, ONNX Runtime (both forms), DuckDB. A thread whose stack has no room is
// refused with EAGAIN, which nothing else here gives where memory is limited.
bool SpeaksOfMemory(std::string_view message) {
  if (MemoryLimitMb() > 0 && message.find("Resource temporarily unavailable") != message.npos) {
    return true;
  }
  for (const std::string_view words :
       {"Cannot allocate memory", "Failed to allocate memory", "bad_alloc", "Out of Memory"}) {
    if (message.find(words) != std::string_view::npos) return true;
  }
  return false;
}

// What the C library, and with it every library, says of a full disk and of a used-up quota.
bool SpeaksOfFullDisk(std::string_view message) {
  return message.find("No space left on device") != message.npos ||
         message.find("Disk quota exceeded") != message.npos;
}

base::Error DiskFull(std::string_view stage, std::string_view what) {
  return domain::MakeError(domain::reason::kDiskFull,
                           fmt::format("the stage {} met a full disk (met as: {})", stage, what));
}

// What the message of an error, or of an exception, is about, where only the message says it.
std::optional<base::Error> Understand(std::string_view stage, std::string_view message) {
  if (SpeaksOfFullDisk(message)) return DiskFull(stage, message);
  if (SpeaksOfMemory(message)) return OutOfMemory(stage, message);
  return std::nullopt;
}

// Whether there is none to be had now. Async-signal-safe.
bool IsMemoryShort() {
  constexpr std::size_t kProbeBytes = std::size_t{32} << 20;
  void* probe = ::mmap(nullptr, kProbeBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return true;
  ::munmap(probe, kProbeBytes);
  return false;
}

// Async-signal-safe.
[[noreturn]] void EndWith(std::string_view words, int status) {
  // Nobody could be told that this failed.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, words.data(), words.size());
  ::_exit(status);
}
[[noreturn]] void EndForWantOfMemory() { EndWith("out of memory\n", kWorkerExitOutOfMemory); }

// A library that does not look whether it got its memory, or its room on the disk, ends by one of
// these signals. Otherwise the process ends by it as it would have: the handler was for once.
void OnFatalSignal(int signal) {
  if (base::HasMetFullDisk()) EndWith("no space left on the disk\n", kWorkerExitDiskFull);
  if (MemoryLimitMb() > 0 && IsMemoryShort()) EndForWantOfMemory();
  ::raise(signal);
}

// An exception that nothing catches, on a thread that a library started, for example, or one while
// another is on its way: a thread that could not be started leaves others that nobody joins.
[[noreturn]] void OnTerminate() {
  if (IsMemoryShort()) EndForWantOfMemory();
  try {
    if (std::current_exception()) std::rethrow_exception(std::current_exception());
    std::fprintf(stderr, "ended by std::terminate, %d exceptions on their way\n",
                 std::uncaught_exceptions());
  } catch (const std::bad_alloc&) {
    EndForWantOfMemory();
  } catch (const std::exception& failure) {
    if (SpeaksOfFullDisk(failure.what())) EndWith(failure.what(), kWorkerExitDiskFull);
    std::fprintf(stderr, "ended by an exception: %s\n", failure.what());
  } catch (...) {
    std::fprintf(stderr, "ended by an exception of an unknown type\n");
  }
  std::abort();
}

void SayWhatIsShort() {
  std::set_terminate(OnTerminate);
  struct sigaction action {};
  action.sa_handler = OnFatalSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  // A mapped file that has no room ends by the first, what a library makes of it by the second.
  for (const int signal : {SIGBUS, SIGABRT}) ::sigaction(signal, &action, nullptr);
  // Only where memory is limited: elsewhere the kernel does not refuse it.
  if (MemoryLimitMb() > 0) ::sigaction(SIGSEGV, &action, nullptr);
}

// Exceptions end here and nowhere else in the worker.
base::Result<domain::StageOutput> RunHandler(const HandlerFactory& factory,
                                             domain::JobContext& context) {
  const std::string& stage = context.assignment().stage;
  try {
    const std::unique_ptr<domain::StageHandler> handler = factory(stage);
    if (handler == nullptr) {
      return domain::MakeError(domain::reason::kInternal,
                               fmt::format("this worker knows no stage \"{}\"", stage));
    }
    ROLLCALL_TRY(base::Failpoint("worker.assigned"));
    auto output = handler->Run(context);
    if (!output.ok() && !domain::IsDiskFull(output.error())) {
      if (auto understood = Understand(stage, output.error().message)) return *understood;
    }
    ROLLCALL_TRY(base::Failpoint("worker.finished"));
    return output;
  } catch (const std::bad_alloc& failure) {
    return OutOfMemory(stage, failure.what());
  } catch (const std::exception& failure) {
    const auto understood = Understand(stage, failure.what());
    return understood ? *understood : Thrown(stage, failure.what());
  } catch (...) {
    return Thrown(stage, "of an unknown type");
  }
}

Conclusion Conclude(base::Result<domain::StageOutput> result) {
  Conclusion conclusion;
  if (!result.ok()) {
    conclusion.error = std::move(result).error();
    return conclusion;
  }
  conclusion.output = std::move(result).value();
  if (!conclusion.output->result.is_object()) conclusion.output->result = base::Json::object();
  return conclusion;
}

FileRules RulesFor(const domain::StageAssignment& assignment, const OutsideFiles& outside) {
  FileRules rules{.reads = outside.reads, .writes = {assignment.staging_dir}};
  rules.reads.push_back(assignment.segment_shelf);
  for (const auto& input : assignment.inputs) rules.reads.push_back(input.file);
  if (const std::string folder = base::FailpointFolder(); !folder.empty()) {
    rules.writes.emplace_back(folder);
  }
  return rules;
}

// Both threads there are: the handler's, which is this one, and the link's.
base::Result<void> EnterFileSandbox(WorkerLink& link, const FileRules& rules) {
  ROLLCALL_TRY_ASSIGN(const FileSandbox sandbox, FileSandbox::Create(rules));
  base::Result<void> entered;
  link.DoOnThread([&] { entered = sandbox.Enter(); });
  ROLLCALL_TRY(entered);
  return sandbox.Enter();
}

// What is not kept from it, in a sentence; empty if all is.
std::string LimitFiles(WorkerLink& link, const domain::StageAssignment& assignment,
                       const OutsideFilesOf& outside_files) {
  const OutsideFiles outside = outside_files ? outside_files(assignment) : OutsideFiles{};
  if (!outside.why_unlimited.empty()) return outside.why_unlimited;
  const auto entered = EnterFileSandbox(link, RulesFor(assignment, outside));
  return entered.ok() ? std::string() : entered.error().message;
}

}  // namespace

int RunWorker(int socket_fd, const WorkerParts& parts) {
  const auto sandboxed = EnterSandbox(parts.rules);
  SayWhatIsShort();
  ::fcntl(socket_fd, F_SETFD, FD_CLOEXEC);  // Not for what the handler may start.
  WorkerLink link{base::UniqueFd(socket_fd)};
  static_cast<void>(link.Send(EncodeHello({.pid = ::getpid()})));
  const Assignment assignment = link.WaitForAssignment();
  LinkedContext context(link, assignment.stage);
  if (!sandboxed.ok()) context.Log("works without a sandbox: " + sandboxed.error().message);
  if (parts.rules == SandboxRules::kAll) {
    const std::string why = LimitFiles(link, assignment.stage, parts.outside_files);
    if (!why.empty()) context.Log("may reach every file of its user: " + why);
  }

  const Conclusion conclusion = Conclude(RunHandler(parts.handlers, context));
  for (const std::string& name : RefusedCalls()) {
    context.Log("the sandbox refused the system call " + name);
  }
  link.FlushProgress();
  if (auto sent = link.Send(EncodeDone(conclusion)); !sent.ok()) {
    const Conclusion too_long{.output = std::nullopt, .error = std::move(sent).error()};
    static_cast<void>(link.Send(EncodeDone(too_long)));
  }
  return kWorkerExitDone;
}

}  // namespace rollcall::worker
