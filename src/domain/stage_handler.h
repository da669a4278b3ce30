#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "domain/job_state.h"
#include "domain/media_time.h"
#include "domain/segment_span.h"

namespace rollcall::domain {

// A finished file of a stage. It lies at `path`, whose name carries the fencing token
// (`harvest/x/embeddings.parquet.g7`); people see it under `name`, a link set by the projector.
struct Artifact {
  std::string name;  // Relative to the data directory: "harvest/x/embeddings.parquet".
  std::string path;  // Relative to the data directory; equal to `name` + ".g<token>".
  std::int64_t size_bytes = 0;
  std::string sha256;
  std::int64_t count = 0;  // Rows or entries, where that has a meaning.
  // In an assignment: where it can be read, absolute. Elsewhere empty.
  std::filesystem::path file = {};
};

// A checkpoint: the work of [pts_from, pts_to), in a file of its own.
struct Segment {
  std::int64_t number = 0;  // From 0, without holes.
  MediaTime pts_from{};
  MediaTime pts_to{};
  std::string path;  // Relative to the data directory; empty when resume_blob holds everything.
  std::int64_t size_bytes = 0;
  std::string sha256;
  std::string counters_json;  // What was counted up to and including this segment.
  std::string resume_blob;    // State that the next segment starts from; opaque bytes.
  // In an assignment, and of CommitSegment: where it can be read, absolute. Elsewhere empty.
  std::filesystem::path file = {};
};

// Everything that a handler may depend on.
struct StageAssignment {
  std::string subject_kind;  // "episode"
  std::string subject_id;    // The episode key.
  std::string stage;         // "detect"
  std::string job;           // "detect_rhobh_s05_e03"
  std::string work_key;
  std::int64_t token = 0;
  std::string params_json;
  // The attempt's own folder, the only one that may be written in, and a picture of the data
  // directory: a result is written there under its `path`; the runtime takes it over once it has
  // looked at it.
  std::filesystem::path staging_dir;
  std::filesystem::path segment_folder;  // Of new segments: the folder in their `path`.
  std::filesystem::path segment_shelf;   // Where those that are committed can be read, absolute.
  std::vector<Artifact> inputs;          // Verified results of the stages that this one needs.
  std::vector<Segment> segments;         // Verified, contiguous from 0: start after the last.
  // Segments to leave out, by number: nothing of them is looked at, an empty one is committed in
  // each one's place (docs/poison-segments.md). Some may be among `segments` already.
  std::vector<SegmentSpan> skips;
  // Attempts that crashed since the last new segment. If there was one, the next segment is worked
  // on alone: nothing ahead of it may be to blame for the next crash.
  int crashes = 0;
};

enum class StopReason { kNone, kCancel, kDrain };

// How far a handler is, in one unit. Stretches of a stage that do not count in its own unit
// (reading on to where work begins, merging, hashing) have units of their own. Within an attempt
// `done` only grows in each, and there are a few: what does not grow is no sign of getting on.
struct Progress {
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string_view unit;  // "frames", "tracks"; "bytes"
  base::Json counters;    // Shown to people: {"faces_detected": 811}
  MediaTime position{};   // Of the video, for the rate in × real time; 0 if there is none.
};

// What the runtime offers a running handler. Thread-safe.
class JobContext {
 public:
  virtual ~JobContext() = default;

  virtual const StageAssignment& assignment() const = 0;

  // Polled between frames: a handler that sees a reason returns StoppedError at once; on kDrain it
  // may first close its segment.
  virtual StopReason stop_reason() const = 0;

  // Cheap; may be called for every frame.
  virtual void SetPhase(Phase phase) = 0;
  virtual void ReportProgress(const Progress& progress) = 0;
  // One line for the job's log, without the prefix: "model=scrfd loading...".
  virtual void Log(std::string_view line) = 0;

  // From here on it is this segment that is worked on, and that is blamed for a crash. Said before
  // anything of it is touched, and not for a segment that is skipped.
  virtual void BeginSegment(const SegmentSpan& segment) = 0;

  // Writes `bytes` as this segment's file, then waits until the runtime has moved it to its place
  // and committed its row: from then on it can be read there. Fills path, size_bytes and sha256.
  // kCancelled / ERR_FENCED: somebody else has the task now; return the error at once.
  virtual base::Result<Segment> CommitSegment(Segment segment, std::string_view bytes) = 0;
};

// The error of a handler that saw stop_reason() != kNone.
base::Error StoppedError();

// What a stage hands back. The runtime makes it durable and visible, or not at all.
struct StageOutput {
  base::Json result = base::Json::object();  // {"faces_detected": 5678, "embeddings_computed": 812}
  std::vector<Artifact> artifacts;
};

// One stage as a function. It knows nothing of states, leases, retries or files of the runtime:
// it returns, and whatever happened is recorded for it.
class StageHandler {
 public:
  virtual ~StageHandler() = default;
  virtual base::Result<StageOutput> Run(JobContext& context) = 0;
};

}  // namespace rollcall::domain
