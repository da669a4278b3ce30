#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "store/records.h"

namespace rollcall::store {

struct Submission {
  Job job;
  // The same work was already open: `job` is that one, nothing was added.
  bool is_existing = false;
  // The request's idempotency key was answered with it before.
  bool is_repeated = false;
};

// Who writes lines of the edit log, and the key that he repeats where he has not heard what came
// of it; 1 to 200 bytes.
struct EditAuthor {
  std::string who;
  std::optional<std::string> idempotency_key = std::nullopt;
  // What he asked for, word for word: with one key always the same. Empty: the edits are.
  std::string asked = {};
};

struct ClaimRequest {
  AgentIdentity agent;
  std::vector<std::string> stages;  // Which this agent can run; empty = all.
  std::chrono::nanoseconds lease{};
};

struct RenewReply {
  Fence fence;
  bool is_held = false;  // False: lost; kill that child now.
  bool is_cancel_wanted = false;
};

struct CancelOutcome {
  Job job;
  std::vector<Fence> to_stop;  // Live attempts that nothing else needs any more.
  bool had_finished = false;   // It was terminal before; nothing changed.
};

// The runs of one stage that a worker could take now.
struct QueueFacts {
  std::string stage;
  std::string paused;  // Why nothing is claimed; empty when it is.
  std::int64_t queued = 0;
  // Since when the one that waits longest could be taken; nullopt if none waits.
  std::optional<base::WallTime> oldest;
};

struct RunView {
  StageRun run;
  std::optional<Lease> lease;  // While leased.
  bool is_reused = false;      // Joined after it had finished: skipped for this job.
  bool is_left = false;        // This job was cancelled, the run goes on for another.
};

// All that Rollcall remembers of jobs, in one transactional store. Every method is one transaction:
// all of it or nothing, durable when it returns ok. Every state change is a guarded update that
// must hit one row, plus its event. The states are in docs/job-lifecycle.md.
//
// What is due is decided by the clock that the store was made with (store_clock.h), whoever asks;
// times of rows and events are of that clock too.
//
// Errors besides those named: kResourceExhausted / ERR_DISK_FULL, kUnavailable when the store
// cannot be reached, kDataLoss when it is damaged. Writes of a worker (those that take a Fence)
// return kCancelled / ERR_FENCED when the fence does not hold, and change nothing.
//
// Thread-safe.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // --- Episodes
  // kAlreadyExists / ERR_EPISODE_KEY_TAKEN when the key names a video with another fingerprint;
  // the same fingerprint updates path and display.
  virtual base::Result<Episode> EpisodePut(const Episode& episode) = 0;
  // kNotFound / ERR_EPISODE_NOT_REGISTERED.
  virtual base::Result<Episode> EpisodeGet(std::string_view key) = 0;
  // The key is of this video from now on: what was known of another one is forgotten, as by
  // EpisodeRemove, in the same transaction. kNotFound / ERR_EPISODE_NOT_REGISTERED,
  // kFailedPrecondition / ERR_JOB_ALREADY_RUNNING.
  virtual base::Result<Episode> EpisodeReplace(const Episode& episode) = 0;
  virtual base::Result<std::vector<Episode>> EpisodeList() = 0;
  // Forgets the episode and, in the same transaction, all that SubjectErase forgets of it.
  // kNotFound / ERR_EPISODE_NOT_REGISTERED, kFailedPrecondition / ERR_JOB_ALREADY_RUNNING.
  virtual base::Result<void> EpisodeRemove(std::string_view key) = 0;

  // --- Subjects
  // Forgets the jobs, runs, attempts, segments, artefacts and events of a subject of any kind,
  // whether or not anything is known of it; not its row in a registry of its kind. Segments stay
  // where a run of another subject is of the same work. An attempt that is still being ended for a
  // job that has ended loses its lease. kFailedPrecondition / ERR_JOB_ALREADY_RUNNING while a job
  // of it is open.
  virtual base::Result<void> SubjectErase(const Subject& subject) = 0;

  // --- Jobs
  // Joins live runs of equal dedupe_key and the finished ones named by `reuse`; makes the rest.
  // When every stage that is not reused is already live in one open job of the same kind, that
  // job is returned (`is_existing`). A run of the same subject and stage with another dedupe_key
  // that is live: the new one waits behind it and its wait_reason says so. All reused: the job
  // ends succeeded at once. A stage that drops its segments is refused while a run of its work is
  // live: kFailedPrecondition / ERR_JOB_ALREADY_RUNNING.
  //
  // With an idempotency key: a submission to the same kind of subject with the same key, within
  // kIdempotencyKeyAge, is answered with the job that the first of them was (`is_existing`),
  // whether that has ended or not, and adds nothing. It must ask for the same, by kind,
  // `request_json` (as text) and subject id: else kFailedPrecondition / ERR_IDEMPOTENCY_KEY_REUSED.
  // The subject's id is not compared when no stage has a dedupe key, for then whoever submits may
  // make a new subject each time. Stages and priority are not compared: they follow from the
  // request and from what is there. A key goes with its job, and means nothing more once that is
  // forgotten.
  virtual base::Result<Submission> JobSubmit(const JobRequest& request) = 0;
  // Gives an open job other stages, planned in another way: in one transaction it lets go of those
  // it has, which are cancelled where nothing else needs them and `request` asks for other work,
  // with their checkpoints, and joins or makes those of `request` as JobSubmit does. Its keys stay
  // as they are; that of `request` has no meaning. ERR_JOB_NOT_FOUND, ERR_BAD_PARAMS when it has
  // ended.
  virtual base::Result<Submission> JobReplan(JobId id, const JobRequest& request) = 0;
  // What a submission with that key was answered with, as JobSubmit would; nullopt if there is
  // none.
  virtual base::Result<std::optional<Job>> JobOfKey(std::string_view subject_kind,
                                                    std::string_view key) = 0;
  virtual base::Result<Job> JobGet(JobId id) = 0;  // kNotFound / ERR_JOB_NOT_FOUND
  // By name ("analyze_x", "detect_x"): the newest job of that kind and subject, if it is open;
  // or else the newest open job that joined the newest run of that stage; or else the one or the
  // other though it has ended. kNotFound / ERR_JOB_NOT_FOUND
  virtual base::Result<Job> JobFind(std::string_view job_name) = 0;
  virtual base::Result<std::vector<Job>> JobList() = 0;              // Newest first.
  virtual base::Result<std::vector<RunView>> JobRuns(JobId id) = 0;  // In stage order.
  // Runs that no other open job joined: queued, blocked, retry_wait → cancelled at once; leased,
  // running → cancelling.
  virtual base::Result<CancelOutcome> JobCancel(JobId id) = 0;
  virtual base::Result<bool> HasOpenJobs() = 0;

  // --- Stage runs
  virtual base::Result<StageRun> RunGet(StageRunId id) = 0;
  // Newest generation; nullopt if the stage never ran for this subject.
  virtual base::Result<std::optional<RunView>> RunLatest(const Subject& subject,
                                                         std::string_view stage) = 0;
  virtual base::Result<std::vector<RunView>> RunHistory(const Subject& subject,
                                                        std::string_view stage) = 0;
  // The newest succeeded run of this work, for reuse.
  virtual base::Result<std::optional<StageRun>> RunSucceeded(std::string_view work_key) = 0;
  // The newest succeeded run of this stage, whatever its parameters: the last good result.
  virtual base::Result<std::optional<StageRun>> RunLastGood(const Subject& subject,
                                                            std::string_view stage) = 0;
  // Runs whose `change` is greater, in that order: what the projector has to write.
  virtual base::Result<std::vector<RunView>> RunsChangedSince(std::int64_t change, int limit) = 0;
  // Jobs that joined a run, open ones first.
  virtual base::Result<std::vector<Job>> RunJobs(StageRunId id) = 0;
  virtual base::Result<std::vector<Attempt>> AttemptList(StageRunId id) = 0;
  virtual base::Result<std::vector<domain::Artifact>> ArtifactList(StageRunId id) = 0;

  // --- Tasks and leases
  // The oldest runnable task of the highest priority, now leased with a fresh token and attempt
  // id; nullopt if there is none. Moves retry_wait whose time has come to queued first.
  virtual base::Result<std::optional<LeasedTask>> TaskClaim(const ClaimRequest& request) = 0;
  // leased → running, with the worker's identity.
  virtual base::Result<void> TaskStarted(const Fence& fence, std::int64_t pid,
                                         std::int64_t pid_start) = 0;
  // All leases of the agent at once. A fence that does not come back held is lost. No change of a
  // run: what its attempt does meanwhile is in the lease alone.
  virtual base::Result<std::vector<RenewReply>> LeaseRenew(const AgentIdentity& agent,
                                                           std::span<const Heartbeat> heartbeats,
                                                           std::chrono::nanoseconds lease) = 0;
  // Sets `is_stalled`, or clears it where `why` is empty; with an event that carries ERR_STALLED
  // and `why`.
  virtual base::Result<void> LeaseMarkStalled(const Fence& fence, std::string_view why) = 0;
  // Ends attempts, of all agents, whose lease ran out (predicate repeated in the write): run →
  // queued, or cancelled if that was wanted. Returns the leases that were taken away.
  virtual base::Result<std::vector<Lease>> LeaseReap() = 0;
  // Leases of other incarnations of this agent (the owner died): returned for their processes to
  // be killed first; LeaseVoid then ends each as an interruption.
  virtual base::Result<std::vector<Lease>> LeaseLeftovers(const AgentIdentity& agent) = 0;
  virtual base::Result<void> LeaseVoid(const Fence& fence) = 0;
  virtual base::Result<std::vector<Lease>> LeaseList() = 0;

  // --- What a worker caused
  // The checkpoint. Numbers are contiguous per work_key; a number that exists with the same hash
  // is ok and changes nothing, with another hash kFailedPrecondition. Resets `failures`.
  virtual base::Result<void> SegmentCommit(const Fence& fence, const domain::Segment& segment) = 0;
  virtual base::Result<std::vector<domain::Segment>> SegmentList(std::string_view work_key) = 0;
  // Removes segment `first_number` and later ones: their file was bad. Event `checkpoint_repaired`
  // on open jobs of that work.
  virtual base::Result<void> SegmentDrop(std::string_view work_key, std::int64_t first_number) = 0;
  // running → succeeded, with its artefacts; runs that were blocked only by it → queued.
  virtual base::Result<void> TaskSucceed(const Fence& fence, const std::string& result_json,
                                         std::span<const domain::Artifact> artifacts,
                                         const AttemptEnd& end) = 0;
  virtual base::Result<void> TaskEnd(const Fence& fence, const AttemptEnd& end) = 0;

  // --- Events
  virtual base::Result<std::vector<Event>> EventsAfter(JobId job, std::int64_t seq, int limit) = 0;
  // Of all jobs, those behind `position`, in its order. Whoever asks again from the last one that
  // he has been given misses none and gets none twice.
  virtual base::Result<std::vector<Event>> EventsSince(std::int64_t position, int limit) = 0;
  // The newest event's, forgotten or not; 0 before the first.
  virtual base::Result<std::int64_t> EventPosition() = 0;

  // --- Edits
  // Writes lines behind the last of the subject, all or none. A repeated key within
  // kIdempotencyKeyAge writes nothing and gives the lines of the first time; with other edits
  // ERR_IDEMPOTENCY_KEY_REUSED.
  virtual base::Result<std::vector<Edit>> EditsAppend(const Subject& subject,
                                                      const EditAuthor& author,
                                                      std::span<const NewEdit> edits) = 0;
  // What EditsAppend, EditUndo or EditRedo would answer to a key that is repeated; empty for none.
  virtual base::Result<std::vector<Edit>> EditsOfKey(const Subject& subject,
                                                     const EditAuthor& author) = 0;
  // All lines, in order.
  virtual base::Result<std::vector<Edit>> EditList(const Subject& subject) = 0;
  // All that have lines.
  virtual base::Result<std::vector<Subject>> EditSubjects() = 0;
  // Takes back the edit of `sequence`, or the newest that stands and is not of `ours`, by a line of
  // its own, which is given. kFailedPrecondition / ERR_NOTHING_TO_UNDO. Keys as in EditsAppend.
  virtual base::Result<Edit> EditUndo(const Subject& subject, const EditAuthor& author,
                                      std::optional<std::int64_t> sequence,
                                      std::string_view ours) = 0;
  // Lets an edit stand again: that of `sequence`, or that of the newest undo behind which nobody
  // has said anything else. kFailedPrecondition / ERR_NOTHING_TO_REDO.
  virtual base::Result<Edit> EditRedo(const Subject& subject, const EditAuthor& author,
                                      std::optional<std::int64_t> sequence,
                                      std::string_view ours) = 0;

  // --- Queues
  // A paused stage is not claimed; its queued runs carry `reason` as wait_reason. Empty = resume.
  virtual base::Result<void> QueuePause(std::string_view stage, std::string_view reason) = 0;

  // How the queue of each of `stages` stands, in that order.
  virtual base::Result<std::vector<QueueFacts>> QueueList(std::span<const std::string> stages) = 0;

  // --- The store itself
  // A random id made with the store: events of another epoch are not comparable.
  virtual base::Result<std::string> StreamEpoch() = 0;
  // How long until the earliest retry_wait is due; zero or less: it is. nullopt if there is none.
  virtual base::Result<std::optional<std::chrono::nanoseconds>> NextRetry() = 0;
  // Reads everything and checks it; kDataLoss with what is wrong. May last minutes, for which
  // nothing else waits; kUnavailable when it had to be given up because of what was written.
  virtual base::Result<void> IntegrityCheck() = 0;
};

}  // namespace rollcall::store
