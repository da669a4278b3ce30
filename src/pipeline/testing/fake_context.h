#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "domain/stage_handler.h"

namespace rollcall::pipeline::testing {

// A runtime of one process: keeps segments in memory and on disk, can be told to stop after some.
class FakeContext final : public domain::JobContext {
 public:
  // Results are where later stages look for them as soon as they are written: in `root`.
  FakeContext(std::filesystem::path root, domain::StageAssignment assignment)
      : root_(std::move(root)), assignment_(std::move(assignment)) {
    assignment_.staging_dir = root_;
    for (domain::Artifact& input : assignment_.inputs) input.file = root_ / input.path;
    for (domain::Segment& segment : assignment_.segments) segment.file = root_ / segment.path;
  }

  // The handler is asked to stop when it has committed this many segments in this attempt.
  void StopAfterSegments(int segments) { segments_left_ = segments; }

  const domain::StageAssignment& assignment() const override { return assignment_; }
  domain::StopReason stop_reason() const override {
    if (++looks == cancel_at_look) is_cancelled = true;
    return segments_left_ == 0 || is_cancelled ? domain::StopReason::kCancel
                                               : domain::StopReason::kNone;
  }
  void SetPhase(domain::Phase phase) override { phases.push_back(phase); }
  void ReportProgress(const domain::Progress& progress) override {
    last_progress = progress;
    if (on_progress) on_progress(progress);
  }
  void Log(std::string_view line) override { log.emplace_back(line); }

  void BeginSegment(const domain::SegmentSpan& segment) override { begun.push_back(segment); }

  base::Result<domain::Segment> CommitSegment(domain::Segment segment,
                                              std::string_view bytes) override {
    segment.path =
        "segments/" + std::to_string(segment.number) + ".t" + std::to_string(assignment_.token);
    segment.size_bytes = static_cast<std::int64_t>(bytes.size());
    segment.sha256 = base::Sha256(bytes);
    segment.file = root_ / segment.path;
    ROLLCALL_TRY(base::MakeFolders(root_ / "segments"));
    ROLLCALL_TRY(base::WriteFileAtomic(segment.file, bytes));
    committed.push_back(segment);
    if (segments_left_ > 0) --segments_left_;
    return segment;
  }

  std::vector<domain::Phase> phases;
  std::vector<std::string> log;
  std::vector<domain::SegmentSpan> begun;
  std::vector<domain::Segment> committed;
  domain::Progress last_progress;
  // What a test does when it hears of progress.
  std::function<void(const domain::Progress&)> on_progress;
  mutable std::atomic<bool> is_cancelled{false};
  // How often the handler has looked whether to go on, and at which of them it hears that it is
  // not.
  mutable std::atomic<int> looks{0};
  int cancel_at_look = 0;

 private:
  const std::filesystem::path root_;
  domain::StageAssignment assignment_;
  std::atomic<int> segments_left_{-1};  // Asked by threads that read ahead, too.
};

}  // namespace rollcall::pipeline::testing
