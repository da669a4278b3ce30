#include "server/own_socket.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/unix_socket.h"

namespace rollcall::server {
namespace {

namespace fs = std::filesystem;

class OwnSocketTest : public ::testing::Test {
 protected:
  OwnSocketTest() {
    std::string name = (fs::temp_directory_path() / "own-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~OwnSocketTest() override { fs::remove_all(folder_); }
  static bool Answers(const fs::path& path) { return base::ConnectToUnixSocket(path).ok(); }
  fs::path socket() const { return folder_ / "rollcall.sock"; }

  fs::path folder_;
};

TEST_F(OwnSocketTest, GoesWithItsOwner) {
  {
    OwnSocket own = OwnSocket::Make(socket()).value();
    const base::UniqueFd listener = own.TakeListener();
    EXPECT_TRUE(Answers(socket()));
    const OwnSocket moved = std::move(own);
    EXPECT_TRUE(fs::exists(socket()));
  }
  EXPECT_FALSE(fs::exists(socket()));
}

TEST_F(OwnSocketTest, LeavesASocketAloneThatHasTakenItsPlace) {
  {
    const OwnSocket first = OwnSocket::Make(socket()).value();
    fs::rename(socket(), folder_ / "moved.sock");
    const auto second = base::ListenAtUnixSocket(socket()).value();
  }
  EXPECT_TRUE(fs::exists(socket()));
}

TEST_F(OwnSocketTest, ComesBackWhereItWasRemoved) {
  OwnSocket own = OwnSocket::Make(socket()).value();
  const base::UniqueFd before = own.TakeListener();
  EXPECT_FALSE(own.RestoreIfRemoved());
  fs::remove(socket());
  ASSERT_TRUE(own.RestoreIfRemoved());
  const base::UniqueFd listener = own.TakeListener();
  EXPECT_TRUE(Answers(socket()));
  EXPECT_FALSE(own.RestoreIfRemoved());
}

TEST_F(OwnSocketTest, ListeningReplacesNoSocketThatIsThere) {
  const auto listener = base::ListenAtUnixSocket(socket());
  EXPECT_FALSE(base::ListenAtUnixSocket(socket()).ok());
  EXPECT_TRUE(Answers(socket()));
}

TEST_F(OwnSocketTest, ComesIntoNoFolderThatHasTakenThePlaceOfItsOwn) {
  const fs::path own_folder = folder_ / "own";
  fs::create_directory(own_folder);
  OwnSocket own = OwnSocket::Make(own_folder / "rollcall.sock").value();
  fs::rename(own_folder, folder_ / "away");
  fs::create_directory(own_folder);
  EXPECT_FALSE(own.RestoreIfRemoved());
  EXPECT_TRUE(fs::is_empty(own_folder));
}

TEST_F(OwnSocketTest, StandsAtAPathThatNoSocketAddressHolds) {
  const fs::path deep = folder_ / std::string(120, 'd') / std::string(120, 'e');
  fs::create_directories(deep);
  OwnSocket own = OwnSocket::Make(deep / "rollcall.sock").value();
  const base::UniqueFd listener = own.TakeListener();
  EXPECT_TRUE(Answers(deep / "rollcall.sock"));
}

}  // namespace
}  // namespace rollcall::server
