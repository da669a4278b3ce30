#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "artifacts/faces_pack.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

DetectSegment SomeSegment() {
  DetectSegment segment;
  segment.failed_reads = 3;
  segment.frames = {{.frame_id = 10,
                     .pts = domain::MediaTime(400'000),
                     .until = domain::MediaTime(440'000),
                     .cut_score = 0.25F,
                     .with_tiles = true},
                    {.frame_id = 15,
                     .pts = domain::MediaTime(600'000),
                     .cut_score = std::numeric_limits<float>::quiet_NaN(),
                     .is_cut = true}};
  segment.detections.resize(2);
  domain::Detection& first = segment.detections[0];
  first.frame_id = 10;
  first.pts = domain::MediaTime(400'000);
  first.index = 1;
  first.box = {.x1 = -0.0F, .y1 = 0.1F, .x2 = 99.9F, .y2 = 1e-40F};
  first.score = 0.987654321F;
  first.landmarks.emplace();
  (*first.landmarks)[4] = {.x = 12.34F, .y = std::numeric_limits<float>::infinity()};
  first.landmark_score = 0.5F;
  first.quality = 0.25F;
  first.raw_norm = 21.3F;
  first.embedding = {0.1F, -0.2F, std::nextafter(0.3F, 1.0F)};
  segment.detections[1].frame_id = 15;
  segment.detections[1].raw_norm = 4;
  segment.detections[1].no_embedding = domain::NoEmbedding::kLowQuality;
  segment.crops = {{.frame_id = 10,
                    .pts = domain::MediaTime(400'000),
                    .index = 1,
                    .region = {.x1 = 1, .y1 = 2, .x2 = 3, .y2 = 4},
                    .landmarks = {},
                    .jpeg = "jpeg bytes"}};
  return segment;
}

template <typename T>
bool SameBits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

TEST(DetectSegmentTest, DecodesWhatWasEncodedBitForBit) {
  const DetectSegment segment = SomeSegment();
  const auto decoded = DecodeDetectSegment(EncodeDetectSegment(segment));
  ASSERT_TRUE(decoded.ok()) << decoded.error().ToString();
  EXPECT_EQ(decoded->failed_reads, 3);
  ASSERT_EQ(decoded->frames.size(), 2U);
  EXPECT_EQ(decoded->frames[1].pts, segment.frames[1].pts);
  EXPECT_TRUE(SameBits(decoded->frames[1].cut_score, segment.frames[1].cut_score));
  EXPECT_FALSE(decoded->frames[0].is_cut);
  EXPECT_TRUE(decoded->frames[1].is_cut);
  ASSERT_EQ(decoded->detections.size(), 2U);
  const domain::Detection& got = decoded->detections[0];
  const domain::Detection& want = segment.detections[0];
  EXPECT_EQ(got.frame_id, want.frame_id);
  EXPECT_EQ(got.pts, want.pts);
  EXPECT_EQ(got.index, want.index);
  EXPECT_TRUE(SameBits(got.box, want.box));
  EXPECT_EQ(got.score, want.score);
  EXPECT_TRUE(SameBits(got.landmarks.value(), want.landmarks.value()));
  EXPECT_EQ(got.landmark_score, want.landmark_score);
  EXPECT_EQ(got.quality, want.quality);
  EXPECT_EQ(got.raw_norm, want.raw_norm);
  EXPECT_EQ(got.embedding, want.embedding);
  EXPECT_EQ(got.no_embedding, domain::NoEmbedding::kNone);
  EXPECT_FALSE(decoded->detections[1].landmarks.has_value());
  EXPECT_EQ(decoded->detections[1].raw_norm, 4);
  EXPECT_TRUE(decoded->detections[1].embedding.empty());
  EXPECT_EQ(decoded->detections[1].no_embedding, domain::NoEmbedding::kLowQuality);
  ASSERT_EQ(decoded->crops.size(), 1U);
  EXPECT_EQ(decoded->crops[0].jpeg, "jpeg bytes");
  EXPECT_EQ(EncodeDetectSegment(*decoded), EncodeDetectSegment(segment));
}

TEST(DetectSegmentTest, DecodesAnEmptySegment) {
  const auto decoded = DecodeDetectSegment(EncodeDetectSegment({}));
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->frames.empty() && decoded->detections.empty() && decoded->crops.empty());
}

TEST(DetectSegmentTest, RefusesTruncationAtEveryByteAndWhatFollowsTheEnd) {
  const std::string whole = EncodeDetectSegment(SomeSegment());
  for (std::size_t keep = 0; keep < whole.size(); ++keep) {
    const auto decoded = DecodeDetectSegment(std::string_view(whole).substr(0, keep));
    ASSERT_FALSE(decoded.ok()) << keep;
    EXPECT_EQ(decoded.error().reason, domain::reason::kArtifactCorrupt);
  }
  EXPECT_FALSE(DecodeDetectSegment(whole + '\0').ok());
}

// Either refused, or another value that encodes to just these bytes: nothing is passed over.
TEST(DetectSegmentTest, TakesNoByteThatItDoesNotMean) {
  const std::string whole = EncodeDetectSegment(SomeSegment());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int mask : {0x01, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      const auto decoded = DecodeDetectSegment(damaged);
      if (!decoded.ok()) continue;
      EXPECT_EQ(EncodeDetectSegment(*decoded), damaged) << "byte " << i;
    }
  }
}

TEST(DetectSegmentTest, RefusesCountsBeyondItsLength) {
  std::string bytes = EncodeDetectSegment({});
  for (const std::size_t count_at : {16U, 24U, 32U}) {
    for (const int high : {0x01, 0x7F, 0xFF}) {
      std::string lying = bytes;
      lying[count_at + 7] = static_cast<char>(high);
      EXPECT_FALSE(DecodeDetectSegment(lying).ok()) << count_at;
      lying = bytes;
      lying[count_at] = static_cast<char>(high);
      EXPECT_FALSE(DecodeDetectSegment(lying).ok()) << count_at;
    }
  }
}

}  // namespace
}  // namespace rollcall::artifacts
