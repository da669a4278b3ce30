#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <array>
#include <cstdlib>

#include "base/file.h"
#include "base/unique_fd.h"
#include "fixture.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using base::Json;
using ::testing::HasSubstr;
using ::testing::Not;

// A directory of tests/fixtures, and the first stage whose revision was raised since it was made:
// that stage and all behind it run again. Empty: none.
struct Release {
  std::string name;
  std::string first_raised;
};

constexpr std::array<std::string_view, 7> kStages{"validate", "extract", "detect",   "track",
                                                  "stills",   "cluster", "analytics"};

// What the release before wrote: a finished episode, an interrupted one, a failed one, one with
// two efforts, with videos, result files and the store of a killed engine.
class WholeDirectoryTest : public RollcallTest, public ::testing::WithParamInterface<Release> {
 protected:
  WholeDirectoryTest()
      : lock_(::open((place_.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    ::flock(lock_.get(), LOCK_EX);  // Whoever else runs this test here.
    fs::remove_all(place_);
    const std::string unpack = "tar -xzf '" ROLLCALL_SOURCE_DIR "/tests/fixtures/" +
                               GetParam().name + "/data.tar.gz' -C " +
                               place_.parent_path().string() + " --no-same-owner";
    EXPECT_EQ(std::system(unpack.c_str()), 0);
    fs::create_directories(place_ / "models");
    fs::create_directory_symlink(ROLLCALL_DEPS_DIR "/models/default", place_ / "models/default");
    data_ = place_ / "data";
    env_["ROLLCALL_DATA"] = data_.string();
    env_["ROLLCALL_MODELS"] = (place_ / "models").string();
  }
  ~WholeDirectoryTest() override {
    WaitUntil([&] { return ProcessesAbout(place_).empty(); }, std::chrono::seconds{15});
    std::error_code ignored;
    fs::remove_all(place_, ignored);
  }

  std::string Video(const std::string& key) const {
    return (place_ / "videos" / (key + ".mp4")).string();
  }

  void ExpectDoctorIsClean() {
    const Ended ended = Rollcall({"doctor", "--json"});
    ASSERT_EQ(ended.exit, 0) << ended.out << ended.err;
    const auto report = base::ParseJson(ended.out, "doctor");
    ASSERT_TRUE(report.ok()) << ended.out;
    for (const Json& check : report->at("checks")) {
      EXPECT_TRUE(check.at("ok").get<bool>()) << check;
      // It was made with a umask of 022, which may be warned of.
      const bool may_warn = check.at("check") == "permissions";
      EXPECT_TRUE(may_warn || !check.at("warning").get<bool>()) << check;
    }
  }

  // Only stages of a raised revision have run.
  static void ExpectOnlyRaisedStagesRan(const Ended& ended) {
    bool is_raised = false;
    for (const std::string_view stage : kStages) {
      is_raised = is_raised || stage == GetParam().first_raised;
      const auto done = HasSubstr(std::string(stage) + ": already done");
      if (is_raised) {
        EXPECT_THAT(ended.out, Not(done));
      } else {
        EXPECT_THAT(ended.out, done);
      }
    }
  }

  std::string StatusOf(const std::string& key, const std::string& stage) {
    const Ended ended = Rollcall({"inspect", key, "--json"});
    const auto shown = base::ParseJson(ended.out, "inspect");
    return shown.ok() ? shown->at("status").value(stage, "") : ended.err;
  }

  std::size_t PeopleIn(const std::string& key) const {
    return ReadJson("outputs/" + key + "/report.json").at("people").size();
  }

  // Where it was made. Parameters hold absolute paths, so it has to lie there again.
  const fs::path place_ = "/tmp/rollcall-" + GetParam().name;

 private:
  base::UniqueFd lock_;
};

TEST_P(WholeDirectoryTest, OpensAndGoesOnWhereTheReleaseBeforeWasKilled) {
  ExpectDoctorIsClean();
  EXPECT_EQ(StatusOf("show_s01_e01", "analytics"), "ok");
  EXPECT_EQ(StatusOf("show_s01_e02", "detect"), "running");
  EXPECT_EQ(StatusOf("show_s01_e03", "extract"), "error");

  const auto place = [](std::string_view stage) { return std::ranges::find(kStages, stage); };
  const bool detects_anew = place(GetParam().first_raised) <= place("detect");
  if (detects_anew) {  // Its times count from another zero.
    EXPECT_THAT(Rollcall({"episodes", "list"}).out, HasSubstr("(older times)"));
    EXPECT_THAT(Rollcall({"inspect", "show_s01_e01"}).out, HasSubstr("made by an older rollcall"));
  }

  const fs::path begun = folder_ / "segments-begun";
  Command::Environment counting = env_;
  counting["ROLLCALL_FAIL"] = "segment.created:0:count";
  counting["ROLLCALL_FAIL_COUNT"] = begun.string();
  const Ended waited = RunCommand({"jobs", "wait", "analyze_show_s01_e02"}, counting);
  EXPECT_EQ(waited.exit, 0) << waited.out << waited.err;
  EXPECT_EQ(StatusOf("show_s01_e02", "analytics"), "ok");
  EXPECT_EQ(PeopleIn("show_s01_e02"), 7u);
  const auto is_planned_anew = HasSubstr("was planned by an older rollcall: planned anew");
  if (GetParam().first_raised.empty()) {
    EXPECT_THAT(ReadText("logs/engine.log"), Not(is_planned_anew));
  } else {
    EXPECT_THAT(ReadText("logs/engine.log"), is_planned_anew);
  }
  if (!detects_anew) {
    // Six segments of ten seconds, of which two were there.
    EXPECT_EQ(fs::file_size(begun), 4u);
    EXPECT_THAT(ReadText("jobs/detect_show_s01_e02/log"), Not(HasSubstr("checkpoint repaired")));
  }

  const Ended finished = Rollcall({"analyze", Video("show_s01_e01")});
  EXPECT_EQ(finished.exit, 0) << finished.err;
  ExpectOnlyRaisedStagesRan(finished);
  EXPECT_EQ(PeopleIn("show_s01_e01"), 6u);

  const Ended failed = Rollcall({"analyze", Video("show_s01_e03")});
  EXPECT_EQ(failed.exit, 3) << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("ERR_VIDEO_UNREADABLE"));

  const Ended normal = Rollcall({"analyze", Video("show_s01_e04")});
  EXPECT_EQ(normal.exit, 0) << normal.err;
  ExpectOnlyRaisedStagesRan(normal);
  EXPECT_EQ(PeopleIn("show_s01_e04"), 5u);
  // The other effort's segments are there as well.
  const Ended draft = Rollcall({"analyze", Video("show_s01_e04"), "--effort", "draft"});
  EXPECT_EQ(draft.exit, 0) << draft.err;
  EXPECT_EQ(PeopleIn("show_s01_e04"), 5u);
  EXPECT_THAT(Rollcall({"inspect", "show_s01_e01"}).out, Not(HasSubstr("older rollcall")));
  ExpectDoctorIsClean();
}

TEST_P(WholeDirectoryTest, ResumesTheFailedOneWithItsOwnError) {
  EXPECT_EQ(Rollcall({"jobs", "cancel", "analyze_show_s01_e02"}).exit, 0);
  EXPECT_NE(Rollcall({"jobs", "resume", "analyze_show_s01_e03"}).exit, 0);
  EXPECT_EQ(StatusOf("show_s01_e03", "extract"), "error");
  ExpectDoctorIsClean();
}

INSTANTIATE_TEST_SUITE_P(Releases, WholeDirectoryTest,
                         ::testing::Values(Release{"whole-v1", "validate"},
                                           Release{"whole-v2", "analytics"}),
                         [](const auto& each) { return each.param.name.substr(6); });

}  // namespace
}  // namespace rollcall::e2e
