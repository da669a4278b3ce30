#include "synthetic_episode.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "artifacts/artifact_folder.h"
#include "artifacts/parquet.h"
#include "base/json.h"
#include "domain/face.h"
#include "pipeline/detection_table.h"

namespace rollcall::bench {
namespace {

using artifacts::ColumnType;
using base::Json;
using domain::MediaTime;

constexpr std::int64_t kToken = 1;
constexpr int kPeople = 12;
constexpr std::int64_t kSamplesASecond = 10;
constexpr std::int64_t kFramesASample = 4;
// So short that 40 minutes already have more tracks than DuckDB writes at once (2,048): what is
// compared is what grows, not how full a buffer of constant size is. And shorter than the pause
// that ends an interval.
constexpr std::int64_t kShotSamples = 19;
constexpr std::int64_t kSceneSamples = 120 * kSamplesASecond;
constexpr MediaTime kStep{1'000'000 / kSamplesASecond};

std::string HarvestName(const std::string& file) {
  return std::string("harvest/") + kEpisodeKey + "/" + file;
}

// Numbers that look random and are not (Steele, Lea, Flood 2014, SplitMix64).
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  // −1 … 1.
  float Around() { return static_cast<float>(Next() % 2'001) / 1'000.0F - 1; }

 private:
  std::uint64_t state_;
};

// The person's own direction, a little turned.
domain::Embedding VectorOf(int person, int dimension, Numbers& numbers) {
  domain::Embedding vector(static_cast<std::size_t>(dimension));
  double square = 0;
  for (int i = 0; i < dimension; ++i) {
    float& x = vector[static_cast<std::size_t>(i)];
    x = (i == person ? 1.0F : 0.0F) +
        0.5F * numbers.Around() / std::sqrt(static_cast<float>(dimension));
    square += static_cast<double>(x) * x;
  }
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
  return vector;
}

std::vector<int> PeopleAt(SyntheticEpisode::Scene scene, std::int64_t sample) {
  if (scene == SyntheticEpisode::Scene::kStudio) return {0, 1};
  const auto first = static_cast<int>(3 * (sample / kSceneSamples) % kPeople);
  const auto absent = static_cast<int>(sample / kShotSamples % 3);
  std::vector<int> people;
  for (int i = 0; i < 3; ++i) {
    if (i != absent) people.push_back(first + i);
  }
  return people;
}

class DetectionFiles {
 public:
  DetectionFiles(const SyntheticEpisode& episode, const std::filesystem::path& data_dir)
      : episode_(episode), folder_(data_dir, kToken) {}

  base::Result<std::vector<domain::Artifact>> Write() {
    const std::int64_t samples = episode_.minutes * 60 * kSamplesASecond;
    ROLLCALL_TRY_ASSIGN(const auto table, folder_.PathFor(HarvestName("embeddings.parquet")));
    ROLLCALL_TRY_ASSIGN(const auto faces,
                        pipeline::DetectionTableWriter::Create(table, kEpisodeKey));
    ROLLCALL_TRY_ASSIGN(const auto path, folder_.PathFor(HarvestName("samples.parquet")));
    ROLLCALL_TRY_ASSIGN(const auto frames,
                        artifacts::ParquetWriter::Create(path, {{"frame_id", ColumnType::kInt64},
                                                                {"ts_ms", ColumnType::kInt64},
                                                                {"pts_us", ColumnType::kInt64},
                                                                {"until_us", ColumnType::kInt64},
                                                                {"cut_score", ColumnType::kFloat},
                                                                {"cut", ColumnType::kBool},
                                                                {"tiles", ColumnType::kBool}}));
    for (std::int64_t sample = 0; sample < samples; ++sample) {
      const MediaTime pts = sample * kStep;
      const bool is_cut = episode_.scene == SyntheticEpisode::Scene::kTalk && sample > 0 &&
                          sample % kShotSamples == 0;
      frames->Int64(sample * kFramesASample);
      frames->Int64(domain::ToMillis(pts));
      frames->Int64(pts.count());
      frames->Int64((pts + kStep / kFramesASample).count());
      frames->Float(is_cut ? 0.8F : 0.01F);
      frames->Bool(is_cut);
      frames->Bool(is_cut || sample % kSamplesASecond == 0);
      ROLLCALL_TRY(frames->EndRow());
      ROLLCALL_TRY(AddFaces(sample, pts, *faces));
    }
    ROLLCALL_TRY(faces->Finish());
    ROLLCALL_TRY(frames->Finish());
    ROLLCALL_TRY(Seal("embeddings.parquet", faces->rows()));
    ROLLCALL_TRY(Seal("samples.parquet", samples));
    ROLLCALL_TRY(WriteJson(samples, faces->rows()));
    return std::move(written_);
  }

 private:
  base::Result<void> AddFaces(std::int64_t sample, MediaTime pts,
                              pipeline::DetectionTableWriter& faces) {
    std::int32_t index = 0;
    for (const int person : PeopleAt(episode_.scene, sample)) {
      const float x = 100 + 400 * static_cast<float>(index) + 2 * numbers_.Around();
      const float y = 200 + 2 * numbers_.Around();
      domain::Detection face{.frame_id = sample * kFramesASample,
                             .pts = pts,
                             .index = index++,
                             .box = {x, y, x + 150, y + 180},
                             .score = 0.9F + 0.05F * numbers_.Around(),
                             .landmark_score = 0.9F,
                             .quality = 0.7F + 0.2F * numbers_.Around(),
                             .no_embedding = domain::NoEmbedding::kNotSampled};
      face.landmarks = domain::Landmarks5{{{x + 45, y + 70},
                                           {x + 105, y + 70},
                                           {x + 75, y + 105},
                                           {x + 50, y + 140},
                                           {x + 100, y + 140}}};
      if (sample % kSamplesASecond == 0) {
        face.embedding = VectorOf(person, episode_.dimension, numbers_);
        face.raw_norm = 3.7F;
        face.no_embedding = domain::NoEmbedding::kNone;
      }
      ROLLCALL_TRY(faces.Add(face, std::nullopt));
    }
    return {};
  }

  base::Result<void> Seal(const std::string& file, std::int64_t count) {
    ROLLCALL_TRY_ASSIGN(written_.emplace_back(), folder_.Seal(HarvestName(file), count));
    return {};
  }

  base::Result<void> WriteJson(std::int64_t samples, std::int64_t faces) {
    const std::int64_t length_us = samples * kStep.count();
    const std::map<std::string, Json> documents{{"probe.json",
                                                 {{"episode_id", kEpisodeKey},
                                                  {"file", "synthetic.mp4"},
                                                  {"sha256", std::string(64, '0')}}},
                                                {"extract.json",
                                                 {{"first_picture_us", 0},
                                                  {"end_us", length_us},
                                                  {"frames", samples * kFramesASample},
                                                  {"samples", samples},
                                                  {"warnings", Json::array()}}},
                                                {"det_stats.json",
                                                 {{"faces_detected", faces},
                                                  {"embeddings_computed", faces / kSamplesASecond},
                                                  {"failed_reads", 0},
                                                  {"gaps", Json::array()},
                                                  {"model_pack", "none"},
                                                  {"provider", "cpu"}}}};
    for (const auto& [file, document] : documents) {
      ROLLCALL_TRY_ASSIGN(written_.emplace_back(),
                          folder_.Write(HarvestName(file), document.dump(1) + "\n", 1));
    }
    return {};
  }

  const SyntheticEpisode episode_;
  const artifacts::ArtifactFolder folder_;
  Numbers numbers_{1};
  std::vector<domain::Artifact> written_;
};

}  // namespace

base::Result<std::vector<domain::Artifact>> WriteDetections(const SyntheticEpisode& episode,
                                                            const std::filesystem::path& data_dir) {
  return DetectionFiles(episode, data_dir).Write();
}

base::Result<domain::Artifact> WriteClusters(const std::filesystem::path& tracks,
                                             const std::filesystem::path& data_dir) {
  std::map<std::int64_t, std::vector<std::int64_t>> tracks_of_person;
  ROLLCALL_TRY(artifacts::ReadParquet(
      tracks, {{"track_id", ColumnType::kInt64}, {"embedding", ColumnType::kFloatList}},
      [&](const artifacts::ParquetRow& row) -> base::Result<void> {
        const std::vector<float> vector = row.FloatList(1);
        const auto largest = std::max_element(vector.begin(), vector.end());
        tracks_of_person[largest - vector.begin()].push_back(row.Int(0));
        return {};
      }));
  Json clusters = Json::array();
  for (const auto& [person, ids] : tracks_of_person) {
    Json metrics = Json::array();
    for (const std::int64_t id : ids) {
      metrics.push_back({{"track_id", id}, {"cosine", 0.9}, {"quality", 0.7}, {"count", 50}});
    }
    clusters.push_back({{"cluster_id", clusters.size() + 1},
                        {"size", ids.size()},
                        {"track_ids", ids},
                        {"quality_score", 0.9},
                        {"is_lowconf", false},
                        {"track_metrics", std::move(metrics)}});
  }
  const Json document{{"episode_id", kEpisodeKey},
                      {"noise_track_ids", Json::array()},
                      {"clusters", std::move(clusters)},
                      {"warnings", Json::array()}};
  const artifacts::ArtifactFolder folder(data_dir, kToken);
  return folder.Write(HarvestName("clusters.json"), document.dump(1) + "\n",
                      static_cast<std::int64_t>(tracks_of_person.size()));
}

}  // namespace rollcall::bench
