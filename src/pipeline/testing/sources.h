#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "pipeline/presence.h"
#include "pipeline/screen_time.h"

namespace rollcall::pipeline::testing {

class SamplesInMemory final : public SampleSource {
 public:
  explicit SamplesInMemory(std::vector<Sample> samples) : samples_(std::move(samples)) {}

  std::size_t size() const override { return samples_.size(); }
  base::Result<Sample> At(std::size_t index) override { return samples_.at(index); }

 private:
  std::vector<Sample> samples_;
};

inline SampleGrid GridOf(std::vector<Sample> samples, domain::MediaTime length,
                         std::vector<Interval> gaps = {}) {
  return SampleGrid::Create(std::make_unique<SamplesInMemory>(std::move(samples)),
                            {.start = domain::MediaTime{0}, .end = length}, std::move(gaps))
      .value();
}

class SightingsInMemory final : public SightingSource {
 public:
  explicit SightingsInMemory(std::vector<Sighting> sightings) : sightings_(std::move(sightings)) {}

  base::Result<void> ForEach(
      const std::function<base::Result<void>(const Sighting&)>& sighting) override {
    for (const Sighting& each : sightings_) ROLLCALL_TRY(sighting(each));
    return {};
  }

 private:
  std::vector<Sighting> sightings_;
};

}  // namespace rollcall::pipeline::testing
