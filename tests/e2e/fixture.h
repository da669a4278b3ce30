#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "command.h"

namespace rollcall::e2e {

// A data directory of its own for each test, and one short video for all of them: the sample that
// set-up's photographs make, with few pictures.
class RollcallTest : public ::testing::Test {
 protected:
  RollcallTest();
  // Fails the test when a process of its data directory is left.
  ~RollcallTest() override;

  Ended Rollcall(std::vector<std::string> arguments) {
    return RunCommand(std::move(arguments), env_);
  }

  // An empty folder for the data directory: commands that only read make none.
  void MakeData() const { std::filesystem::create_directory(data_); }

  // A copy of a video with six pictures a second, which takes half the time to look at: where what
  // is looked at is not who is seen. Made once per build folder.
  static std::filesystem::path FewPictures(const std::filesystem::path& video);
  // Of the sample.
  static const std::filesystem::path& SampleVideo();
  // A copy under `name` in this test's folder; `salt` makes it another video.
  std::filesystem::path Video(const std::string& name, const std::string& salt = "");

  base::Json ReadJson(const std::filesystem::path& relative) const;
  std::string ReadText(const std::filesystem::path& relative) const;
  bool HasFile(const std::filesystem::path& relative) const;
  // SHA-256 of every file that outputs/<key> and harvest/<key> show under a plain name.
  std::map<std::string, std::string> Results(const std::string& key) const;

  // Files of detect's segments, of all jobs of the episode. The newest may not be committed yet.
  int SegmentFiles(const std::string& key) const;
  // Waits until the newest job has committed `count` segments of detect. `earlier`: the files that
  // were there before that job began.
  bool WaitForSegments(const std::string& key, int count, int earlier = 0);

  std::filesystem::path folder_;
  std::filesystem::path data_;  // In folder_.
  Command::Environment env_;
};

}  // namespace rollcall::e2e
