#include "store/sqlite/rows.h"

#include "domain/reasons.h"

namespace rollcall::store {

using base::Result;

namespace {

// Reads columns one after the other.
class Columns {
 public:
  explicit Columns(const Statement& row) : row_(row) {}

  std::int64_t Int64() { return row_.Int64(next_++); }
  int Int() { return row_.Int(next_++); }
  bool Bool() { return row_.Bool(next_++); }
  double Double() { return row_.Double(next_++); }
  std::string Text() { return row_.Text(next_++); }
  std::optional<std::string> OptionalText() { return row_.OptionalText(next_++); }
  base::WallTime Wall() { return base::WallTime{std::chrono::milliseconds{Int64()}}; }
  std::optional<base::WallTime> OptionalWall() {
    if (row_.IsNull(next_)) return ++next_, std::nullopt;
    return Wall();
  }
  base::BootTime Boot() { return base::BootTime{Int64()}; }
  domain::MediaTime Media() { return domain::MediaTime{Int64()}; }
  template <typename Id>
  Id IdOf() {
    return Id{Int64()};
  }
  // nullopt only where the file is damaged: the schema admits no other word.
  std::optional<domain::JobState> State() { return domain::JobStateFromName(Text()); }

 private:
  const Statement& row_;
  int next_ = 0;
};

base::Error UnknownState() {
  return domain::MakeError(domain::reason::kStoreDamaged, "a state in the store is not known");
}

std::optional<base::Error> ReadError(Columns& columns) {
  const auto code = columns.OptionalText();
  base::Error error{.code = base::ErrorCodeFromName(code.value_or("")),
                    .reason = columns.Text(),
                    .message = columns.Text(),
                    .hint = columns.Text()};
  if (!code) return std::nullopt;
  return error;
}

}  // namespace

// A braced list is evaluated from left to right, so the columns come in order.
Result<StageRun> ReadRun(const Statement& row) {
  Columns columns(row);
  std::optional<domain::JobState> state;
  StageRun run{.id = columns.IdOf<StageRunId>(),
               .subject = {.kind = columns.Text(), .id = columns.Text()},
               .name = columns.Text(),
               .generation = columns.Int(),
               .work_key = columns.Text(),
               .dedupe_key = columns.OptionalText(),
               .params_json = columns.Text(),
               .state = (state = columns.State()).value_or(domain::JobState::kFailed),
               .is_cancel_wanted = columns.Bool(),
               .priority = columns.Int(),
               .failures = columns.Int(),
               .crashes = columns.Int(),
               .interruptions = columns.Int(),
               .run_at = columns.OptionalWall()};
  auto retry_boot_id = columns.OptionalText();
  const base::BootTime retry_at = columns.Boot();
  if (retry_boot_id) run.retry_due = Due{.boot_id = *retry_boot_id, .at = retry_at};
  run.wait_reason = columns.Text();
  run.last_error = ReadError(columns);
  run.result_json = columns.Text();
  run.created_at = columns.Wall();
  run.started_at = columns.OptionalWall();
  run.finished_at = columns.OptionalWall();
  run.change = columns.Int64();
  run.interruptions_in_row = columns.Int();
  run.fruitless = std::chrono::milliseconds{columns.Int64()};
  if (!state) return UnknownState();
  return run;
}

Result<Job> ReadJob(const Statement& row) {
  Columns columns(row);
  std::optional<domain::JobState> state;
  Job job{.id = columns.IdOf<JobId>(),
          .subject = {.kind = columns.Text(), .id = columns.Text()},
          .kind = columns.Text(),
          .request_json = columns.Text(),
          .priority = columns.Int(),
          .created_at = columns.Wall(),
          .state = (state = columns.State()).value_or(domain::JobState::kFailed),
          .finished_at = columns.OptionalWall(),
          .event_seq = columns.Int64()};
  if (!state) return UnknownState();
  return job;
}

Lease ReadLease(const Statement& row) {
  Columns columns(row);
  Lease lease{
      .fence = {.task = columns.IdOf<TaskId>(),
                .token = columns.Int64(),
                .attempt_uuid = columns.Text()},
      .agent = {.id = columns.Text(), .incarnation = columns.Text(), .boot_id = columns.Text()},
      .pid = columns.Int64(),
      .pid_start = columns.Int64(),
      .expires = {.boot_id = columns.Text(), .at = columns.Boot()},
      .attempt_number = columns.Int(),
      .started_at = columns.Wall()};
  lease.liveness = {
      .pulse_seq = columns.Int64(),
      .last_pulse = columns.Boot(),
      .phase = domain::PhaseFromName(columns.Text()).value_or(domain::Phase::kStarting),
      .phase_since = columns.Boot(),
      .done = columns.Int64(),
      .total = columns.Int64(),
      .unit = columns.Text(),
      .rate = columns.Double(),
      .realtime_factor = columns.Double(),
      .progress_at = columns.Boot(),
      .counters_json = columns.Text(),
      .is_stalled = columns.Bool()};
  return lease;
}

Attempt ReadAttempt(const Statement& row) {
  Columns columns(row);
  Attempt attempt{.fence = {.task = columns.IdOf<TaskId>(),
                            .token = columns.Int64(),
                            .attempt_uuid = columns.Text()},
                  .number = columns.Int(),
                  .agent_id = columns.Text(),
                  .pid = columns.Int64(),
                  .started_at = columns.Wall(),
                  .ended_at = columns.OptionalWall()};
  const auto outcome = columns.OptionalText();
  if (outcome) attempt.outcome = AttemptOutcomeFromName(*outcome);
  attempt.error_reason = columns.Text();
  attempt.exit = columns.Text();
  attempt.rss_peak_bytes = columns.Int64();
  return attempt;
}

domain::Segment ReadSegment(const Statement& row) {
  Columns columns(row);
  return {.number = columns.Int64(),
          .pts_from = columns.Media(),
          .pts_to = columns.Media(),
          .path = columns.Text(),
          .size_bytes = columns.Int64(),
          .sha256 = columns.Text(),
          .counters_json = columns.Text(),
          .resume_blob = columns.Text()};
}

JobStage ReadJobStage(const Statement& row) {
  Columns columns(row);
  return {.job = columns.IdOf<JobId>(),
          .run = columns.IdOf<StageRunId>(),
          .position = columns.Int(),
          .is_reused = columns.Bool(),
          .is_left = columns.Bool()};
}

Task ReadTask(const Statement& row) {
  Columns columns(row);
  return {.id = columns.IdOf<TaskId>(),
          .run = columns.IdOf<StageRunId>(),
          .shard = columns.Int(),
          .token = columns.Int64(),
          .attempt_count = columns.Int()};
}

}  // namespace rollcall::store
