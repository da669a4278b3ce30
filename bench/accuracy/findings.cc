#include "findings.h"

#include <map>

#include "artifacts/parquet.h"
#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"

namespace rollcall::bench {
namespace {

using base::Json;

base::Result<Json> ReadJson(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(path));
  return base::ParseJson(text, path.string());
}

void ReadPeople(const Json& report, Findings& findings) {
  findings.duration_ms = report.at("video").at("duration_ms").get<std::int64_t>();
  for (const Json& each : report.at("people")) {
    FoundPerson person{.id = each.at("group").get<std::int64_t>(),
                       .name = each.at("name").get<std::string>(),
                       .seen_ms = each.at("seen_ms").get<std::int64_t>(),
                       .seen = {}};
    for (const Json& interval : each.at("seen")) {
      person.seen.push_back({.start_ms = interval.at("start_ms").get<std::int64_t>(),
                             .end_ms = interval.at("end_ms").get<std::int64_t>()});
    }
    findings.people.push_back(std::move(person));
  }
}

}  // namespace

base::Result<Findings> ReadFindings(const std::filesystem::path& data_dir, const std::string& key) {
  using artifacts::ColumnType;
  ROLLCALL_TRY_ASSIGN(const Json report, ReadJson(data_dir / "outputs" / key / "report.json"));
  ROLLCALL_TRY_ASSIGN(const Json clusters, ReadJson(data_dir / "harvest" / key / "clusters.json"));
  Findings findings;
  std::map<std::int64_t, std::int64_t> person_of_track;
  try {
    ReadPeople(report, findings);
    for (const Json& cluster : clusters.at("clusters")) {
      for (const Json& track : cluster.at("track_ids")) {
        person_of_track[track.get<std::int64_t>()] = cluster.at("cluster_id").get<std::int64_t>();
      }
    }
  } catch (const Json::exception& error) {
    return domain::MakeError(domain::reason::kArtifactCorrupt, key + ": " + error.what());
  }
  std::map<std::int64_t, std::int64_t> samples;  // When, and until when the next one comes.
  std::int64_t last = 0;
  const auto add_sample = [&](const artifacts::ParquetRow& row) -> base::Result<void> {
    const std::int64_t pts_us = row.Int(0);
    if (!samples.empty()) samples[last] = pts_us;
    samples[pts_us] = row.Int(1);
    last = pts_us;
    return {};
  };
  ROLLCALL_TRY(artifacts::ReadParquet(
      data_dir / "harvest" / key / "samples.parquet",
      {{"pts_us", ColumnType::kInt64}, {"until_us", ColumnType::kInt64}}, add_sample));
  const auto add_face = [&](const artifacts::ParquetRow& row) -> base::Result<void> {
    const std::int64_t pts_us = row.Int(6);
    FoundFace face{.t_ms = row.Int(0),
                   .for_ms = (samples[pts_us] - pts_us) / 1000,
                   .centre_x = (row.Double(1) + row.Double(3)) / 2,
                   .centre_y = (row.Double(2) + row.Double(4)) / 2,
                   .is_tracked = !row.IsNull(5),
                   .person = std::nullopt};
    if (face.is_tracked) {
      const auto found = person_of_track.find(row.Int(5));
      if (found != person_of_track.end()) face.person = found->second;
    }
    findings.faces.push_back(face);
    return {};
  };
  ROLLCALL_TRY(artifacts::ReadParquet(data_dir / "harvest" / key / "embeddings.parquet",
                                      {{"ts_ms", ColumnType::kInt64},
                                       {"bbox_x1", ColumnType::kFloat},
                                       {"bbox_y1", ColumnType::kFloat},
                                       {"bbox_x2", ColumnType::kFloat},
                                       {"bbox_y2", ColumnType::kFloat},
                                       {"track_id", ColumnType::kInt64},
                                       {"pts_us", ColumnType::kInt64}},
                                      add_face));
  return findings;
}

}  // namespace rollcall::bench
