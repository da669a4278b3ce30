#include "pipeline/embedding_policy.h"

#include <gtest/gtest.h>

#include "pipeline/testing/faces.h"

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;
using testing::FaceAt;

class EmbeddingPolicyTest : public ::testing::Test {
 protected:
  EmbeddingPolicy::Choice One(std::int64_t ms, float x, float quality = 0.8F, bool is_cut = false) {
    domain::Detection face = FaceAt(ms, x);
    face.quality = quality;
    return policy_.Next(std::chrono::milliseconds{ms}, is_cut, {face}).at(0);
  }
  EmbeddingPolicy policy_{Effort::kNormal, EmbeddingPolicy::Options{}};
};

TEST_F(EmbeddingPolicyTest, ANewFaceIsEmbeddedAndCroppedAtOnce) {
  const auto choice = One(0, 50);
  EXPECT_TRUE(choice.embed);
  EXPECT_TRUE(choice.crop);
}

TEST_F(EmbeddingPolicyTest, TheSameFaceOnlyOnceASecond) {
  int embedded = 0;
  int cropped = 0;
  for (int ms = 0; ms < 3000; ms += 100) {
    const auto choice = One(ms, 50);
    embedded += choice.embed ? 1 : 0;
    cropped += choice.crop ? 1 : 0;
  }
  EXPECT_EQ(embedded, 3);
  EXPECT_EQ(cropped, 6);
}

TEST_F(EmbeddingPolicyTest, AClearlyBetterViewIsEmbedded) {
  One(0, 50, 0.4F);
  EXPECT_FALSE(One(100, 50, 0.45F).embed);
  EXPECT_TRUE(One(200, 50, 0.6F).embed);
}

TEST_F(EmbeddingPolicyTest, AFaceThatJumpsOrComesAfterACutIsNew) {
  One(0, 50);
  EXPECT_TRUE(One(100, 400).embed);
  EXPECT_FALSE(One(200, 400).embed);
  EXPECT_TRUE(One(300, 400, 0.8F, true).embed);
}

// Who passes before somebody was taken for him until the next second.
TEST_F(EmbeddingPolicyTest, AFaceWithAnotherCloseToItIsEmbeddedFourTimesASecond) {
  policy_.Next({}, false, {FaceAt(0, 50), FaceAt(0, 400)});
  const auto apart = policy_.Next(milliseconds{100}, false, {FaceAt(100, 60), FaceAt(100, 390)});
  EXPECT_FALSE(apart[0].embed || apart[1].embed);
  std::vector<int> first;
  std::vector<int> second;
  for (int ms = 200; ms <= 800; ms += 100) {
    const auto close = policy_.Next(milliseconds{ms}, false, {FaceAt(ms, 70), FaceAt(ms, 160)});
    if (close[0].embed) first.push_back(ms);
    if (close[1].embed) second.push_back(ms);
  }
  EXPECT_EQ(first, (std::vector<int>{300, 600}));
  EXPECT_EQ(second, (std::vector<int>{200, 500, 800})) << "it has jumped there";
}

// From which it can be embedded when it has turned out to be somebody else's.
TEST_F(EmbeddingPolicyTest, AFaceIsKeptFiveTimesASecondBetweenItsVectors) {
  std::vector<int> kept;
  for (int ms = 0; ms <= 1'000; ms += 100) {
    const auto choice = One(ms, 50);
    if (choice.spare) kept.push_back(ms);
    EXPECT_FALSE(choice.spare && choice.embed);
  }
  EXPECT_EQ(kept, (std::vector<int>{200, 400, 600, 800}));
}

TEST_F(EmbeddingPolicyTest, FullEmbedsEveryFace) {
  EmbeddingPolicy full(Effort::kFull, {});
  for (int ms = 0; ms < 500; ms += 40) {
    EXPECT_TRUE(full.Next(std::chrono::milliseconds{ms}, false, {FaceAt(ms, 50)}).at(0).embed);
  }
}

TEST_F(EmbeddingPolicyTest, AnUntrustworthyFaceIsNotEmbedded) {
  domain::Detection face = FaceAt(0, 50);
  face.landmark_score = 0.1F;
  EXPECT_FALSE(policy_.Next({}, false, {face}).at(0).embed);
}

}  // namespace
}  // namespace rollcall::pipeline
