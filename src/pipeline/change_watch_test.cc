#include "pipeline/change_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace rollcall::pipeline {
namespace {

using std::chrono::milliseconds;

// A face in ten samples a second up to 2 s, with a vector each half second, otherwise with a spare
// picture: of the first person before 1 s, then of the second.
struct Change {
  float quality = 0.6F;
  float second_x = 5;
  bool with_cut = false;
  bool with_gap = false;  // Between 0.5 and 1.1 s it is not seen.
};

// Milliseconds of the pictures that are handed out.
std::vector<std::int64_t> Asked(const Change& change, ChangeWatch& watch) {
  for (std::int64_t ms = 0; ms < 2'000; ms += 100) {
    const bool is_first = ms < 1'000;
    domain::Detection face{.frame_id = ms, .pts = milliseconds{ms}, .index = 3};
    const float x = is_first ? 0 : change.second_x;
    face.box = {.x1 = x, .y1 = 0, .x2 = x + 50, .y2 = 60};
    face.quality = change.quality;
    face.score = 0.95F;
    std::vector<SpareFace> spares;
    if (ms % 500 == 0) {
      face.embedding = is_first ? domain::Embedding{1, 0} : domain::Embedding{0, 1};
    } else {
      spares.push_back({.crop = {.frame_id = ms, .index = 3}, .cropped = {}, .aligned = {}});
    }
    std::vector<domain::Detection> seen{face};
    if (change.with_gap && ms > 500 && ms < 1'100) seen.clear();
    watch.Next(milliseconds{ms}, change.with_cut && ms == 800, seen, std::move(spares));
  }
  std::vector<std::int64_t> asked;
  for (const SpareFace& face : watch.Take()) asked.push_back(face.crop.frame_id);
  return asked;
}

std::vector<std::int64_t> Asked(const Change& change) {
  ChangeWatch watch;
  return Asked(change, watch);
}

// It was found up to a second late, and what was before it stayed with the first.
TEST(ChangeWatchTest, AsksWhoWasThereWhereAFaceBecomesSomebodyElsesWithoutACut) {
  EXPECT_EQ(Asked({}), (std::vector<std::int64_t>{600, 700, 800, 900}));
}

TEST(ChangeWatchTest, AsksNothingWhereTheVectorSaysLittleOrTheFaceIsElsewhere) {
  EXPECT_TRUE(Asked({.quality = 0.2F}).empty());
  EXPECT_TRUE(Asked({.second_x = 80}).empty());
  EXPECT_TRUE(Asked({.with_cut = true}).empty());
  EXPECT_TRUE(Asked({.with_gap = true}).empty());
}

// Each segment is what it is without the others.
TEST(ChangeWatchTest, ForgetsAllWhenItIsAsked) {
  ChangeWatch watch;
  Asked({}, watch);
  EXPECT_TRUE(watch.Take().empty());
  EXPECT_EQ(Asked({}, watch), Asked({}));
}

}  // namespace
}  // namespace rollcall::pipeline
