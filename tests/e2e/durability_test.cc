#include <gmock/gmock.h>
#include <signal.h>

#include <set>

#include "fixture.h"

namespace rollcall::e2e {
namespace {

using base::Json;
using ::testing::HasSubstr;

class DurabilityTest : public RollcallTest {
 protected:
  static std::vector<std::string> Analyze(const std::filesystem::path& video,
                                          const std::string& effort = "normal") {
    return {"analyze", video.string(), "--effort", effort};
  }
};

// Every frame and every face, in three segments.
TEST_F(DurabilityTest, GoesOnAfterTheWholeTreeWasKilled) {
  const auto video = folder_ / "a_s01_e01.mp4";
  ASSERT_TRUE(Ffmpeg("-i '" + SampleVideo().string() + "' -c copy -t 21 '" + video.string() + "'"));
  const auto other_data = folder_ / "uninterrupted";
  Command::Environment other = env_;
  other["ROLLCALL_DATA"] = other_data.string();
  ASSERT_EQ(RunCommand(Analyze(video, "full"), other).exit, 0);

  {
    Command killed(Analyze(video, "full"), env_);
    ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
    killed.Signal(SIGKILL);
    EXPECT_EQ(killed.Wait().signal, SIGKILL);
  }
  ASSERT_TRUE(WaitUntil([&] { return ProcessesAbout(data_).empty(); }, std::chrono::seconds{10}));
  const Ended again = Rollcall(Analyze(video, "full"));
  ASSERT_EQ(again.exit, 0) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("resuming detect_a_s01_e01 from segment "));

  const auto resumed = Results("a_s01_e01");
  data_ = other_data;
  EXPECT_EQ(resumed, Results("a_s01_e01"));
}

// One run, killed with everything at ten moments from its first stage to its last.
TEST_F(DurabilityTest, GivesTheSameBytesHoweverOftenItIsKilled) {
  const auto video = Video("a_s01_e01.mp4");
  const auto other_data = folder_ / "uninterrupted";
  Command::Environment other = env_;
  other["ROLLCALL_DATA"] = other_data.string();
  ASSERT_EQ(RunCommand(Analyze(video), other).exit, 0);

  const char* const moments[] = {"[VALIDATE] a_s01_e01 stage=start",
                                 "[EXTRACT] a_s01_e01 stage=start",
                                 "[DETECT] a_s01_e01 stage=start",
                                 "[DETECT] a_s01_e01 model=default/landmarks.onnx loaded",
                                 "segment 1",
                                 "segment 2",
                                 "[TRACK] a_s01_e01 stage=start",
                                 "[TRACK] a_s01_e01 stage=end",
                                 "[STILLS] a_s01_e01 stage=start",
                                 "[ANALYTICS] a_s01_e01 stage=start"};
  for (const std::string moment : moments) {
    const std::size_t before = HasFile("logs/worker.log") ? ReadText("logs/worker.log").size() : 0;
    const auto has_come = [&] {
      if (moment.starts_with("segment")) return SegmentFiles("a_s01_e01") >= moment.back() - '0';
      return HasFile("logs/worker.log") &&
             ReadText("logs/worker.log").find(moment, before) != std::string::npos;
    };
    Command killed(Analyze(video), env_);
    ASSERT_TRUE(WaitUntil(has_come)) << moment;
    killed.Signal(SIGKILL);
    EXPECT_EQ(killed.Wait().signal, SIGKILL) << moment;
    ASSERT_TRUE(WaitUntil([&] { return ProcessesAbout(data_).empty(); }, std::chrono::seconds{10}));
  }
  const Ended last = Rollcall(Analyze(video));
  ASSERT_EQ(last.exit, 0) << last.out << last.err;
  const auto resumed = Results("a_s01_e01");
  data_ = other_data;
  EXPECT_EQ(resumed, Results("a_s01_e01"));
}

TEST_F(DurabilityTest, KeepsTheEarlierResultWhenAnotherEffortIsKilled) {
  const auto video = Video("a_s01_e01.mp4");
  ASSERT_EQ(Rollcall({"analyze", video.string(), "--effort", "draft"}).exit, 0);
  const auto report = ReadText("outputs/a_s01_e01/report.json");
  const auto before = Results("a_s01_e01");
  {
    const int of_draft = SegmentFiles("a_s01_e01");
    Command killed(Analyze(video), env_);
    ASSERT_TRUE(WaitForSegments("a_s01_e01", 1, of_draft));
    killed.Signal(SIGKILL);
    EXPECT_EQ(killed.Wait().signal, SIGKILL);
  }
  ASSERT_TRUE(WaitUntil([&] { return ProcessesAbout(data_).empty(); }, std::chrono::seconds{10}));
  EXPECT_EQ(ReadText("outputs/a_s01_e01/report.json"), report);
  const Ended inspected = Rollcall({"inspect", "a_s01_e01"});
  EXPECT_EQ(inspected.exit, 0) << inspected.out << inspected.err;
  const Ended exported = Rollcall({"export", "a_s01_e01", "--format", "json"});
  EXPECT_EQ(exported.exit, 0) << exported.err;
  EXPECT_EQ(exported.out, report);
  auto after = Results("a_s01_e01");
  // The stages that ended show their new files; all others the earlier ones.
  const std::set<std::string> of_extract{"harvest/a_s01_e01/extract.json",
                                         "harvest/a_s01_e01/manifest.parquet"};
  for (const auto& [file, hash] : before) {
    if (!of_extract.contains(file)) {
      EXPECT_EQ(after[file], hash) << file;
    }
  }

  const Ended again = Rollcall(Analyze(video));
  ASSERT_EQ(again.exit, 0) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("resuming detect_a_s01_e01 from segment "));
  EXPECT_EQ(ReadJson("outputs/a_s01_e01/report.json")["effort"], "normal");
}

TEST_F(DurabilityTest, RefusesTheSameStartFromASecondTerminal) {
  const auto video = Video("a_s01_e01.mp4");
  Command first(Analyze(video), env_);
  ASSERT_TRUE(first.WaitForOutput("detect: running"));
  const Ended second = Rollcall(Analyze(video));
  EXPECT_EQ(second.exit, 6) << second.out << second.err;
  EXPECT_THAT(second.out, HasSubstr("already running: detect_a_s01_e01"));
  EXPECT_THAT(second.out, HasSubstr("rollcall jobs wait 1"));
  EXPECT_THAT(second.out, HasSubstr("rollcall jobs cancel 1"));
  const Ended list = Rollcall({"jobs", "list", "--json"});
  EXPECT_EQ(base::ParseJson(list.out, "jobs")->at("jobs").size(), 1U);
  EXPECT_EQ(first.Wait().exit, 0);
}

// The stage that one job runs is what another one asks for.
TEST_F(DurabilityTest, RefusesToStartAStageThatAJobRuns) {
  const auto video = Video("a_s01_e01.mp4");
  Command first(Analyze(video), env_);
  ASSERT_TRUE(first.WaitForOutput("detect: running"));
  const Ended second = Rollcall({"jobs", "start", "detect", "a_s01_e01"});
  EXPECT_EQ(second.exit, 6) << second.out << second.err;
  EXPECT_THAT(second.out, HasSubstr("already running: detect_a_s01_e01"));

  // Another effort waits behind it; neither is named by the name that both have.
  Command queued({"analyze", video.string(), "--effort", "draft"}, env_);
  ASSERT_TRUE(WaitUntil([&] {
    const auto list = base::ParseJson(Rollcall({"jobs", "list", "--json"}).out, "jobs");
    return list.ok() && list->at("jobs").size() == 2;
  }));
  const Ended ambiguous = Rollcall({"jobs", "cancel", "analyze_a_s01_e01"});
  EXPECT_EQ(ambiguous.exit, 2);
  EXPECT_THAT(ambiguous.err, HasSubstr("2 jobs are called analyze_a_s01_e01: "));
  EXPECT_EQ(Rollcall({"jobs", "cancel", "detect_a_s01_e01"}).exit, 2);
  // Starting again from nothing would take the work from under the first.
  std::vector<std::string> forced = Analyze(video);
  forced.push_back("--force");
  EXPECT_EQ(Rollcall(forced).exit, 6);
  // What Ctrl-C says how to resume is what it ended, not the other one.
  first.Signal(SIGINT);
  EXPECT_EQ(first.Wait().exit, 4);
  EXPECT_EQ(Rollcall({"jobs", "resume", "analyze_a_s01_e01"}).exit, 0);
  EXPECT_EQ(queued.Wait().exit, 0);
  std::set<std::string> efforts;
  const auto list = base::ParseJson(Rollcall({"jobs", "list", "--json"}).out, "jobs");
  for (const Json& job : list->at("jobs")) {
    if (job.at("status") == "ok") efforts.insert(job.at("request").at("effort").get<std::string>());
  }
  EXPECT_EQ(efforts, (std::set<std::string>{"draft", "normal"}));
}

TEST_F(DurabilityTest, CancelsFromASecondTerminalAndResumes) {
  const auto video = Video("a_s01_e01.mp4");
  Command first(Analyze(video), env_);
  ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
  EXPECT_EQ(Rollcall({"jobs", "cancel", "detect_a_s01_e01"}).exit, 0);
  const Ended cancelled = first.Wait();
  EXPECT_EQ(cancelled.exit, 4) << cancelled.out << cancelled.err;
  EXPECT_THAT(cancelled.out, HasSubstr("rollcall jobs resume 1"));
  EXPECT_EQ(ReadJson("jobs/detect_a_s01_e01/meta.json")["stages"]["detect"]["status"], "canceled");
  EXPECT_TRUE(ReadJson("episodes/a_s01_e01/runtime.json")["active_jobs"].empty());
  EXPECT_FALSE(HasFile("jobs/detect_a_s01_e01/.lock"));

  const Ended resumed = Rollcall({"jobs", "resume", "analyze_a_s01_e01"});
  EXPECT_EQ(resumed.exit, 0) << resumed.out << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("resuming detect_a_s01_e01 from segment "));
}

TEST_F(DurabilityTest, CancelsItsJobAtCtrlC) {
  Command command(Analyze(Video("a_s01_e01.mp4")), env_);
  ASSERT_TRUE(command.WaitForOutput("detect: running"));
  command.Signal(SIGINT);
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 4) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("rollcall jobs resume 1"));
}

TEST_F(DurabilityTest, FinishesAnothersJobAfterTheFirstCommandHasEnded) {
  Command first({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}, env_);
  ASSERT_TRUE(first.WaitForOutput("running"));
  Command second(Analyze(Video("b_s01_e01.mp4", "b")), env_);
  EXPECT_EQ(first.Wait().exit, 0);
  const Ended ended = second.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
}

TEST_F(DurabilityTest, EndsOnlyItsOwnJobAtCtrlC) {
  Command first(Analyze(Video("a_s01_e01.mp4")), env_);
  ASSERT_TRUE(first.WaitForOutput("running"));
  Command second(Analyze(Video("b_s01_e01.mp4", "b")), env_);
  ASSERT_TRUE(second.WaitForOutput("running"));
  first.Signal(SIGINT);
  EXPECT_EQ(first.Wait().exit, 4);
  const Ended ended = second.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
}

TEST_F(DurabilityTest, WorksOnWithoutATerminalWhenDetached) {
  ASSERT_EQ(Rollcall({"episodes", "add", Video("a_s01_e01.mp4").string()}).exit, 0);
  const Ended started =
      Rollcall({"jobs", "start", "analyze", "a_s01_e01", "--effort", "draft", "--detach"});
  EXPECT_EQ(started.exit, 0) << started.err;
  const Ended waited = Rollcall({"jobs", "wait", "analyze_a_s01_e01"});
  EXPECT_EQ(waited.exit, 0) << waited.out << waited.err;
  EXPECT_TRUE(HasFile("outputs/a_s01_e01/report.json"));
}

TEST_F(DurabilityTest, GoesOnWhenTheEngineDiesUnderIt) {
  Command command(Analyze(Video("a_s01_e01.mp4")), env_);
  ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
  for (const std::string& process : ProcessesAbout(data_)) {
    if (process.find(" engine ") == std::string::npos) continue;
    ::kill(std::stoi(process), SIGKILL);
  }
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("going on from the last checkpoint (1 of 5)"));
}

TEST_F(DurabilityTest, EndsWhenItsDataDirectoryIsRenamedAwayAndGoesOnWhereItIs) {
  const auto video = Video("a_s01_e01.mp4");
  const auto moved = folder_ / "moved";
  {
    Command command(Analyze(video), env_);
    ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
    std::filesystem::rename(data_, moved);
    const Ended ended = command.Wait();
    EXPECT_EQ(ended.exit, 5) << ended.out << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("ERR_DATA_DIRECTORY_MOVED"));
  }
  EXPECT_FALSE(std::filesystem::exists(data_));
  ASSERT_TRUE(WaitUntil([&] { return ProcessesAbout(data_).empty(); }, std::chrono::seconds{10}));
  data_ = moved;
  env_["ROLLCALL_DATA"] = moved.string();
  const Ended again = Rollcall(Analyze(video));
  EXPECT_EQ(again.exit, 0) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("resuming detect_a_s01_e01 from segment "));
  EXPECT_EQ(Rollcall({"doctor"}).exit, 0);
}

TEST_F(DurabilityTest, AServerEndsWhenItsDataDirectoryIsRemoved) {
  Command server({"serve"}, env_);
  ASSERT_TRUE(server.WaitForOutput("serving"));
  std::filesystem::remove_all(data_);
  const Ended ended = server.Wait();
  EXPECT_EQ(ended.exit, 5);
  EXPECT_THAT(ended.err, HasSubstr("ERR_DATA_DIRECTORY_MOVED"));
  EXPECT_FALSE(std::filesystem::exists(data_));
}

TEST_F(DurabilityTest, ServesUntilItIsTerminated) {
  Command server({"serve"}, env_);
  ASSERT_TRUE(server.WaitForOutput("serving"));
  EXPECT_EQ(Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}).exit, 0);
  const Ended second = Rollcall({"serve"});
  EXPECT_EQ(second.exit, 5);
  EXPECT_THAT(second.err, HasSubstr("ERR_STORE_IN_USE"));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait().exit, 0);
}

}  // namespace
}  // namespace rollcall::e2e
