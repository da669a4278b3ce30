#include "pipeline/stored_sources.h"

#include <optional>

#include "artifacts/parquet.h"

namespace rollcall::pipeline {

using artifacts::ColumnType;

base::Result<std::unique_ptr<StoredSamples>> StoredSamples::Create(
    const std::filesystem::path& samples, const std::filesystem::path& aside, WorkMeter& meter) {
  ROLLCALL_TRY_ASSIGN(SampleReader reader, SampleReader::Open(samples));
  ROLLCALL_TRY_ASSIGN(auto table, artifacts::ScratchTable<Sample>::Create(aside));
  while (true) {
    ROLLCALL_TRY_ASSIGN(const std::optional<Sample> sample, reader.Next());
    if (!sample) break;
    ROLLCALL_TRY(table.Append(*sample));
    ROLLCALL_TRY(meter.Advance());
  }
  return std::unique_ptr<StoredSamples>(new StoredSamples(std::move(table)));
}

base::Result<void> StoredSightings::ForEach(
    const std::function<base::Result<void>(const Sighting&)>& sighting) {
  return artifacts::ReadParquet(detections_,
                                {{"track_id", ColumnType::kInt64},
                                 {"frame_id", ColumnType::kInt64},
                                 {"pts_us", ColumnType::kInt64},
                                 {"confidence", ColumnType::kFloat}},
                                [&](const artifacts::ParquetRow& row) -> base::Result<void> {
                                  const domain::MediaTime pts{row.Int(2)};
                                  ROLLCALL_TRY(meter_.Advance());
                                  if (row.IsNull(0)) return {};
                                  return sighting({.track_id = row.Int(0),
                                                   .frame_id = row.Int(1),
                                                   .pts = pts,
                                                   .score = static_cast<float>(row.Double(3))});
                                });
}

base::Result<void> ForEachPlacedSighting(
    const std::filesystem::path& detections, WorkMeter& meter,
    const std::function<base::Result<void>(const PlacedSighting&)>& sighting) {
  return artifacts::ReadParquet(
      detections,
      {{"track_id", ColumnType::kInt64},
       {"frame_id", ColumnType::kInt64},
       {"pts_us", ColumnType::kInt64},
       {"confidence", ColumnType::kFloat},
       {"bbox_x1", ColumnType::kFloat},
       {"bbox_y1", ColumnType::kFloat},
       {"bbox_x2", ColumnType::kFloat},
       {"bbox_y2", ColumnType::kFloat}},
      [&](const artifacts::ParquetRow& row) -> base::Result<void> {
        ROLLCALL_TRY(meter.Advance());
        if (row.IsNull(0)) return {};
        const auto number = [&row](int column) { return static_cast<float>(row.Double(column)); };
        PlacedSighting placed;
        placed.track_id = row.Int(0);
        placed.frame_id = row.Int(1);
        placed.pts = domain::MediaTime{row.Int(2)};
        placed.score = number(3);
        placed.box = {.x1 = number(4), .y1 = number(5), .x2 = number(6), .y2 = number(7)};
        return sighting(placed);
      });
}

}  // namespace rollcall::pipeline
