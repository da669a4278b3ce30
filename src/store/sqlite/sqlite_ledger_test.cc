#include "store/sqlite/sqlite_ledger.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "store/sqlite/database.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/testing/sqlite_home.h"

namespace rollcall::store {
namespace {

using domain::JobState;

// Rows that statements stepped over without being led there by an index.
int ScannedRows(Database& database) {
  int rows = 0;
  for (sqlite3_stmt* statement = sqlite3_next_stmt(database.handle(), nullptr);
       statement != nullptr; statement = sqlite3_next_stmt(database.handle(), statement)) {
    rows += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, /*resetFlg=*/1);
  }
  return rows;
}

// What is asked at each claim, renewal and start is not dearer the more runs have ended.
TEST(SqliteLedgerTest, LooksForWorkWithoutReadingWhatHasEnded) {
  const TempFolder folder;
  auto opened = Database::Open({.path = folder.db(), .vfs = {}});
  ASSERT_TRUE(opened.ok());
  Database& database = **opened;
  ASSERT_TRUE(Migrate(database, Migrations()).ok());
  SqliteLedger ledger(database);
  for (int i = 0; i < 100; ++i) {
    const StageRun run{.subject = {"episode", fmt::format("e{}", i)},
                       .name = "detect",
                       .generation = 1,
                       .work_key = fmt::format("w{}", i),
                       .dedupe_key = fmt::format("w{}", i),
                       .params_json = "{}",
                       .state = JobState::kSucceeded};
    ASSERT_TRUE(ledger.RunInsert(run, {}).ok());
    ASSERT_TRUE(ledger
                    .JobInsert({.subject = run.subject,
                                .kind = "detect",
                                .request_json = "{}",
                                .state = JobState::kSucceeded})
                    .ok());
    ASSERT_TRUE(ledger
                    .SubmissionKeyWrite({.subject_kind = "episode",
                                         .key = fmt::format("key {}", i),
                                         .job = JobId{i + 1},
                                         .asked_sha256 = "",
                                         .at = base::WallTime{std::chrono::hours{1}}})
                    .ok());
  }
  ScannedRows(database);
  EXPECT_TRUE(ledger.RunsQueued("detect")->empty());
  EXPECT_TRUE(ledger.RunsRetryWait()->empty());
  EXPECT_FALSE(ledger.TaskRunnable({}).value().has_value());
  EXPECT_FALSE(ledger.RunLive("w1").value().has_value());
  EXPECT_TRUE(ledger.RunsLiveOfWork("w1")->empty());
  EXPECT_EQ(ledger.RunsChanged(99, 64)->size(), 1U);
  EXPECT_EQ(ledger.RunGenerations({"episode", "e1"}, "detect")->size(), 1U);
  EXPECT_TRUE(ledger.RunNewest("detect_e1").value().has_value());
  EXPECT_TRUE(ledger.RunNewestSucceeded("w1").value().has_value());
  EXPECT_TRUE(ledger.JobNewest("detect_e1").value().has_value());
  EXPECT_FALSE(*ledger.JobAnyOpen());
  EXPECT_FALSE(ledger.SubmissionKeyRead("episode", "k").value().has_value());
  EXPECT_TRUE(ledger.SubmissionKeysErase({}).ok());
  EXPECT_FALSE(*ledger.JobAnyOpenOf({"episode", "e1"}));
  EXPECT_EQ(ScannedRows(database), 0);
}

}  // namespace
}  // namespace rollcall::store
