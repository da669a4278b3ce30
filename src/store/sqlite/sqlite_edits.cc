#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite_ledger.h"

namespace rollcall::store {

using base::Result;

namespace {

constexpr std::string_view kEditColumns =
    "sequence, at_ms, who, kind, body_json, undone_by, idempotency_key, asked_sha256";

Edit ReadEdit(const Statement& row) {
  Edit edit{.sequence = row.Int64(0),
            .at = base::WallTime{std::chrono::milliseconds{row.Int64(1)}},
            .who = row.Text(2),
            .kind = row.Text(3),
            .body_json = row.Text(4)};
  if (!row.IsNull(5)) edit.undone_by = row.Int64(5);
  if (!row.IsNull(6)) edit.idempotency_key = row.Text(6);
  edit.asked_sha256 = row.Text(7);
  return edit;
}

}  // namespace

Result<void> SqliteLedger::EditInsert(const Subject& subject, const Edit& edit) {
  return database_.ChangeOne(
      "INSERT INTO edit (subject_kind, subject_id, sequence, at_ms, who, kind, body_json, "
      "undone_by, idempotency_key, asked_sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      subject.kind, subject.id, edit.sequence, Millis(edit.at), edit.who, edit.kind, edit.body_json,
      edit.undone_by, edit.idempotency_key, edit.asked_sha256);
}

Result<void> SqliteLedger::EditSetUndone(const Subject& subject, std::int64_t sequence,
                                         std::optional<std::int64_t> undone_by) {
  return database_.ChangeOne(
      "UPDATE edit SET undone_by = ?4 WHERE subject_kind = ?1 AND subject_id = ?2 AND "
      "sequence = ?3",
      subject.kind, subject.id, sequence, undone_by);
}

Result<std::vector<Edit>> SqliteLedger::Edits(const Subject& subject) {
  return ReadAll(
      database_.Query(fmt::format("SELECT {} FROM edit WHERE subject_kind = ?1 AND subject_id = ?2 "
                                  "ORDER BY sequence",
                                  kEditColumns),
                      subject.kind, subject.id),
      ReadEdit);
}

Result<std::int64_t> SqliteLedger::EditLast(const Subject& subject) {
  ROLLCALL_TRY_ASSIGN(auto statement,
                      database_.Query("SELECT coalesce(max(sequence), 0) FROM edit WHERE "
                                      "subject_kind = ?1 AND subject_id = ?2",
                                      subject.kind, subject.id));
  ROLLCALL_TRY(statement.Step());
  return statement.Int64(0);
}

Result<std::vector<Edit>> SqliteLedger::EditsOfKey(const Subject& subject,
                                                   std::string_view idempotency_key) {
  return ReadAll(
      database_.Query(fmt::format("SELECT {} FROM edit WHERE subject_kind = ?1 AND subject_id = ?2 "
                                  "AND idempotency_key = ?3 ORDER BY sequence",
                                  kEditColumns),
                      subject.kind, subject.id, idempotency_key),
      ReadEdit);
}

Result<std::vector<Subject>> SqliteLedger::EditSubjects() {
  return ReadAll(
      database_.Query("SELECT DISTINCT subject_kind, subject_id FROM edit "
                      "ORDER BY subject_kind, subject_id"),
      [](const Statement& row) { return Subject{.kind = row.Text(0), .id = row.Text(1)}; });
}

}  // namespace rollcall::store
