#include "pipeline/clusterer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "domain/stage_handler.h"
#include "pipeline/testing/faces.h"

namespace rollcall::pipeline {
namespace {

using testing::VectorOf;

ClusterInput TrackOf(std::int64_t id, std::int64_t start_ms, int person, float noise = 0.3F) {
  return {.track_id = id,
          .start = std::chrono::milliseconds{start_ms},
          .weight = 1,
          .embedding = VectorOf(person, noise, static_cast<int>(id))};
}

TEST(ClustererTest, GroupsTracksByPerson) {
  const std::vector<ClusterInput> inputs{TrackOf(1, 0, 0), TrackOf(2, 1000, 1), TrackOf(3, 2000, 0),
                                         TrackOf(4, 3000, 1)};
  EXPECT_EQ(ClusterTracks(inputs, {}).group_of, (std::vector<int>{0, 1, 0, 1}));
}

TEST(ClustererTest, TwoFacesOfOneFrameAreNeverOnePerson) {
  const std::vector<ClusterInput> inputs{TrackOf(1, 0, 0), TrackOf(2, 500, 0)};
  EXPECT_EQ(ClusterTracks(inputs, {.cannot_link = {{1, 2}}}).groups, 2);
}

// One woman became two people: two tracks of her overlapped without sharing a frame.
TEST(ClustererTest, TracksThatLastAtTheSameTimeMayBeOnePerson) {
  const std::vector<ClusterInput> inputs{TrackOf(1, 0, 0), TrackOf(2, 500, 0)};
  EXPECT_EQ(ClusterTracks(inputs, {}).groups, 1);
}

// The cosine of two people's vectors is `cosine` here.
ClusterInput Leaning(std::int64_t id, int person, int other, float cosine) {
  ClusterInput track = TrackOf(id, 1000 * id, person, 0);
  track.embedding = VectorOf(person, 0);
  for (float& x : track.embedding) x *= std::sqrt(1 - cosine * cosine);
  track.embedding[static_cast<std::size_t>(other)] += cosine;
  return track;
}

// Half a face at the picture's edge.
TEST(ClustererTest, ATrackThatIsAloneJoinsTheOnlyGroupThatItIsRatherLike) {
  const std::vector<ClusterInput> inputs{TrackOf(1, 1000, 0, 0), TrackOf(2, 2000, 1, 0),
                                         Leaning(3, 5, 0, 0.38F)};
  EXPECT_EQ(ClusterTracks(inputs, {}).group_of, (std::vector<int>{0, 1, 0}));
  EXPECT_EQ(ClusterTracks(inputs, {.cannot_link = {{1, 3}}}).groups, 3);
}

TEST(ClustererTest, ATrackThatIsAloneStaysSoBetweenTwo) {
  std::vector<ClusterInput> inputs{TrackOf(1, 1000, 0, 0), TrackOf(2, 2000, 1, 0),
                                   Leaning(3, 5, 0, 0.38F)};
  inputs[2].embedding[1] = 0.3F;
  EXPECT_EQ(ClusterTracks(inputs, {}).groups, 3);
}

TEST(ClustererTest, CannotLinkHoldsThroughAThird) {
  // 1 and 2 share a frame; 3 is like both, joins the one that it is more like, and must not pull
  // the other in.
  const std::vector<ClusterInput> inputs{TrackOf(1, 0, 0, 0.1F), TrackOf(2, 500, 0, 0.5F),
                                         TrackOf(3, 5000, 0, 0.1F)};
  const Clustering result = ClusterTracks(inputs, {.cannot_link = {{1, 2}}});
  EXPECT_EQ(result.groups, 2);
  EXPECT_NE(result.group_of[0], result.group_of[1]);
}

TEST(ClustererTest, DoesNotDependOnTheOrderOfItsInputs) {
  std::vector<ClusterInput> inputs;
  std::mt19937 random(3);
  for (int i = 0; i < 40; ++i) {
    inputs.push_back(TrackOf(i + 1, 1000 * i, static_cast<int>(random() % 4), 0.8F));
  }
  const auto groups_by_id = [](const std::vector<ClusterInput>& tracks) {
    const Clustering result = ClusterTracks(tracks, {});
    std::map<std::int64_t, int> group_of;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      group_of[tracks[i].track_id] = result.group_of[i];
    }
    return group_of;
  };
  const auto expected = groups_by_id(inputs);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(inputs.begin(), inputs.end(), random);
    EXPECT_EQ(groups_by_id(inputs), expected);
  }
}

TEST(ClustererTest, ObeysAPersonsEdits) {
  const std::vector<ClusterInput> inputs{TrackOf(1, 0, 0), TrackOf(2, 1000, 1),
                                         TrackOf(3, 2000, 0)};
  const Clustering result = ClusterTracks(inputs, {.cannot_link = {{1, 3}}, .must_link = {{1, 2}}});
  EXPECT_EQ(result.group_of[0], result.group_of[1]);
  EXPECT_NE(result.group_of[0], result.group_of[2]);
}

TEST(ClustererTest, AboveItsLimitTheLightestJoinInsteadOfFounding) {
  std::vector<ClusterInput> inputs{TrackOf(1, 0, 0), TrackOf(2, 1000, 1), TrackOf(3, 2000, 0)};
  inputs[2].weight = 0.1F;
  const Clustering result = ClusterTracks(inputs, {.tracks_max = 2});
  EXPECT_EQ(result.left_over, 1U);
  EXPECT_EQ(result.group_of, (std::vector<int>{0, 1, 0}));
}

// Two women in one picture and a blurred face later that is like both: it joined the one that it
// was like by a hair more, and her time was a third too long.
TEST(ClustererTest, WhoIsAsLikeOneOfTwoPeopleAsTheOtherJoinsNeither) {
  const auto at = [](std::int64_t id, float degrees) {
    const float angle = degrees * 3.14159265F / 180;
    return ClusterInput{.track_id = id, .embedding = {std::cos(angle), std::sin(angle)}};
  };
  // Cosines 0.63 and 0.61.
  std::vector<ClusterInput> inputs{at(1, 0), at(2, 103.4F), at(3, 52.4F)};
  ClusterOptions options;
  options.cannot_link = {{1, 2}};
  EXPECT_EQ(ClusterTracks(inputs, options).groups, 3);
  inputs[2] = at(3, 40);
  EXPECT_EQ(ClusterTracks(inputs, options).group_of, (std::vector<int>{0, 1, 0}));
  inputs[2] = at(3, 52.4F);
  options.cannot_link = {};
  EXPECT_EQ(ClusterTracks(inputs, options).groups, 2) << "nothing says that they are two";
}

// A mirror in one shot made six people of one man: all his other tracks were as like him as his
// image, and stayed alone.
TEST(ClustererTest, WhoIsTwiceInAFrameKeepsHisOtherShots) {
  std::vector<ClusterInput> inputs;
  for (int i = 0; i < 7; ++i) inputs.push_back(TrackOf(i + 1, 1000 * i, 0, 0.1F));
  inputs.push_back(TrackOf(8, 9000, 1));
  inputs[1].weight = 1.1F * inputs[0].weight;
  ClusterOptions options;
  options.cannot_link = {{1, 2}};
  const Clustering result = ClusterTracks(inputs, options);
  EXPECT_EQ(result.groups, 3) << "he, his image and somebody else";
  for (int i = 2; i < 7; ++i) {
    EXPECT_EQ(result.group_of[static_cast<std::size_t>(i)], result.group_of[1]) << "is there more";
  }
}

TEST(ClustererTest, LooksUpAtEachStepAndEndsThereWhenStopped) {
  std::vector<ClusterInput> inputs;
  for (int i = 0; i < 60; ++i) {
    inputs.push_back(TrackOf(i, i * 1000, i % 5));
  }
  const ClusterOptions options{.tracks_max = 20};  // The others are above the cap, and join.
  std::int64_t steps = 0;
  const auto count = [&]() -> base::Result<void> {
    ++steps;
    return {};
  };
  const auto whole = ClusterTracks(inputs, options, count);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->group_of, ClusterTracks(inputs, options).group_of);
  EXPECT_EQ(whole->left_over, 40U);
  EXPECT_GE(steps, 3 * 20 - 5 + 40);
  EXPECT_LE(steps, ClusterSteps(inputs, options));
  for (const std::int64_t last : {std::int64_t{1}, std::int64_t{30}, steps / 2, steps}) {
    std::int64_t calls = 0;
    const auto stopped = ClusterTracks(inputs, options, [&]() -> base::Result<void> {
      if (++calls == last) return domain::StoppedError();
      return {};
    });
    EXPECT_FALSE(stopped.ok());
    EXPECT_EQ(calls, last);
  }
}

TEST(ClustererTest, NothingInNothingOut) { EXPECT_EQ(ClusterTracks({}, {}).groups, 0); }

}  // namespace
}  // namespace rollcall::pipeline
