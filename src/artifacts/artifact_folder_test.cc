#include "artifacts/artifact_folder.h"

#include <gtest/gtest.h>

#include "artifacts/testing/temporary_folder.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;
using testing::TemporaryFolder;

TEST(ArtifactFolderTest, NamesFilesByTheToken) {
  const TemporaryFolder folder;
  const ArtifactFolder artifacts(folder.path(), 7);
  EXPECT_EQ(artifacts.PathFor("harvest/x/tracks.json").value(),
            folder.path() / "harvest/x/tracks.json.g7");
  EXPECT_TRUE(fs::is_directory(folder.path() / "harvest/x"));
}

TEST(ArtifactFolderTest, RefusesNamesThatLeaveTheFolder) {
  const TemporaryFolder folder;
  const ArtifactFolder artifacts(folder.path() / "data", 7);
  for (const char* name : {"../x", "a/../../x", "/etc/x", "", "a/", "./x"}) {
    const auto path = artifacts.PathFor(name);
    ASSERT_FALSE(path.ok()) << name;
    EXPECT_EQ(path.error().code, base::ErrorCode::kInvalidArgument) << name;
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(ArtifactFolderTest, DescribesWhatItWrote) {
  const TemporaryFolder folder;
  const ArtifactFolder artifacts(folder.path(), 7);
  const auto artifact = artifacts.Write("outputs/x/totals.csv", "abc", 3);
  ASSERT_TRUE(artifact.ok()) << artifact.error().ToString();
  EXPECT_EQ(artifact->name, "outputs/x/totals.csv");
  EXPECT_EQ(artifact->path, "outputs/x/totals.csv.g7");
  EXPECT_EQ(artifact->size_bytes, 3);
  EXPECT_EQ(artifact->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(artifact->count, 3);
  EXPECT_EQ(base::ReadFile(folder.path() / artifact->path).value(), "abc");
}

TEST(ArtifactFolderTest, SealOfAFileThatIsNotThereFails) {
  const TemporaryFolder folder;
  const auto sealed = ArtifactFolder(folder.path(), 7).Seal("x/none.json", 0);
  ASSERT_FALSE(sealed.ok());
  EXPECT_EQ(sealed.error().code, base::ErrorCode::kNotFound);
}

TEST(ArtifactFolderTest, WriteSaysDiskFullAndLeavesNothing) {
  const TemporaryFolder folder;
  fs::create_symlink("/dev/full", folder.path() / "a.json.g7");
  const auto written = ArtifactFolder(folder.path(), 7).Write("a.json", "abc", 1);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().reason, reason::kDiskFull);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(FindInputTest, FindsByNameOrSaysWhatIsMissing) {
  domain::StageAssignment assignment;
  assignment.stage = "track";
  assignment.subject_id = "x";
  assignment.inputs = {domain::Artifact{.name = "harvest/x/a", .path = "harvest/x/a.g1"},
                       {.name = "harvest/x/b", .path = "harvest/x/b.g4"}};
  EXPECT_EQ(FindInput(assignment, "harvest/x/b").value().path, "harvest/x/b.g4");
  const auto missing = FindInput(assignment, "harvest/x/c");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().reason, reason::kPrereqFailed);
  EXPECT_NE(missing.error().message.find("harvest/x/c"), std::string::npos);
  EXPECT_NE(missing.error().hint.find("`rollcall jobs start analyze x --force`"),
            std::string::npos);
}

}  // namespace
}  // namespace rollcall::artifacts
