#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::bench {

// What detect would have left of a video that nobody has to decode.
struct SyntheticEpisode {
  enum class Scene {
    // Shots of 1.9 s with two of three people; every two minutes it is another three of twelve.
    kTalk,
    kStudio,  // One shot from the first frame to the last, two people all the time.
  };

  Scene scene = Scene::kTalk;
  std::int64_t minutes = 40;
  int dimension = 512;  // Of an embedding.
};

inline constexpr const char* kEpisodeKey = "synthetic";

// Writes probe.json, extract.json, det_stats.json, samples.parquet and embeddings.parquet into
// `data_dir`, ten samples a second, an embedding of each face once a second; the same bytes for the
// same episode.
base::Result<std::vector<domain::Artifact>> WriteDetections(const SyntheticEpisode& episode,
                                                            const std::filesystem::path& data_dir);

// Writes clusters.json from tracks.parquet, each person's tracks in one group: as long as the
// episode is, clustering is not what is measured.
base::Result<domain::Artifact> WriteClusters(const std::filesystem::path& tracks,
                                             const std::filesystem::path& data_dir);

}  // namespace rollcall::bench
