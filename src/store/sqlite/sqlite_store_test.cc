#include "store/sqlite/sqlite_store.h"

#include <gtest/gtest.h>
#include <linux/magic.h>

#include <chrono>

#include "base/file.h"
#include "base/testing/sanitizers.h"
#include "store/memory/memory_store.h"
#include "store/sqlite/testing/sqlite_home.h"
#include "store/testing/job_store_contract.h"
#include "store/testing/random_script.h"
#include "store/testing/store_dump.h"

namespace rollcall::store {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, JobStoreContract,
                         testing::Values(MakeHome([](const StoreClock& clock) {
                           return std::make_unique<SqliteHome>(clock, "");
                         })),
                         [](const auto&) { return std::string("Store"); });
INSTANTIATE_TEST_SUITE_P(Sqlite, PoisonContract,
                         testing::Values(MakeHome([](const StoreClock& clock) {
                           return std::make_unique<SqliteHome>(clock, "");
                         })),
                         [](const auto&) { return std::string("Store"); });
INSTANTIATE_TEST_SUITE_P(Sqlite, EditContract,
                         testing::Values(MakeHome([](const StoreClock& clock) {
                           return std::make_unique<SqliteHome>(clock, "");
                         })),
                         [](const auto&) { return std::string("Store"); });

TEST(SqliteStoreTest, RandomLivesGoAsInMemory) {
  for (std::uint32_t seed = 1; seed <= 12; seed += base::testing::EveryOneOrNth(6)) {
    SqliteHome home;
    base::FakeClock clock;
    MemoryStore memory({.clock = clock, .boot_id = "boot of the store"});
    RandomScript on_disk(home.store(), home.own_clock(), seed);
    RandomScript in_memory(memory, clock, seed);
    for (int step = 0; step < 250; ++step) {
      on_disk.Step();
      in_memory.Step();
      ASSERT_EQ(on_disk.answers(), in_memory.answers()) << "seed " << seed << " step " << step;
    }
    ASSERT_EQ(DumpStore(home.store()).dump(1), DumpStore(memory).dump(1)) << "seed " << seed;
    const auto check = home.store().IntegrityCheck();
    ASSERT_TRUE(check.ok()) << "seed " << seed << ": " << check.error().ToString();
  }
}

TEST(SqliteStoreTest, IsTheSameAfterReopening) {
  SqliteHome home;
  RandomScript script(home.store(), home.own_clock(), 7);
  for (int step = 0; step < 200; ++step) script.Step();
  const std::string before = DumpStore(home.store()).dump(1);
  const std::string epoch = *home.store().StreamEpoch();
  home.Reopen();
  EXPECT_EQ(DumpStore(home.store()).dump(1), before);
  EXPECT_EQ(*home.store().StreamEpoch(), epoch);
}

Episode NewEpisode(const std::string& key) {
  return {.key = key, .display = key, .video_path = "/v.mp4", .fingerprint = key, .created_at = {}};
}

// Closing removes the log by its path; SQLite asks before whether the file is still its own.
TEST(SqliteStoreTest, LeavesTheFilesAloneOfAStoreThatHasTakenItsPlace) {
  const TempFolder folder;
  base::FakeClock clock;
  const auto here = folder.path() / "here";
  const auto elsewhere = folder.path() / "elsewhere";
  std::filesystem::create_directory(here);
  auto moved = std::move(SqliteStore::Open({.path = here / "rollcall.db"}, {clock})).value();
  ASSERT_TRUE(moved->EpisodePut(NewEpisode("first")).ok());
  std::filesystem::rename(here, elsewhere);
  std::filesystem::create_directory(here);
  auto next = std::move(SqliteStore::Open({.path = here / "rollcall.db"}, {clock})).value();
  ASSERT_TRUE(next->EpisodePut(NewEpisode("second")).ok());
  ASSERT_TRUE(moved->EpisodePut(NewEpisode("late")).ok());
  moved.reset();
  EXPECT_TRUE(std::filesystem::exists(here / "rollcall.db-wal"));
  next.reset();
  next = std::move(SqliteStore::Open({.path = here / "rollcall.db"}, {clock})).value();
  EXPECT_TRUE(next->EpisodeGet("second").ok());
  moved = std::move(SqliteStore::Open({.path = elsewhere / "rollcall.db"}, {clock})).value();
  EXPECT_TRUE(moved->EpisodeGet("first").ok());
  EXPECT_TRUE(moved->EpisodeGet("late").ok());
}

TEST(SqliteStoreTest, EachStoreHasAnEpochOfItsOwn) {
  SqliteHome a;
  SqliteHome b;
  EXPECT_NE(*a.store().StreamEpoch(), *b.store().StreamEpoch());
}

TEST(SqliteStoreTest, WritesAheadAndSyncsEveryCommit) {
  const TempFolder folder;
  base::FakeClock clock;
  ASSERT_TRUE(SqliteStore::Open({.path = folder.db()}, {clock}).ok());
  auto database = std::move(Database::Open({.path = folder.db()})).value();
  auto mode = std::move(database->Query("PRAGMA journal_mode")).value();
  ASSERT_TRUE(*mode.Step());
  EXPECT_EQ(mode.Text(0), "wal");
  // Of a new connection to a WAL file, as the build sets it; Open sets it again.
  auto synchronous = std::move(database->Query("PRAGMA synchronous")).value();
  ASSERT_TRUE(*synchronous.Step());
  EXPECT_EQ(synchronous.Int(0), 2);
}

TEST(SqliteStoreTest, TheIndexesThemselvesRefuseASecondLiveRun) {
  SqliteHome home;
  ASSERT_TRUE(home.store().JobSubmit(MakeRequest("detect", "x", {"detect"})).ok());
  home.Close();
  auto database = std::move(Database::Open({.path = home.folder().db()})).value();
  const std::string copy =
      "INSERT INTO stage_run (subject_kind, subject_id, name, generation, public_id, work_key, "
      "dedupe_key, params_json, state, is_cancel_wanted, priority, failures, crashes, "
      "interruptions, wait_reason, result_json, created_at_ms, change) SELECT subject_kind, "
      "subject_id, name, 2, public_id, work_key, dedupe_key, params_json, state, 0, 0, 0, 0, 0, "
      "'', '{}', 0, 999 FROM stage_run";
  EXPECT_NE(database->Execute(copy).error().message.find("UNIQUE"), std::string::npos);
  ASSERT_TRUE(database->Execute("UPDATE stage_run SET state = 'running'").ok());
  const std::string other_work = copy.substr(0, copy.find(" FROM")) + " FROM stage_run";
  ASSERT_TRUE(database->Execute("UPDATE stage_run SET dedupe_key = 'another'").ok());
  EXPECT_NE(database->Execute(other_work).error().message.find("UNIQUE"), std::string::npos);
}

// The plans that keep claims and the projector fast whatever has piled up.
TEST(SqliteStoreTest, HotQueriesUseTheirIndexes) {
  SqliteHome home;
  home.Close();
  auto database = std::move(Database::Open({.path = home.folder().db()})).value();
  const auto plan_of = [&](std::string_view sql) {
    auto statement = std::move(database->Query("EXPLAIN QUERY PLAN " + std::string(sql))).value();
    std::string plan;
    while (*statement.Step()) plan += statement.Text(3) + "\n";
    return plan;
  };
  const auto uses = [&](std::string_view sql, std::string_view index) {
    const std::string plan = plan_of(sql);
    EXPECT_NE(plan.find(index), std::string::npos) << plan;
  };
  uses("SELECT id FROM stage_run WHERE change > 5 ORDER BY change LIMIT 10", "stage_run_by_change");
  uses("SELECT id FROM stage_run WHERE state = 'queued' ORDER BY priority DESC, id LIMIT 1",
       "stage_run_queued");
  uses("SELECT id FROM stage_run WHERE state = 'retry_wait'", "stage_run_retry_wait");
  uses(
      "SELECT id FROM stage_run WHERE state IN ('blocked', 'queued', 'leased', 'running', "
      "'retry_wait', 'cancelling') AND dedupe_key IS NOT NULL AND dedupe_key = 'x'",
      "stage_run_one_live");
}

TEST(SqliteStoreTest, RefusesNetworkFileSystems) {
  EXPECT_TRUE(IsNetworkFileSystem(NFS_SUPER_MAGIC));
  EXPECT_TRUE(IsNetworkFileSystem(0xff534d42));  // CIFS
  EXPECT_TRUE(IsNetworkFileSystem(0xfe534d42));  // SMB 2
  EXPECT_FALSE(IsNetworkFileSystem(EXT4_SUPER_MAGIC));
  EXPECT_FALSE(IsNetworkFileSystem(TMPFS_MAGIC));
  EXPECT_FALSE(IsNetworkFileSystem(OVERLAYFS_SUPER_MAGIC));
}

}  // namespace
}  // namespace rollcall::store
