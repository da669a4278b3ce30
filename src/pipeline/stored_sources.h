#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "artifacts/scratch_file.h"
#include "pipeline/presence.h"
#include "pipeline/screen_time.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {

// The samples of samples.parquet, put aside on disk so that each is at hand and none in memory.
class StoredSamples final : public SampleSource {
 public:
  // `aside` is where they may lie for a moment (artifacts::ScratchFile). Each is one step of work.
  static base::Result<std::unique_ptr<StoredSamples>> Create(const std::filesystem::path& samples,
                                                             const std::filesystem::path& aside,
                                                             WorkMeter& meter);

  std::size_t size() const override { return static_cast<std::size_t>(table_.size()); }
  base::Result<Sample> At(std::size_t index) override {
    return table_.At(static_cast<std::int64_t>(index));
  }

 private:
  explicit StoredSamples(artifacts::ScratchTable<Sample> table) : table_(std::move(table)) {}

  artifacts::ScratchTable<Sample> table_;
};

// The rows of embeddings.parquet that belong to a track, read anew each time. Each row of the file
// is one step of work. Borrows the meter.
class StoredSightings final : public SightingSource {
 public:
  StoredSightings(std::filesystem::path detections, WorkMeter& meter)
      : detections_(std::move(detections)), meter_(meter) {}

  base::Result<void> ForEach(
      const std::function<base::Result<void>(const Sighting&)>& sighting) override;

 private:
  std::filesystem::path detections_;
  WorkMeter& meter_;
};

// A sighting, and where in the picture.
struct PlacedSighting : Sighting {
  domain::PixelBox box{};
};
// Those of embeddings.parquet that belong to a track, in time order. Each row is one step of work.
base::Result<void> ForEachPlacedSighting(
    const std::filesystem::path& detections, WorkMeter& meter,
    const std::function<base::Result<void>(const PlacedSighting&)>& sighting);

}  // namespace rollcall::pipeline
