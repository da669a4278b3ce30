#include "store/sqlite/rows.h"
#include "store/sqlite/sqlite_ledger.h"

namespace rollcall::store {

using base::Result;

template <typename... Values>
Result<std::vector<domain::Segment>> SqliteLedger::SegmentRows(std::string_view rest,
                                                               const Values&... values) {
  return ReadAll(
      database_.Query(fmt::format("SELECT {} FROM segment {}", kSegmentColumns, rest), values...),
      ReadSegment);
}

Result<void> SqliteLedger::SegmentInsert(std::string_view work_key, std::int64_t token,
                                         const domain::Segment& segment) {
  return database_.ChangeOne(
      "INSERT INTO segment (work_key, number, pts_from_us, pts_to_us, token, path, size_bytes, "
      "sha256, counters_json, resume_blob) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      work_key, segment.number, segment.pts_from.count(), segment.pts_to.count(), token,
      segment.path, segment.size_bytes, segment.sha256, segment.counters_json,
      Blob{segment.resume_blob});
}

Result<std::optional<domain::Segment>> SqliteLedger::SegmentRead(std::string_view work_key,
                                                                 std::int64_t number) {
  ROLLCALL_TRY_ASSIGN(auto rows,
                      SegmentRows("WHERE work_key = ?1 AND number = ?2", work_key, number));
  if (rows.empty()) return std::optional<domain::Segment>();
  return std::optional<domain::Segment>(std::move(rows.front()));
}

Result<std::vector<domain::Segment>> SqliteLedger::Segments(std::string_view work_key) {
  return SegmentRows("WHERE work_key = ?1 ORDER BY number", work_key);
}

Result<std::int64_t> SqliteLedger::SegmentCount(std::string_view work_key) {
  // One more than the last, by the primary key: the same while there are no holes.
  ROLLCALL_TRY_ASSIGN(
      auto statement,
      database_.Query("SELECT coalesce(max(number) + 1, 0) FROM segment WHERE work_key = ?1",
                      work_key));
  ROLLCALL_TRY(statement.Step());
  return statement.Int64(0);
}

Result<std::int64_t> SqliteLedger::SegmentsErase(std::string_view work_key,
                                                 std::int64_t first_number) {
  return database_.Change("DELETE FROM segment WHERE work_key = ?1 AND number >= ?2", work_key,
                          first_number);
}

Result<void> SqliteLedger::PoisonWrite(std::string_view work_key, const PoisonSegment& poison) {
  return database_.ChangeOne(
      "INSERT OR REPLACE INTO poison_segment (work_key, number, pts_from_us, pts_to_us, "
      "is_skipped) VALUES (?1, ?2, ?3, ?4, ?5)",
      work_key, poison.span.number, poison.span.pts_from.count(), poison.span.pts_to.count(),
      poison.is_skipped);
}

Result<std::vector<PoisonSegment>> SqliteLedger::Poisons(std::string_view work_key) {
  return ReadAll(
      database_.Query("SELECT number, pts_from_us, pts_to_us, is_skipped FROM poison_segment "
                      "WHERE work_key = ?1 ORDER BY number",
                      work_key),
      [](const Statement& row) {
        return PoisonSegment{.span = {.number = row.Int64(0),
                                      .pts_from = domain::MediaTime{row.Int64(1)},
                                      .pts_to = domain::MediaTime{row.Int64(2)}},
                             .is_skipped = row.Bool(3)};
      });
}

Result<void> SqliteLedger::PoisonErase(std::string_view work_key, std::int64_t number) {
  ROLLCALL_TRY(database_.Change("DELETE FROM poison_segment WHERE work_key = ?1 AND number = ?2",
                                work_key, number));
  return {};
}

Result<void> SqliteLedger::PoisonsErase(std::string_view work_key) {
  ROLLCALL_TRY(database_.Change("DELETE FROM poison_segment WHERE work_key = ?1", work_key));
  return {};
}

Result<void> SqliteLedger::ArtifactsInsert(StageRunId id,
                                           std::span<const domain::Artifact> artifacts) {
  for (std::size_t i = 0; i < artifacts.size(); ++i) {
    const domain::Artifact& artifact = artifacts[i];
    ROLLCALL_TRY(database_.ChangeOne(
        "INSERT INTO artifact (stage_run_id, position, name, path, size_bytes, sha256, count) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        id, static_cast<std::int64_t>(i), artifact.name, artifact.path, artifact.size_bytes,
        artifact.sha256, artifact.count));
  }
  return {};
}

Result<std::vector<domain::Artifact>> SqliteLedger::Artifacts(StageRunId id) {
  return ReadAll(database_.Query("SELECT name, path, size_bytes, sha256, count FROM artifact "
                                 "WHERE stage_run_id = ?1 ORDER BY position",
                                 id),
                 [](const Statement& row) {
                   return domain::Artifact{.name = row.Text(0),
                                           .path = row.Text(1),
                                           .size_bytes = row.Int64(2),
                                           .sha256 = row.Text(3),
                                           .count = row.Int64(4)};
                 });
}

}  // namespace rollcall::store
