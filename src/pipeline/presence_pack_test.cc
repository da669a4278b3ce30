#include "pipeline/presence_pack.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/random.h"
#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class PresencePackTest : public ::testing::Test {
 protected:
  PresencePackTest() { EXPECT_TRUE(base::MakeFolders(folder_).ok()); }
  ~PresencePackTest() override { fs::remove_all(folder_); }

  std::string Bytes() const {
    auto pack = PresencePackWriter::Create(path_).value();
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(pack.Add(Sample{.frame_id = 4 * i,
                                  .pts = milliseconds{100 * i},
                                  .until = milliseconds{100 * i + 25},
                                  .cut_score = 0.5F,
                                  .is_cut = i == 1,
                                  .with_tiles = i == 2})
                      .ok());
    }
    EXPECT_TRUE(pack.Add(TrackSummary{.id = 7,
                                      .shot = 2,
                                      .start = milliseconds{0},
                                      .end = milliseconds{200},
                                      .until = milliseconds{225},
                                      .count = 2,
                                      .mean_confidence = 0.75F,
                                      .quality = 0.5F,
                                      .best_frame_id = 8,
                                      .best_index = 1,
                                      .embedding_count = 1,
                                      .needs_tiles = true,
                                      .embedding = {0.6F, 0.8F}})
                    .ok());
    EXPECT_TRUE(pack.Add(TrackSummary{.id = 9}).ok());
    EXPECT_TRUE(pack.Add(PresenceSighting{.track_id = 7,
                                          .frame_id = 0,
                                          .score = 0.9F,
                                          .box = {.x1 = 1, .y1 = 2, .x2 = 3, .y2 = 4.5F}})
                    .ok());
    EXPECT_TRUE(pack.Add(PresenceSighting{.track_id = 7, .frame_id = 8}).ok());
    EXPECT_TRUE(pack.Finish({.tracks_sha256 = "sha",
                             .pictures = {.start = milliseconds{0}, .end = milliseconds{300}},
                             .gaps = {{.start = milliseconds{50}, .end = milliseconds{60}}},
                             .groups = {{.id = 3, .track_ids = {7, 9}}}})
                    .ok());
    return base::ReadFile(path_).value();
  }

  const fs::path folder_ = fs::temp_directory_path() / ("rollcall_pack_" + base::RandomId());
  const fs::path path_ = folder_ / "presence.pack";
};

TEST_F(PresencePackTest, ComesBackAsItWasWritten) {
  const auto pack = ParsePresencePack(Bytes(), "it");
  ASSERT_TRUE(pack.ok()) << pack.error().ToString();
  EXPECT_EQ(pack->facts.tracks_sha256, "sha");
  EXPECT_EQ(pack->facts.pictures.end, milliseconds{300});
  ASSERT_EQ(pack->facts.gaps.size(), 1U);
  EXPECT_EQ(pack->facts.gaps[0].end, milliseconds{60});
  ASSERT_EQ(pack->facts.groups.size(), 1U);
  EXPECT_EQ(pack->facts.groups[0].track_ids, (std::vector<std::int64_t>{7, 9}));
  ASSERT_EQ(pack->samples.size(), 3U);
  EXPECT_TRUE(pack->samples[1].is_cut && !pack->samples[1].with_tiles);
  EXPECT_TRUE(pack->samples[2].with_tiles && !pack->samples[2].is_cut);
  EXPECT_EQ(pack->samples[2].until, milliseconds{225});
  ASSERT_EQ(pack->tracks.size(), 2U);
  EXPECT_EQ(pack->tracks[0].id, 7);
  EXPECT_EQ(pack->tracks[0].best_frame_id, 8);
  EXPECT_TRUE(pack->tracks[0].needs_tiles);
  EXPECT_EQ(pack->tracks[0].embedding, (domain::Embedding{0.6F, 0.8F}));
  EXPECT_TRUE(pack->tracks[1].embedding.empty());
  ASSERT_EQ(pack->sightings.size(), 2U);
  EXPECT_EQ(pack->sightings[0].box.y2, 4.5F);
  EXPECT_EQ(pack->AtOf(pack->sightings[1]), milliseconds{200});
}

TEST_F(PresencePackTest, CutAnywhereIsDamage) {
  const std::string whole = Bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto pack = ParsePresencePack(std::string_view(whole).substr(0, size), "it");
    ASSERT_FALSE(pack.ok()) << size;
  }
}

TEST_F(PresencePackTest, ChangedAnywhereNeverHarms) {
  const std::string whole = Bytes();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char c : {'\0', '\xff', '\x7f'}) {
      std::string changed = whole;
      changed[i] = c;
      const auto pack = ParsePresencePack(changed, "it");
      if (pack.ok()) {
        EXPECT_EQ(pack->sightings.size(), 2U) << i;
      }
    }
  }
}

TEST_F(PresencePackTest, AnotherVersionOrFileIsSaidToBe) {
  std::string later = Bytes();
  later[8] = 2;
  const auto pack = ParsePresencePack(later, "it");
  ASSERT_FALSE(pack.ok());
  EXPECT_EQ(pack.error().reason, domain::reason::kArtifactCorrupt);
  EXPECT_NE(pack.error().message.find("version"), std::string::npos);
  EXPECT_FALSE(ParsePresencePack("PK\x03\x04 something else entirely, of some length", "it").ok());
}

}  // namespace
}  // namespace rollcall::pipeline
