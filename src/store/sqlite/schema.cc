#include "store/sqlite/schema.h"

#include <fmt/format.h>

#include <array>

#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::store {

using base::Result;

namespace {

// Units are the last word of a column's name. `_ms` is the wall clock, `_ns` CLOCK_BOOTTIME.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE episode (
  key TEXT PRIMARY KEY,
  display TEXT NOT NULL,
  video_path TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  public_id TEXT NOT NULL,
  request_json TEXT NOT NULL,
  priority INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  finished_at_ms INTEGER,
  event_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX job_by_public_id ON job (public_id, id);
CREATE INDEX job_open ON job (subject_kind, subject_id)
  WHERE state IN ('blocked', 'queued', 'leased', 'running', 'retry_wait', 'cancelling');

CREATE TABLE stage_run (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  public_id TEXT NOT NULL,
  work_key TEXT NOT NULL,
  dedupe_key TEXT,
  params_json TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('blocked', 'queued', 'leased', 'running', 'retry_wait',
    'cancelling', 'succeeded', 'failed', 'cancelled')),
  is_cancel_wanted INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  interruptions INTEGER NOT NULL,
  run_at_ms INTEGER,
  retry_boot_id TEXT,
  retry_at_ns INTEGER,
  wait_reason TEXT NOT NULL,
  error_code TEXT,
  error_reason TEXT,
  error_message TEXT,
  error_hint TEXT,
  result_json TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  started_at_ms INTEGER,
  finished_at_ms INTEGER,
  change INTEGER NOT NULL,
  UNIQUE (subject_kind, subject_id, name, generation)
) STRICT;
-- One live run of the same work, and one at work for a stage of a subject.
CREATE UNIQUE INDEX stage_run_one_live ON stage_run (dedupe_key)
  WHERE state IN ('blocked', 'queued', 'leased', 'running', 'retry_wait', 'cancelling')
  AND dedupe_key IS NOT NULL;
CREATE UNIQUE INDEX stage_run_one_at_work ON stage_run (subject_kind, subject_id, name)
  WHERE state IN ('leased', 'running', 'cancelling') AND dedupe_key IS NOT NULL;
CREATE UNIQUE INDEX stage_run_by_change ON stage_run (change);
CREATE INDEX stage_run_queued ON stage_run (priority DESC, id) WHERE state = 'queued';
CREATE INDEX stage_run_retry_wait ON stage_run (retry_at_ns) WHERE state = 'retry_wait';
CREATE INDEX stage_run_by_public_id ON stage_run (public_id, id);
CREATE INDEX stage_run_by_work_key ON stage_run (work_key, id);

CREATE TABLE stage_dep (
  stage_run_id INTEGER NOT NULL REFERENCES stage_run ON DELETE CASCADE,
  needs INTEGER NOT NULL REFERENCES stage_run ON DELETE CASCADE,
  position INTEGER NOT NULL,
  PRIMARY KEY (stage_run_id, needs)
) STRICT, WITHOUT ROWID;
CREATE INDEX stage_dep_by_needs ON stage_dep (needs);

CREATE TABLE job_stage (
  job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
  stage_run_id INTEGER NOT NULL REFERENCES stage_run ON DELETE CASCADE,
  position INTEGER NOT NULL,
  is_reused INTEGER NOT NULL,
  is_left INTEGER NOT NULL,
  PRIMARY KEY (job_id, stage_run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_stage_by_run ON job_stage (stage_run_id, job_id);

CREATE TABLE task (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stage_run_id INTEGER NOT NULL REFERENCES stage_run ON DELETE CASCADE,
  shard INTEGER NOT NULL,
  token INTEGER NOT NULL,
  attempt_count INTEGER NOT NULL,
  UNIQUE (stage_run_id, shard)
) STRICT;

CREATE TABLE lease (
  task_id INTEGER PRIMARY KEY REFERENCES task ON DELETE CASCADE,
  token INTEGER NOT NULL,
  attempt_uuid TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  pid INTEGER NOT NULL,
  pid_start INTEGER NOT NULL,
  expires_at_ns INTEGER NOT NULL,
  attempt_number INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  pulse_seq INTEGER NOT NULL,
  last_pulse_ns INTEGER NOT NULL,
  phase TEXT NOT NULL,
  phase_since_ns INTEGER NOT NULL,
  done INTEGER NOT NULL,
  total INTEGER NOT NULL,
  unit TEXT NOT NULL,
  rate REAL NOT NULL,
  realtime_factor REAL NOT NULL,
  progress_at_ns INTEGER NOT NULL,
  counters_json TEXT NOT NULL,
  is_stalled INTEGER NOT NULL
) STRICT;

CREATE TABLE attempt (
  task_id INTEGER NOT NULL REFERENCES task ON DELETE CASCADE,
  token INTEGER NOT NULL,
  attempt_uuid TEXT NOT NULL,
  number INTEGER NOT NULL,
  agent_id TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  outcome TEXT,
  error_reason TEXT NOT NULL,
  exit TEXT NOT NULL,
  rss_peak_bytes INTEGER NOT NULL,
  PRIMARY KEY (task_id, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE segment (
  work_key TEXT NOT NULL,
  number INTEGER NOT NULL,
  pts_from_us INTEGER NOT NULL,
  pts_to_us INTEGER NOT NULL,
  token INTEGER NOT NULL,
  path TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  counters_json TEXT NOT NULL,
  resume_blob BLOB NOT NULL,
  PRIMARY KEY (work_key, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
  stage_run_id INTEGER NOT NULL REFERENCES stage_run ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (stage_run_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body_json TEXT NOT NULL,
  PRIMARY KEY (job_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (
  stage TEXT PRIMARY KEY,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Counters that never go back, whatever rows are deleted.
CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('change', 0), ('token', 0);
)sql";

// An owner's restart no longer forgets how often a run was taken away, and how long it ran in vain.
constexpr std::string_view kWornOut = R"sql(
ALTER TABLE stage_run ADD COLUMN interruptions_in_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stage_run ADD COLUMN fruitless_ms INTEGER NOT NULL DEFAULT 0;
)sql";

// Segments that ended the worker twice, and whether somebody wished to go on behind them.
constexpr std::string_view kPoisonSegments = R"sql(
CREATE TABLE poison_segment (
  work_key TEXT NOT NULL,
  number INTEGER NOT NULL,
  pts_from_us INTEGER NOT NULL,
  pts_to_us INTEGER NOT NULL,
  is_skipped INTEGER NOT NULL,
  PRIMARY KEY (work_key, number)
) STRICT, WITHOUT ROWID;
)sql";

// In which boot of the store's host a lease ends; so far that was the one of whoever had claimed
// it. And what submissions with an idempotency key were answered with.
constexpr std::string_view kStoreBootAndKeys = R"sql(
ALTER TABLE lease ADD COLUMN expires_boot_id TEXT NOT NULL DEFAULT '';
UPDATE lease SET expires_boot_id = boot_id;

CREATE TABLE submission_key (
  subject_kind TEXT NOT NULL,
  key TEXT NOT NULL,
  job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
  asked_sha256 TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (subject_kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX submission_key_by_job ON submission_key (job_id);
CREATE INDEX submission_key_by_time ON submission_key (at_ms);
)sql";

// Events of all jobs have an order of their own, by which whoever follows them goes on. Those that
// were there keep the order of their jobs.
constexpr std::string_view kEventPositions = R"sql(
CREATE TABLE ordered_event (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body_json TEXT NOT NULL,
  UNIQUE (job_id, seq)
) STRICT;
INSERT INTO ordered_event (job_id, seq, at_ms, kind, body_json)
  SELECT job_id, seq, at_ms, kind, body_json FROM event ORDER BY job_id, seq;
DROP TABLE event;
ALTER TABLE ordered_event RENAME TO event;
)sql";

// What people say of a subject's people.
constexpr std::string_view kEdits = R"sql(
CREATE TABLE edit (
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  who TEXT NOT NULL,
  kind TEXT NOT NULL,
  body_json TEXT NOT NULL,
  undone_by INTEGER,
  idempotency_key TEXT,
  asked_sha256 TEXT NOT NULL,
  PRIMARY KEY (subject_kind, subject_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX edit_by_key ON edit (subject_kind, subject_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
)sql";

constexpr std::array<Migration, 6> kMigrations{{
    {1, kFirst},
    {2, kWornOut},
    {3, kPoisonSegments},
    {4, kStoreBootAndKeys},
    {5, kEventPositions},
    {6, kEdits},
}};

Result<bool> HasTable(Database& database, std::string_view name) {
  ROLLCALL_TRY_ASSIGN(
      auto statement,
      database.Query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND (?1 = '' OR name = ?1)",
                     name));
  return statement.Step();
}

// 0 for a new file.
Result<int> SchemaVersion(Database& database) {
  ROLLCALL_TRY_ASSIGN(const bool has_meta, HasTable(database, "meta"));
  if (!has_meta) {
    ROLLCALL_TRY_ASSIGN(const bool is_foreign, HasTable(database, ""));
    if (!is_foreign) return 0;
    return domain::MakeError(domain::reason::kStoreDamaged,
                             "the file is an SQLite database, but not one of Rollcall");
  }
  ROLLCALL_TRY_ASSIGN(auto statement,
                      database.Query("SELECT value FROM meta WHERE name = 'schema_version'"));
  ROLLCALL_TRY_ASSIGN(const bool has_row, statement.Step());
  if (!has_row) {
    return domain::MakeError(domain::reason::kStoreDamaged, "the store names no schema version");
  }
  return statement.Int(0);
}

base::Error TooNew(int version, int newest) {
  return domain::MakeError(
      domain::reason::kStoreTooNew,
      fmt::format("the store has schema {}, this build knows {}", version, newest));
}

}  // namespace

std::span<const Migration> Migrations() { return kMigrations; }

Result<void> Migrate(Database& database, std::span<const Migration> migrations) {
  const int newest = static_cast<int>(migrations.size());
  while (true) {
    ROLLCALL_TRY_ASSIGN(auto transaction, Transaction::Begin(database, true));
    ROLLCALL_TRY_ASSIGN(const int version, SchemaVersion(database));
    if (version > newest) return TooNew(version, newest);
    if (version == newest) return {};
    if (version == 0) {
      ROLLCALL_TRY(database.Execute(
          "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"));
      ROLLCALL_TRY(database.ChangeOne("INSERT INTO meta VALUES ('schema_version', '0')"));
      ROLLCALL_TRY(
          database.ChangeOne("INSERT INTO meta VALUES ('stream_epoch', ?1)", base::RandomId()));
    }
    const Migration& next = migrations[static_cast<std::size_t>(version)];
    ROLLCALL_CHECK(next.number == version + 1);
    ROLLCALL_TRY(database.Execute(std::string(next.sql)));
    ROLLCALL_TRY(database.ChangeOne("UPDATE meta SET value = ?1 WHERE name = 'schema_version'",
                                    std::to_string(next.number)));
    ROLLCALL_TRY(transaction.Commit());
  }
}

Result<void> CheckSchema(Database& database, std::span<const Migration> migrations) {
  const int newest = static_cast<int>(migrations.size());
  ROLLCALL_TRY_ASSIGN(auto transaction, Transaction::Begin(database, false));
  ROLLCALL_TRY_ASSIGN(const int version, SchemaVersion(database));
  if (version > newest) return TooNew(version, newest);
  if (version == newest) return transaction.Commit();
  return domain::MakeError(
      domain::reason::kPermission,
      fmt::format("the store has schema {}, this build reads {}, and may not write", version,
                  newest),
      "run `rollcall jobs list` once as somebody who may write the data directory");
}

}  // namespace rollcall::store
