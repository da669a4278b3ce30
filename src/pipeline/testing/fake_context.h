#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "domain/stage_handler.h"

namespace rollcall::pipeline::testing {

// A runtime of one process: keeps segments in memory and on disk, can be told to stop after some.
class FakeContext final : public domain::JobContext {
 public:
  // Results are where later stages look for them as soon as they are written.
  explicit FakeContext(domain::StageAssignment assignment) : assignment_(std::move(assignment)) {
    assignment_.staging_dir = assignment_.data_dir;
  }

  // The handler is asked to stop when it has committed this many segments in this attempt.
  void StopAfterSegments(int segments) { segments_left_ = segments; }

  const domain::StageAssignment& assignment() const override { return assignment_; }
  domain::StopReason stop_reason() const override {
    return segments_left_ == 0 ? domain::StopReason::kCancel : domain::StopReason::kNone;
  }
  void SetPhase(domain::Phase phase) override { phases.push_back(phase); }
  void ReportProgress(const domain::Progress& progress) override { last_progress = progress; }
  void Log(std::string_view line) override { log.emplace_back(line); }

  void BeginSegment(const domain::SegmentSpan& segment) override { begun.push_back(segment); }

  base::Result<domain::Segment> CommitSegment(domain::Segment segment,
                                              std::string_view bytes) override {
    segment.path =
        "segments/" + std::to_string(segment.number) + ".t" + std::to_string(assignment_.token);
    segment.size_bytes = static_cast<std::int64_t>(bytes.size());
    segment.sha256 = base::Sha256(bytes);
    ROLLCALL_TRY(base::MakeFolders(assignment_.data_dir / "segments"));
    ROLLCALL_TRY(base::WriteFileAtomic(assignment_.data_dir / segment.path, bytes));
    committed.push_back(segment);
    if (segments_left_ > 0) --segments_left_;
    return segment;
  }

  std::vector<domain::Phase> phases;
  std::vector<std::string> log;
  std::vector<domain::SegmentSpan> begun;
  std::vector<domain::Segment> committed;
  domain::Progress last_progress;

 private:
  domain::StageAssignment assignment_;
  int segments_left_ = -1;
};

}  // namespace rollcall::pipeline::testing
