#include "pipeline/track_spool.h"

#include <span>
#include <utility>

#include "base/check.h"

namespace rollcall::pipeline {

using artifacts::ScratchFile;
using domain::MediaTime;

base::Result<std::unique_ptr<TrackSpool>> TrackSpool::Create(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(ScratchFile rows, ScratchFile::Create(path));
  ROLLCALL_TRY_ASSIGN(ScratchFile links, ScratchFile::Create(path));
  ROLLCALL_TRY_ASSIGN(ScratchFile entries, ScratchFile::Create(path));
  ROLLCALL_TRY_ASSIGN(ScratchFile embeddings, ScratchFile::Create(path));
  return std::unique_ptr<TrackSpool>(
      new TrackSpool(std::move(rows), std::move(links), std::move(entries), std::move(embeddings)));
}

TrackSpool::TrackSpool(ScratchFile rows, ScratchFile links, ScratchFile entries,
                       ScratchFile embeddings)
    : rows_(std::move(rows)),
      links_(std::move(links)),
      entries_(std::move(entries)),
      embeddings_(std::move(embeddings)) {}

void TrackSpool::BeginFrame(std::size_t detections) {
  frame_row_ = rows_.size();
  frame_tracks_.assign(detections, 0);
}

base::Result<void> TrackSpool::EndFrame() {
  for (const std::int64_t track : frame_tracks_) ROLLCALL_TRY(rows_.Append(track));
  frame_tracks_.clear();
  return {};
}

base::Result<void> TrackSpool::AddPoint(std::int64_t track_id, const TrackPoint& point) {
  frame_tracks_.at(static_cast<std::size_t>(point.row - frame_row_)) = track_id;
  auto found = open_.find(track_id);
  if (found == open_.end()) {
    const std::int64_t entry = entries_.Reserve();
    ROLLCALL_CHECK(entry + 1 == track_id, "track ids have a hole");
    const std::int64_t place = links_.Reserve();
    found =
        open_.emplace(track_id, OpenTrack{.first_link = place, .place = place, .link = {}}).first;
  }
  OpenTrack& track = found->second;
  if (track.link.count == static_cast<std::int64_t>(track.link.points.size())) {
    track.link.next = links_.Reserve();
    ROLLCALL_TRY(links_.Put(track.place, track.link));
    track.place = track.link.next;
    track.link = {};
  }
  track.link.points[static_cast<std::size_t>(track.link.count++)] = {.frame_id = point.frame_id,
                                                                     .pts_us = point.pts.count(),
                                                                     .box = point.box,
                                                                     .score = point.score,
                                                                     .index = point.index};
  return {};
}

base::Result<std::int64_t> TrackSpool::Close(std::int64_t track_id) {
  const auto found = open_.find(track_id);
  ROLLCALL_CHECK(found != open_.end(), "a track ended that has no points, or twice");
  const OpenTrack track = found->second;
  open_.erase(found);
  ROLLCALL_TRY(links_.Put(track.place, track.link));
  return track.first_link;
}

base::Result<void> TrackSpool::Drop(std::int64_t track_id) {
  ROLLCALL_TRY(Close(track_id));  // Its entry stays as it was reserved: not kept.
  return {};
}

base::Result<void> TrackSpool::Keep(const TrackSummary& track) {
  ROLLCALL_TRY_ASSIGN(const std::int64_t first_link, Close(track.id));
  const auto embedding = std::as_bytes(std::span(track.embedding));
  ROLLCALL_TRY(embeddings_.Write(embeddings_bytes_, embedding));
  const Entry entry{.first_link = first_link,
                    .shot = track.shot,
                    .start_us = track.start.count(),
                    .end_us = track.end.count(),
                    .until_us = track.until.count(),
                    .count = track.count,
                    .best_frame_id = track.best_frame_id,
                    .embedding_count = track.embedding_count,
                    .embedding_at = embeddings_bytes_,
                    .embedding_size = static_cast<std::int64_t>(track.embedding.size()),
                    .mean_confidence = track.mean_confidence,
                    .quality = track.quality,
                    .best_index = track.best_index,
                    .needs_tiles = track.needs_tiles,
                    .is_kept = true};
  embeddings_bytes_ += static_cast<std::int64_t>(embedding.size());
  ++kept_;
  return entries_.Put(track.id - 1, entry);
}

base::Result<TrackSummary> TrackSpool::SummaryOf(std::int64_t track_id, const Entry& entry) const {
  TrackSummary track{
      .id = track_id,
      .shot = entry.shot,
      .start = MediaTime{entry.start_us},
      .end = MediaTime{entry.end_us},
      .until = MediaTime{entry.until_us},
      .count = entry.count,
      .mean_confidence = entry.mean_confidence,
      .quality = entry.quality,
      .best_frame_id = entry.best_frame_id,
      .best_index = entry.best_index,
      .embedding_count = entry.embedding_count,
      .needs_tiles = entry.needs_tiles,
      .embedding = domain::Embedding(static_cast<std::size_t>(entry.embedding_size))};
  ROLLCALL_TRY(
      embeddings_.Read(entry.embedding_at, std::as_writable_bytes(std::span(track.embedding))));
  return track;
}

base::Result<void> TrackSpool::ForEachKept(
    const std::function<base::Result<void>(const TrackSummary&)>& track) {
  for (std::int64_t id = 1; id <= entries_.size(); ++id) {
    ROLLCALL_TRY_ASSIGN(const Entry entry, entries_.At(id - 1));
    if (!entry.is_kept) continue;
    ROLLCALL_TRY_ASSIGN(const TrackSummary summary, SummaryOf(id, entry));
    ROLLCALL_TRY(track(summary));
  }
  return {};
}

base::Result<void> TrackSpool::ForEachPoint(
    std::int64_t track_id, const std::function<base::Result<void>(const TrackPoint&)>& point) {
  ROLLCALL_TRY_ASSIGN(const Entry entry, entries_.At(track_id - 1));
  for (std::int64_t place = entry.first_link; place >= 0;) {
    ROLLCALL_TRY_ASSIGN(const Link link, links_.At(place));
    for (std::int64_t i = 0; i < link.count; ++i) {
      const Point& stored = link.points[static_cast<std::size_t>(i)];
      ROLLCALL_TRY(point({.frame_id = stored.frame_id,
                          .pts = MediaTime{stored.pts_us},
                          .index = stored.index,
                          .box = stored.box,
                          .score = stored.score}));
    }
    place = link.next;
  }
  return {};
}

base::Result<std::optional<std::int64_t>> TrackSpool::TrackOf(std::int64_t row) {
  if (row >= rows_.size()) return std::optional<std::int64_t>{};
  ROLLCALL_TRY_ASSIGN(const std::int64_t track_id, rows_.At(row));
  if (track_id == 0) return std::optional<std::int64_t>{};
  ROLLCALL_TRY_ASSIGN(const Entry entry, entries_.At(track_id - 1));
  return entry.is_kept ? std::optional(track_id) : std::nullopt;
}

}  // namespace rollcall::pipeline
