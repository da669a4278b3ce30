#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "domain/job_state.h"
#include "domain/stage_handler.h"

namespace rollcall::store {

// Row ids. Distinct types, so that they cannot be swapped.
enum class JobId : std::int64_t {};
enum class StageRunId : std::int64_t {};
enum class TaskId : std::int64_t {};

// One video that is known.
struct Episode {
  std::string key;
  std::string display;      // The title it was added under: "RHOBH_S05_E03_11062025".
  std::string video_path;   // Absolute, or relative to the data directory for an upload.
  std::string fingerprint;  // Of the video's bytes; two different videos never share a key.
  base::WallTime created_at{};
};

// What a job is about. Nothing in the runtime assumes an episode.
struct Subject {
  std::string kind;  // "episode"
  std::string id;    // The episode key.
  friend bool operator==(const Subject&, const Subject&) = default;
};

// What a new run does about segments that were skipped, or that a run of this work failed at.
enum class SkipWish {
  kAsBefore,  // What was skipped stays skipped.
  kPoison,    // The segment of its ERR_POISON_SEGMENT is skipped as well.
  kNone,      // Nothing is skipped any more.
};

// One stage of a submission.
struct StageRequest {
  std::string name;      // "detect"
  std::string work_key;  // hash(subject, stage, parameters, inputs, models, edit sequence)
  // Equal to work_key for episode stages; nullopt where equal submissions are separate work.
  std::optional<std::string> dedupe_key;
  std::string params_json = "{}";
  std::vector<std::string> needs;  // Names of stages of this submission that come first.
  // A finished run of the same work whose artefacts were verified: joined, nothing runs.
  std::optional<StageRunId> reuse;
  SkipWish skip = SkipWish::kAsBefore;
  // Runs again from nothing: what is committed of this work goes with the submission, in its
  // transaction. Nothing goes when the job is refused or not written.
  bool drops_segments = false;
};

struct JobRequest {
  Subject subject;
  std::string kind;  // "analyze", "detect": with the subject's id the job's name.
  std::string request_json = "{}";
  int priority = 0;  // Higher first.
  std::vector<StageRequest> stages;
  // Whoever submits again with the same key, since he has not heard what came of the first time,
  // gets the job of the first time: JobSubmit. Of one subject kind; 1 to 200 bytes.
  std::optional<std::string> idempotency_key = std::nullopt;
};

// For how long a key means its first submission, by the store's wall clock.
inline constexpr std::chrono::hours kIdempotencyKeyAge{24};

// A request to bring a subject to a state.
struct Job {
  JobId id{};
  Subject subject;
  std::string kind;
  std::string request_json;
  int priority = 0;
  base::WallTime created_at{};
  domain::JobState state{};  // Of its stage runs together.
  std::optional<base::WallTime> finished_at;
  std::int64_t event_seq = 0;  // Of its newest event.

  std::string job_name() const { return kind + "_" + subject.id; }
};

// When something is due by the store's boot clock (store_clock.h): at `at` of that boot of the
// store, and at once in any other boot. The wall clock has no say, so that a jump of it neither
// hurries a retry nor puts it off for a day.
struct Due {
  std::string boot_id;
  base::BootTime at{};
};

// One generation of one stage of one subject.
struct StageRun {
  StageRunId id{};
  Subject subject;
  std::string name;
  int generation = 0;  // From 1.
  std::string work_key;
  std::optional<std::string> dedupe_key;
  std::string params_json;
  domain::JobState state{};
  bool is_cancel_wanted = false;
  int priority = 0;       // The highest of the open jobs that joined it.
  int failures = 0;       // Since the last new segment.
  int crashes = 0;        // Of those failures: two on one segment are a poison segment.
  int interruptions = 0;  // Owner or worker taken away; not failures.
  // The newest of them: in a row without a new segment, and wished for by nobody.
  int interruptions_in_row = 0;
  // How long its attempts since the last new segment ran without progress, all together.
  std::chrono::milliseconds fruitless{};
  std::optional<base::WallTime> run_at;  // Of a retry_wait; for people.
  std::optional<Due> retry_due;          // Of a retry_wait; decides.
  std::string wait_reason;               // Why it waits, a sentence; empty when it does not.
  std::optional<base::Error> last_error;
  std::string result_json = "{}";
  base::WallTime created_at{};
  std::optional<base::WallTime> started_at;
  std::optional<base::WallTime> finished_at;
  std::int64_t change = 0;  // Grows with every change of any run: the projector's cursor.

  std::string job_name() const { return name + "_" + subject.id; }
};

// The right to write for one attempt. Every write of a worker is conditional on all three and on
// the lease row.
struct Fence {
  TaskId task{};
  std::int64_t token = 0;  // Never reset.
  std::string attempt_uuid;
  friend bool operator==(const Fence&, const Fence&) = default;
};

// Who runs attempts: one agent process of one owner incarnation.
struct AgentIdentity {
  std::string id;           // Host and data directory's agent.
  std::string incarnation;  // Fresh at each start of the owner.
  std::string boot_id;      // Of its host: which processes are meant. Decides nothing in the store.
};

// The newest that was heard of a running attempt, by the boot clock of its agent's host; before its
// first renewal by the store's.
struct Liveness {
  std::int64_t pulse_seq = 0;
  base::BootTime last_pulse{};
  domain::Phase phase = domain::Phase::kStarting;
  base::BootTime phase_since{};
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string unit;
  double rate = 0;               // `unit` per second, moving average.
  double realtime_factor = 0;    // Seconds of video per second; 0 if unknown.
  base::BootTime progress_at{};  // When `done` last changed.
  std::string counters_json = "{}";
  bool is_stalled = false;
};

struct Lease {
  Fence fence;
  AgentIdentity agent;
  std::int64_t pid = 0;
  std::int64_t pid_start = 0;  // Field 22 of /proc/<pid>/stat: with pid and boot id an identity.
  Due expires;
  int attempt_number = 0;
  base::WallTime started_at{};
  Liveness liveness;
};

// What an agent has heard of one of its attempts.
struct Heartbeat {
  Fence fence;
  Liveness liveness;
};

// What an agent gets to run.
struct LeasedTask {
  Fence fence;
  StageRun run;
  int attempt_number = 0;                  // Of this run, from 1.
  std::vector<domain::Segment> segments;   // Of its work_key, contiguous, not yet verified.
  std::vector<domain::Artifact> inputs;    // Of the runs it needs.
  std::vector<domain::SegmentSpan> skips;  // Of its work_key: to be left out.
};

enum class AttemptOutcome {
  kSucceeded,
  kFailed,
  kInterrupted,
  kCancelled,
  kCrashed,
  kStalled,
  kExpired
};
std::string_view AttemptOutcomeName(AttemptOutcome outcome);
std::optional<AttemptOutcome> AttemptOutcomeFromName(std::string_view name);

struct Attempt {
  Fence fence;
  int number = 0;
  std::string agent_id;
  std::int64_t pid = 0;
  base::WallTime started_at{};
  std::optional<base::WallTime> ended_at;
  std::optional<AttemptOutcome> outcome;
  std::string error_reason;
  std::string exit;  // "exit 0", "signal 9"
  std::int64_t rss_peak_bytes = 0;
};

struct Event {
  JobId job{};
  std::int64_t seq = 0;       // Per job, from 1, without holes.
  std::int64_t position = 0;  // Of all jobs, in the order in which they were written. Given by the
                              // store, once: never to another event, whatever is forgotten.
  base::WallTime at{};
  std::string kind;  // "stage_started", "segment_committed", "stage_failed", …
  std::string body_json = "{}";
};

// A line of the log of what people say of a subject: docs/people.md.
struct Edit {
  std::int64_t sequence = 0;  // Of the subject, from 1, without holes.
  base::WallTime at{};
  std::string who;
  std::string kind;  // "name"; "undo" and "redo" are the store's own.
  std::string body_json = "{}";
  std::optional<std::int64_t> undone_by;  // The line that took it back, and that stands.
  // Of the request that wrote it, where that had one; whoever repeats it gets these lines.
  std::optional<std::string> idempotency_key;
  std::string asked_sha256;
};

inline constexpr std::string_view kUndoKind = "undo";
inline constexpr std::string_view kRedoKind = "redo";

struct NewEdit {
  std::string kind;
  std::string body_json = "{}";
};

// How an attempt ended other than by success.
struct AttemptEnd {
  AttemptOutcome outcome = AttemptOutcome::kFailed;
  base::Error error;
  // What becomes of the run: cancelled if that is wanted; else, by outcome and these:
  // kFailed/kCrashed/kStalled with `retry_in` → retry_wait for so long, without → failed (runs that
  // need it fail with ERR_PREREQ_FAILED); kInterrupted/kExpired → queued again.
  std::optional<std::chrono::milliseconds> retry_in;
  int retries_max = 0;  // For the sentence "retry 2 of 5"; 0 leaves it out.
  // Somebody stopped the owner or ended this attempt on purpose: that wears out no job.
  bool is_wished = false;
  // How long the attempt had run without progress when it ended; adds up in the run.
  std::chrono::milliseconds fruitless{};
  // Of an ERR_POISON_SEGMENT: which one, so that somebody may wish to skip it. None where the
  // stage had begun no segment.
  std::optional<domain::SegmentSpan> poison;
  std::string exit;
  std::int64_t rss_peak_bytes = 0;
};

}  // namespace rollcall::store
