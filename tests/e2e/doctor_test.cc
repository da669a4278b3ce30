#include <gmock/gmock.h>
#include <unistd.h>

#include "base/file.h"
#include "fixture.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using base::Json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class DoctorTest : public RollcallTest {
 protected:
  // The finding of one check.
  Json Check(const std::string& name) {
    const Ended ended = Rollcall({"doctor", "--json"});
    const auto json = base::ParseJson(ended.out, "doctor");
    EXPECT_TRUE(json.ok()) << ended.out << ended.err;
    for (const Json& check : json->at("checks")) {
      if (check.at("check") == name) return check;
    }
    ADD_FAILURE() << "doctor does not check: " << name;
    return Json::object();
  }
  // "PATH KIND: DETAIL" of each file that does not agree with the store.
  std::vector<std::string> Problems() {
    std::vector<std::string> lines;
    const Json check = Check("projections");
    for (const Json& problem : check.value("details", Json::array())) {
      lines.push_back(problem.at("path").get<std::string>() + " " +
                      problem.at("kind").get<std::string>() + ": " +
                      problem.at("detail").get<std::string>());
    }
    return lines;
  }
  void Write(const fs::path& relative, const std::string& text) {
    fs::create_directories((data_ / relative).parent_path());
    ASSERT_TRUE(base::WriteFileAtomic(data_ / relative, text).ok());
  }
};

TEST_F(DoctorTest, NamesEveryFileThatDoesNotAgreeWithTheStore) {
  ASSERT_EQ(Rollcall({"episodes", "add", Video("b_s01_e01.mp4", "b").string()}).exit, 0);
  const std::vector<std::string> analyze{"analyze", Video("a_s01_e01.mp4").string(), "--effort",
                                         "draft"};
  ASSERT_EQ(Rollcall(analyze).exit, 0);
  // An older generation has its place as well.
  ASSERT_EQ(
      Rollcall({"jobs", "start", "analytics", "a_s01_e01", "--effort", "draft", "--force"}).exit,
      0);
  ASSERT_THAT(Problems(), IsEmpty());
  const Json whole = Check("projections");
  EXPECT_THAT(whole["text"].get<std::string>(), HasSubstr(" agree with the store"));

  Json state = ReadJson("episodes/a_s01_e01/state.json");
  state["states"]["tracked"] = false;
  Write("episodes/a_s01_e01/state.json", state.dump());
  fs::remove(data_ / "episodes/a_s01_e01/runtime.json");
  Json meta = ReadJson("jobs/detect_a_s01_e01/meta.json");
  meta["stages"]["detect"]["status"] = "running";
  Write("jobs/detect_a_s01_e01/meta.json", meta.dump());
  Write("jobs/track_a_s01_e01/meta.json", "{\"half");
  fs::remove(data_ / "jobs/analytics_a_s01_e01/1/meta.json");
  Write("jobs/stills_a_s01_e01/.lock", "{}");
  fs::remove(data_ / "harvest/a_s01_e01/tracks.json");
  fs::remove(data_ / "harvest/a_s01_e01/clusters.json");
  fs::create_symlink("nowhere", data_ / "harvest/a_s01_e01/clusters.json");
  fs::create_symlink("report.json", data_ / "outputs/a_s01_e01/old.json");
  fs::remove(data_ / "outputs/a_s01_e01" /
             fs::read_symlink(data_ / "outputs/a_s01_e01/totals.csv"));
  fs::remove(data_ / "episodes/b_s01_e01/state.json");
  fs::create_directories(data_ / "harvest/gone_s01_e01");
  fs::create_directories(data_ / "jobs/detect_gone_s01_e01");

  const auto problems = Problems();
  for (const std::string wanted :
       {"episodes/a_s01_e01/state.json differs: states/", "episodes/a_s01_e01/runtime.json missing",
        "jobs/detect_a_s01_e01/meta.json differs: stages/detect/status is \"running\", the store "
        "says \"ok\"",
        "jobs/track_a_s01_e01/meta.json differs: it is no JSON",
        "jobs/analytics_a_s01_e01/1/meta.json missing",
        "jobs/stills_a_s01_e01/.lock left over: stills_a_s01_e01 is ok",
        "harvest/a_s01_e01/tracks.json missing: the link to tracks.json.g",
        "harvest/a_s01_e01/clusters.json differs: it stands for nowhere",
        "outputs/a_s01_e01/old.json left over", "outputs/a_s01_e01/totals.csv.g",
        "episodes/b_s01_e01/state.json missing", "harvest/gone_s01_e01 left over",
        "jobs/detect_gone_s01_e01 left over"}) {
    EXPECT_THAT(problems, Contains(StartsWith(wanted)));
  }
  const Ended text = Rollcall({"doctor"});
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr(" do not agree with the store"));
}

TEST_F(DoctorTest, FilesAreWrittenAgainAsItSays) {
  ASSERT_EQ(Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}).exit, 0);
  fs::remove(data_ / "episodes/a_s01_e01/state.json");
  fs::remove(data_ / "jobs/detect_a_s01_e01/meta.json");
  fs::remove(data_ / "harvest/a_s01_e01/tracks.json");
  EXPECT_EQ(Problems().size(), 3U);
  EXPECT_EQ(Rollcall({"jobs", "wait", "analyze_a_s01_e01"}).exit, 0);
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_F(DoctorTest, ChecksTheMachine) {
  MakeData();
  for (const char* name : {"file system", "disk", "writable", "models", "provider", "engine",
                           "store", "projections", "clock"}) {
    const Json check = Check(name);
    EXPECT_TRUE(check.at("ok").get<bool>()) << check;
    EXPECT_FALSE(check.at("text").get<std::string>().empty()) << name;
  }
}

TEST_F(DoctorTest, SaysWhatKeepsWorkersToTheirWork) {
  MakeData();
  const std::string text = Check("workers").at("text");
  EXPECT_THAT(text, HasSubstr("seccomp"));
  EXPECT_THAT(text, HasSubstr("Landlock"));
  EXPECT_THAT(text, HasSubstr("4096 MB"));
  EXPECT_THAT(text, HasSubstr("control group"));
}

TEST_F(DoctorTest, SaysWhatIsWrongWithTheModels) {
  MakeData();
  const Ended ended = [&] {
    env_["ROLLCALL_MODELS"] = folder_.string();
    return Rollcall({"doctor"});
  }();
  EXPECT_EQ(ended.exit, 5);
  EXPECT_THAT(ended.out, HasSubstr("ERR_MODEL_MISSING"));
}

TEST_F(DoctorTest, SeesADamagedStore) {
  ASSERT_EQ(Rollcall({"episodes", "add", Video("a_s01_e01.mp4").string()}).exit, 0);
  // A page in the middle of the file.
  const fs::path store = data_ / "rollcall.db";
  std::string bytes = base::ReadFile(store).value();
  ASSERT_GT(bytes.size(), 40'000U);
  for (std::size_t at = 8'192; at < 40'000; ++at) bytes[at] = static_cast<char>(at * 7);
  ASSERT_TRUE(base::WriteFileAtomic(store, bytes).ok());
  const Ended ended = Rollcall({"doctor"});
  EXPECT_EQ(ended.exit, 5) << ended.out;
  EXPECT_THAT(ended.out + ended.err, HasSubstr("ERR_STORE_DAMAGED"));
}

}  // namespace
}  // namespace rollcall::e2e
