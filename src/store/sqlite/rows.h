#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/ledger.h"
#include "store/sqlite/database.h"

namespace rollcall::store {

// What SqliteLedger's files share: columns in the order in which each reader expects them.

inline constexpr std::string_view kRunColumns =
    "id, subject_kind, subject_id, name, generation, work_key, dedupe_key, params_json, state, "
    "is_cancel_wanted, priority, failures, crashes, interruptions, run_at_ms, retry_boot_id, "
    "retry_at_ns, wait_reason, error_code, error_reason, error_message, error_hint, result_json, "
    "created_at_ms, started_at_ms, finished_at_ms, change, interruptions_in_row, fruitless_ms";
base::Result<StageRun> ReadRun(const Statement& row);

inline constexpr std::string_view kJobColumns =
    "id, subject_kind, subject_id, kind, request_json, priority, created_at_ms, state, "
    "finished_at_ms, event_seq";
base::Result<Job> ReadJob(const Statement& row);

inline constexpr std::string_view kLeaseColumns =
    "task_id, token, attempt_uuid, agent_id, incarnation, boot_id, pid, pid_start, "
    "expires_boot_id, expires_at_ns, attempt_number, started_at_ms, pulse_seq, last_pulse_ns, "
    "phase, phase_since_ns, done, total, "
    "unit, rate, realtime_factor, progress_at_ns, counters_json, is_stalled";
Lease ReadLease(const Statement& row);

inline constexpr std::string_view kAttemptColumns =
    "task_id, token, attempt_uuid, number, agent_id, pid, started_at_ms, ended_at_ms, outcome, "
    "error_reason, exit, rss_peak_bytes";
Attempt ReadAttempt(const Statement& row);

inline constexpr std::string_view kSegmentColumns =
    "number, pts_from_us, pts_to_us, path, size_bytes, sha256, counters_json, resume_blob";
domain::Segment ReadSegment(const Statement& row);

inline constexpr std::string_view kJobStageColumns =
    "job_id, stage_run_id, position, is_reused, is_left";
JobStage ReadJobStage(const Statement& row);

inline constexpr std::string_view kTaskColumns = "id, stage_run_id, shard, token, attempt_count";
Task ReadTask(const Statement& row);

// As the tables' conditions have it, word for word: SQLite uses a partial index only then.
inline constexpr std::string_view kLive =
    "state IN ('blocked', 'queued', 'leased', 'running', 'retry_wait', 'cancelling')";

inline std::int64_t Millis(base::WallTime time) { return time.time_since_epoch().count(); }
inline std::optional<std::int64_t> Millis(const std::optional<base::WallTime>& time) {
  if (!time) return std::nullopt;
  return Millis(*time);
}

// What a reader makes of a row: the row, or kDataLoss when it cannot be one.
template <typename Row>
struct Unwrapped {
  using Type = Row;
  static base::Result<Row> Wrap(Row row) { return row; }
};
template <typename Row>
struct Unwrapped<base::Result<Row>> {
  using Type = Row;
  static base::Result<Row> Wrap(base::Result<Row> row) { return row; }
};
template <typename Read>
using RowOf = Unwrapped<std::invoke_result_t<Read, const Statement&>>;

// All rows of `statement`, read by `read`.
template <typename Read>
base::Result<std::vector<typename RowOf<Read>::Type>> ReadAll(base::Result<Statement> statement,
                                                              Read read) {
  if (!statement.ok()) return std::move(statement).error();
  std::vector<typename RowOf<Read>::Type> rows;
  while (true) {
    ROLLCALL_TRY_ASSIGN(const bool has_row, statement->Step());
    if (!has_row) return rows;
    ROLLCALL_TRY_ASSIGN(auto row, RowOf<Read>::Wrap(read(*statement)));
    rows.push_back(std::move(row));
  }
}

// The first row of `statement`, if there is one.
template <typename Read>
base::Result<std::optional<typename RowOf<Read>::Type>> ReadFirst(base::Result<Statement> statement,
                                                                  Read read) {
  using Row = typename RowOf<Read>::Type;
  if (!statement.ok()) return std::move(statement).error();
  ROLLCALL_TRY_ASSIGN(const bool has_row, statement->Step());
  if (!has_row) return std::optional<Row>();
  ROLLCALL_TRY_ASSIGN(auto row, RowOf<Read>::Wrap(read(*statement)));
  return std::optional<Row>(std::move(row));
}

}  // namespace rollcall::store
