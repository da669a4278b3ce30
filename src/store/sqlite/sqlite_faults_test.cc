#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "base/testing/sanitizers.h"
#include "base/testing/without_privileges.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/testing/faulty_vfs.h"
#include "store/sqlite/testing/sqlite_home.h"
#include "store/testing/random_script.h"
#include "store/testing/store_dump.h"

namespace rollcall::store {
namespace {

void Overwrite(const std::filesystem::path& path, std::int64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file << bytes;
}

base::Result<std::unique_ptr<SqliteStore>> Open(const SqliteStore::Options& options) {
  static base::FakeClock clock;
  return SqliteStore::Open(options, {clock});
}

// Enough rows that tables have more than one page.
void Fill(SqliteHome& home) {
  RandomScript script(home.store(), home.own_clock(), 3);
  for (int step = 0; step < 300; ++step) script.Step();
}

TEST(SqliteFaultsTest, RefusesANewerSchema) {
  SqliteHome home;
  home.Close();
  {
    auto database = std::move(Database::Open({.path = home.folder().db()})).value();
    ASSERT_TRUE(
        database->Execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'").ok());
  }
  const auto opened = Open({.path = home.folder().db()});
  EXPECT_EQ(ReasonOf(opened), "ERR_STORE_TOO_NEW");
  EXPECT_EQ(CodeOf(opened), base::ErrorCode::kFailedPrecondition);
}

TEST(SqliteFaultsTest, RefusesADatabaseOfSomethingElse) {
  const TempFolder folder;
  {
    auto database = std::move(Database::Open({.path = folder.db()})).value();
    ASSERT_TRUE(database->Execute("CREATE TABLE bookmarks (url TEXT)").ok());
  }
  EXPECT_EQ(ReasonOf(Open({.path = folder.db()})), "ERR_STORE_DAMAGED");
}

TEST(SqliteFaultsTest, AFileThatIsNoDatabaseIsDataLoss) {
  const TempFolder folder;
  std::ofstream(folder.db()) << std::string(8192, 'x');
  const auto opened = Open({.path = folder.db()});
  EXPECT_EQ(CodeOf(opened), base::ErrorCode::kDataLoss);
  EXPECT_EQ(ReasonOf(opened), "ERR_STORE_DAMAGED");
}

TEST(SqliteFaultsTest, ADamagedPageIsDataLoss) {
  SqliteHome home;
  Fill(home);
  EXPECT_OK(home.store().IntegrityCheck());
  home.Close();
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(home.folder().db()));
  for (std::int64_t page = size / 4096 / 2; page < size / 4096; ++page) {
    Overwrite(home.folder().db(), page * 4096, std::string(512, '\xa5'));
  }
  auto opened = Open({.path = home.folder().db()});
  if (!opened.ok()) {
    EXPECT_EQ(CodeOf(opened), base::ErrorCode::kDataLoss);
  } else {
    EXPECT_EQ(CodeOf((*opened)->IntegrityCheck()), base::ErrorCode::kDataLoss);
  }
}

// What SQLite's own check cannot see.
TEST(SqliteFaultsTest, TheAuditFindsRowsThatContradictEachOther) {
  const std::vector<std::pair<std::string, std::string>> damages{
      {"DELETE FROM event WHERE seq = 2", "missing"},
      {"DELETE FROM segment WHERE number = 0", "missing"},
      {"DELETE FROM lease", "without a lease"},
      {"UPDATE job SET state = 'succeeded'", "succeeded"},
      {"UPDATE stage_run SET wait_reason = '' WHERE state = 'blocked'", "does not say why"},
      {"UPDATE job_stage SET is_left = 1", "its stages say"},
  };
  for (const auto& [sql, message] : damages) {
    SqliteHome home;
    ASSERT_TRUE(home.store().JobSubmit(MakeRequest("detect", "x", {"extract", "detect"})).ok());
    const auto task = *home.store().TaskClaim(
        {.agent = {.id = "a"}, .stages = {}, .lease = std::chrono::seconds{30}});
    for (int i = 0; i < 2; ++i) {
      EXPECT_OK(home.store().SegmentCommit(task->fence, MakeSegment(i)));
    }
    home.Close();
    {
      auto database = std::move(Database::Open({.path = home.folder().db()})).value();
      ASSERT_TRUE(database->Execute(sql).ok());
    }
    home.Reopen();
    const auto check = home.store().IntegrityCheck();
    ASSERT_FALSE(check.ok()) << sql;
    EXPECT_EQ(check.error().reason, "ERR_STORE_DAMAGED") << sql;
    EXPECT_NE(check.error().message.find(message), std::string::npos) << check.error().message;
  }
}

TEST(SqliteFaultsTest, AFolderThatIsNotThereIsNoCrash) {
  const TempFolder folder;
  const auto opened = Open({.path = folder.path() / "none" / "rollcall.db"});
  EXPECT_EQ(CodeOf(opened), base::ErrorCode::kNotFound);
}

TEST(SqliteFaultsTest, AFileThatCannotBeWrittenIsAPermission) {
  const base::testing::WithoutPrivileges without_privileges;
  SqliteHome home;
  home.Close();
  ASSERT_EQ(chmod(home.folder().db().c_str(), 0400), 0);
  EXPECT_EQ(ReasonOf(Open({.path = home.folder().db()})), "ERR_PERMISSION");
}

TEST(SqliteFaultsTest, AFolderInPlaceOfTheFileIsAPermission) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.db());
  EXPECT_EQ(ReasonOf(Open({.path = folder.db()})), "ERR_PERMISSION");
}

// This build's migrations and one more.
std::vector<Migration> WithOneMore(std::string_view sql) {
  std::vector<Migration> migrations(Migrations().begin(), Migrations().end());
  migrations.push_back({migrations.back().number + 1, sql});
  return migrations;
}

TEST(SqliteFaultsTest, AFailedMigrationLeavesTheOldSchema) {
  SqliteHome home;
  Fill(home);
  const std::string before = DumpStore(home.store()).dump(1);
  home.Close();
  {
    auto database = std::move(Database::Open({.path = home.folder().db()})).value();
    const auto broken = WithOneMore("CREATE TABLE extra (a TEXT) STRICT; SELECT nonsense;");
    EXPECT_FALSE(Migrate(*database, broken).ok());
  }
  home.Reopen();
  EXPECT_EQ(DumpStore(home.store()).dump(1), before);
  home.Close();
  auto database = std::move(Database::Open({.path = home.folder().db()})).value();
  const auto good = WithOneMore("CREATE TABLE extra (a TEXT) STRICT;");
  EXPECT_OK(Migrate(*database, good));
  EXPECT_OK(database->Execute("INSERT INTO extra VALUES ('x')"));
  // And a build that does not know the last step refuses what it has done.
  EXPECT_EQ(ReasonOf(Migrate(*database, Migrations())), "ERR_STORE_TOO_NEW");
}

// One small life, each step tried until it goes through.
class FaultSweep : public testing::TestWithParam<FaultyVfs::Fault> {
 protected:
  // Runs `step`; when the disk fails it, checks the error, mends the disk and runs it again.
  template <typename Step>
  auto Try(Step step) {
    auto result = step();
    if (result.ok()) return result;
    const bool is_full = GetParam() == FaultyVfs::Fault::kDiskFull;
    EXPECT_EQ(ReasonOf(result), is_full ? "ERR_DISK_FULL" : "ERR_STORE_UNAVAILABLE");
    EXPECT_EQ(CodeOf(result),
              is_full ? base::ErrorCode::kResourceExhausted : base::ErrorCode::kUnavailable);
    ++faults_;
    vfs_.Heal();
    auto again = step();
    EXPECT_TRUE(again.ok()) << again.error().ToString();
    return again;
  }

  void Live(JobStore& store) {
    const auto submission =
        Try([&] { return store.JobSubmit(MakeRequest("detect", "x", {"detect"})); });
    const auto task = Try([&] {
      return store.TaskClaim(
          {.agent = {.id = "a"}, .stages = {}, .lease = std::chrono::seconds{30}});
    });
    ASSERT_TRUE((*task).has_value());
    const Fence fence = (*task)->fence;
    EXPECT_OK(Try([&] { return store.TaskStarted(fence, 1, 2); }));
    for (int i = 0; i < 3; ++i) {
      EXPECT_OK(Try([&] { return store.SegmentCommit(fence, MakeSegment(i)); }));
    }
    EXPECT_OK(Try([&] { return store.TaskSucceed(fence, "{}", {}, {}); }));
    StartFromNothing(store, (*task)->run.work_key);
  }

  // A start that the disk refuses has dropped nothing.
  void StartFromNothing(JobStore& store, const std::string& work_key) {
    JobRequest again = MakeRequest("detect", "x", {"detect"});
    again.stages[0].drops_segments = true;
    EXPECT_OK(Try([&] {
      auto submitted = store.JobSubmit(again);
      EXPECT_EQ(store.SegmentList(work_key)->size(), submitted.ok() ? 0U : 3U);
      return submitted;
    }));
  }

  FaultyVfs vfs_;
  int faults_ = 0;
};

TEST_P(FaultSweep, EveryFailedWriteIsTypedChangesNothingAndGoesThroughLater) {
  std::string wanted;
  std::int64_t calls = 0;
  for (std::int64_t n = 0; n <= calls; n += n == 0 ? 1 : base::testing::EveryOneOrNth(7)) {
    SqliteHome home(vfs_.name());
    faults_ = 0;
    vfs_.Heal();
    if (n > 0) vfs_.FailFrom(n, GetParam());  // Round 0 counts the calls.
    Live(home.store());
    if (n == 0) calls = vfs_.calls();
    vfs_.Heal();
    EXPECT_OK(home.store().IntegrityCheck());
    home.Reopen();
    EXPECT_OK(home.store().IntegrityCheck());
    const std::string dump = DumpStore(home.store()).dump(1);
    if (n == 0) wanted = dump;
    ASSERT_EQ(dump, wanted) << "with call " << n << " failing";
    EXPECT_EQ(faults_, n == 0 ? 0 : 1) << "call " << n;
  }
  EXPECT_GT(calls, 10);
}

INSTANTIATE_TEST_SUITE_P(Faults, FaultSweep,
                         testing::Values(FaultyVfs::Fault::kDiskFull, FaultyVfs::Fault::kIoError),
                         [](const auto& param) {
                           return std::string(
                               param.param == FaultyVfs::Fault::kDiskFull ? "DiskFull" : "IoError");
                         });

}  // namespace
}  // namespace rollcall::store
