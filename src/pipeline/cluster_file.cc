#include "pipeline/cluster_file.h"

#include <cerrno>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

// How deep what is needed lies: {"clusters": [{"track_ids": [1]}]}.
constexpr int kDepthMax = 4;

// Leaves out what no stage reads, by far the most of a long episode's file.
bool IsRead(int depth, base::Json::parse_event_t event, const base::Json& parsed) {
  if (depth > kDepthMax) return false;
  return event != base::Json::parse_event_t::key || parsed != "track_metrics";
}

}  // namespace

base::Result<ClusterFile> ReadClusters(const std::filesystem::path& path) {
  std::ifstream text(path, std::ios::binary);
  if (!text) return base::ErrnoError(errno, "open", path);
  ClusterFile file;
  try {
    const base::Json json = base::Json::parse(text, IsRead);
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
