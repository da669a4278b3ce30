#include <gmock/gmock.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "fixture.h"
#include "jobs/runtime_times.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using base::Json;
using std::chrono::seconds;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kValidateJob = "validate_a_s01_e01";

// Videos that are long to read.
class SlowReadTest : public RollcallTest {
 protected:
  // The sample with a box behind it that no player looks at. Sparse: it takes no room.
  fs::path VideoBeforeFreeBox(std::uint64_t bytes) {
    fs::path video = Video("a_s01_e01.mp4");
    const auto size = fs::file_size(video);
    std::ofstream file(video, std::ios::binary | std::ios::app);
    file << std::string("\0\0\0\1free", 8);  // 1: the size follows as 64 bits.
    for (int shift = 56; shift >= 0; shift -= 8) {
      file.put(static_cast<char>((bytes >> shift) & 0xff));
    }
    file.close();
    fs::resize_file(video, size + bytes);
    return video;
  }
  void Add(const fs::path& video) {
    const Ended added = Rollcall({"episodes", "add", video.string()});
    ASSERT_EQ(added.exit, 0) << added.out << added.err;
  }
  // What decides who is stalled, divided by ten. A lease stays as it is: a machine that is busy
  // with other tests must not fall silent.
  void DivideTimesByTen() {
    jobs::RuntimeTimes times = jobs::RuntimeTimes{}.DividedBy(10);
    const jobs::RuntimeTimes product;
    times.lease = product.lease;
    times.self_fence = product.self_fence;
    times.silence = product.silence;
    std::string toml = "[runtime]\n";
    for (const jobs::RuntimeTimeField& field : jobs::kRuntimeTimeFields) {
      toml +=
          std::string(field.name) + " = " + std::to_string((times.*field.member).count()) + "\n";
    }
    fs::create_directories(data_);
    ASSERT_TRUE(base::WriteFileAtomic(data_ / "rollcall.toml", toml).ok());
  }
  // Every 64 KiB that the program reads take 50 ms more.
  Command::Environment SlowDisk() const {
    Command::Environment environment = env_;
    environment["ROLLCALL_FAIL"] = "file.read:0:delay";
    environment["ROLLCALL_FAIL_COUNT"] = (folder_ / "reads").string();
    return environment;
  }
  Json Validate() {
    const Ended shown = Rollcall({"jobs", "show", kValidateJob, "--json"});
    const auto answer = base::ParseJson(shown.out, "jobs show");
    EXPECT_TRUE(answer.ok()) << shown.out << shown.err;
    if (answer.ok()) {
      for (const Json& stage : answer->at("job").at("stages")) {
        if (stage.at("name") == "validate") return stage;
      }
    }
    return Json::object();
  }
};

// 8 MB take 6.4 s each time that they are read: twice as long as a stage may say nothing.
TEST_F(SlowReadTest, HashingALongVideoOnASlowDiskIsNotTakenForStalled) {
  DivideTimesByTen();
  Add(VideoBeforeFreeBox(8 << 20));
  const Ended ended = RunCommand({"jobs", "start", "validate", "a_s01_e01"}, SlowDisk());
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  EXPECT_GE(fs::file_size(folder_ / "reads"), 128U) << "nothing was slow";
  const std::string log = ReadText("logs/worker.log");
  EXPECT_THAT(log, Not(HasSubstr("stalled"))) << log;
  EXPECT_THAT(log,
              ContainsRegex("\\[VALIDATE\\] a_s01_e01 hb seq=[0-9]+ bytes=[0-9]+/[0-9]+ pct="));
  EXPECT_EQ(Validate()["attempts"].size(), 1U);
}

TEST_F(SlowReadTest, ACancelEndsTheHashingOfALongVideoWithoutASignal) {
  DivideTimesByTen();
  Add(VideoBeforeFreeBox(std::uint64_t{64} << 20));
  Command command({"jobs", "start", "validate", "a_s01_e01"}, SlowDisk());
  ASSERT_TRUE(WaitUntil([&] {
    return HasFile("logs/worker.log") &&
           ReadText("logs/worker.log").find(" bytes=") != std::string::npos;
  }));
  const Ended cancelled = Rollcall({"jobs", "cancel", kValidateJob});
  EXPECT_EQ(cancelled.exit, 0) << cancelled.out << cancelled.err;
  EXPECT_NE(command.Wait().exit, 0);
  const Json attempts = Validate()["attempts"];
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_EQ(attempts[0]["outcome"], "cancelled");
  // The worker said so itself, half a second before it would have been told by a signal.
  EXPECT_THAT(ReadText("logs/worker.log"), HasSubstr("stage=end status=canceled"));
}

// At the product's own times. Every night the box is as long as the real file that never got
// through; otherwise a gigabyte.
TEST_F(SlowReadTest, AVideoBeforeAVeryLongFreeBoxIsRead) {
  constexpr std::uint64_t kGibibyte = std::uint64_t{1} << 30;
  const char* nightly = std::getenv("ROLLCALL_FREE_BOX_GIB");
  const std::uint64_t gibibytes = nightly == nullptr ? 1 : std::strtoull(nightly, nullptr, 10);
  const fs::path video = VideoBeforeFreeBox(gibibytes * kGibibyte);
  Add(video);
  Command command({"jobs", "start", "validate", "a_s01_e01"}, env_);
  const Ended ended = command.Wait(seconds{3000});
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  EXPECT_THAT(ReadText("logs/worker.log"), Not(HasSubstr("stalled")));
  EXPECT_EQ(Validate()["attempts"].size(), 1U);
  EXPECT_EQ(ReadJson("harvest/a_s01_e01/probe.json")["size_bytes"], fs::file_size(video));
}

}  // namespace
}  // namespace rollcall::e2e
