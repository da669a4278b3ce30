#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "artifacts/output_file.h"
#include "base/result.h"
#include "people/fold.h"
#include "pipeline/screen_time.h"
#include "pipeline/track_table.h"

namespace rollcall::pipeline {

// harvest/<key>/presence.pack: all that it takes to say who is on screen when, and to say it again
// at once when somebody corrects who is who. Little-endian (artifacts/binary_codec.h):
//
//   header     "RCPRES1\n", u32 version (1), u32 0
//   samples    i64 frame_id, i64 pts_us, i64 until_us, f32 cut_score, u8 flags (1 cut, 2 tiles)
//   tracks     i64 id, shot, start_us, end_us, until_us, count, best_frame_id, i32 best_det_idx,
//              f32 mean_confidence, f32 quality, i64 embedding_count, u8 needs_tiles, u32 length of
//              the vector, its f32
//   sightings  i64 track_id, i64 frame_id, f32 score, f32 x1, y1, x2, y2; by time
//   footer     JSON, u32 its length, "RCPRESND"
//
// The footer has the SHA-256 of tracks.parquet, the pictures' span, gaps, the groups that
// clustering found, and how many there are of each.
struct PresenceFacts {
  std::string tracks_sha256;
  Interval pictures;
  std::vector<Interval> gaps;
  std::vector<people::Group> groups;
};

struct PresenceSighting {
  std::int64_t track_id = 0;
  std::int64_t frame_id = 0;
  float score = 0;
  domain::PixelBox box{};
};

// In that order: samples, tracks, sightings. Not thread-safe.
class PresencePackWriter {
 public:
  static base::Result<PresencePackWriter> Create(const std::filesystem::path& path);
  base::Result<void> Add(const Sample& sample);
  base::Result<void> Add(const TrackSummary& track);
  base::Result<void> Add(const PresenceSighting& sighting);
  base::Result<void> Finish(const PresenceFacts& facts);

 private:
  explicit PresencePackWriter(artifacts::OutputFile file) : file_(std::move(file)) {}

  artifacts::OutputFile file_;
  std::int64_t samples_ = 0;
  std::int64_t tracks_ = 0;
  std::int64_t sightings_ = 0;
};

// A pack in memory: of three hours about 20 MB.
struct PresencePack {
  struct Seen {
    std::int64_t track_id = 0;
    std::uint32_t sample = 0;  // Index.
    float score = 0;
    domain::PixelBox box{};
  };
  PresenceFacts facts;
  std::vector<Sample> samples;
  std::vector<TrackSummary> tracks;  // By id.
  std::vector<Seen> sightings;       // By time.

  domain::MediaTime AtOf(const Seen& seen) const { return samples[seen.sample].pts; }
};

// kDataLoss / ERR_ARTIFACT_CORRUPT.
base::Result<PresencePack> ReadPresencePack(const std::filesystem::path& path);
// `what` is at the front of the message.
base::Result<PresencePack> ParsePresencePack(std::string_view bytes, const std::string& what);

}  // namespace rollcall::pipeline
