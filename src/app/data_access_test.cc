#include "app/data_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "base/random.h"
#include "base/unique_fd.h"
#include "domain/reasons.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr mode_t kEverybodysUmask = 022;

unsigned ModeOf(const fs::path& path) {
  struct stat facts {};
  EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

gid_t GroupOfFile(const fs::path& path) {
  struct stat facts {};
  EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
  return facts.st_gid;
}

// A group that this user may give files to: any for root, else one of his own.
gid_t SomeGroup() {
  if (::geteuid() == 0) return 1;
  gid_t groups[64];
  const int count = ::getgroups(64, groups);
  return count > 0 ? groups[count - 1] : ::getegid();
}

class DataAccessTest : public ::testing::Test {
 protected:
  DataAccessTest() : umask_(kEverybodysUmask) {}
  ~DataAccessTest() override { fs::remove_all(folder_); }

  // As releases before this one made it.
  DataDirectory OpenToAll() {
    const auto data = DataDirectory::Open(folder_).value();
    for (const fs::path& folder : data.folders()) ::chmod(folder.c_str(), 0755);
    for (const char* file : {"rollcall.db", "harvest/embeddings.parquet.g1", "logs/worker.log"}) {
      std::ofstream(folder_ / file) << "x";
    }
    return data;
  }

  const ScopedUmask umask_;
  const fs::path folder_ = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
};

TEST_F(DataAccessTest, ANewDirectoryIsForItsOwnerAlone) {
  const auto data = DataDirectory::Open(folder_ / "deep/data").value();
  // Whatever the umask was: a group that nobody named gets nothing of it either.
  const ScopedUmask narrowed(UmaskFor(data, std::nullopt));
  for (const fs::path& folder : data.folders()) {
    EXPECT_EQ(ModeOf(folder) & 0007U, 0U) << folder << " is for everybody";
  }
  ASSERT_TRUE(base::MakeFolders(data.harvest("x")).ok());
  ASSERT_TRUE(base::WriteFileAtomic(data.harvest("x") / "faces.pack.g1", "faces").ok());
  std::ofstream(data.harvest("x") / "by-a-library") << "x";
  EXPECT_EQ(ModeOf(data.harvest("x")), 0700U);
  EXPECT_EQ(ModeOf(data.harvest("x") / "faces.pack.g1"), 0600U);
  EXPECT_EQ(ModeOf(data.harvest("x") / "by-a-library"), 0600U);
}

TEST_F(DataAccessTest, ANewDirectoryIsForTheGroupThatIsNamedToReadToo) {
  const gid_t group = SomeGroup();
  const auto data = DataDirectory::Open(folder_, group).value();
  const ScopedUmask narrowed(UmaskFor(data, group));
  ASSERT_TRUE(base::MakeFolders(data.harvest("x")).ok());
  ASSERT_TRUE(base::WriteFileAtomic(data.harvest("x") / "faces.pack.g1", "faces").ok());
  for (const fs::path& folder : {folder_, folder_ / "harvest", folder_ / "harvest/x"}) {
    EXPECT_EQ(ModeOf(folder), 02750U) << folder;
    EXPECT_EQ(GroupOfFile(folder), group) << folder;
  }
  EXPECT_EQ(ModeOf(data.harvest("x") / "faces.pack.g1"), 0640U);
  EXPECT_EQ(GroupOfFile(data.harvest("x") / "faces.pack.g1"), group);
  const Readers readers = ReadersOf(data, group);
  EXPECT_FALSE(readers.has_others || readers.lacks_group) << readers.unwanted_group;
}

TEST_F(DataAccessTest, AnExistingDirectoryStaysAsItIsUntilSomebodyAsks) {
  OpenToAll();
  const auto data = DataDirectory::Open(folder_, SomeGroup()).value();
  EXPECT_EQ(ModeOf(folder_), 0755U);
  EXPECT_EQ(ModeOf(folder_ / "rollcall.db"), 0644U);
  EXPECT_TRUE(ReadersOf(data, std::nullopt).has_others);
  EXPECT_EQ(UmaskFor(data, SomeGroup()), 077U) << "its files would be for another group";
}

TEST_F(DataAccessTest, MendsADirectoryThatEverybodyCouldRead) {
  const auto data = OpenToAll();
  const fs::path outside = folder_.string() + ".outside";
  std::ofstream(outside) << "x";
  fs::create_symlink(outside, folder_ / "models/linked");
  const auto mended = MendAccess(data, std::nullopt);
  ASSERT_TRUE(mended.ok()) << mended.error().ToString();
  EXPECT_EQ(mended->failed, 0) << mended->first_failure;
  EXPECT_EQ(mended->changed, 9 + 3);
  EXPECT_EQ(ModeOf(folder_), 0700U);
  EXPECT_EQ(ModeOf(folder_ / "harvest"), 0700U);
  EXPECT_EQ(ModeOf(folder_ / "harvest/embeddings.parquet.g1"), 0600U);
  EXPECT_EQ(ModeOf(outside), 0644U) << "what a link leads to is not ours";
  EXPECT_FALSE(ReadersOf(data, std::nullopt).has_others);
  EXPECT_EQ(ReadersOf(data, std::nullopt).unwanted_group, "");
  EXPECT_EQ(MendAccess(data, std::nullopt)->changed, 0);
  fs::remove(outside);
}

TEST_F(DataAccessTest, MendsADirectoryForAGroupButNotItsSocket) {
  const auto data = OpenToAll();
  const base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(data.socket().native().size(), sizeof address.sun_path);
  data.socket().native().copy(address.sun_path, sizeof address.sun_path);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const gid_t group = SomeGroup();
  ASSERT_TRUE(MendAccess(data, group).ok());
  EXPECT_EQ(ModeOf(folder_ / "harvest"), 02750U);
  EXPECT_EQ(GroupOfFile(folder_ / "harvest"), group);
  EXPECT_EQ(ModeOf(folder_ / "rollcall.db"), 0640U);
  EXPECT_EQ(ModeOf(data.socket()), 0600U) << "who may connect may cancel jobs";
  EXPECT_EQ(UmaskFor(data, group), 027U);
  EXPECT_FALSE(ReadersOf(data, group).lacks_group);
}

TEST_F(DataAccessTest, NamesTheGroupThatNobodyChose) {
  const auto data = DataDirectory::Open(folder_).value();
  ASSERT_EQ(::chmod(folder_.c_str(), 0750), 0);
  EXPECT_NE(ReadersOf(data, std::nullopt).unwanted_group, "");
  EXPECT_FALSE(ReadersOf(data, std::nullopt).has_others);
}

TEST_F(DataAccessTest, AGroupThatThereIsNotIsAMistakeOfTheSettings) {
  Config config;
  EXPECT_EQ(GroupOf(config).value(), std::nullopt);
  config.data_group = "root";
  EXPECT_EQ(GroupOf(config).value(), gid_t{0});
  config.data_group = "1234";
  EXPECT_EQ(GroupOf(config).value(), gid_t{1234});
  config.data_group = "nobody-has-this\x1b";
  const auto unknown = GroupOf(config);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().reason, domain::reason::kBadConfig);
  EXPECT_THAT(unknown.error().message, HasSubstr("\"nobody-has-this\\x1b\""));
}

}  // namespace
}  // namespace rollcall::app
