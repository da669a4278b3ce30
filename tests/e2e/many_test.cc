// Folders and several files: docs/analyze-many.md.

#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "fixture.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using base::Json;
using std::chrono::seconds;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class ManyTest : public RollcallTest {
 protected:
  // Another video each, in a folder of their own.
  fs::path Add(const std::string& name) { return Video("season/" + name, name); }
  fs::path AddFile(const std::string& name, std::string_view bytes) {
    fs::create_directories(season_);
    EXPECT_TRUE(base::WriteFileAtomic(season_ / name, bytes).ok());
    return season_ / name;
  }
  std::vector<std::string> Analyze(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"analyze", season_.string(), "--effort", "draft"};
    std::move(more.begin(), more.end(), std::back_inserter(arguments));
    return arguments;
  }
  // The only document on standard output.
  static Json Document(const Ended& ended) {
    auto document = base::ParseJson(ended.out, "stdout");
    EXPECT_TRUE(document.ok()) << ended.out << ended.err;
    return document.ok() ? std::move(*document) : Json::object();
  }
  // state of each, in order.
  static std::vector<std::string> States(const Json& document) {
    std::vector<std::string> states;
    for (const Json& video : document.at("videos")) states.push_back(video.at("state"));
    return states;
  }
  static bool Kill(const fs::path& data) {
    for (const std::string& process : ProcessesAbout(data)) {
      if (process.find(" engine ") == std::string::npos) continue;
      return ::kill(std::stoi(process), SIGKILL) == 0;
    }
    return false;
  }

  const fs::path season_ = folder_ / "season";
};

TEST_F(ManyTest, AFolderIsAnalysedInNaturalOrderAndOnce) {
  Add("show_S01_E10.mp4");
  Add("show_S01_E2.mp4");
  AddFile("show_S01_E2.srt", "1\n");
  const Ended first = Rollcall(Analyze());
  ASSERT_EQ(first.exit, 0) << first.out << first.err;
  EXPECT_THAT(first.out, HasSubstr("2 videos; left out: 1 file that is no video\n"));
  EXPECT_THAT(first.out, ContainsRegex("\n1/2 show_S01_E2.mp4: [0-9]+ people in [0-9]+ s, took "));
  EXPECT_THAT(first.out,
              ContainsRegex("\nFILE +EPISODE +PEOPLE +LENGTH +TOOK +STATE\n"
                            "show_S01_E2.mp4 +show_s01_e02 +[0-9]+ +[0-9]+ s +[^ ]+ s +ok\n"
                            "show_S01_E10.mp4 +show_s01_e10 +[0-9]+ +[0-9]+ s +[^ ]+ s +ok\n"));
  EXPECT_THAT(first.out, HasSubstr("2 videos: 2 done, in "));
  EXPECT_THAT(first.out, HasSubstr((data_ / "outputs/EPISODE/report.json").string()));
  EXPECT_THAT(first.out, Not(HasSubstr("\x1b")));
  for (const char* key : {"show_s01_e02", "show_s01_e10"}) {
    EXPECT_TRUE(HasFile(fs::path("outputs") / key / "report.json"));
  }

  const Ended again = Rollcall(Analyze());
  EXPECT_EQ(again.exit, 0);
  EXPECT_THAT(again.out, HasSubstr("1/2 show_S01_E2.mp4: already done: "));
  EXPECT_THAT(again.out, HasSubstr("2 videos: 2 done before, in "));
  // Meant for all.
  const Json forced = Document(Rollcall(Analyze({"--force", "--json"})));
  EXPECT_THAT(States(forced), ::testing::ElementsAre("ok", "ok"));
}

TEST_F(ManyTest, EachThatFailsHasItsReasonAndTheOthersGoOn) {
  Add("a_S01_E01.mp4");
  Add("a_S01_E01_again.mp4");  // Another video that would have the same key.
  AddFile("b.mp4", "this is no video\n");
  AddFile("c.mp4", "");
  const fs::path last = Add("d_S01_E04.mp4");
  fs::copy_file(last, season_ / "e.mp4");
  fs::create_symlink("a_S01_E01.mp4", season_ / "f.mp4");
  const Ended ended = Rollcall(Analyze({"--json"}));
  // As of the first that failed.
  EXPECT_EQ(ended.exit, 3) << ended.err;
  const Json document = Document(ended);
  EXPECT_THAT(States(document), ::testing::ElementsAre("ok", "failed", "failed", "failed", "ok",
                                                       "same video", "same file"));
  const Json& videos = document.at("videos");
  EXPECT_EQ(videos[0]["episode_key"], "a_s01_e01");
  EXPECT_GT(videos[0]["people"], 0);
  EXPECT_EQ(videos[0]["outputs"], (data_ / "outputs/a_s01_e01").string());
  EXPECT_EQ(videos[1]["error"]["reason"], "ERR_EPISODE_KEY_TAKEN");
  EXPECT_EQ(videos[2]["error"]["reason"], "ERR_VIDEO_UNREADABLE");
  EXPECT_EQ(videos[3]["error"]["reason"], "ERR_VIDEO_UNREADABLE");
  EXPECT_EQ(videos[5]["same_as"], last.string());
  EXPECT_EQ(document["counts"]["failed"], 3);
  EXPECT_EQ(document["counts"]["same"], 2);

  // The hint is a command that works.
  const std::string hint = videos[1]["error"]["hint"];
  EXPECT_THAT(hint, HasSubstr("--episode a_s01_e01-2`"));
  EXPECT_EQ(Rollcall({"analyze", (season_ / "a_S01_E01_again.mp4").string(), "--effort", "draft",
                      "--episode", "a_s01_e01-2"})
                .exit,
            0);
  // And need not be given again.
  EXPECT_EQ(States(Document(Rollcall(Analyze({"--json"}))))[1], "already done");
}

TEST_F(ManyTest, SeveralFilesAreTakenAsTheyAreNamed) {
  const fs::path odd = folder_ / "recording.part";
  fs::copy_file(SampleVideo(), odd);
  const Ended ended =
      Rollcall({"analyze", "nowhere.mp4", odd.string(), odd.string(), "--effort", "draft"});
  EXPECT_EQ(ended.exit, 3);
  EXPECT_THAT(ended.out, HasSubstr("1/3 nowhere.mp4: ERR_VIDEO_NOT_FOUND: "));
  EXPECT_THAT(ended.out, ContainsRegex("2/3 [^ ]*recording.part: [0-9]+ people"));
  EXPECT_THAT(ended.out, HasSubstr(": the same file as " + odd.string()));
  EXPECT_THAT(ended.err, HasSubstr("error: ERR_VIDEO_NOT_FOUND: nowhere.mp4: "));
}

// No data directory is made for them either.
TEST_F(ManyTest, WhereThereIsNothingToDoItSaysSo) {
  const Ended missing = Rollcall({"analyze", "a.mp4", "b.mp4"});
  EXPECT_EQ(missing.exit, 3);
  EXPECT_THAT(missing.err, HasSubstr("error: ERR_VIDEO_NOT_FOUND: a.mp4: "));
  EXPECT_THAT(missing.err, HasSubstr("error: ERR_VIDEO_NOT_FOUND: b.mp4: "));
  const Json document = Document(Rollcall({"analyze", "a.mp4", "b.mp4", "--json"}));
  EXPECT_THAT(States(document), ::testing::ElementsAre("failed", "failed"));

  AddFile("notes.txt", "none");
  const Ended none = Rollcall(Analyze());
  EXPECT_EQ(none.exit, 3);
  EXPECT_THAT(none.err, HasSubstr("error: ERR_VIDEO_NOT_FOUND: there is no video in " +
                                  season_.string() + "; left out: 1 file that is no video\n"));
  EXPECT_FALSE(fs::exists(data_));
}

TEST_F(ManyTest, WhatIsWrongForAllIsSaidOnce) {
  Add("a_S01_E01.mp4");
  Add("a_S01_E02.mp4");
  const Ended named = Rollcall(Analyze({"--episode", "x"}));
  EXPECT_EQ(named.exit, 2);
  EXPECT_THAT(named.err, HasSubstr("error: ERR_BAD_PARAMS: --episode names one video, and there "
                                   "are 2\n"));
  EXPECT_FALSE(fs::exists(data_));
  const Ended stage = Rollcall(Analyze({"--from", "nothing"}));
  EXPECT_EQ(stage.exit, 2);
  EXPECT_EQ(stage.err.find("error: "), stage.err.rfind("error: ")) << stage.err;
}

TEST_F(ManyTest, CtrlCCancelsItsOwnJobsAndTheSameCommandGoesOn) {
  for (const char* name : {"a_S01_E01.mp4", "a_S01_E02.mp4", "a_S01_E03.mp4"}) Add(name);
  std::vector<std::string> arguments{"analyze", season_.string(), "--effort", "full"};
  Command first(arguments, env_);
  ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
  first.Signal(SIGINT);
  const Ended ended = first.Wait();
  EXPECT_EQ(ended.exit, 4);
  EXPECT_THAT(ended.out, HasSubstr("cancelling; press Ctrl-C again to leave at once"));
  EXPECT_THAT(ended.out, HasSubstr("the same command goes on with what is left"));
  const Json jobs = Document(Rollcall({"jobs", "list", "--json"})).at("jobs");
  EXPECT_EQ(jobs.size(), 3U);
  for (const Json& job : jobs) {
    // Whoever had ended before has ended well.
    EXPECT_TRUE(job.at("status") == "canceled" || job.at("status") == "ok") << job.dump(2);
  }

  arguments.emplace_back("--json");
  const Ended again = Rollcall(arguments);
  ASSERT_EQ(again.exit, 0) << again.err;
  EXPECT_EQ(Document(again).at("counts").at("failed"), 0);
  EXPECT_THAT(again.err,
              ContainsRegex("a_S01_E01.mp4: (resuming detect from segment|already done)"));
}

TEST_F(ManyTest, AnotherCommandsJobsAreWaitedForAndNotCancelled) {
  Add("a_S01_E01.mp4");
  Add("a_S01_E02.mp4");
  const std::vector<std::string> arguments{"analyze", season_.string(), "--effort", "full"};
  Command first(arguments, env_);
  ASSERT_TRUE(first.WaitForOutput("a_S01_E02.mp4: validate: begun"));
  Command second(arguments, env_);
  ASSERT_TRUE(second.WaitForOutput("a_S01_E02.mp4: another command has begun it"));
  second.Signal(SIGINT);
  EXPECT_EQ(second.Wait().exit, 4);
  const Ended ended = first.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("2 videos: 2 done, in "));
}

TEST_F(ManyTest, WhenTheEngineIsKilledTheQueueGoesOn) {
  for (const char* name : {"a_S01_E01.mp4", "a_S01_E02.mp4", "a_S01_E03.mp4"}) Add(name);
  Command command({"analyze", season_.string(), "--effort", "normal"}, env_);
  ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
  ASSERT_TRUE(Kill(data_));
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("the engine has ended; going on"));
  EXPECT_THAT(ended.out, HasSubstr("3 videos: 3 done, in "));
}

TEST_F(ManyTest, ACommandThatIsKilledIsGoneOnWithByTheSameCommand) {
  for (const char* name : {"a_S01_E01.mp4", "a_S01_E02.mp4", "a_S01_E03.mp4"}) Add(name);
  const std::vector<std::string> arguments{"analyze", season_.string(), "--effort", "normal"};
  {
    Command command(arguments, env_);
    ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
    command.Signal(SIGKILL);
    command.Wait();
  }
  const Ended again = Rollcall(arguments);
  EXPECT_EQ(again.exit, 0) << again.out << again.err;
  // Nobody's any more: this command's.
  EXPECT_THAT(again.out, Not(HasSubstr("another command")));
  // Taken up, not begun anew.
  EXPECT_EQ(Document(Rollcall({"jobs", "list", "--json"})).at("jobs").size(), 3U);
}

}  // namespace
}  // namespace rollcall::e2e
