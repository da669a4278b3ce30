#include "jobs/testing/misconduct.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "domain/reasons.h"
#include "worker/messages.h"
#include "worker/segment_file.h"
#include "worker/worker.h"

namespace rollcall::jobs {
namespace {

using domain::JobContext;
using domain::StageOutput;
using Output = base::Result<StageOutput>;

[[noreturn]] void NeverReturn() {
  while (true) ::poll(nullptr, 0, -1);
}

// Past the runtime, onto the worker's own socket.
void SendRaw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(worker::kWorkerSocketFd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) ::_exit(1);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}
void SendRaw(const worker::Frame& frame) { SendRaw(worker::EncodeFrame(frame).value()); }

worker::ProgressReport Report(std::int64_t done, std::int64_t total) {
  return {.done = done, .total = total, .unit = "frames"};
}

// --- Endings

Output ReturnNothing(JobContext&) { return StageOutput{}; }
Output ThrowInt(JobContext&) { throw 42; }
Output ThrowBadAlloc(JobContext&) { throw std::bad_alloc(); }
Output ThrowOnAThread(JobContext&) {
  std::thread([] { throw std::bad_alloc(); }).join();
  return StageOutput{};
}
Output SayThatMemoryIsShort(JobContext&) {
  return base::Error{base::ErrorCode::kInternal, "ERR_INTERNAL",
                     "libav: open: Cannot allocate memory", ""};
}
Output Segfault(JobContext&) {
  ::raise(SIGSEGV);
  return StageOutput{};
}
Output Abort(JobContext&) { std::abort(); }
Output ExitZero(JobContext&) { ::_exit(0); }
Output ExitThree(JobContext&) { ::_exit(3); }

// --- Hanging

Output Hang(JobContext&) { NeverReturn(); }
Output Stop(JobContext&) {
  ::raise(SIGSTOP);
  NeverReturn();
}
// Looks busy: phase after phase, and the same progress again and again.
Output Dither(JobContext& context) {
  for (std::int64_t i = 0;; ++i) {
    context.SetPhase(i % 2 == 0 ? domain::Phase::kSeek : domain::Phase::kWork);
    SendRaw(worker::EncodeProgress(Report(10 - i % 10, 10)));
    ::poll(nullptr, 0, 2);
  }
}
// Offers a segment that cannot be committed for ever.
Output OfferForEver(JobContext& context) {
  while (true) {
    static_cast<void>(context.CommitSegment({.number = 7}, "no"));
    ::poll(nullptr, 0, 2);
  }
}
// As fast as the socket takes it; nobody else may suffer.
Output FloodForEver(JobContext&) {
  const std::string frame = worker::EncodeFrame(worker::EncodeProgress(Report(1, 10))).value();
  std::string many;
  // So many go through the socket in one piece, without a pulse in the middle of a frame.
  for (int i = 0; i < 100; ++i) many += frame;
  while (true) SendRaw(many);
}

// --- Lies about progress

// Under a sanitizer a tenth: with times that are a fiftieth, an owner that decodes all of it does
// not come to renew its leases on a slow machine.
#ifdef ROLLCALL_SANITIZED
constexpr int kFlood = 2'000;
#else
constexpr int kFlood = 20'000;
#endif

Output Flood(JobContext& context) {
  for (int i = 0; i < kFlood; ++i) SendRaw(worker::EncodeProgress(Report(i, kFlood)));
  return ReturnNothing(context);
}
Output FloodTheLog(JobContext& context) {
  for (int i = 0; i < 20'000; ++i) context.Log("once more");
  return ReturnNothing(context);
}
Output FloodTheOutput(JobContext& context) {
  const std::string line = std::string(1023, 'x') + "\n";
  for (int i = 0; i < 20 * 1024; ++i) std::fwrite(line.data(), 1, line.size(), stderr);
  return ReturnNothing(context);
}
Output GoBackwards(JobContext& context) {
  for (int i = 100; i >= 0; --i) SendRaw(worker::EncodeProgress(Report(i, 100)));
  return ReturnNothing(context);
}
Output DoLessThanNothing(JobContext&) {
  SendRaw(worker::EncodeProgress(Report(-1, 100)));
  NeverReturn();
}
Output DoMoreThanAll(JobContext& context) {
  for (int i = 0; i < 300; ++i) SendRaw(worker::EncodeProgress(Report(i, 100)));
  return ReturnNothing(context);
}

// --- Nonsense on the socket

Output SendNonsense(JobContext&) {
  SendRaw(std::string("\xff\xff\xff\xff nonsense"));
  NeverReturn();
}
Output SendHalfAFrame(JobContext&) {
  const std::string frame = worker::EncodeFrame(worker::EncodeLog("a line")).value();
  SendRaw(std::string_view(frame).substr(0, frame.size() - 3));
  // Past what a sanitizer does at an exit, during which a pulse would make the frame whole.
  ::syscall(SYS_exit_group, 0);
  std::abort();
}
Output SendAgentsFrame(JobContext&) {
  SendRaw(worker::Frame{
      .type = worker::FrameType::kCancel, .body = base::Json::object(), .attachment = {}});
  NeverReturn();
}
Output ReturnTwentyMegabytes(JobContext&) {
  return StageOutput{.result = {{"text", std::string(20 << 20, 'x')}}, .artifacts = {}};
}
Output ReturnDeepJson(JobContext&) {
  base::Json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = base::Json::array({std::move(deep)});
  return StageOutput{.result = {{"deep", std::move(deep)}}, .artifacts = {}};
}

// --- Lies about segments

domain::Segment SegmentNumber(std::int64_t number) {
  return {.number = number,
          .pts_from = std::chrono::seconds{10 * number},
          .pts_to = std::chrono::seconds{10 * (number + 1)}};
}
// What CommitSegment says, for a handler that passes errors on.
Output Offer(JobContext& context, std::int64_t number, std::string_view bytes) {
  ROLLCALL_TRY(context.CommitSegment(SegmentNumber(number), bytes));
  return StageOutput{};
}
Output LeaveAGap(JobContext& context) { return Offer(context, 5, "segment 5\n"); }
Output CommitTwice(JobContext& context) {
  ROLLCALL_TRY(Offer(context, 0, "segment 0\n"));
  return Offer(context, 0, "something else\n");
}
// Of a file that it wrote itself, and then ends before the answer.
[[noreturn]] void OfferRaw(domain::Segment segment) {
  SendRaw(worker::EncodeSegment(worker::FrameType::kSegmentReady, segment));
  ::poll(nullptr, 0, 20);
  ::_exit(1);
}
Output LieAboutASegment(JobContext& context) {
  const auto& assignment = context.assignment();
  domain::Segment segment = SegmentNumber(0);
  segment.path = fmt::format("harvest/{}/segments/{}/seg-00000.t{}.deadbeef", assignment.subject_id,
                             assignment.stage, assignment.token);
  segment.size_bytes = 4;
  segment.sha256 = base::Sha256("true");
  ROLLCALL_TRY(base::MakeFolders((assignment.staging_dir / segment.path).parent_path()));
  ROLLCALL_TRY(base::WriteFileAtomic(assignment.staging_dir / segment.path, "lies"));
  OfferRaw(segment);
}
// Waits for no answer.
Output OfferInHaste(JobContext& context) {
  const auto& assignment = context.assignment();
  for (std::int64_t number = 0; number < 3; ++number) {
    ROLLCALL_TRY_ASSIGN(const domain::Segment segment,
                        worker::StageSegmentFile(assignment, SegmentNumber(number), "in haste\n"));
    SendRaw(worker::EncodeSegment(worker::FrameType::kSegmentReady, segment));
  }
  return StageOutput{};
}
Output ClaimOthersSegment(JobContext& context) {
  domain::Segment segment = SegmentNumber(0);
  segment.path = "harvest/y/segments/detect/seg-00000.t1.deadbeef";
  segment.size_bytes = 6;
  segment.sha256 = base::Sha256("others");
  const auto file = context.assignment().staging_dir / segment.path;
  ROLLCALL_TRY(base::MakeFolders(file.parent_path()));
  ROLLCALL_TRY(base::WriteFileAtomic(file, "others"));
  OfferRaw(segment);
}

// --- Lies about results

Output Claim(JobContext& context, const std::string& name, const std::string& path) {
  const auto file = context.assignment().staging_dir / path;
  ROLLCALL_TRY(base::MakeFolders(file.parent_path()));
  ROLLCALL_TRY(base::WriteFileAtomic(file, "others"));
  return StageOutput{
      .result = base::Json::object(),
      .artifacts = {
          {.name = name, .path = path, .size_bytes = 6, .sha256 = base::Sha256("others")}}};
}
Output ClaimOthersResult(JobContext& context) {
  return Claim(context, "harvest/x/detect.bin", "harvest/y/detect.bin.g1");
}
Output ClaimOthersName(JobContext& context) {
  const std::string name = "harvest/y/detect.bin";
  return Claim(context, name, fmt::format("{}.g{}", name, context.assignment().token));
}
Output ClaimOtherGeneration(JobContext& context) {
  return Claim(context, "harvest/x/detect.bin", "harvest/x/detect.bin.g999");
}

// --- What the sandbox is for

// Touches what it takes, so that it counts.
Output EatMemory(JobContext& context) {
  constexpr std::size_t kBite = std::size_t{8} << 20;
  constexpr std::size_t kBitesMax =
      256;  // 2 GB: a limit that does not hold must not end the machine.
  std::vector<std::unique_ptr<char[]>> eaten;
  for (std::int64_t i = 0; eaten.size() < kBitesMax; ++i) {
    eaten.emplace_back(new char[kBite]);
    std::memset(eaten.back().get(), 1, kBite);
    context.ReportProgress(
        {.done = i, .total = 0, .unit = "bites", .counters = base::Json::object(), .position = {}});
  }
  return StageOutput{};
}

// As libav says it: threads until one has no room for its stack.
Output StartThreadsUnseen(JobContext&) {
  constexpr int kThreadsMax = 4096;
  std::atomic<bool> is_enough{false};
  std::string refused;
  std::vector<std::thread> threads;
  while (refused.empty() && std::ssize(threads) < kThreadsMax) {
    try {
      threads.emplace_back([&] { is_enough.wait(false); });
    } catch (const std::system_error& error) {
      refused = error.what();
    }
  }
  is_enough = true;
  is_enough.notify_all();
  for (std::thread& thread : threads) thread.join();
  return base::Error{base::ErrorCode::kInvalidArgument, "ERR_VIDEO_UNREADABLE",
                     "libav: open: " + refused, ""};
}

Output ThrowForWantOfAThread(JobContext&) {
  throw std::system_error(EAGAIN, std::generic_category());
}

// As C libraries do that do not look at what malloc gave them.
Output UseMemoryUnseen(JobContext&) {
  constexpr std::size_t kBite = std::size_t{8} << 20;
  for (int i = 0; i < 256; ++i) {
    auto* bite = static_cast<volatile char*>(std::malloc(kBite));
    *bite = 1;
  }
  return StageOutput{};
}

long Execve() {
  std::string program = "/bin/true";
  std::array<char*, 2> argv{program.data(), nullptr};
  return ::execve(argv[0], argv.data(), argv.data() + 1);
}
long SendTo() {
  sockaddr address{};
  return ::sendto(worker::kWorkerSocketFd, "x", 1, MSG_NOSIGNAL, &address, sizeof address);
}
long ReadParent() {
  char byte = 0;
  iovec here{&byte, 1};
  return ::process_vm_readv(::getppid(), &here, 1, &here, 1, 0);
}
long LiftLimit() {
  const rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  return ::setrlimit(RLIMIT_DATA, &limit);
}

// Tries what no stage needs; its result says of each what errno it got, 0 for success.
Output TryToEscape(JobContext&) {
  const std::map<std::string, std::function<long()>> tries = {
      {"socket", [] { return ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"socket_unix", [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"connect", [] { return ::connect(worker::kWorkerSocketFd, nullptr, 0); }},
      {"bind", [] { return ::bind(worker::kWorkerSocketFd, nullptr, 0); }},
      {"sendto", SendTo},
      {"execve", Execve},
      {"fork", [] { return ::fork(); }},
      {"vfork", [] { return ::syscall(SYS_vfork); }},
      {"clone3", [] { return ::syscall(SYS_clone3, nullptr, 0); }},
      {"setsid", [] { return ::setsid(); }},
      {"ptrace", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"process_vm_readv", ReadParent},
      {"kill", [] { return ::kill(::getppid(), 0); }},
      {"pidfd_open", [] { return ::syscall(SYS_pidfd_open, ::getppid(), 0); }},
      {"mount", [] { return ::mount("none", "/mnt", "tmpfs", 0, nullptr); }},
      {"unshare", [] { return ::unshare(CLONE_NEWUSER); }},
      {"chroot", [] { return ::chroot("/"); }},
      {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"perf_event_open", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
      {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0); }},
      {"io_uring_setup", [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"keyctl", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"init_module", [] { return ::syscall(SYS_init_module, nullptr, 0, ""); }},
      {"prlimit64", LiftLimit}};
  base::Json results = base::Json::object();
  for (const auto& [name, act] : tries) {
    errno = 0;
    const long result = act();
    if (result == 0 && (name == "fork" || name == "vfork")) ::_exit(0);  // We are the child.
    results[name] = result < 0 ? errno : 0;
  }
  // What stages do need goes on: files, threads, signals to oneself.
  std::ofstream("/dev/null") << "x";
  std::thread([&results] { results["thread"] = 0; }).join();
  results["kill_self"] = ::kill(::getpid(), 0) == 0 ? 0 : errno;
  return StageOutput{.result = std::move(results), .artifacts = {}};
}

long Close(int fd) { return fd < 0 ? fd : ::close(fd); }
long OpenFile(const std::filesystem::path& path, int flags) {
  return Close(::open(path.c_str(), flags | O_CLOEXEC, 0644));
}

// Tries what no stage needs of the file system, and what every stage needs; its result says of each
// what errno it got, 0 for success. Expects `outside` in its parameters, a file beside the data
// directory.
Output ReachForFiles(JobContext& context) {
  const auto& assignment = context.assignment();
  const std::filesystem::path data = assignment.staging_dir.parent_path().parent_path();
  const std::filesystem::path staging = assignment.staging_dir;
  const std::filesystem::path outside =
      base::Json::parse(assignment.params_json).at("outside").get<std::string>();
  const std::filesystem::path own = staging / "own";
  const auto in_thread = [&] {
    long result = 0;
    int failure = 0;
    std::thread([&] {
      result = OpenFile(outside, O_RDONLY);
      failure = errno;
    }).join();
    errno = failure;
    return result;
  };
  const std::vector<std::pair<std::string, std::function<long()>>> tries = {
      {"may_write_in_staging", [&] { return OpenFile(own, O_WRONLY | O_CREAT | O_TRUNC); }},
      {"may_make_a_folder_in_staging", [&] { return ::mkdir((staging / "f").c_str(), 0755); }},
      {"may_rename_in_staging",
       [&] { return ::rename(own.c_str(), (staging / "renamed").c_str()); }},
      {"may_remove_in_staging", [&] { return ::unlink((staging / "renamed").c_str()); }},
      {"may_read_committed_segments",
       [&] { return OpenFile(assignment.segment_shelf / "committed", O_RDONLY); }},
      {"may_read_its_process", [] { return OpenFile("/proc/self/status", O_RDONLY); }},
      {"may_ask_for_random_numbers", [] { return OpenFile("/dev/urandom", O_RDONLY); }},
      {"make_again", [&] { return OpenFile(own, O_WRONLY | O_CREAT); }},  // For those below.
      {"read_what_was_not_handed_over", [&] { return OpenFile(data / "committed", O_RDONLY); }},
      {"read_outside", [&] { return OpenFile(outside, O_RDONLY); }},
      {"read_outside_in_a_thread", in_thread},
      {"read_by_a_link", [&] { return OpenFile(data / "link-to-outside", O_RDONLY); }},
      {"list_outside", [&] { return OpenFile(outside.parent_path(), O_RDONLY | O_DIRECTORY); }},
      {"read_passwords", [] { return OpenFile("/etc/passwd", O_RDONLY); }},
      {"read_the_owners_environment",
       [] { return OpenFile("/proc/" + std::to_string(::getppid()) + "/environ", O_RDONLY); }},
      {"write_outside", [&] { return OpenFile(outside, O_WRONLY); }},
      {"write_what_is_committed", [&] { return OpenFile(data / "committed", O_WRONLY); }},
      {"cut_what_is_committed", [&] { return ::truncate((data / "committed").c_str(), 0); }},
      {"remove_what_is_committed", [&] { return ::unlink((data / "committed").c_str()); }},
      {"close_what_is_committed", [&] { return ::chmod((data / "committed").c_str(), 0); }},
      {"make_in_the_data_directory", [&] { return OpenFile(data / "stray", O_WRONLY | O_CREAT); }},
      {"make_a_folder", [&] { return ::mkdir((data / "stray").c_str(), 0755); }},
      {"make_in_tmp", [] { return OpenFile("/tmp", O_WRONLY | O_TMPFILE); }},
      {"move_out", [&] { return ::rename(own.c_str(), (data / "stray").c_str()); }},
      {"link_in", [&] { return ::link((data / "committed").c_str(), (staging / "l").c_str()); }},
      {"link_by_name", [&] { return ::symlink("/etc/passwd", (staging / "s").c_str()); }},
      {"make_a_pipe", [&] { return ::mkfifo((staging / "p").c_str(), 0644); }}};
  base::Json results = base::Json::object();
  for (const auto& [name, act] : tries) {
    errno = 0;
    results[name] = act() < 0 ? errno : 0;
  }
  return StageOutput{.result = std::move(results), .artifacts = {}};
}

constexpr std::array kAll = {
    Misconduct{"return_nothing", ReturnNothing},
    Misconduct{"throw_int", ThrowInt},
    Misconduct{"bad_alloc", ThrowBadAlloc},
    Misconduct{"bad_alloc_on_a_thread", ThrowOnAThread},
    Misconduct{"say_that_memory_is_short", SayThatMemoryIsShort},
    Misconduct{"segfault", Segfault},
    Misconduct{"abort", Abort},
    Misconduct{"exit_zero", ExitZero},
    Misconduct{"exit_three", ExitThree},
    Misconduct{"hang", Hang},
    Misconduct{"stop", Stop},
    Misconduct{"dither", Dither},
    Misconduct{"offer_for_ever", OfferForEver},
    Misconduct{"flood_for_ever", FloodForEver},
    Misconduct{"flood", Flood},
    Misconduct{"flood_the_log", FloodTheLog},
    Misconduct{"flood_the_output", FloodTheOutput},
    Misconduct{"go_backwards", GoBackwards},
    Misconduct{"do_more_than_all", DoMoreThanAll},
    Misconduct{"do_less_than_nothing", DoLessThanNothing},
    Misconduct{"nonsense", SendNonsense},
    Misconduct{"half_a_frame", SendHalfAFrame},
    Misconduct{"agents_frame", SendAgentsFrame},
    Misconduct{"twenty_megabytes", ReturnTwentyMegabytes},
    Misconduct{"deep_json", ReturnDeepJson},
    Misconduct{"leave_a_gap", LeaveAGap},
    Misconduct{"commit_twice", CommitTwice},
    Misconduct{"lie_about_a_segment", LieAboutASegment},
    Misconduct{"hasty", OfferInHaste},
    Misconduct{"claim_others_segment", ClaimOthersSegment},
    Misconduct{"claim_others_result", ClaimOthersResult},
    Misconduct{"claim_others_name", ClaimOthersName},
    Misconduct{"claim_other_generation", ClaimOtherGeneration},
    Misconduct{"eat_memory", EatMemory},
    Misconduct{"use_memory_unseen", UseMemoryUnseen},
    Misconduct{"start_threads_unseen", StartThreadsUnseen},
    Misconduct{"throw_for_want_of_a_thread", ThrowForWantOfAThread},
    Misconduct{"try_to_escape", TryToEscape},
    Misconduct{"reach_for_files", ReachForFiles},
};

}  // namespace

std::span<const Misconduct> AllMisconduct() { return kAll; }

const Misconduct* FindMisconduct(std::string_view name) {
  for (const Misconduct& misconduct : kAll) {
    if (misconduct.name == name) return &misconduct;
  }
  return nullptr;
}

}  // namespace rollcall::jobs
