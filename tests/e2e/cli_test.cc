#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdlib>

#include "base/file.h"
#include "fixture.h"
#include "vision/testing/file_server.h"
#include "vision/testing/media_folder.h"

namespace rollcall::e2e {
namespace {

using base::Json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class CliTest : public RollcallTest {};

TEST_F(CliTest, SaysItsVersionAndHelp) {
  const Ended version = Rollcall({"--version"});
  EXPECT_EQ(version.exit, 0);
  EXPECT_THAT(version.out, StartsWith("rollcall "));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--version", "--json"}, {"--json", "--version"}}) {
    const Ended ended = Rollcall(arguments);
    EXPECT_EQ(ended.exit, 0);
    const auto document = base::ParseJson(ended.out, "stdout");
    ASSERT_TRUE(document.ok()) << ended.out;
    EXPECT_EQ(document->at("name"), "rollcall");
    EXPECT_EQ("rollcall " + document->at("version").get<std::string>() + "\n", version.out);
  }
  const Ended help = Rollcall({"--help"});
  EXPECT_EQ(help.exit, 0);
  EXPECT_THAT(help.out, HasSubstr("Exit codes: 0 ok, 2 usage, 3 input"));
  EXPECT_THAT(help.out, Not(HasSubstr("\n  worker")));
}

TEST_F(CliTest, RefusesACommandLineThatItDoesNotKnow) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {}, {"paint"}, {"analyze"}, {"jobs"}, {"export", "k", "--format", "pdf"}}) {
    const Ended ended = Rollcall(arguments);
    EXPECT_EQ(ended.exit, 2);
    EXPECT_THAT(ended.err, StartsWith("error: ERR_BAD_PARAMS: "));
    EXPECT_THAT(ended.err, HasSubstr("hint: "));
  }
}

TEST_F(CliTest, AnalysesAVideoAndKeepsEverything) {
  const auto video = Video("RHOBH_S05_E03_11062025.mp4");
  const Ended first = Rollcall({"analyze", video.string()});
  ASSERT_EQ(first.exit, 0) << first.out << first.err;
  EXPECT_THAT(first.out, HasSubstr("detect: ok in "));
  EXPECT_THAT(first.out, HasSubstr("Screen time"));
  EXPECT_THAT(first.out, HasSubstr("Person 1"));
  EXPECT_THAT(first.out, HasSubstr((data_ / "outputs/rhobh_s05_e03").string()));
  EXPECT_THAT(first.out, Not(HasSubstr("\x1b")));

  const Json envelope = ReadJson("jobs/detect_rhobh_s05_e03/meta.json");
  EXPECT_EQ(envelope["stages"]["detect"]["status"], "ok");
  EXPECT_GT(envelope["stages"]["detect"]["result"]["faces_detected"], 0);
  EXPECT_GT(envelope["stages"]["detect"]["result"]["embeddings_computed"], 0);
  const Json state = ReadJson("episodes/rhobh_s05_e03/state.json");
  EXPECT_TRUE(state["states"]["detected"].get<bool>());
  EXPECT_THAT(state["timestamps"]["detected"].get<std::string>(),
              MatchesRegex("[0-9-]+T[0-9:.]+Z"));
  EXPECT_TRUE(ReadJson("episodes/rhobh_s05_e03/runtime.json")["active_jobs"].empty());
  EXPECT_FALSE(HasFile("jobs/detect_rhobh_s05_e03/.lock"));
  for (const char* file : {"report.json", "totals.csv", "timeline.csv", "totals.parquet",
                           "totals.xlsx", "timeline.vtt"}) {
    EXPECT_TRUE(HasFile(std::filesystem::path("outputs/rhobh_s05_e03") / file)) << file;
  }

  // What stages need they may have, and nothing is left where they wrote it.
  EXPECT_THAT(ReadText("logs/worker.log"), Not(HasSubstr("refused")));
  EXPECT_THAT(ReadText("logs/worker.log"), Not(HasSubstr("may reach every file")));
  EXPECT_TRUE(WaitUntil([&] { return std::filesystem::is_empty(data_ / "staging"); },
                        std::chrono::seconds{15}));

  // Once more: nothing is to be done.
  const Ended second = Rollcall({"analyze", video.string()});
  EXPECT_EQ(second.exit, 0);
  EXPECT_THAT(second.out, HasSubstr("detect: already done"));
  EXPECT_THAT(second.out, HasSubstr("Person 1"));
}

TEST_F(CliTest, FindsInTheSampleExactlyWhoIsInIt) {
  const Ended ended = Rollcall({"sample", "--json"});
  ASSERT_EQ(ended.exit, 0) << ended.out << ended.err;
  const auto document = base::ParseJson(ended.out, "stdout");
  ASSERT_TRUE(document.ok()) << ended.out;
  EXPECT_TRUE((*document)["holds"].get<bool>());
  EXPECT_EQ((*document)["comparison"].size(), (*document)["truth"]["people"].size());
}

TEST_F(CliTest, PrintsOneDocumentWithJson) {
  const Ended ended =
      Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--json", "--effort", "draft"});
  ASSERT_EQ(ended.exit, 0) << ended.err;
  const auto document = base::ParseJson(ended.out, "stdout");
  ASSERT_TRUE(document.ok()) << ended.out;
  EXPECT_EQ((*document)["report"]["episode"], "a_s01_e01");
  EXPECT_FALSE((*document)["report"]["people"].empty());
  EXPECT_EQ((*document)["job"]["status"], "ok");
  EXPECT_THAT(ended.err, HasSubstr("detect: ok in "));

  const Ended failed = Rollcall({"analyze", "missing.mp4", "--json"});
  EXPECT_EQ(failed.exit, 3);
  EXPECT_EQ(base::ParseJson(failed.out, "stdout")->at("error").at("reason"), "ERR_VIDEO_NOT_FOUND");
}

TEST_F(CliTest, ShowsExportsAndForgetsAnEpisode) {
  ASSERT_EQ(Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}).exit, 0);
  EXPECT_THAT(Rollcall({"episodes", "list"}).out, HasSubstr("analysed"));
  EXPECT_THAT(Rollcall({"episodes", "show", "a_s01_e01"}).out, HasSubstr("analytics"));
  EXPECT_THAT(Rollcall({"jobs", "list"}).out, HasSubstr("analyze_a_s01_e01  ok"));
  const Ended shown = Rollcall({"jobs", "show", "analyze_a_s01_e01", "--json"});
  const auto job = base::ParseJson(shown.out, "stdout");
  ASSERT_TRUE(job.ok()) << shown.out;
  for (const Json& stage : job->at("job").at("stages")) {
    EXPECT_TRUE(stage.at("total").is_null()) << stage << "0 frames were not what it did";
  }
  EXPECT_THAT(Rollcall({"jobs", "logs", "detect_a_s01_e01"}).out,
              HasSubstr("[DETECT] a_s01_e01 stage=end status=ok"));

  const Ended inspected = Rollcall({"inspect", "a_s01_e01"});
  EXPECT_EQ(inspected.exit, 0);
  EXPECT_THAT(inspected.out, HasSubstr("✓ detected"));
  EXPECT_THAT(inspected.out, HasSubstr("✓  outputs/a_s01_e01/report.json"));
  EXPECT_THAT(inspected.out, Not(HasSubstr("✗")));

  EXPECT_THAT(Rollcall({"export", "a_s01_e01"}).out, StartsWith("person_name,total_ms"));
  EXPECT_THAT(Rollcall({"export", "a_s01_e01", "--table", "timeline"}).out,
              StartsWith("person_name,start_ms"));
  EXPECT_THAT(Rollcall({"export", "a_s01_e01", "--format", "vtt"}).out, StartsWith("WEBVTT"));
  EXPECT_THAT(Rollcall({"export", "a_s01_e01", "--format", "parquet"}).out, StartsWith("PAR1"));
  const auto xlsx = folder_ / "out.xlsx";
  EXPECT_EQ(Rollcall({"export", "a_s01_e01", "--format", "xlsx", "-o", xlsx.string()}).exit, 0);
  EXPECT_TRUE(std::filesystem::exists(xlsx));
  // Into a folder, under names that say whose they are.
  const Ended table =
      Rollcall({"export", "a_s01_e01", "--table", "timeline", "-o", folder_.string(), "--json"});
  EXPECT_EQ(table.exit, 0) << table.err;
  EXPECT_EQ(base::ParseJson(table.out, "stdout")->at("path"),
            (folder_ / "a_s01_e01.timeline.csv").string());
  EXPECT_EQ(Rollcall({"export", "a_s01_e01", "-o", folder_.string() + "/"}).exit, 0);
  EXPECT_THAT(base::ReadFile(folder_ / "a_s01_e01.totals.csv").value(),
              StartsWith("person_name,total_ms"));
  // A link stays one, and what it leads to is written to even if it is no plain file.
  std::filesystem::create_symlink("out.xlsx", folder_ / "link");
  std::filesystem::create_symlink("/dev/full", folder_ / "device");
  EXPECT_EQ(Rollcall({"export", "a_s01_e01", "-o", (folder_ / "link").string()}).exit, 0);
  EXPECT_THAT(base::ReadFile(xlsx).value(), StartsWith("person_name,total_ms"));
  const Ended full = Rollcall({"export", "a_s01_e01", "-o", (folder_ / "device").string()});
  EXPECT_EQ(full.exit, 5) << full.out;
  EXPECT_THAT(full.err, HasSubstr("error: ERR_DISK_FULL: "));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "device"));
  for (const char* missing : {"missing/", "missing/a.csv"}) {
    const Ended refused = Rollcall({"export", "a_s01_e01", "-o", (folder_ / missing).string()});
    EXPECT_EQ(refused.exit, 2);
    EXPECT_THAT(refused.err, HasSubstr("there is no folder " + (folder_ / "missing").string()));
    EXPECT_THAT(refused.err, HasSubstr("hint: make it first"));
  }

  EXPECT_EQ(Rollcall({"doctor"}).exit, 0);
  EXPECT_EQ(Rollcall({"episodes", "remove", "a_s01_e01"}).exit, 0);
  EXPECT_EQ(Rollcall({"inspect", "a_s01_e01"}).exit, 3);
  EXPECT_FALSE(HasFile("outputs/a_s01_e01"));
}

TEST_F(CliTest, NoticesAResultThatWasAltered) {
  ASSERT_EQ(Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}).exit, 0);
  const auto report = std::filesystem::canonical(data_ / "outputs/a_s01_e01/totals.csv");
  ASSERT_TRUE(base::WriteFileAtomic(report, "person_name\n").ok());
  EXPECT_THAT(Rollcall({"inspect", "a_s01_e01"}).out, HasSubstr("✗"));
  const Ended ended = Rollcall({"export", "a_s01_e01"});
  EXPECT_THAT(ended.err, HasSubstr("ERR_ARTIFACT_CORRUPT"));
  // The next run makes it again.
  EXPECT_EQ(Rollcall({"jobs", "start", "analyze", "a_s01_e01", "--effort", "draft"}).exit, 0);
  EXPECT_THAT(Rollcall({"export", "a_s01_e01"}).out, StartsWith("person_name,total_ms"));
}

TEST_F(CliTest, RunsOneStageAndWhatItNeeds) {
  ASSERT_EQ(Rollcall({"episodes", "add", Video("a_s01_e01.mp4").string()}).exit, 0);
  const Ended ended = Rollcall({"jobs", "start", "extract", "a_s01_e01"});
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  const Json state = ReadJson("episodes/a_s01_e01/state.json");
  EXPECT_TRUE(state["states"]["extracted_frames"].get<bool>());
  EXPECT_FALSE(state["states"]["detected"].get<bool>());
}

TEST_F(CliTest, TakesGlobalFlagsBeforeTheCommandToo) {
  MakeData();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--json", "jobs", "list"},
        {"jobs", "--json", "list"},
        {"jobs", "list", "--json"}}) {
    const Ended ended = Rollcall(arguments);
    EXPECT_EQ(ended.exit, 0) << ended.err;
    EXPECT_TRUE(base::ParseJson(ended.out, "stdout").ok()) << ended.out;
  }
  const auto other = folder_ / "other";
  std::filesystem::create_directory(other);
  EXPECT_EQ(Rollcall({"--data", other.string(), "jobs", "list"}).exit, 0);
  EXPECT_TRUE(std::filesystem::exists(other / "rollcall.db"));
  EXPECT_FALSE(HasFile("episodes/other"));
}

TEST_F(CliTest, TellsOfAnEpisodeAsSoonAsItIsAddedAndWhenItsVideoHasMoved) {
  const auto video = Video("RHOBH_S05_E03_11062025.mp4");
  EXPECT_EQ(Rollcall({"episodes", "add", video.string()}).out, "added rhobh_s05_e03\n");
  Json state = ReadJson("episodes/rhobh_s05_e03/state.json");
  EXPECT_EQ(state["episode_id"], "RHOBH_S05_E03_11062025");
  EXPECT_EQ(state["video_path"], video.string());
  EXPECT_EQ(state["states"].size(), 8U);
  EXPECT_FALSE(state["states"]["validated"].get<bool>());
  EXPECT_TRUE(ReadJson("episodes/rhobh_s05_e03/runtime.json")["active_jobs"].empty());

  ASSERT_EQ(Rollcall({"jobs", "start", "validate", "rhobh_s05_e03"}).exit, 0);
  const auto moved = folder_ / "moved.mp4";
  std::filesystem::rename(video, moved);
  const Ended added = Rollcall({"episodes", "add", moved.string(), "--episode", "rhobh_s05_e03"});
  ASSERT_EQ(added.exit, 0);
  EXPECT_EQ(added.out, "same video as rhobh_s05_e03; its path is now " + moved.string() +
                           " (it was " + video.string() + ")\n");
  EXPECT_EQ(Rollcall({"episodes", "add", moved.string(), "--episode", "rhobh_s05_e03"}).out,
            "rhobh_s05_e03 is known already\n");
  state = ReadJson("episodes/rhobh_s05_e03/state.json");
  EXPECT_EQ(state["video_path"], moved.string());
  EXPECT_TRUE(state["states"]["validated"].get<bool>());
}

TEST_F(CliTest, SaysInAnEmptyDataDirectoryWhatToDo) {
  MakeData();
  EXPECT_THAT(Rollcall({"jobs", "list"}).out, StartsWith("no jobs yet"));
  EXPECT_THAT(Rollcall({"episodes", "list"}).out, HasSubstr("rollcall analyze VIDEO"));
  EXPECT_EQ(Rollcall({"doctor"}).exit, 0);
}

TEST_F(CliTest, RunsAgainFromAStage) {
  const auto video = Video("a_s01_e01.mp4");
  ASSERT_EQ(Rollcall({"analyze", video.string(), "--effort", "draft"}).exit, 0);
  const auto before = Results("a_s01_e01");
  const Ended again = Rollcall({"analyze", video.string(), "--effort", "draft", "--from", "track"});
  ASSERT_EQ(again.exit, 0) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("detect: already done"));
  EXPECT_THAT(again.out, HasSubstr("track: ok in"));
  EXPECT_EQ(Results("a_s01_e01"), before);
}

TEST_F(CliTest, SaysThatItsOutputCannotBeWritten) {
  MakeData();
  const std::string command = "'" ROLLCALL_BIN_DIR "/rollcall' jobs list --data '" +
                              data_.string() + "' > /dev/full 2>/dev/null";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 5);
}

TEST_F(CliTest, ListsAndVerifiesModels) {
  MakeData();
  EXPECT_THAT(Rollcall({"models", "list"}).out, HasSubstr("default"));
  const Ended verified = Rollcall({"models", "verify"});
  EXPECT_EQ(verified.exit, 0) << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("✓ detector.onnx"));
  EXPECT_EQ(Rollcall({"models", "install"}).exit, 0);
  EXPECT_TRUE(HasFile("models/default/pack.toml"));
}

TEST_F(CliTest, InstallsADetectorFromItsMirrorAndWorksWithIt) {
  const auto model =
      vision::MediaFolder(ROLLCALL_SOURCE_DIR) / "models/face_detection_yunet_2023mar.onnx";
  if (!std::filesystem::exists(model)) GTEST_SKIP() << "no shared media: no YuNet to install";
  vision::FileServer server;
  server.Put("/yunet.onnx", base::ReadFile(model).value());
  const Ended installed =
      Rollcall({"models", "install", "yunet", "--mirror", server.Url("/yunet.onnx")});
  ASSERT_EQ(installed.exit, 0) << installed.err;
  EXPECT_EQ(Rollcall({"models", "verify", "yunet"}).exit, 0);
  const auto video = Video("other.mp4");
  const Ended ended = Rollcall({"analyze", video.string(), "--models", "yunet"});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_EQ(ReadJson("harvest/other/det_stats.json")["detector"],
            "yunet/face_detection_yunet_2023mar.onnx");
}

TEST_F(CliTest, InstallLeavesNothingOfAFileThatIsNotTheOne) {
  vision::FileServer server;
  server.Put("/yunet.onnx", std::string(232'589, 'x'));
  const Ended altered =
      Rollcall({"models", "install", "yunet", "--mirror", server.Url("/yunet.onnx")});
  EXPECT_EQ(altered.exit, 3);
  EXPECT_THAT(altered.err, HasSubstr("ERR_MODEL_ALTERED"));
  const Ended gone = Rollcall({"models", "install", "yunet", "--mirror", server.Url("/nothing")});
  EXPECT_EQ(gone.exit, 5);
  EXPECT_THAT(gone.err, HasSubstr("ERR_DOWNLOAD_FAILED"));
  const Ended unknown = Rollcall({"models", "install", "perfect"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_THAT(unknown.err, HasSubstr("yunet"));
  EXPECT_FALSE(HasFile("models/yunet"));
}

}  // namespace
}  // namespace rollcall::e2e
