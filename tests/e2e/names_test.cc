// File names that are not what one expects, and a data directory's name that is mistyped.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "base/testing/without_privileges.h"
#include "fixture.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class NamesTest : public RollcallTest {
 protected:
  // Everything that a command has said, which must hold nothing that steers a terminal.
  std::string Say(std::vector<std::string> arguments) {
    const Ended ended = Rollcall(arguments);
    EXPECT_EQ(ended.exit, 0) << arguments.front() << ": " << ended.out << ended.err;
    for (const std::string& text : {ended.out, ended.err}) {
      EXPECT_EQ(base::ShownLines(text), text) << arguments.front();
    }
    return ended.out;
  }
};

TEST_F(NamesTest, AVideoWhoseNameIsNoUtf8IsAnalysed) {
  const fs::path video = Video(
      "Ma\xf1"
      "ana.mp4");
  Say({"analyze", video.string(), "--effort", "draft"});
  EXPECT_THAT(Say({"episodes", "list"}), HasSubstr("/Ma\\xf1ana.mp4\n"));
  EXPECT_THAT(Say({"episodes", "show", "ma-ana"}), HasSubstr("/Ma\\xf1ana.mp4\n"));
  EXPECT_THAT(Say({"inspect", "ma-ana"}), HasSubstr("/Ma\\xf1ana.mp4\n"));
  const auto shown = base::Json::parse(Say({"--json", "episodes", "show", "ma-ana"}));
  EXPECT_EQ(base::PathFromText(shown.at("video_path").get<std::string>()), video);
  EXPECT_EQ(ReadJson("outputs/ma-ana/report.json")["video"]["file"], "Ma\\xf1ana.mp4");
  EXPECT_THAT(Say({"doctor"}), HasSubstr("agree with the store"));
  // By its key, from the name that was kept.
  EXPECT_THAT(Say({"jobs", "start", "detect", "ma-ana", "--effort", "draft", "--force"}),
              HasSubstr("detect: ok in"));
  EXPECT_THAT(Say({"analyze", video.string(), "--effort", "draft"}),
              HasSubstr("detect: already done"));
}

TEST_F(NamesTest, WhatIsNotThereIsNamedAsItIsWritten) {
  const Ended ended = Rollcall({"analyze", "none\xf1\x1b[31m\n.mp4"});
  EXPECT_EQ(ended.exit, 3);
  EXPECT_THAT(ended.err, HasSubstr("/none\\xf1\\x1b[31m\\n.mp4\n"));
  EXPECT_EQ(base::ShownLines(ended.err), ended.err);
}

TEST_F(NamesTest, ControlCharactersInANameReachNoTerminalAndBreakNoLine) {
  const fs::path video = Video("a\x1b]0;title\x07\nb\u202e\u009b.mp4");
  const std::string name = "a\\x1b]0;title\\x07\\nb\\u{202e}\\u{009b}.mp4";
  const std::string key = "a-0-title-b";
  Say({"analyze", video.string(), "--episode", key, "--effort", "draft"});
  for (const std::vector<std::string>& look : std::vector<std::vector<std::string>>{
           {"episodes", "list"}, {"episodes", "show", key}, {"inspect", key}}) {
    EXPECT_THAT(Say(look), HasSubstr("/" + name + "\n")) << look.front();
  }
  for (const std::vector<std::string>& look :
       std::vector<std::vector<std::string>>{{"jobs", "list"},
                                             {"jobs", "show", "analyze_" + key},
                                             {"jobs", "diagnose", "analyze_" + key},
                                             {"jobs", "logs", "analyze_" + key},
                                             {"jobs", "list", "--json"},
                                             {"inspect", key, "--json"},
                                             {"doctor"},
                                             {"metrics"}}) {
    Say(look);
  }
  const auto shown = base::Json::parse(Say({"episodes", "show", key, "--json"}));
  EXPECT_EQ(shown.at("video_path").get<std::string>(), video.string()) << "a program gets it whole";
  for (const char* log : {"logs/worker.log", "logs/engine.log"}) {
    EXPECT_EQ(base::ShownLines(ReadText(log)), ReadText(log)) << log;
  }
}

TEST_F(NamesTest, ADataDirectoryOfAnyNameIsWorkedInAndItsCommandsCanBeTypedAgain) {
  data_ = folder_ / "d\xf1 'a\x1b";
  env_["ROLLCALL_DATA"] = data_.string();
  Say({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"});
  env_.erase("ROLLCALL_DATA");
  const std::string said = Say({"--data", data_.string(), "jobs", "start", "detect", "a_s01_e01",
                                "--effort", "draft", "--force", "--detach"});
  const auto begin = said.find("`") + 1;
  const std::string typed = said.substr(begin, said.find("`", begin) - begin);
  ASSERT_THAT(typed, ::testing::StartsWith("rollcall jobs wait "));
  const fs::path script = folder_ / "typed.sh";
  ASSERT_TRUE(base::WriteFileAtomic(script, "PATH='" ROLLCALL_BIN_DIR "'\n" + typed + "\n").ok());
  EXPECT_EQ(std::system(("/bin/bash '" + script.string() + "' >/dev/null").c_str()), 0) << typed;
}

TEST_F(NamesTest, AMistypedDataDirectoryIsNotMade) {
  const std::string mistyped = (folder_ / "mistyped").string();
  for (const std::vector<std::string>& look :
       std::vector<std::vector<std::string>>{{"inspect", "a"},
                                             {"jobs", "list"},
                                             {"jobs", "show", "1"},
                                             {"jobs", "diagnose", "1"},
                                             {"jobs", "logs", "1"},
                                             {"jobs", "wait", "1"},
                                             {"jobs", "cancel", "1"},
                                             {"jobs", "resume", "1"},
                                             {"jobs", "start", "detect", "a"},
                                             {"episodes", "list"},
                                             {"episodes", "show", "a"},
                                             {"episodes", "remove", "a"},
                                             {"export", "a"},
                                             {"doctor"},
                                             {"metrics"},
                                             {"models", "list"},
                                             {"models", "verify"}}) {
    std::vector<std::string> arguments = look;
    arguments.insert(arguments.end(), {"--data", mistyped});
    const Ended ended = Rollcall(arguments);
    EXPECT_EQ(ended.exit, 3) << look.front();
    EXPECT_THAT(ended.err, HasSubstr("error: ERR_NOT_FOUND: " + mistyped));
    ASSERT_FALSE(fs::exists(mistyped)) << look.front();
  }
  // Neither is a folder of something else filled.
  fs::create_directories(folder_ / "films/old");
  const Ended other = Rollcall({"jobs", "list", "--data", (folder_ / "films").string()});
  EXPECT_EQ(other.exit, 3);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "films"), fs::directory_iterator()), 1);
}

class ReadersTest : public RollcallTest {
 protected:
  // Everything in `folder` that others than its owner may do something with.
  std::vector<std::string> OpenToOthers(const fs::path& folder, mode_t bits) const {
    std::vector<std::string> open;
    const auto look = [&](const fs::path& path) {
      struct stat facts {};
      if (::lstat(path.c_str(), &facts) != 0 || S_ISLNK(facts.st_mode)) return;
      if ((facts.st_mode & bits) != 0) open.push_back(path.string());
    };
    look(folder);
    // Files come and go while somebody works there.
    std::error_code gone;
    fs::recursive_directory_iterator at(folder, gone);
    for (const fs::recursive_directory_iterator end; !gone && at != end; at.increment(gone)) {
      look(at->path());
    }
    EXPECT_FALSE(gone && gone.value() != ENOENT) << gone.message();
    return open;
  }
};

TEST_F(ReadersTest, NothingOfADataDirectoryIsForOtherUsers) {
  const mode_t before = ::umask(022);
  Command command({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "normal"}, env_);
  // While an engine and its worker are at it, and afterwards.
  ASSERT_TRUE(WaitForSegments("a_s01_e01", 1));
  EXPECT_THAT(OpenToOthers(data_, 0077), ::testing::IsEmpty());
  EXPECT_EQ(command.Wait().exit, 0);
  EXPECT_EQ(Rollcall({"models", "install"}).exit, 0);
  EXPECT_THAT(OpenToOthers(data_, 0077), ::testing::IsEmpty());
  EXPECT_THAT(Rollcall({"doctor"}).out, HasSubstr("✓ permissions"));
  // What is taken elsewhere follows the umask of whoever takes it.
  struct stat facts {};
  for (const auto& [mask, mode] :
       std::vector<std::pair<mode_t, mode_t>>{{022, 0644}, {027, 0640}}) {
    ::umask(mask);
    const fs::path out = folder_ / ("totals" + std::to_string(mask));
    EXPECT_EQ(Rollcall({"export", "a_s01_e01", "-o", out.string()}).exit, 0);
    ASSERT_EQ(::stat(out.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, mode);
  }
  ::umask(before);
}

TEST_F(ReadersTest, AGroupThatIsNamedMayReadAllAndNobodyElseAnything) {
  if (::geteuid() != 0)
    env_["ROLLCALL_DATA_GROUP"] = std::to_string(::getegid());
  else
    env_["ROLLCALL_DATA_GROUP"] = "daemon";
  EXPECT_EQ(Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}).exit, 0);
  EXPECT_THAT(OpenToOthers(data_, 0027), ::testing::IsEmpty());
  for (const char* name :
       {"rollcall.db", "outputs/a_s01_e01/report.json", "harvest/a_s01_e01/embeddings.parquet",
        "logs/worker.log", "episodes/a_s01_e01/state.json"}) {
    struct stat facts {};
    ASSERT_EQ(::stat((data_ / name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777U, 0640U) << name;
    struct stat root {};
    ASSERT_EQ(::stat(data_.c_str(), &root), 0);
    EXPECT_EQ(facts.st_gid, root.st_gid) << name;
  }
  EXPECT_THAT(Rollcall({"doctor"}).out, HasSubstr("✓ permissions"));
}

TEST_F(ReadersTest, DoctorSaysThatOthersCanReadAndMendsItWhenAsked) {
  ASSERT_EQ(Rollcall({"analyze", Video("a_s01_e01.mp4").string(), "--effort", "draft"}).exit, 0);
  ASSERT_EQ(std::system(("chmod -R go+rX '" + data_.string() + "'").c_str()), 0);
  const Ended told = Rollcall({"doctor"});
  EXPECT_EQ(told.exit, 0) << "a warning";
  EXPECT_THAT(told.out, HasSubstr("! permissions"));
  EXPECT_THAT(told.out, HasSubstr("every user of this host"));
  EXPECT_THAT(told.out, HasSubstr("`rollcall doctor --fix-permissions`"));
  EXPECT_FALSE(OpenToOthers(data_, 0077).empty()) << "nobody has asked";
  const Ended mended = Rollcall({"doctor", "--fix-permissions"});
  EXPECT_EQ(mended.exit, 0) << mended.err;
  EXPECT_THAT(mended.out, HasSubstr("✓ permissions"));
  EXPECT_THAT(OpenToOthers(data_, 0077), ::testing::IsEmpty());
  EXPECT_EQ(Rollcall({"inspect", "a_s01_e01"}).exit, 0);
}

TEST_F(ReadersTest, ADataDirectoryOfAnotherUserIsLookedAtAndNotWorkedIn) {
  constexpr uid_t kOther = 65534;
  const auto video = Video("a_s01_e01.mp4").string();
  ASSERT_EQ(Rollcall({"analyze", video, "--effort", "draft"}).exit, 0);
  const Ended before = Rollcall({"jobs", "list"});
  // Ours to read, as a member of its group may; not ours to write.
  for (const auto& entry : fs::recursive_directory_iterator(data_)) {
    const mode_t mode = entry.is_directory() ? 0755 : 0644;
    if (!entry.is_symlink()) ::chmod(entry.path().c_str(), ::geteuid() == 0 ? mode : mode & 0555);
    ASSERT_TRUE(::geteuid() != 0 || ::lchown(entry.path().c_str(), kOther, kOther) == 0);
  }
  ::chmod(data_.c_str(), ::geteuid() == 0 ? 0755 : 0555);
  ASSERT_TRUE(::geteuid() != 0 || ::chown(data_.c_str(), kOther, kOther) == 0);
  {
    const base::testing::WithoutPrivileges without_privileges;
    const Ended looked = Rollcall({"jobs", "list"});
    EXPECT_EQ(looked.exit, 0) << looked.err;
    EXPECT_EQ(looked.out, before.out);
    EXPECT_THAT(looked.err, HasSubstr("cannot be written by this user"));
    const Ended refused = Rollcall({"analyze", video, "--effort", "draft"});
    EXPECT_EQ(refused.exit, 3);
    EXPECT_THAT(refused.err, HasSubstr("error: ERR_PERMISSION: "));
  }
  ::chmod(data_.c_str(), 0755);
  for (const auto& entry : fs::recursive_directory_iterator(data_)) {
    if (entry.is_directory()) ::chmod(entry.path().c_str(), 0755);
  }
}

}  // namespace
}  // namespace rollcall::e2e
