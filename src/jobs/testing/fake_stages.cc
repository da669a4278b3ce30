#include "jobs/testing/fake_stages.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include "base/file.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"
#include "jobs/testing/misconduct.h"
#include "worker/worker.h"

namespace rollcall::jobs {
namespace {

namespace fs = std::filesystem;
using domain::JobContext;

constexpr std::int64_t kFramesPerSegment = 100;

void BlockForEver() {
  while (true) ::poll(nullptr, 0, -1);
}

void IgnoreTerm() { ::signal(SIGTERM, SIG_IGN); }

// The file is there with its content or not at all, however many workers write it at once.
void WritePid(const fs::path& path) {
  const fs::path own = fmt::format("{}.{}", path.string(), ::getpid());
  std::ofstream(own) << ::getpid();
  fs::rename(own, path);
}

// The data directory, in which tests and fake stages leave signs for each other.
fs::path PlaygroundOf(const domain::StageAssignment& assignment) {
  return assignment.staging_dir.parent_path().parent_path();
}

class FakeStage final : public domain::StageHandler {
 public:
  base::Result<domain::StageOutput> Run(JobContext& context) override {
    ROLLCALL_TRY_ASSIGN(params_, base::ParseJson(context.assignment().params_json, "params"));
    behaviour_ = params_.value("behaviour", "work");
    if (fs::exists(PlaygroundOf(context.assignment()) / "good")) behaviour_ = "work";
    segments_ = params_.value("segments", std::int64_t{3});
    const base::UniqueFd alone = BeAlone(context);
    ::poll(nullptr, 0, params_.value("start_ms", 0));
    context.SetPhase(domain::Phase::kModelLoad);
    context.Log("model=fake loading...");
    Dwell();
    context.Log("model=fake loaded in 0.0s provider=none");
    Seek(context);
    context.SetPhase(domain::Phase::kWork);
    if (const Misconduct* misconduct = FindMisconduct(behaviour_)) return misconduct->act(context);
    const auto given = std::ssize(context.assignment().segments);
    const auto first = behaviour_ == "forget" ? 0 : given;
    for (std::int64_t number = first; number < segments_; ++number) {
      if (IsSkipped(context, number)) {
        ROLLCALL_TRY(CommitOne(context, number));
        continue;
      }
      if (params_.value("announce", true)) context.BeginSegment(SpanOf(number));
      ROLLCALL_TRY(Misbehave(context, number));
      ROLLCALL_TRY(Hold(context, number));
      if (context.stop_reason() != domain::StopReason::kNone) return domain::StoppedError();
      Trace(context, number);
      Dwell();
      ROLLCALL_TRY(behaviour_ == "hoard" ? CommitHoard(context, number)
                                         : CommitOne(context, number));
    }
    context.SetPhase(domain::Phase::kFinalise);
    Dwell();
    is_sloppy_ = behaviour_ == "sloppy" && given > 0;
    return Finish(context);
  }

 private:
  static domain::SegmentSpan SpanOf(std::int64_t number) {
    return {.number = number,
            .pts_from = std::chrono::seconds{10 * number},
            .pts_to = std::chrono::seconds{10 * (number + 1)}};
  }

  static bool IsSkipped(const JobContext& context, std::int64_t number) {
    for (const domain::SegmentSpan& skip : context.assignment().skips) {
      if (skip.number == number) return true;
    }
    return false;
  }

  static std::string Bytes(const JobContext& context, std::int64_t number) {
    return IsSkipped(context, number) ? std::string() : fmt::format("segment {}\n", number);
  }

  void Dwell() const { ::poll(nullptr, 0, params_.value("dwell_ms", 0)); }

  void Seek(JobContext& context) const {
    const int ms = params_.value("seek_ms", 0);
    if (ms == 0) return;
    context.SetPhase(domain::Phase::kSeek);
    ::poll(nullptr, 0, ms);
  }

  // Held until this process ends. Two that work on one key at a time are written down.
  base::UniqueFd BeAlone(const JobContext& context) const {
    if (!params_.value("alone", false)) return {};
    const auto& assignment = context.assignment();
    const fs::path path = PlaygroundOf(assignment) / ("alone-" + assignment.subject_id);
    base::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.is_open() || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      std::ofstream(PlaygroundOf(assignment) / "doubles", std::ios::app)
          << assignment.subject_id << std::endl;
    }
    return file;
  }

  // A line for each segment that is begun, so that a test can see who does what again.
  void Trace(const JobContext& context, std::int64_t number) const {
    if (!params_.value("trace", false)) return;
    const auto& assignment = context.assignment();
    std::ofstream(PlaygroundOf(assignment) / ("trace-" + assignment.subject_id), std::ios::app)
        << fmt::format("{} {}\n", assignment.token, number) << std::flush;
  }

  base::Result<void> CommitOne(JobContext& context, std::int64_t number) {
    const std::int64_t frames = (number + 1) * kFramesPerSegment;
    const base::Json counters = {{"faces_detected", frames * 2}};
    ROLLCALL_TRY(context.CommitSegment({.number = number,
                                        .pts_from = SpanOf(number).pts_from,
                                        .pts_to = SpanOf(number).pts_to,
                                        .path = {},
                                        .size_bytes = 0,
                                        .sha256 = {},
                                        .counters_json = counters.dump(),
                                        .resume_blob = std::string("\0state", 6)},
                                       Bytes(context, number)));
    context.ReportProgress({.done = frames,
                            .total = segments_ * kFramesPerSegment,
                            .unit = "frames",
                            .counters = counters,
                            .position = std::chrono::seconds{10 * (number + 1)}});
    return {};
  }

  // Four at a time, when all of them are done.
  base::Result<void> CommitHoard(JobContext& context, std::int64_t number) {
    constexpr std::int64_t kHoard = 4;
    const std::int64_t before = number % kHoard;
    if (before != kHoard - 1 && number + 1 < segments_) return {};
    for (std::int64_t done = number - before; done <= number; ++done) {
      ROLLCALL_TRY(CommitOne(context, done));
    }
    return {};
  }

  // Whether this attempt is one of those that behave badly.
  bool IsBad(const JobContext& context) {
    if (behaviour_ == "work") return false;
    const int times = params_.value("times", 0);
    if (times == 0) return true;
    const fs::path path =
        PlaygroundOf(context.assignment()) / ("bad-" + context.assignment().stage);
    const auto text = base::ReadFile(path);
    const int before = text.ok() ? std::stoi(*text) : 0;
    if (before >= times) return false;
    std::ofstream(path) << before + 1;
    return true;
  }

  base::Result<void> Misbehave(JobContext& context, std::int64_t number) {
    const bool is_bad_later = behaviour_.starts_with("lie") || behaviour_ == "forget" ||
                              behaviour_ == "sloppy" || behaviour_ == "hoard";
    if (number != params_.value("at", std::int64_t{0}) || is_bad_later || !IsBad(context)) {
      return {};
    }
    if (behaviour_ == "throw") throw std::runtime_error("thrown on purpose");
    if (behaviour_ == "permanent") {
      return domain::MakeError(domain::reason::kVideoNotFound, "no such video");
    }
    if (behaviour_ == "transient") {
      return base::Error{base::ErrorCode::kUnavailable, "ERR_IO", "the disk hiccups", ""};
    }
    if (behaviour_ == "disk_full") {
      return domain::MakeError(domain::reason::kDiskFull, "no space left on purpose");
    }
    if (behaviour_ == "throw_disk_full") {
      throw fs::filesystem_error("cannot copy file",
                                 std::make_error_code(std::errc::no_space_on_device));
    }
    if (behaviour_ == "disk_full_bus") MeetFullDisk();
    if (behaviour_ == "bus" || behaviour_ == "disk_full_bus") TouchWhatHasNoRoom();
    if (behaviour_ == "crash") {
      ::write(STDERR_FILENO, "crashed on purpose\n", 19) < 0 ? ::_exit(1) : std::abort();
    }
    if (behaviour_ == "stop_self") ::raise(SIGSTOP);
    if (behaviour_ == "left_behind") StayBehind(context);
    if (behaviour_ == "same_done") RepeatItself(context, number);
    if (behaviour_ == "deaf") IgnoreTerm();
    if (behaviour_ == "with_child" || behaviour_ == "with_lost_child") StartChild(context);
    if (behaviour_ == "with_lost_child") return {};
    BlockForEver();
    return {};
  }

  // As any writer does who then goes on all the same.
  static void MeetFullDisk() {
    const base::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    if (::write(full.get(), "x", 1) < 0) {
      static_cast<void>(base::ErrnoError(errno, "write", "/dev/full"));
    }
  }

  // What the kernel does about a page of a mapped file that it has no room for.
  static void TouchWhatHasNoRoom() {
    constexpr std::size_t kPage = 4096;
    const base::UniqueFd file(::memfd_create("nothing", MFD_CLOEXEC));
    void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    static_cast<volatile char*>(page)[0] = 'x';  // SIGBUS: it is beyond the end.
  }

  // Outlives its owner: the kernel does not end it, and where its socket was there is one that
  // never ends.
  static void StayBehind(const JobContext& context) {
    ::prctl(PR_SET_PDEATHSIG, 0);
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) return;
    ::dup2(ends[0], worker::kWorkerSocketFd);
    const fs::path path = PlaygroundOf(context.assignment()) / "left";
    WritePid(path);
  }

  // Reports for ever what it has reported, and commits what is committed.
  void RepeatItself(JobContext& context, std::int64_t number) {
    while (number > 0 && CommitOne(context, number - 1).ok()) ::poll(nullptr, 0, 5);
  }

  // A process that neither SIGTERM nor the worker's end ends; it may even leave the group.
  void StartChild(const JobContext& context) {
    if (::fork() != 0) {
      const fs::path path = PlaygroundOf(context.assignment()) / "child";
      while (!fs::exists(path)) ::poll(nullptr, 0, 2);
      return;
    }
    IgnoreTerm();
    if (behaviour_ == "with_lost_child") ::setsid();
    WritePid(PlaygroundOf(context.assignment()) / "child");
    BlockForEver();
  }

  base::Result<void> Hold(const JobContext& context, std::int64_t number) {
    if (number != params_.value("hold_after", std::int64_t{-1})) return {};
    const fs::path held = PlaygroundOf(context.assignment()) / "held";
    WritePid(held);
    while (!fs::exists(PlaygroundOf(context.assignment()) / "go") &&
           context.stop_reason() == domain::StopReason::kNone) {
      ::poll(nullptr, 0, 2);
    }
    return {};
  }

  base::Result<domain::StageOutput> Finish(const JobContext& context) {
    const domain::StageAssignment& assignment = context.assignment();
    std::string bytes;
    for (std::int64_t number = 0; number < segments_; ++number) bytes += Bytes(context, number);
    if (is_sloppy_) bytes += "resumed\n";
    domain::Artifact artifact;
    artifact.name = fmt::format("harvest/{}/{}.bin", assignment.subject_id, assignment.stage);
    artifact.path = fmt::format("{}.g{}", artifact.name, assignment.token);
    artifact.size_bytes = std::ssize(bytes);
    artifact.sha256 = base::Sha256(bytes);
    if (behaviour_ != "lie_missing") {
      ROLLCALL_TRY(base::MakeFolders((assignment.staging_dir / artifact.path).parent_path()));
      ROLLCALL_TRY(base::WriteFileAtomic(assignment.staging_dir / artifact.path, bytes));
    }
    if (behaviour_ == "lie_size") artifact.size_bytes += 1;
    if (behaviour_ == "lie_hash") artifact.sha256 = base::Sha256("other");
    if (behaviour_ == "lie_outside") artifact.path = "../outside";
    const std::int64_t faces = segments_ * kFramesPerSegment * 2;
    domain::StageOutput output{
        .result = {{"faces_detected", faces}, {"embeddings_computed", faces / 2}},
        .artifacts = {artifact}};
    ROLLCALL_TRY(AddOthers(assignment, output.artifacts));
    return output;
  }

  static base::Result<void> AddOthers(const domain::StageAssignment& assignment,
                                      std::vector<domain::Artifact>& artifacts) {
    const fs::path also = PlaygroundOf(assignment) / "also" / assignment.stage;
    if (!fs::exists(also)) return {};
    for (const auto& entry : fs::directory_iterator(also)) {
      ROLLCALL_TRY_ASSIGN(const std::string bytes, base::ReadFile(entry.path()));
      domain::Artifact artifact;
      artifact.name =
          fmt::format("harvest/{}/{}", assignment.subject_id, entry.path().filename().string());
      artifact.path = fmt::format("{}.g{}", artifact.name, assignment.token);
      artifact.size_bytes = std::ssize(bytes);
      artifact.sha256 = base::Sha256(bytes);
      ROLLCALL_TRY(base::MakeFolders((assignment.staging_dir / artifact.path).parent_path()));
      ROLLCALL_TRY(base::WriteFileAtomic(assignment.staging_dir / artifact.path, bytes));
      artifacts.push_back(std::move(artifact));
    }
    return {};
  }

  base::Json params_;
  std::string behaviour_;
  std::int64_t segments_ = 0;
  bool is_sloppy_ = false;
};

}  // namespace

std::unique_ptr<domain::StageHandler> MakeFakeStage(std::string_view stage) {
  if (stage == "unknown") return nullptr;
  return std::make_unique<FakeStage>();
}

}  // namespace rollcall::jobs
