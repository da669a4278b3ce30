#include "pipeline/stills_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "artifacts/artifact_folder.h"
#include "artifacts/faces_pack.h"
#include "artifacts/output_file.h"
#include "base/file.h"
#include "domain/reasons.h"
#include "pipeline/episode_params.h"
#include "pipeline/track_table.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {
namespace {

base::Result<void> WritePlain(const std::filesystem::path& path, std::string_view bytes) {
  ROLLCALL_TRY_ASSIGN(artifacts::OutputFile file, artifacts::OutputFile::Create(path));
  ROLLCALL_TRY(file.Append(bytes));
  ROLLCALL_TRY(file.Close());
  return base::SyncFile(path);
}

base::Json StillJson(const TrackSummary& track, const domain::FaceCrop& crop) {
  return {{"track_id", track.id},
          {"crop_path", StillFileName(track.id)},
          {"timestamp_ms", domain::ToMillis(crop.pts)},
          {"source_frame_idx", crop.frame_id},
          {"det_idx", crop.index},
          {"crop_region", {crop.region.x1, crop.region.y1, crop.region.x2, crop.region.y2}},
          {"quality", track.quality}};
}

// The crop of a track's best face; null without one. A pack is in order of frames and faces.
const artifacts::FacesPackEntry* FindCrop(const artifacts::FacesPackReader& pack,
                                          const TrackSummary& track) {
  const auto place = [](const artifacts::FacesPackEntry& entry) {
    return std::pair(entry.frame_id, entry.index);
  };
  const std::pair wanted(track.best_frame_id, track.best_index);
  const auto found = std::ranges::lower_bound(pack.entries(), wanted, {}, place);
  return found == pack.entries().end() || place(*found) != wanted ? nullptr : &*found;
}

}  // namespace

std::string StillFileName(std::int64_t track_id) {
  return fmt::format("track_{:05}.jpg", track_id);
}

base::Result<domain::StageOutput> StillsStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact tracks_file,
                      artifacts::FindInput(assignment, params.HarvestName("tracks.parquet")));
  ROLLCALL_TRY_ASSIGN(const domain::Artifact pack_file,
                      artifacts::FindInput(assignment, params.HarvestName("faces.pack")));
  context.SetPhase(domain::Phase::kWork);
  WorkMeter rows(context, "rows");
  std::vector<TrackSummary> tracks;
  const auto keep = [&](TrackSummary track) {
    tracks.push_back(std::move(track));
    return rows.Advance();
  };
  ROLLCALL_TRY(ForEachTrack(tracks_file.file, WithEmbeddings::kNo, keep));
  WorkMeter bytes(context, "bytes");
  bool is_open = false;  // From then on it is tracks that are counted.
  const auto on_bytes = [&](std::int64_t read) {
    return is_open ? GoOn(context) : bytes.Advance(read);
  };
  ROLLCALL_TRY_ASSIGN(const auto pack, artifacts::FacesPackReader::Open(pack_file.file, on_bytes));
  is_open = true;

  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token, bytes.OnBytes());
  const std::string name = params.HarvestName("stills");
  ROLLCALL_TRY_ASSIGN(const std::filesystem::path stills, folder.PathFor(name));
  std::error_code ignored;  // What an earlier end of this attempt may have left.
  std::filesystem::remove_all(stills, ignored);
  ROLLCALL_TRY(base::MakeFoldersIn(stills.parent_path(), stills));
  std::string index;
  std::int64_t written = 0;
  const auto report = [&](std::size_t done) {
    context.ReportProgress({.done = static_cast<std::int64_t>(done),
                            .total = static_cast<std::int64_t>(tracks.size()),
                            .unit = "tracks",
                            .counters = {{"stills", written}},
                            .position = {}});
  };
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    ROLLCALL_TRY(GoOn(context));
    const TrackSummary& track = tracks[i];
    if (const artifacts::FacesPackEntry* entry = FindCrop(*pack, track)) {
      ROLLCALL_TRY_ASSIGN(const domain::FaceCrop crop, pack->Read(*entry));
      ROLLCALL_TRY(WritePlain(stills / StillFileName(track.id), crop.jpeg));
      index += StillJson(track, crop).dump() + "\n";
      ++written;
    }
    report(i + 1);
  }
  context.SetPhase(domain::Phase::kFinalise);
  bytes.Begin();
  bytes.SetCounters({{"stills", written}});
  ROLLCALL_TRY(WritePlain(stills / "track_stills.jsonl", index));
  domain::StageOutput output;
  ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(), folder.Seal(name, written));
  report(tracks.size());  // The last word is in the stage's own unit.
  output.result = {{"stills", written}, {"tracks", tracks.size()}};
  return output;
}

}  // namespace rollcall::pipeline
