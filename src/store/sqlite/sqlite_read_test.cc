// Stores in a place where nothing can be written.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing/without_privileges.h"
#include "store/sqlite/testing/sqlite_home.h"

namespace rollcall::store {
namespace {

namespace fs = std::filesystem;
using Access = Database::Access;

Episode EpisodeOf(const std::string& key) {
  return {.key = key, .display = key, .video_path = "/v.mp4", .fingerprint = key, .created_at = {}};
}

// Takes the right to write a folder and its files away while it lives.
class ReadOnly {
 public:
  explicit ReadOnly(const fs::path& folder) : folder_(folder) {
    for (const auto& entry : fs::directory_iterator(folder_)) ::chmod(entry.path().c_str(), 0400);
    ::chmod(folder_.c_str(), 0500);
  }
  ~ReadOnly() { ::chmod(folder_.c_str(), 0700); }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;

 private:
  const fs::path folder_;
};

std::size_t FilesIn(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

base::Result<std::unique_ptr<SqliteStore>> Read(const fs::path& path, Access access) {
  static base::FakeClock clock;
  return SqliteStore::OpenToRead({.path = path}, access, {clock});
}

base::Result<std::unique_ptr<SqliteStore>> Read(const TempFolder& folder, Access access) {
  return Read(folder.db(), access);
}

TEST(SqliteReadTest, ReadsAStoreAtRestThatCannotBeWritten) {
  const base::testing::WithoutPrivileges without_privileges;
  SqliteHome home;
  EXPECT_OK(home.store().EpisodePut(EpisodeOf("x")));
  home.Close();
  const ReadOnly read_only(home.folder().path());
  EXPECT_FALSE(Read(home.folder(), Access::kRead).ok()) << "it has no log to read beside it";
  auto store = Read(home.folder(), Access::kReadAtRest);
  ASSERT_TRUE(store.ok()) << store.error().ToString();
  EXPECT_OK((*store)->EpisodeGet("x"));
  EXPECT_OK((*store)->IntegrityCheck());
  EXPECT_EQ(ReasonOf((*store)->EpisodePut(EpisodeOf("y"))), "ERR_PERMISSION");
  store->reset();
  EXPECT_EQ(FilesIn(home.folder().path()), 1U);
}

TEST(SqliteReadTest, ReadsTheLogOfAKilledOwnerThatCannotBeWritten) {
  const base::testing::WithoutPrivileges without_privileges;
  SqliteHome home;
  const TempFolder left;
  EXPECT_OK(home.store().EpisodePut(EpisodeOf("x")));
  // As a kill would leave them: the row is in the log only.
  for (const char* name : {"rollcall.db", "rollcall.db-wal", "rollcall.db-shm"}) {
    fs::copy_file(home.folder().path() / name, left.path() / name);
  }
  const ReadOnly read_only(left.path());
  const auto store = Read(left, Access::kRead);
  ASSERT_TRUE(store.ok()) << store.error().ToString();
  EXPECT_OK((*store)->EpisodeGet("x"));
  EXPECT_EQ(ReasonOf((*store)->EpisodePut(EpisodeOf("y"))), "ERR_PERMISSION");
}

TEST(SqliteReadTest, DoesNotReadAnOlderSchema) {
  SqliteHome home;
  home.Close();
  {
    auto database = std::move(Database::Open({.path = home.folder().db()})).value();
    ASSERT_TRUE(
        database->Execute("UPDATE meta SET value = '2' WHERE name = 'schema_version'").ok());
  }
  const auto store = Read(home.folder(), Access::kReadAtRest);
  EXPECT_EQ(ReasonOf(store), "ERR_PERMISSION");
  EXPECT_NE(store.error().message.find("schema 2"), std::string::npos);
}

TEST(SqliteReadTest, ReadsAtRestUnderAnyName) {
  SqliteHome home;
  EXPECT_OK(home.store().EpisodePut(EpisodeOf("x")));
  home.Close();
  const auto odd = home.folder().path() / "50% a?b #c&mode=memory";
  fs::create_directory(odd);
  fs::copy_file(home.folder().db(), odd / "rollcall.db");
  const auto store = Read(odd / "rollcall.db", Access::kReadAtRest);
  ASSERT_TRUE(store.ok()) << store.error().ToString();
  EXPECT_OK((*store)->EpisodeGet("x"));
}

TEST(SqliteReadTest, MakesNoStoreWhereThereIsNone) {
  const TempFolder folder;
  for (const Access access : {Access::kRead, Access::kReadAtRest}) {
    EXPECT_EQ(ReasonOf(Read(folder, access)), "ERR_PERMISSION");
  }
  EXPECT_EQ(FilesIn(folder.path()), 0U);
}

}  // namespace
}  // namespace rollcall::store
