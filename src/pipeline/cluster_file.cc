#include "pipeline/cluster_file.h"

#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"

namespace rollcall::pipeline {

base::Result<ClusterFile> ReadClusters(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
  ROLLCALL_TRY_ASSIGN(const base::Json json, base::ParseJson(text, path.string()));
  ClusterFile file;
  try {
    for (const base::Json& entry : json.at("clusters")) {
      file.clusters.push_back({.id = entry.at("cluster_id"),
                               .track_ids = entry.at("track_ids"),
                               .quality_score = entry.at("quality_score"),
                               .is_low_confidence = entry.at("is_lowconf")});
    }
    file.noise_tracks = json.at("noise_track_ids").get<std::vector<std::int64_t>>();
    file.warnings = json.at("warnings").get<std::vector<std::string>>();
  } catch (const base::Json::exception& failure) {
    return domain::MakeError(domain::reason::kArtifactCorrupt,
                             path.string() + ": " + failure.what());
  }
  return file;
}

}  // namespace rollcall::pipeline
