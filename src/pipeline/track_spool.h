#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "artifacts/scratch_file.h"
#include "base/result.h"
#include "pipeline/track_table.h"
#include "pipeline/tracker.h"

namespace rollcall::pipeline {

// What a tracker finds, put aside on disk: tracks end in another order than they begin, and only at
// its end is one believed or not. First everything is put in, then read in the order of track ids
// and rows. In memory are the tracks that have not ended, with their last few points.
//
// Thread-compatible.
class TrackSpool {
 public:
  // `path` is where its files may lie for a moment (artifacts::ScratchFile).
  static base::Result<std::unique_ptr<TrackSpool>> Create(const std::filesystem::path& path);

  // Around the points of one frame, which has so many detections: rows, in the tracker's words.
  void BeginFrame(std::size_t detections);
  base::Result<void> EndFrame();
  // Track ids from 1 without holes, in the order of first points.
  base::Result<void> AddPoint(std::int64_t track_id, const TrackPoint& point);
  // A track has all its points; it is kept, or as if it had never been.
  base::Result<void> Keep(const TrackSummary& track);
  base::Result<void> Drop(std::int64_t track_id);

  std::int64_t kept() const { return kept_; }
  // In order of id.
  base::Result<void> ForEachKept(
      const std::function<base::Result<void>(const TrackSummary&)>& track);
  // In order of time: frame_id, pts, index, box and score of each.
  base::Result<void> ForEachPoint(
      std::int64_t track_id, const std::function<base::Result<void>(const TrackPoint&)>& point);
  // The kept track that a row belongs to.
  base::Result<std::optional<std::int64_t>> TrackOf(std::int64_t row);

 private:
  struct Point {
    std::int64_t frame_id = 0;
    std::int64_t pts_us = 0;
    domain::PixelBox box{};
    float score = 0;
    std::int32_t index = 0;
  };
  // Some points of one track, and where the next ones are.
  struct Link {
    std::int64_t next = -1;
    std::int64_t count = 0;
    std::array<Point, 32> points{};
  };
  struct OpenTrack {
    std::int64_t first_link = 0;
    std::int64_t place = 0;  // Of `link`.
    Link link;
  };
  // A TrackSummary whose embedding lies elsewhere; by track id, the first at 0.
  struct Entry {
    std::int64_t first_link = 0;
    std::int64_t shot = 0;
    std::int64_t start_us = 0;
    std::int64_t end_us = 0;
    std::int64_t until_us = 0;
    std::int64_t count = 0;
    std::int64_t best_frame_id = 0;
    std::int64_t embedding_count = 0;
    std::int64_t embedding_at = 0;  // In bytes.
    std::int64_t embedding_size = 0;
    float mean_confidence = 0;
    float quality = 0;
    std::int32_t best_index = 0;
    bool needs_tiles = false;
    bool is_kept = false;
  };

  TrackSpool(artifacts::ScratchFile rows, artifacts::ScratchFile links,
             artifacts::ScratchFile entries, artifacts::ScratchFile embeddings);
  // Ends a track's points; the place of their first link.
  base::Result<std::int64_t> Close(std::int64_t track_id);
  base::Result<TrackSummary> SummaryOf(std::int64_t track_id, const Entry& entry) const;

  artifacts::ScratchTable<std::int64_t> rows_;  // Track id of each detection, 0 for none.
  artifacts::ScratchTable<Link> links_;
  artifacts::ScratchTable<Entry> entries_;
  artifacts::ScratchFile embeddings_;
  std::int64_t embeddings_bytes_ = 0;
  std::map<std::int64_t, OpenTrack> open_;  // By track id.
  std::int64_t frame_row_ = 0;              // The frame's first row.
  std::vector<std::int64_t> frame_tracks_;  // Of the frame's rows.
  std::int64_t kept_ = 0;
};

}  // namespace rollcall::pipeline
