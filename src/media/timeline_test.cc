#include "media/timeline.h"

#include <gtest/gtest.h>

namespace rollcall::media {
namespace {

constexpr std::int64_t kNone = StoredPicture::kNoTime;

std::vector<std::int64_t> PtsOf(const std::vector<StoredPicture>& pictures) {
  std::vector<std::int64_t> pts;
  for (const StoredPicture& each : pictures) pts.push_back(each.pts);
  return pts;
}

StoredPicture Picture(std::uint32_t decode_order, std::int64_t pts, std::int64_t dts) {
  StoredPicture picture;
  picture.decode_order = decode_order;
  picture.pts = pts;
  picture.dts = dts;
  return picture;
}

TEST(TimelineTest, GivesDecodeTimesToMpegPicturesInTheOrderOfShowing) {
  // I P B B P B B, as decoded; shown I B B P B B P.
  std::vector<StoredPicture> pictures;
  for (std::uint32_t i = 0; i < 7; ++i) {
    pictures.push_back(Picture(i, kNone, 40 * i));
    pictures.back().is_immediate = i == 2 || i == 3 || i == 5 || i == 6;
  }
  FillTimes(pictures, 40);
  EXPECT_EQ(PtsOf(pictures), (std::vector<std::int64_t>{0, 120, 40, 80, 240, 160, 200}));
}

TEST(TimelineTest, GivesDecodeTimesByPictureOrderCount) {
  // Two groups; in each the count starts anew.
  std::vector<StoredPicture> pictures;
  for (const auto& [epoch, order] : {std::pair{1, 0}, {1, 6}, {1, 2}, {1, 4}, {2, 0}, {2, 2}}) {
    pictures.push_back(Picture(static_cast<std::uint32_t>(pictures.size()), kNone,
                               static_cast<std::int64_t>(pictures.size()) * 40));
    pictures.back().epoch = static_cast<std::uint32_t>(epoch);
    pictures.back().order = order;
    pictures.back().has_order = true;
  }
  FillTimes(pictures, 40);
  EXPECT_EQ(PtsOf(pictures), (std::vector<std::int64_t>{0, 120, 40, 80, 160, 200}));
}

TEST(TimelineTest, SpreadsFewMissingTimesBetweenTheirNeighbours) {
  std::vector<StoredPicture> pictures;
  for (const std::int64_t pts :
       {kNone, std::int64_t{100}, kNone, kNone, std::int64_t{400}, std::int64_t{500}, kNone}) {
    pictures.push_back(Picture(static_cast<std::uint32_t>(pictures.size()), pts, kNone));
  }
  pictures.push_back(Picture(7, 700, kNone));
  FillTimes(pictures, 100);
  EXPECT_EQ(PtsOf(pictures), (std::vector<std::int64_t>{0, 100, 200, 300, 400, 500, 600, 700}));
}

TEST(TimelineTest, LeavesCompleteTimesAlone) {
  std::vector<StoredPicture> pictures{Picture(0, 7, 0), Picture(1, 3, 1), Picture(2, 5, 2)};
  FillTimes(pictures, 40);
  EXPECT_EQ(PtsOf(pictures), (std::vector<std::int64_t>{7, 3, 5}));
}

TEST(TimelineTest, TakesOutJumpsAndKeepsPauses) {
  constexpr std::int64_t kSecond = 1'000'000;
  std::vector<StoredPicture> pictures;
  for (const std::int64_t at : {0L, kSecond, 6 * kSecond, 3600 * kSecond, 3601 * kSecond, 5L}) {
    pictures.push_back(Picture(static_cast<std::uint32_t>(pictures.size()), at, at));
  }
  std::vector<std::string> warnings;
  RemoveJumps(pictures, 40'000, warnings);
  EXPECT_EQ(PtsOf(pictures),
            (std::vector<std::int64_t>{0, kSecond, 6 * kSecond, 6'040'000, 7'040'000, 7'080'000}));
  EXPECT_EQ(warnings.size(), 2U);
}

TEST(TimelineTest, KeepsTheFirstDecodedOfEqualTimes) {
  std::vector<std::string> warnings;
  const auto entries =
      PresentationOrder({Picture(0, 100, 0), Picture(1, 300, 0), Picture(2, 200, 0),
                         Picture(3, 200, 0), Picture(4, 50, 0), Picture(5, kNone, 0)},
                        100, warnings);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].pts, domain::MediaTime{0});
  EXPECT_EQ(entries[1].decode_order, 2U);
  EXPECT_EQ(entries[2].pts, domain::MediaTime{200});
  EXPECT_EQ(warnings.size(), 2U) << "one for what has no place, one for equal times";
}

TEST(TimelineTest, LeavesOutATimeFarFromItsPlace) {
  std::vector<StoredPicture> pictures;
  for (std::uint32_t i = 0; i < 200; ++i) pictures.push_back(Picture(i, 40 * i, 40 * i));
  pictures[50].pts = 150 * 40 + 1;
  std::vector<std::string> warnings;
  const auto entries = PresentationOrder(pictures, 0, warnings);
  ASSERT_EQ(entries.size(), 199U);
  for (const PacketEntry& each : entries) EXPECT_NE(each.decode_order, 50U);
  EXPECT_EQ(warnings.size(), 1U);
}

}  // namespace
}  // namespace rollcall::media
