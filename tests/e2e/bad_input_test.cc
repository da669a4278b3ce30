#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "fixture.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class BadInputTest : public RollcallTest {
 protected:
  void ExpectRefusal(const Ended& ended, int exit, const std::string& reason) {
    EXPECT_EQ(ended.exit, exit) << ended.out << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("error: " + reason + ": "));
    EXPECT_THAT(ended.err, HasSubstr("\nhint: "));
  }
  fs::path File(const std::string& name, std::string_view bytes) {
    EXPECT_TRUE(base::WriteFileAtomic(folder_ / name, bytes).ok());
    return folder_ / name;
  }
};

TEST_F(BadInputTest, MissingFile) {
  ExpectRefusal(Rollcall({"analyze", "nowhere.mp4"}), 3, "ERR_VIDEO_NOT_FOUND");
}

TEST_F(BadInputTest, Directory) {
  ExpectRefusal(Rollcall({"analyze", folder_.string()}), 3, "ERR_VIDEO_UNREADABLE");
}

TEST_F(BadInputTest, EmptyFile) {
  ExpectRefusal(Rollcall({"analyze", File("empty.mp4", "").string()}), 3, "ERR_VIDEO_UNREADABLE");
}

TEST_F(BadInputTest, TextNamedAsVideoIsAnErrorInEveryProjection) {
  const fs::path text = File("a_s01_e01.mp4", "this is no video\n");
  ExpectRefusal(Rollcall({"analyze", text.string()}), 3, "ERR_VIDEO_UNREADABLE");
  const auto envelope = ReadJson("jobs/validate_a_s01_e01/meta.json");
  EXPECT_EQ(envelope["stages"]["validate"]["status"], "error");
  EXPECT_FALSE(ReadJson("episodes/a_s01_e01/state.json")["states"]["validated"].get<bool>());
  EXPECT_TRUE(ReadJson("episodes/a_s01_e01/runtime.json")["active_jobs"].empty());
  EXPECT_FALSE(HasFile("jobs/validate_a_s01_e01/.lock"));
  EXPECT_THAT(Rollcall({"jobs", "list"}).out, HasSubstr("ERR_VIDEO_UNREADABLE"));

  // The whole file has arrived now: the same command works.
  Video("a_s01_e01.mp4");
  EXPECT_EQ(Rollcall({"analyze", text.string()}).exit, 0);
}

TEST_F(BadInputTest, UnknownKey) {
  ExpectRefusal(Rollcall({"inspect", "nobody"}), 3, "ERR_EPISODE_NOT_REGISTERED");
  ExpectRefusal(Rollcall({"export", "nobody"}), 3, "ERR_EPISODE_NOT_REGISTERED");
  ExpectRefusal(Rollcall({"jobs", "start", "detect", "nobody"}), 3, "ERR_EPISODE_NOT_REGISTERED");
  ExpectRefusal(Rollcall({"jobs", "show", "detect_nobody"}), 3, "ERR_JOB_NOT_FOUND");
}

TEST_F(BadInputTest, KeyThatLeavesTheDataDirectory) {
  ExpectRefusal(Rollcall({"analyze", Video("a.mp4").string(), "--episode", "../b"}), 3,
                "ERR_BAD_EPISODE_KEY");
  ExpectRefusal(Rollcall({"export", "../../etc/passwd"}), 3, "ERR_BAD_EPISODE_KEY");
}

TEST_F(BadInputTest, KeyThatAnotherVideoHas) {
  ASSERT_EQ(Rollcall({"episodes", "add", Video("one/a_s01_e01.mp4").string()}).exit, 0);
  const Ended ended = Rollcall({"analyze", Video("two/a_s01_e01.mp4", "other").string()});
  ExpectRefusal(ended, 3, "ERR_EPISODE_KEY_TAKEN");
  EXPECT_THAT(ended.err, HasSubstr("--episode a_s01_e01-2"));
}

TEST_F(BadInputTest, BadToml) {
  fs::create_directories(data_);
  ASSERT_TRUE(base::WriteFileAtomic(data_ / "rollcall.toml", "[jobs]\nslots = none\n").ok());
  const Ended ended = Rollcall({"jobs", "list"});
  ExpectRefusal(ended, 2, "ERR_BAD_CONFIG");
  EXPECT_THAT(ended.err, HasSubstr("line 2"));
}

TEST_F(BadInputTest, UnknownEffortAndStage) {
  const auto video = Video("a.mp4").string();
  ExpectRefusal(Rollcall({"analyze", video, "--effort", "huge"}), 2, "ERR_BAD_PARAMS");
  ExpectRefusal(Rollcall({"analyze", video, "--from", "paint"}), 2, "ERR_BAD_PARAMS");
}

TEST_F(BadInputTest, MissingModels) {
  env_["ROLLCALL_MODELS"] = folder_.string();
  ExpectRefusal(Rollcall({"analyze", Video("a_s01_e01.mp4").string()}), 3, "ERR_MODEL_MISSING");
  EXPECT_EQ(ReadJson("jobs/detect_a_s01_e01/meta.json")["stages"]["detect"]["status"], "error");
  env_.erase("ROLLCALL_MODELS");
  EXPECT_EQ(Rollcall({"jobs", "start", "analyze", "a_s01_e01"}).exit, 0);
}

TEST_F(BadInputTest, AlteredModel) {
  ASSERT_EQ(Rollcall({"models", "install"}).exit, 0);
  std::ofstream(data_ / "models/default/detector.onnx", std::ios::app) << "x";
  ExpectRefusal(Rollcall({"models", "verify"}), 3, "ERR_MODEL_ALTERED");
  ExpectRefusal(Rollcall({"analyze", Video("a_s01_e01.mp4").string()}), 3, "ERR_MODEL_ALTERED");
  EXPECT_EQ(ReadJson("jobs/detect_a_s01_e01/meta.json")["stages"]["detect"]["status"], "error");
}

TEST_F(BadInputTest, ProviderThatIsNotThere) {
  ExpectRefusal(
      Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--provider", "no-such-thing"}), 5,
      "ERR_PROVIDER_MISSING");
}

TEST_F(BadInputTest, DataDirectoryThatIsAFile) {
  ASSERT_TRUE(base::WriteFileAtomic(data_, "x").ok());
  const Ended ended = Rollcall({"jobs", "list"});
  EXPECT_NE(ended.exit, 0);
  EXPECT_THAT(ended.err, HasSubstr("error: ERR_"));
}

TEST_F(BadInputTest, DataDirectoryThatCannotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "skipped: root may write everywhere";
  ASSERT_EQ(Rollcall({"jobs", "list"}).exit, 0);
  const auto video = Video("a_s01_e01.mp4").string();
  ::chmod(data_.c_str(), 0500);
  ExpectRefusal(Rollcall({"analyze", video}), 3, "ERR_PERMISSION");
  ::chmod(data_.c_str(), 0700);
  EXPECT_EQ(Rollcall({"analyze", video}).exit, 0);
}

}  // namespace
}  // namespace rollcall::e2e
