#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite_ledger.h"

namespace rollcall::store {

using base::Result;
using domain::JobState;

template <typename... Values>
Result<std::vector<StageRun>> SqliteLedger::Runs(std::string_view rest, const Values&... values) {
  return ReadAll(
      database_.Query(fmt::format("SELECT {} FROM stage_run {}", kRunColumns, rest), values...),
      ReadRun);
}

template <typename... Values>
Result<std::optional<StageRun>> SqliteLedger::Run(std::string_view rest, const Values&... values) {
  return ReadFirst(
      database_.Query(fmt::format("SELECT {} FROM stage_run {}", kRunColumns, rest), values...),
      ReadRun);
}

Result<StageRunId> SqliteLedger::RunInsert(const StageRun& run, std::span<const StageRunId> needs) {
  ROLLCALL_TRY_ASSIGN(const std::int64_t change, Count("change"));
  const std::string job_name = run.job_name();
  ROLLCALL_TRY(database_.ChangeOne(
      "INSERT INTO stage_run (subject_kind, subject_id, name, generation, public_id, work_key, "
      "dedupe_key, params_json, state, is_cancel_wanted, priority, failures, crashes, "
      "interruptions, wait_reason, result_json, created_at_ms, change) VALUES "
      "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, 0, 0, 0, ?11, ?12, ?13, ?14)",
      run.subject.kind, run.subject.id, run.name, run.generation, job_name, run.work_key,
      run.dedupe_key, run.params_json, domain::JobStateName(run.state), run.priority,
      run.wait_reason, run.result_json, Millis(run.created_at), change));
  const StageRunId id{database_.last_insert_id()};
  for (std::size_t i = 0; i < needs.size(); ++i) {
    ROLLCALL_TRY(database_.ChangeOne(
        "INSERT OR IGNORE INTO stage_dep (stage_run_id, needs, position) VALUES (?1, ?2, ?3)", id,
        needs[i], static_cast<std::int64_t>(i)));
  }
  return id;
}

Result<std::optional<StageRun>> SqliteLedger::RunRead(StageRunId id) {
  return Run("WHERE id = ?1", id);
}

Result<void> SqliteLedger::RunUpdate(StageRun& run, JobState from) {
  ROLLCALL_TRY_ASSIGN(run.change, Count("change"));
  const base::Error none;
  const base::Error& error = run.last_error ? *run.last_error : none;
  std::optional<std::string_view> error_code;
  if (run.last_error) error_code = base::ErrorCodeName(error.code);
  std::optional<std::string_view> retry_boot_id;
  std::optional<std::int64_t> retry_at;
  if (run.retry_due) {
    retry_boot_id = run.retry_due->boot_id;
    retry_at = run.retry_due->at.count();
  }
  return database_.ChangeOne(
      "UPDATE stage_run SET state = ?3, is_cancel_wanted = ?4, priority = ?5, failures = ?6, "
      "crashes = ?7, interruptions = ?8, run_at_ms = ?9, retry_boot_id = ?10, retry_at_ns = ?11, "
      "wait_reason = ?12, error_code = ?13, error_reason = ?14, error_message = ?15, "
      "error_hint = ?16, result_json = ?17, started_at_ms = ?18, finished_at_ms = ?19, "
      "change = ?20, interruptions_in_row = ?21, fruitless_ms = ?22 WHERE id = ?1 AND state = ?2",
      run.id, domain::JobStateName(from), domain::JobStateName(run.state), run.is_cancel_wanted,
      run.priority, run.failures, run.crashes, run.interruptions, Millis(run.run_at), retry_boot_id,
      retry_at, run.wait_reason, error_code, error.reason, error.message, error.hint,
      run.result_json, Millis(run.started_at), Millis(run.finished_at), run.change,
      run.interruptions_in_row, run.fruitless.count());
}

Result<std::optional<StageRun>> SqliteLedger::RunLive(std::string_view dedupe_key) {
  return Run(fmt::format("WHERE {} AND dedupe_key IS NOT NULL AND dedupe_key = ?1", kLive),
             dedupe_key);
}

Result<std::optional<StageRun>> SqliteLedger::RunNewest(std::string_view job_name) {
  return Run("WHERE public_id = ?1 ORDER BY id DESC LIMIT 1", job_name);
}

Result<std::vector<StageRun>> SqliteLedger::RunGenerations(const Subject& subject,
                                                           std::string_view stage) {
  return Runs("WHERE subject_kind = ?1 AND subject_id = ?2 AND name = ?3 ORDER BY generation DESC",
              subject.kind, subject.id, stage);
}

Result<std::optional<StageRun>> SqliteLedger::RunNewestSucceeded(std::string_view work_key) {
  return Run("WHERE work_key = ?1 AND state = 'succeeded' ORDER BY id DESC LIMIT 1", work_key);
}

Result<std::vector<StageRun>> SqliteLedger::RunsLiveOfWork(std::string_view work_key) {
  return Runs(fmt::format("WHERE work_key = ?1 AND {} ORDER BY id", kLive), work_key);
}

// Left alone, SQLite reads the whole table in the order of ids for these two, to spare a sort.
Result<std::vector<StageRun>> SqliteLedger::RunsQueued(std::string_view stage) {
  return Runs("INDEXED BY stage_run_queued WHERE state = 'queued' AND name = ?1 ORDER BY id",
              stage);
}

Result<std::vector<StageRun>> SqliteLedger::RunsRetryWait() {
  return Runs("INDEXED BY stage_run_retry_wait WHERE state = 'retry_wait' ORDER BY id");
}

Result<std::vector<StageRun>> SqliteLedger::RunsChanged(std::int64_t change, int limit) {
  return Runs("WHERE change > ?1 ORDER BY change LIMIT ?2", change, limit);
}

Result<std::vector<StageRunId>> SqliteLedger::RunNeeds(StageRunId id) {
  return ReadAll(
      database_.Query("SELECT needs FROM stage_dep WHERE stage_run_id = ?1 ORDER BY position", id),
      [](const Statement& row) { return StageRunId{row.Int64(0)}; });
}

Result<std::vector<StageRunId>> SqliteLedger::RunNeededBy(StageRunId id) {
  return ReadAll(
      database_.Query("SELECT stage_run_id FROM stage_dep WHERE needs = ?1 ORDER BY stage_run_id",
                      id),
      [](const Statement& row) { return StageRunId{row.Int64(0)}; });
}

// --- Leases and attempts

template <typename... Values>
Result<std::vector<Lease>> SqliteLedger::Leases(std::string_view rest, const Values&... values) {
  return ReadAll(
      database_.Query(fmt::format("SELECT {} FROM lease {}", kLeaseColumns, rest), values...),
      ReadLease);
}

Result<void> SqliteLedger::LeaseInsert(const Lease& lease) {
  ROLLCALL_TRY(database_.ChangeOne(
      "INSERT INTO lease (task_id, token, attempt_uuid, agent_id, incarnation, boot_id, pid, "
      "pid_start, expires_boot_id, expires_at_ns, attempt_number, started_at_ms, pulse_seq, "
      "last_pulse_ns, phase, phase_since_ns, done, total, unit, rate, realtime_factor, "
      "progress_at_ns, counters_json, is_stalled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, '', 0, ?7, "
      "?8, 0, 0, 'starting', 0, 0, 0, '', 0, 0, 0, '{}', 0)",
      lease.fence.task, lease.fence.token, lease.fence.attempt_uuid, lease.agent.id,
      lease.agent.incarnation, lease.agent.boot_id, lease.attempt_number,
      Millis(lease.started_at)));
  return LeaseUpdate(lease);
}

Result<std::optional<Lease>> SqliteLedger::LeaseRead(TaskId id) {
  ROLLCALL_TRY_ASSIGN(auto leases, Leases("WHERE task_id = ?1", id));
  if (leases.empty()) return std::optional<Lease>();
  return std::optional<Lease>(std::move(leases.front()));
}

Result<std::optional<Lease>> SqliteLedger::LeaseOfRun(StageRunId id) {
  ROLLCALL_TRY_ASSIGN(auto leases,
                      Leases("WHERE task_id IN (SELECT id FROM task WHERE stage_run_id = ?1)", id));
  if (leases.empty()) return std::optional<Lease>();
  return std::optional<Lease>(std::move(leases.front()));
}

Result<std::vector<Lease>> SqliteLedger::LeaseAll() { return Leases("ORDER BY task_id"); }

Result<void> SqliteLedger::LeaseUpdate(const Lease& lease) {
  const Liveness& live = lease.liveness;
  return database_.ChangeOne(
      "UPDATE lease SET pid = ?4, pid_start = ?5, expires_at_ns = ?6, pulse_seq = ?7, "
      "last_pulse_ns = ?8, phase = ?9, phase_since_ns = ?10, done = ?11, total = ?12, unit = ?13, "
      "rate = ?14, realtime_factor = ?15, progress_at_ns = ?16, counters_json = ?17, "
      "is_stalled = ?18, expires_boot_id = ?19 WHERE task_id = ?1 AND token = ?2 AND attempt_uuid "
      "= ?3",
      lease.fence.task, lease.fence.token, lease.fence.attempt_uuid, lease.pid, lease.pid_start,
      lease.expires.at.count(), live.pulse_seq, live.last_pulse.count(),
      domain::PhaseName(live.phase), live.phase_since.count(), live.done, live.total, live.unit,
      live.rate, live.realtime_factor, live.progress_at.count(), live.counters_json,
      live.is_stalled, lease.expires.boot_id);
}

// No index has a column of these, and no other row is touched: thousands of leases are renewed at a
// time.
Result<std::vector<bool>> SqliteLedger::LeasesRenew(const AgentIdentity& agent,
                                                    std::span<const Heartbeat> heartbeats,
                                                    const Due& expires) {
  ROLLCALL_TRY_ASSIGN(
      auto update,
      database_.Query(
          "UPDATE lease SET expires_at_ns = ?6, pulse_seq = ?7, last_pulse_ns = ?8, phase = ?9, "
          "phase_since_ns = ?10, done = ?11, total = ?12, unit = ?13, rate = ?14, "
          "realtime_factor = ?15, progress_at_ns = ?16, counters_json = ?17, expires_boot_id = ?18 "
          "WHERE task_id = ?1 AND token = ?2 AND attempt_uuid = ?3 AND agent_id = ?4 AND "
          "incarnation = ?5"));
  std::vector<bool> are_held;
  are_held.reserve(heartbeats.size());
  for (const auto& [fence, live] : heartbeats) {
    ROLLCALL_TRY_ASSIGN(
        const std::int64_t count,
        update.ChangeAgain(fence.task, fence.token, fence.attempt_uuid, agent.id, agent.incarnation,
                           expires.at.count(), live.pulse_seq, live.last_pulse.count(),
                           domain::PhaseName(live.phase), live.phase_since.count(), live.done,
                           live.total, live.unit, live.rate, live.realtime_factor,
                           live.progress_at.count(), live.counters_json, expires.boot_id));
    are_held.push_back(count == 1);
  }
  return are_held;
}

Result<std::vector<TaskId>> SqliteLedger::TasksCancelling(const AgentIdentity& agent) {
  return ReadAll(
      database_.Query("SELECT task_id FROM lease JOIN task ON task.id = task_id "
                      "JOIN stage_run ON stage_run.id = stage_run_id "
                      "WHERE agent_id = ?1 AND incarnation = ?2 AND state = 'cancelling' "
                      "ORDER BY task_id",
                      agent.id, agent.incarnation),
      [](const Statement& row) { return TaskId{row.Int64(0)}; });
}

Result<void> SqliteLedger::LeaseErase(const Fence& fence) {
  return database_.ChangeOne(
      "DELETE FROM lease WHERE task_id = ?1 AND token = ?2 AND attempt_uuid = ?3", fence.task,
      fence.token, fence.attempt_uuid);
}

template <typename... Values>
Result<std::vector<Attempt>> SqliteLedger::AttemptRows(std::string_view rest,
                                                       const Values&... values) {
  return ReadAll(
      database_.Query(fmt::format("SELECT {} FROM attempt {}", kAttemptColumns, rest), values...),
      ReadAttempt);
}

Result<void> SqliteLedger::AttemptInsert(const Attempt& attempt) {
  return database_.ChangeOne(
      "INSERT INTO attempt (task_id, token, attempt_uuid, number, agent_id, pid, started_at_ms, "
      "error_reason, exit, rss_peak_bytes) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, '', '', 0)",
      attempt.fence.task, attempt.fence.token, attempt.fence.attempt_uuid, attempt.number,
      attempt.agent_id, Millis(attempt.started_at));
}

Result<std::optional<Attempt>> SqliteLedger::AttemptRead(const Fence& fence) {
  ROLLCALL_TRY_ASSIGN(
      auto rows, AttemptRows("WHERE task_id = ?1 AND token = ?2 AND attempt_uuid = ?3", fence.task,
                             fence.token, fence.attempt_uuid));
  if (rows.empty()) return std::optional<Attempt>();
  return std::optional<Attempt>(std::move(rows.front()));
}

Result<void> SqliteLedger::AttemptUpdate(const Attempt& attempt) {
  std::optional<std::string_view> outcome;
  if (attempt.outcome) outcome = AttemptOutcomeName(*attempt.outcome);
  return database_.ChangeOne(
      "UPDATE attempt SET pid = ?4, ended_at_ms = ?5, outcome = ?6, error_reason = ?7, exit = ?8, "
      "rss_peak_bytes = ?9 WHERE task_id = ?1 AND token = ?2 AND attempt_uuid = ?3",
      attempt.fence.task, attempt.fence.token, attempt.fence.attempt_uuid, attempt.pid,
      Millis(attempt.ended_at), outcome, attempt.error_reason, attempt.exit,
      attempt.rss_peak_bytes);
}

Result<std::vector<Attempt>> SqliteLedger::Attempts(StageRunId id) {
  return AttemptRows(
      "WHERE task_id IN (SELECT id FROM task WHERE stage_run_id = ?1) "
      "ORDER BY token",
      id);
}

}  // namespace rollcall::store
