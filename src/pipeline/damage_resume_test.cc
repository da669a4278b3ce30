#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "artifacts/faces_pack.h"
#include "base/file.h"
#include "base/testing/sanitizers.h"
#include "pipeline/testing/short_episode.h"

namespace rollcall::pipeline {
namespace {

using domain::MediaTime;
using media::testing::Harm;
using std::chrono::milliseconds;
using testing::FakeContext;

// Where the video is damaged, against each border between two segments.
struct Damage {
  const char* name;
  milliseconds from;
  milliseconds to;
  Harm harm;
};

class DamageResumeTest : public testing::ShortEpisode,
                         public ::testing::WithParamInterface<Damage> {
 protected:
  std::map<std::string, std::string> Hashes(const domain::StageOutput& output) {
    std::map<std::string, std::string> hashes;
    for (const domain::Artifact& artifact : output.artifacts) {
      hashes[artifact.name] = artifact.sha256;
    }
    return hashes;
  }
  std::size_t FramesOf(const domain::Segment& segment) {
    const std::string bytes = base::ReadFile(folder_.path() / segment.path).value();
    return artifacts::DecodeDetectSegment(bytes).value().frames.size();
  }
};

// A run that is ended at a border looks first at the frame before it. If that frame does not
// decode, the first frame behind the border is not it.
TEST_P(DamageResumeTest, ARunThatGoesOnBehindDamageLosesNoFrameAndGivesTheSameBytes) {
  const Damage& damage = GetParam();
  for (int border = 1; border < kSegments && damage.from < damage.to; ++border) {
    const MediaTime at = border * kSegment;
    media::testing::DamageFrames(video_, at + damage.from, at + damage.to, damage.harm);
  }
  ExtractStage extract;
  Pass(extract, "extract");
  DetectStage detect = MakeDetect();
  FakeContext undisturbed(folder_.path(), Assignment("detect"));
  const auto whole = detect.Run(undisturbed);
  ASSERT_TRUE(whole.ok()) << whole.error().ToString();
  ASSERT_EQ(undisturbed.committed.size(), static_cast<std::size_t>(kSegments));

  for (int kill = 1; kill < kSegments; kill += base::testing::EveryOneOrNth(2)) {
    SCOPED_TRACE("ended after segment " + std::to_string(kill));
    domain::StageAssignment assignment = Assignment("detect");
    assignment.segments.assign(undisturbed.committed.begin(), undisturbed.committed.begin() + kill);
    FakeContext context(folder_.path(), std::move(assignment));
    const auto resumed = detect.Run(context);
    ASSERT_TRUE(resumed.ok()) << resumed.error().ToString();
    ASSERT_EQ(context.committed.size(), static_cast<std::size_t>(kSegments - kill));
    const auto number = static_cast<std::size_t>(kill);
    EXPECT_EQ(FramesOf(context.committed.front()), FramesOf(undisturbed.committed[number]));
    for (std::size_t i = 0; i < context.committed.size(); ++i) {
      EXPECT_EQ(context.committed[i].sha256, undisturbed.committed[number + i].sha256)
          << "segment " << number + i;
    }
    EXPECT_EQ(resumed->result, whole->result);
    EXPECT_EQ(Hashes(*resumed), Hashes(*whole));
  }
}

// Samples are 100 ms apart, keyframes at the borders.
INSTANTIATE_TEST_SUITE_P(
    DamageResume, DamageResumeTest,
    ::testing::Values(
        Damage{"None", milliseconds{-1}, milliseconds{-1}, Harm::kNoise},
        Damage{"TheFrameBefore", milliseconds{-120}, milliseconds{0}, Harm::kZeroed},
        Damage{"NoiseInTheFrameBefore", milliseconds{-120}, milliseconds{0}, Harm::kNoise},
        Damage{"SeveralFramesBefore", milliseconds{-450}, milliseconds{0}, Harm::kZeroed},
        Damage{"TheKeyframeBehind", milliseconds{0}, milliseconds{30}, Harm::kZeroed},
        Damage{"BothSides", milliseconds{-250}, milliseconds{250}, Harm::kZeroed},
        Damage{"NoiseOnBothSides", milliseconds{-250}, milliseconds{250}, Harm::kNoise},
        Damage{"TheWholeSegmentBefore", milliseconds{-1000}, milliseconds{0}, Harm::kZeroed}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace rollcall::pipeline
