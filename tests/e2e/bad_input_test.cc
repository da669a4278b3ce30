#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "base/testing/not_tried.h"
#include "base/testing/without_privileges.h"
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

// No data directory is made for it either.
TEST_F(BadInputTest, MissingFile) {
  const std::string none = (folder_ / "none").string();
  ExpectRefusal(Rollcall({"analyze", "nowhere.mp4"}), 3, "ERR_VIDEO_NOT_FOUND");
  ExpectRefusal(Rollcall({"analyze", "nowhere.mp4", "--data", none}), 3, "ERR_VIDEO_NOT_FOUND");
  ExpectRefusal(Rollcall({"episodes", "add", "nowhere.mp4", "--data", none}), 3,
                "ERR_VIDEO_NOT_FOUND");
  EXPECT_FALSE(fs::exists(none));
}

TEST_F(BadInputTest, Directory) {
  ExpectRefusal(Rollcall({"analyze", ""}), 3, "ERR_VIDEO_UNREADABLE");  // A variable was empty.
  ExpectRefusal(Rollcall({"analyze", folder_.string()}), 3, "ERR_VIDEO_NOT_FOUND");  // None in it.
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
  EXPECT_EQ(Rollcall({"analyze", text.string(), "--effort", "draft"}).exit, 0);
}

TEST_F(BadInputTest, PhotographIsNoVideo) {
  const fs::path photograph = folder_ / "a_s01_e01.jpg";
  fs::copy_file(ROLLCALL_DEPS_DIR "/photos/sample3.jpg", photograph);
  const Ended ended = Rollcall({"analyze", photograph.string()});
  ExpectRefusal(ended, 3, "ERR_VIDEO_UNREADABLE");
  EXPECT_THAT(ended.err, HasSubstr("is a single picture"));
}

TEST_F(BadInputTest, UnknownKey) {
  MakeData();
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

TEST_F(BadInputTest, NameInAnotherScript) {
  EXPECT_EQ(Rollcall({"episodes", "add", Video("Émission.mp4").string()}).out, "added emission\n");
  const Ended ended = Rollcall({"episodes", "add", Video("Серия.mp4", "other").string()});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_THAT(ended.out, ::testing::MatchesRegex("added video-[0-9a-f]{8}\n"));
  EXPECT_THAT(Rollcall({"episodes", "show", "Émission"}).out, HasSubstr("emission"));
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

TEST_F(BadInputTest, UnknownCommand) {
  const Ended top = Rollcall({"analyse"});
  ExpectRefusal(top, 2, "ERR_BAD_PARAMS");
  EXPECT_THAT(top.err, HasSubstr("rollcall has no command \"analyse\""));
  EXPECT_THAT(top.err, HasSubstr("one of analyze, "));
  const Ended group = Rollcall({"jobs", "stop"});
  ExpectRefusal(group, 2, "ERR_BAD_PARAMS");
  EXPECT_THAT(group.err, HasSubstr("rollcall jobs has no command \"stop\""));
  EXPECT_THAT(Rollcall({"jobs"}).err, HasSubstr("rollcall jobs needs a command"));
}

TEST_F(BadInputTest, UnknownEffortAndStage) {
  const auto video = Video("a.mp4").string();
  ExpectRefusal(Rollcall({"analyze", video, "--effort", "huge"}), 2, "ERR_BAD_PARAMS");
  ExpectRefusal(Rollcall({"analyze", video, "--from", "paint"}), 2, "ERR_BAD_PARAMS");
}

TEST_F(BadInputTest, MissingModels) {
  const auto video = Video("a_s01_e01.mp4").string();
  ExpectRefusal(Rollcall({"analyze", video, "--models", folder_.string()}), 3, "ERR_MODEL_MISSING");
  env_["ROLLCALL_MODELS"] = folder_.string();
  ExpectRefusal(Rollcall({"analyze", video}), 3, "ERR_MODEL_MISSING");
  EXPECT_EQ(ReadJson("jobs/detect_a_s01_e01/meta.json")["stages"]["detect"]["status"], "error");
  env_.erase("ROLLCALL_MODELS");
  EXPECT_EQ(Rollcall({"jobs", "start", "analyze", "a_s01_e01", "--effort", "draft"}).exit, 0);
}

TEST_F(BadInputTest, AlteredModel) {
  ASSERT_EQ(Rollcall({"models", "install"}).exit, 0);
  const fs::path pack = data_ / "models/default";
  std::ofstream(pack / "detector.onnx", std::ios::app) << "x";
  for (const char* named : {"", "default"}) {
    ExpectRefusal(Rollcall({"models", "verify", named}), 3, "ERR_MODEL_ALTERED");
  }
  ExpectRefusal(Rollcall({"models", "verify", pack.string()}), 3, "ERR_MODEL_ALTERED");
  ExpectRefusal(Rollcall({"analyze", Video("a_s01_e01.mp4").string()}), 3, "ERR_MODEL_ALTERED");
  EXPECT_EQ(ReadJson("jobs/detect_a_s01_e01/meta.json")["stages"]["detect"]["status"], "error");
}

TEST_F(BadInputTest, ProviderThatIsNotThere) {
  ExpectRefusal(
      Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--provider", "no-such-thing"}), 5,
      "ERR_PROVIDER_MISSING");
  EXPECT_FALSE(fs::exists(data_ / "jobs" / "validate_a_s01_e01")) << "nothing was begun";
  EXPECT_THAT(Rollcall({"episodes", "list"}).out, Not(HasSubstr("a_s01_e01")));
}

TEST_F(BadInputTest, DataDirectoryThatIsAFile) {
  ASSERT_TRUE(base::WriteFileAtomic(data_, "x").ok());
  const Ended ended = Rollcall({"jobs", "list"});
  EXPECT_NE(ended.exit, 0);
  EXPECT_THAT(ended.err, HasSubstr("error: ERR_"));
}

// A file system of its own for the data directory; false where this process may not have one.
class SmallDisk {
 public:
  SmallDisk(fs::path folder, const std::string& size) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    is_there_ = Run("mount -t tmpfs -o size=" + size + " none '" + folder_.string() + "'");
  }
  ~SmallDisk() {
    if (is_there_) Run("umount -l '" + folder_.string() + "'");
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_there() const { return is_there_; }
  bool Grow(const std::string& size) const {
    return Run("mount -o remount,size=" + size + " '" + folder_.string() + "'");
  }

 private:
  static bool Run(const std::string& command) {
    return std::system((command + " 2>/dev/null").c_str()) == 0;
  }
  fs::path folder_;
  bool is_there_ = false;
};

TEST_F(BadInputTest, DiskThatFillsUpAndIsFreed) {
  const std::vector<std::string> analyze{"analyze", Video("a_s01_e01.mp4").string()};
  Command::Environment other = env_;
  other["ROLLCALL_DATA"] = (folder_ / "roomy").string();
  ASSERT_EQ(RunCommand(analyze, other).exit, 0);

  const SmallDisk disk(data_, "2200k");  // Of the 2.5 MB that it takes.
  if (!disk.is_there()) return base::testing::SayNotTried("nobody may mount a small disk here");
  Command command(analyze, env_);
  ASSERT_TRUE(command.WaitForOutput("ERR_DISK_FULL"));
  EXPECT_TRUE(WaitUntil([&] {
    return ReadJson("jobs/detect_a_s01_e01/meta.json")["stages"]["detect"]["status"] == "pending";
  }));
  const Ended list = Rollcall({"jobs", "list"});
  EXPECT_THAT(list.out, HasSubstr("ERR_DISK_FULL"));
  // Room for all that is to come, on a disk that never has the 64 MB free that were waited for.
  ASSERT_TRUE(disk.Grow("60m"));
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  const auto results = Results("a_s01_e01");
  data_ = folder_ / "roomy";
  EXPECT_EQ(results, Results("a_s01_e01"));
}

// Then the store cannot even be told so, and everybody who asks is all the same.
TEST_F(BadInputTest, DiskThatIsFullToTheLastBlock) {
  const std::vector<std::string> analyze{"analyze", Video("a_s01_e01.mp4").string()};
  Command::Environment other = env_;
  other["ROLLCALL_DATA"] = (folder_ / "roomy").string();
  ASSERT_EQ(RunCommand(analyze, other).exit, 0);

  const SmallDisk disk(data_, "16m");
  if (!disk.is_there()) return base::testing::SayNotTried("nobody may mount a small disk here");
  Command command(analyze, env_);
  const auto says = [&](const std::vector<std::string>& asked, const std::string& answer) {
    return WaitUntil([&] { return Rollcall(asked).out.find(answer) != std::string::npos; });
  };
  ASSERT_TRUE(says({"jobs", "show", "analyze_a_s01_e01"}, "segment_committed"));
  const fs::path filler = data_ / "filler";
  std::ignore =
      std::system(("dd if=/dev/zero bs=4k of='" + filler.string() + "' 2>/dev/null").c_str());
  EXPECT_TRUE(says({"jobs", "list"}, "paused"));
  EXPECT_TRUE(says({"jobs", "show", "analyze_a_s01_e01"}, "trouble   ERR_DISK_FULL"));
  EXPECT_TRUE(says({"jobs", "diagnose", "analyze_a_s01_e01"}, "what to do: free some space"));
  EXPECT_TRUE(says({"metrics"}, "rollcall_queue_paused{stage=\"detect\"} 1"));
  ASSERT_TRUE(command.WaitForOutput("paused: ERR_DISK_FULL"));
  // No engine can begin its work on such a disk; the command does not give up for that.
  for (const std::string& process : ProcessesAbout(data_)) {
    if (process.find(" engine ") != std::string::npos) ::kill(std::stoi(process), SIGKILL);
  }
  ASSERT_TRUE(command.WaitForOutput("no engine can start on a full disk"));
  fs::remove(filler);
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  const auto results = Results("a_s01_e01");
  data_ = folder_ / "roomy";
  EXPECT_EQ(results, Results("a_s01_e01"));
}

TEST_F(BadInputTest, DiskThatIsFullFromTheStart) {
  const auto video = Video("a_s01_e01.mp4").string();
  const SmallDisk disk(data_, "64k");
  if (!disk.is_there()) return base::testing::SayNotTried("nobody may mount a small disk here");
  std::ofstream(data_ / "filler") << std::string(200'000, 'x');
  ExpectRefusal(Rollcall({"analyze", video, "--effort", "draft"}), 5, "ERR_DISK_FULL");
  ASSERT_TRUE(disk.Grow("200m"));
  EXPECT_EQ(Rollcall({"analyze", video, "--effort", "draft"}).exit, 0);
}

TEST_F(BadInputTest, HolesInTheMiddleAreWarnedOf) {
  const fs::path whole = Video("whole.mp4");
  const fs::path video = folder_ / "a_s01_e01.mkv";
  ASSERT_TRUE(Ffmpeg("-i '" + whole.string() + "' -c copy '" + video.string() + "'"));
  std::fstream file(video, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(video) / 2));
  std::string noise(60'000, ' ');
  unsigned state = 1;
  for (char& each : noise) each = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  file << noise;
  file.close();
  const Ended ended = Rollcall({"analyze", video.string()});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  const auto report = ReadJson("outputs/a_s01_e01/report.json");
  EXPECT_FALSE(report["warnings"].empty());
  EXPECT_GE(report["people"].size(), 6U);
  EXPECT_THAT(ended.out + ended.err, HasSubstr("damaged"));
}

TEST_F(BadInputTest, PicturesOfImpossibleSize) {
  const fs::path video = folder_ / "a_s01_e01.avi";
  ASSERT_TRUE(Ffmpeg("-i '" + Video("whole.mp4").string() + "' -frames:v 20 -c:v mjpeg '" +
                     video.string() + "'"));
  // Every frame header (SOF0) says 16384 × 16384.
  std::string bytes = base::ReadFile(video).value();
  int patched = 0;
  for (std::size_t at = bytes.find("\xff\xc0"); at != std::string::npos;
       at = bytes.find("\xff\xc0", at + 2)) {
    bytes.replace(at + 5, 4, std::string("\x40\x00\x40\x00", 4));
    ++patched;
  }
  ASSERT_GE(patched, 20);
  ASSERT_TRUE(base::WriteFileAtomic(video, bytes).ok());
  const Ended ended = Rollcall({"analyze", video.string()});
  EXPECT_EQ(ended.exit, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("error: ERR_VIDEO_"));
}

// Ten minutes here, three hours in `./test --nightly`: nothing else is different but the length.
TEST_F(BadInputTest, LongVideoIsAnalysedWhole) {
  const char* const wanted = std::getenv("ROLLCALL_LONG_VIDEO_S");
  const std::string seconds = wanted == nullptr ? "600" : wanted;
  const fs::path video = folder_ / "a_s01_e01.mp4";
  ASSERT_TRUE(Ffmpeg("-stream_loop -1 -i '" + Video("whole.mp4").string() + "' -c copy -t " +
                     seconds + " '" + video.string() + "'"));
  Command command({"analyze", video.string(), "--effort", "draft"}, env_);
  const Ended ended = command.Wait(std::chrono::seconds{500});
  ASSERT_EQ(ended.exit, 0) << ended.out << ended.err;
  const auto report = ReadJson("outputs/a_s01_e01/report.json");
  EXPECT_NEAR(report["video"]["duration_ms"].get<double>(), 1000 * std::stod(seconds), 1000);
  EXPECT_GE(report["people"].size(), 6U);
}

TEST_F(BadInputTest, DataDirectoryThatCannotBeWritten) {
  MakeData();
  const base::testing::WithoutPrivileges without_privileges;
  ASSERT_EQ(Rollcall({"jobs", "list"}).exit, 0);
  const auto video = Video("a_s01_e01.mp4").string();
  ::chmod(data_.c_str(), 0500);
  ExpectRefusal(Rollcall({"analyze", video}), 3, "ERR_PERMISSION");
  ::chmod(data_.c_str(), 0700);
  EXPECT_EQ(Rollcall({"analyze", video, "--effort", "draft"}).exit, 0);
}

TEST_F(BadInputTest, DataDirectoryThatCannotBeWrittenIsLookedAt) {
  const base::testing::WithoutPrivileges without_privileges;
  const std::vector<std::vector<std::string>> looks{
      {"jobs", "list"},       {"jobs", "show", "1"},    {"jobs", "diagnose", "1"},
      {"episodes", "list"},   {"inspect", "a_s01_e01"}, {"episodes", "show", "a_s01_e01"},
      {"export", "a_s01_e01"}};
  ASSERT_EQ(Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}).exit, 0);
  std::vector<std::string> before;
  for (const auto& look : looks) before.push_back(Rollcall(look).out);

  ::chmod((data_ / "rollcall.db").c_str(), 0400);
  ::chmod(data_.c_str(), 0500);
  for (std::size_t i = 0; i < looks.size(); ++i) {
    const Ended looked = Rollcall(looks[i]);
    EXPECT_EQ(looked.exit, 0) << looked.err;
    EXPECT_EQ(looked.out, before[i]);
    EXPECT_THAT(looked.err, HasSubstr("cannot be written by this user"));
  }
  const Ended doctor = Rollcall({"doctor"});
  EXPECT_EQ(doctor.exit, 5) << "it cannot be worked in";
  EXPECT_THAT(doctor.out, HasSubstr("integrity check passed"));
  ExpectRefusal(Rollcall({"jobs", "resume", "1"}), 3, "ERR_PERMISSION");
  ExpectRefusal(Rollcall({"jobs", "wait", "1"}), 3, "ERR_PERMISSION");
  ::chmod(data_.c_str(), 0700);
  ::chmod((data_ / "rollcall.db").c_str(), 0600);
}

// Its owner was killed and left a log; then one works in it, whose socket is not for this user.
TEST_F(BadInputTest, DataDirectoryThatCannotBeWrittenIsLookedAtAsItsOwnerLeftIt) {
  const base::testing::WithoutPrivileges without_privileges;
  const std::vector<std::string> files{"rollcall.db", "rollcall.db-wal", "rollcall.db-shm",
                                       "rollcall.sock"};
  const auto look = [&](mode_t mode) {
    for (const std::string& file : files) ::chmod((data_ / file).c_str(), mode);
    ::chmod(data_.c_str(), mode | 0100);
    Ended shown = Rollcall({"jobs", "list"});
    ::chmod(data_.c_str(), 0700);
    for (const std::string& file : files) ::chmod((data_ / file).c_str(), 0600);
    return shown;
  };
  Command killed({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "normal"}, env_);
  ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
  const Ended beside = look(0400);
  EXPECT_EQ(beside.exit, 0) << beside.err;
  EXPECT_THAT(beside.out, HasSubstr("running"));
  EXPECT_THAT(beside.err, HasSubstr("another user's engine"));
  killed.Signal(SIGKILL);
  EXPECT_EQ(killed.Wait().signal, SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return ProcessesAbout(data_).empty(); }, std::chrono::seconds{10}));
  ASSERT_GT(std::filesystem::file_size(data_ / "rollcall.db-wal"), 0U);
  const Ended after = look(0400);
  EXPECT_EQ(after.exit, 0) << after.err;
  EXPECT_THAT(after.out, HasSubstr("interrupted"));
}

}  // namespace
}  // namespace rollcall::e2e
