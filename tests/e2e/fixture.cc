#include "fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "base/random.h"
#include "base/unique_fd.h"
#include "results.h"

namespace rollcall::e2e {

namespace fs = std::filesystem;
using base::Json;

namespace {

fs::path NewFolder() {
  const fs::path folder = fs::temp_directory_path() / ("rollcall-e2e-" + base::RandomId());
  fs::create_directories(folder);
  return folder;
}

// Made once for all test processes, which run beside each other: whoever holds the lock makes it.
fs::path MadeOnce(const std::string& name, const std::function<void(const fs::path&)>& make) {
  const fs::path folder = fs::path(ROLLCALL_BIN_DIR) / "e2e";
  fs::create_directories(folder);
  const base::UniqueFd lock(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ::flock(lock.get(), LOCK_EX);
  if (!fs::exists(folder / name)) make(folder / name);
  return folder / name;
}

const fs::path& Sample() {
  static const fs::path video = [] {
    const fs::path spec = ROLLCALL_SOURCE_DIR "/tools/sample/sample.toml";
    const auto digest = base::DigestFile(spec);
    const std::string name = digest.ok() ? digest->sha256.substr(0, 16) : "x";
    return MadeOnce("sample-" + name + ".mp4", [&](const fs::path& file) {
      const Ended made = RunCommand({"compose", spec.string(), "-o", file.string()},
                                    {{"ROLLCALL_MEDIA", ROLLCALL_DEPS_DIR "/photos"}});
      EXPECT_EQ(made.exit, 0) << made.out << made.err;
    });
  }();
  return video;
}

}  // namespace

RollcallTest::RollcallTest() : folder_(NewFolder()), data_(folder_ / "data") {
  env_ = {{"ROLLCALL_DATA", data_.string()}, {"NO_COLOR", "1"}};
}

RollcallTest::~RollcallTest() {
  const bool is_quiet =
      WaitUntil([&] { return ProcessesAbout(data_).empty(); }, std::chrono::seconds{15});
  if (!is_quiet) {
    for (const std::string& process : ProcessesAbout(data_)) ADD_FAILURE() << "left: " << process;
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  fs::remove_all(data_, ignored);  // One test has it elsewhere.
}

fs::path RollcallTest::FewPictures(const fs::path& video) {
  return MadeOnce(video.stem().string() + "-few.mp4", [&](const fs::path& file) {
    EXPECT_TRUE(Ffmpeg("-i '" + video.string() +
                       "' -an -r 6 -g 12 -c:v libx264 -preset veryfast '" + file.string() + "'"));
  });
}

const fs::path& RollcallTest::SampleVideo() {
  static const fs::path video = FewPictures(Sample());
  return video;
}

fs::path RollcallTest::Video(const std::string& name, const std::string& salt) {
  const fs::path video = folder_ / name;
  fs::create_directories(video.parent_path());
  fs::copy_file(SampleVideo(), video, fs::copy_options::overwrite_existing);
  // Bytes after the last box of an MP4 file change its fingerprint and nothing else.
  std::ofstream(video, std::ios::app) << salt;
  return video;
}

Json RollcallTest::ReadJson(const fs::path& relative) const {
  auto json = base::ParseJson(ReadText(relative), relative.string());
  EXPECT_TRUE(json.ok()) << relative;
  return json.ok() ? std::move(*json) : Json::object();
}

std::string RollcallTest::ReadText(const fs::path& relative) const {
  auto text = base::ReadFile(data_ / relative);
  EXPECT_TRUE(text.ok()) << relative;
  return text.ok() ? std::move(*text) : std::string{};
}

bool RollcallTest::HasFile(const fs::path& relative) const { return fs::exists(data_ / relative); }

std::map<std::string, std::string> RollcallTest::Results(const std::string& key) const {
  auto digests = DigestResults(data_, key);
  // Two empty lists would agree about nothing.
  EXPECT_FALSE(digests.empty()) << key;
  return digests;
}

int RollcallTest::SegmentFiles(const std::string& key) const {
  std::error_code error;
  const fs::directory_iterator files(data_ / "harvest" / key / "segments" / "detect", error);
  return static_cast<int>(std::count_if(begin(files), end(files), [](const auto& entry) {
    return entry.path().extension() != ".tmp";
  }));
}

bool RollcallTest::WaitForSegments(const std::string& key, int count, int earlier) {
  const auto are_committed = [&] {
    const Ended shown = Rollcall({"jobs", "show", "analyze_" + key, "--json"});
    const auto json = base::ParseJson(shown.out, "jobs show");
    if (!json.ok()) return false;
    for (const Json& stage : json->at("job").at("stages")) {
      if (stage.at("name") == "detect") return stage.at("segments") >= count;
    }
    return false;
  };
  return WaitUntil([&] { return SegmentFiles(key) >= earlier + count; }) &&
         WaitUntil(are_committed);
}

}  // namespace rollcall::e2e
