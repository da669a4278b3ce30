#include "jobs/testing/misconduct.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
#include "jobs/testing/misconduct_escape.h"
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
