#include "store/sqlite/sqlite_ledger.h"

#include "base/json.h"
#include "store/sqlite/rows.h"

namespace rollcall::store {

using base::Result;
using domain::JobState;

namespace {

Episode ReadEpisode(const Statement& row) {
  return {.key = row.Text(0),
          .display = row.Text(1),
          .video_path = row.Text(2),
          .fingerprint = row.Text(3),
          .created_at = base::WallTime{std::chrono::milliseconds{row.Int64(4)}}};
}

Event ReadEvent(const Statement& row) {
  return {.job = JobId{row.Int64(0)},
          .seq = row.Int64(1),
          .position = row.Int64(2),
          .at = base::WallTime{std::chrono::milliseconds{row.Int64(3)}},
          .kind = row.Text(4),
          .body_json = row.Text(5)};
}

template <typename T>
Result<std::optional<T>> First(Result<std::vector<T>> rows) {
  if (!rows.ok()) return std::move(rows).error();
  if (rows->empty()) return std::optional<T>();
  return std::optional<T>(std::move(rows->front()));
}

}  // namespace

// --- Episodes

Result<void> SqliteLedger::EpisodeWrite(const Episode& episode) {
  return database_.ChangeOne(
      "INSERT OR REPLACE INTO episode (key, display, video_path, fingerprint, created_at_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5)",
      episode.key, episode.display, episode.video_path, episode.fingerprint,
      Millis(episode.created_at));
}

Result<std::optional<Episode>> SqliteLedger::EpisodeRead(std::string_view key) {
  return ReadFirst(
      database_.Query("SELECT key, display, video_path, fingerprint, created_at_ms FROM episode "
                      "WHERE key = ?1",
                      key),
      ReadEpisode);
}

Result<std::vector<Episode>> SqliteLedger::EpisodeAll() {
  return ReadAll(
      database_.Query("SELECT key, display, video_path, fingerprint, created_at_ms FROM episode "
                      "ORDER BY key"),
      ReadEpisode);
}

Result<void> SqliteLedger::EpisodeErase(std::string_view key) {
  return database_.ChangeOne("DELETE FROM episode WHERE key = ?1", key);
}

// --- Subjects

// What is not named goes with what it belongs to.
Result<void> SqliteLedger::SubjectErase(const Subject& subject) {
  for (const std::string_view table : {"segment", "poison_segment"}) {
    ROLLCALL_TRY(database_.Change(
        fmt::format("DELETE FROM {} WHERE work_key IN (SELECT work_key FROM stage_run "
                    "WHERE subject_kind = ?1 AND subject_id = ?2) AND NOT EXISTS (SELECT 1 FROM "
                    "stage_run AS other WHERE other.work_key = {}.work_key "
                    "AND (other.subject_kind, other.subject_id) <> (?1, ?2))",
                    table, table),
        subject.kind, subject.id));
  }
  for (const std::string_view table : {"edit", "job", "stage_run"}) {
    ROLLCALL_TRY(database_.Change(
        fmt::format("DELETE FROM {} WHERE subject_kind = ?1 AND subject_id = ?2", table),
        subject.kind, subject.id));
  }
  return {};
}

// --- Jobs

template <typename... Values>
Result<std::vector<Job>> SqliteLedger::Jobs(std::string_view rest, const Values&... values) {
  return ReadAll(
      database_.Query(fmt::format("SELECT {} FROM job {}", kJobColumns, rest), values...), ReadJob);
}

Result<JobId> SqliteLedger::JobInsert(const Job& job) {
  const std::string job_name = job.job_name();
  ROLLCALL_TRY(database_.ChangeOne(
      "INSERT INTO job (subject_kind, subject_id, kind, public_id, request_json, priority, "
      "created_at_ms, state, event_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      job.subject.kind, job.subject.id, job.kind, job_name, job.request_json, job.priority,
      Millis(job.created_at), domain::JobStateName(job.state), job.event_seq));
  return JobId{database_.last_insert_id()};
}

Result<std::optional<Job>> SqliteLedger::JobRead(JobId id) {
  return First(Jobs("WHERE id = ?1", id));
}

Result<void> SqliteLedger::JobUpdate(const Job& job, JobState from) {
  return database_.ChangeOne(
      "UPDATE job SET state = ?3, finished_at_ms = ?4, event_seq = ?5, request_json = ?6 "
      "WHERE id = ?1 AND state = ?2",
      job.id, domain::JobStateName(from), domain::JobStateName(job.state), Millis(job.finished_at),
      job.event_seq, job.request_json);
}

Result<std::optional<Job>> SqliteLedger::JobNewest(std::string_view job_name) {
  return First(Jobs("WHERE public_id = ?1 ORDER BY id DESC LIMIT 1", job_name));
}

Result<std::vector<Job>> SqliteLedger::JobAll() { return Jobs("ORDER BY id DESC"); }

Result<bool> SqliteLedger::JobAnyOpen() {
  ROLLCALL_TRY_ASSIGN(auto found,
                      database_.Query(fmt::format("SELECT 1 FROM job WHERE {} LIMIT 1", kLive)));
  return found.Step();
}

Result<bool> SqliteLedger::JobAnyOpenOf(const Subject& subject) {
  ROLLCALL_TRY_ASSIGN(
      auto found,
      database_.Query(fmt::format("SELECT 1 FROM job WHERE {} AND subject_kind = ?1 AND "
                                  "subject_id = ?2 LIMIT 1",
                                  kLive),
                      subject.kind, subject.id));
  return found.Step();
}

Result<void> SqliteLedger::SubmissionKeyWrite(const SubmissionKey& key) {
  return database_.ChangeOne(
      "INSERT OR REPLACE INTO submission_key (subject_kind, key, job_id, asked_sha256, at_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5)",
      key.subject_kind, key.key, key.job, key.asked_sha256, Millis(key.at));
}

Result<std::optional<SubmissionKey>> SqliteLedger::SubmissionKeyRead(std::string_view subject_kind,
                                                                     std::string_view key) {
  return ReadFirst(
      database_.Query("SELECT subject_kind, key, job_id, asked_sha256, at_ms FROM submission_key "
                      "WHERE subject_kind = ?1 AND key = ?2",
                      subject_kind, key),
      [](const Statement& row) {
        return SubmissionKey{.subject_kind = row.Text(0),
                             .key = row.Text(1),
                             .job = JobId{row.Int64(2)},
                             .asked_sha256 = row.Text(3),
                             .at = base::WallTime{std::chrono::milliseconds{row.Int64(4)}}};
      });
}

Result<void> SqliteLedger::SubmissionKeysErase(base::WallTime until) {
  ROLLCALL_TRY(database_.Change("DELETE FROM submission_key WHERE at_ms <= ?1", Millis(until)));
  return {};
}

Result<void> SqliteLedger::JobStageInsert(const JobStage& link) {
  return database_.ChangeOne(
      "INSERT INTO job_stage (job_id, stage_run_id, position, is_reused, is_left) "
      "VALUES (?1, ?2, ?3, ?4, ?5)",
      link.job, link.run, link.position, link.is_reused, link.is_left);
}

Result<void> SqliteLedger::JobStageLeave(JobId job, StageRunId run) {
  return database_.ChangeOne(
      "UPDATE job_stage SET is_left = 1 WHERE job_id = ?1 AND stage_run_id = ?2", job, run);
}

Result<void> SqliteLedger::JobStageErase(JobId job, StageRunId run) {
  return database_.ChangeOne("DELETE FROM job_stage WHERE job_id = ?1 AND stage_run_id = ?2", job,
                             run);
}

Result<std::vector<JobStage>> SqliteLedger::JobStages(JobId id) {
  return ReadAll(database_.Query(fmt::format("SELECT {} FROM job_stage WHERE job_id = ?1 "
                                             "ORDER BY position",
                                             kJobStageColumns),
                                 id),
                 ReadJobStage);
}

Result<std::vector<JobStage>> SqliteLedger::RunJobStages(StageRunId id) {
  return ReadAll(database_.Query(fmt::format("SELECT {} FROM job_stage WHERE stage_run_id = ?1 "
                                             "ORDER BY job_id DESC",
                                             kJobStageColumns),
                                 id),
                 ReadJobStage);
}

// --- Tasks

Result<TaskId> SqliteLedger::TaskInsert(const Task& task) {
  ROLLCALL_TRY(database_.ChangeOne(
      "INSERT INTO task (stage_run_id, shard, token, attempt_count) VALUES (?1, ?2, ?3, ?4)",
      task.run, task.shard, task.token, task.attempt_count));
  return TaskId{database_.last_insert_id()};
}

Result<std::optional<Task>> SqliteLedger::TaskRead(TaskId id) {
  return ReadFirst(
      database_.Query(fmt::format("SELECT {} FROM task WHERE id = ?1", kTaskColumns), id),
      ReadTask);
}

Result<std::optional<Task>> SqliteLedger::TaskRunnable(std::span<const std::string> stages) {
  const std::string wanted = base::Json(std::vector(stages.begin(), stages.end())).dump();
  return ReadFirst(
      database_.Query("SELECT task.id, stage_run_id, shard, token, attempt_count FROM stage_run "
                      "JOIN task ON task.stage_run_id = stage_run.id WHERE state = 'queued' "
                      "AND (?1 = '[]' OR name IN (SELECT value FROM json_each(?1))) "
                      "AND name NOT IN (SELECT stage FROM queue WHERE reason <> '') "
                      "ORDER BY priority DESC, stage_run.id LIMIT 1",
                      wanted),
      ReadTask);
}

Result<void> SqliteLedger::TaskUpdate(const Task& task) {
  return database_.ChangeOne("UPDATE task SET token = ?2, attempt_count = ?3 WHERE id = ?1",
                             task.id, task.token, task.attempt_count);
}

// --- Events, queues, counters

Result<void> SqliteLedger::EventInsert(const Event& event) {
  return database_.ChangeOne(
      "INSERT INTO event (job_id, seq, at_ms, kind, body_json) VALUES (?1, ?2, ?3, ?4, ?5)",
      event.job, event.seq, Millis(event.at), event.kind, event.body_json);
}

Result<std::vector<Event>> SqliteLedger::Events(JobId job, std::int64_t after, int limit) {
  return ReadAll(database_.Query("SELECT job_id, seq, position, at_ms, kind, body_json FROM event "
                                 "WHERE job_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
                                 job, after, limit),
                 ReadEvent);
}

Result<std::vector<Event>> SqliteLedger::EventsSince(std::int64_t position, int limit) {
  return ReadAll(database_.Query("SELECT job_id, seq, position, at_ms, kind, body_json FROM event "
                                 "WHERE position > ?1 ORDER BY position LIMIT ?2",
                                 position, limit),
                 ReadEvent);
}

Result<std::int64_t> SqliteLedger::EventPosition() {
  ROLLCALL_TRY_ASSIGN(
      const auto newest,
      ReadFirst(database_.Query("SELECT seq FROM sqlite_sequence WHERE name = 'event'"),
                [](const Statement& row) { return row.Int64(0); }));
  return newest.value_or(0);
}

Result<std::string> SqliteLedger::QueueReason(std::string_view stage) {
  ROLLCALL_TRY_ASSIGN(auto reason,
                      ReadFirst(database_.Query("SELECT reason FROM queue WHERE stage = ?1", stage),
                                [](const Statement& row) { return row.Text(0); }));
  return std::move(reason).value_or("");
}

Result<void> SqliteLedger::QueueWrite(std::string_view stage, std::string_view reason) {
  return database_.ChangeOne("INSERT OR REPLACE INTO queue (stage, reason) VALUES (?1, ?2)", stage,
                             reason);
}

Result<std::int64_t> SqliteLedger::Count(std::string_view counter) {
  ROLLCALL_TRY_ASSIGN(
      auto statement,
      database_.Query("UPDATE counter SET value = value + 1 WHERE name = ?1 RETURNING value",
                      counter));
  ROLLCALL_TRY_ASSIGN(const bool has_row, statement.Step());
  ROLLCALL_CHECK(has_row, counter);
  return statement.Int64(0);
}

Result<std::int64_t> SqliteLedger::TokenNext() { return Count("token"); }

Result<std::string> SqliteLedger::StreamEpoch() {
  ROLLCALL_TRY_ASSIGN(auto statement,
                      database_.Query("SELECT value FROM meta WHERE name = 'stream_epoch'"));
  ROLLCALL_TRY(statement.Step());
  return statement.Text(0);
}

}  // namespace rollcall::store
