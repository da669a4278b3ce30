#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace rollcall::pipeline {

// harvest/<key>/clusters.json as the stages after it read it (schema: origin.md §8).
struct Cluster {
  std::int64_t id = 0;  // From 1.
  std::vector<std::int64_t> track_ids;
  float quality_score = 0;  // 0…1: how well its tracks agree.
  bool is_low_confidence = false;
};

struct ClusterFile {
  std::vector<Cluster> clusters;
  std::vector<std::int64_t> noise_tracks;
  std::vector<std::string> warnings;
};

// kDataLoss / ERR_ARTIFACT_CORRUPT.
base::Result<ClusterFile> ReadClusters(const std::filesystem::path& path);

}  // namespace rollcall::pipeline
