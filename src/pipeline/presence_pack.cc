#include "pipeline/presence_pack.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "artifacts/binary_codec.h"
#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

using artifacts::BinaryReader;
using artifacts::BinaryWriter;
using base::Json;
using base::Result;
using domain::MediaTime;

constexpr std::string_view kPackBegins = "RCPRES1\n";
constexpr std::string_view kPackEnds = "RCPRESND";
constexpr std::uint32_t kPackVersion = 1;
constexpr std::size_t kPackHeaderBytes = 16;
constexpr std::size_t kPackTailBytes = 12;  // The footer's length and the end.
constexpr std::size_t kSampleBytes = 29;
constexpr std::size_t kTrackBytesMin = 81;
constexpr std::size_t kSightingBytes = 36;
constexpr std::uint8_t kIsCut = 1;
constexpr std::uint8_t kWithTiles = 2;

// The numbers of a pack are read before it is known whether they are true: no more than there are
// bytes for is ever made room for.
class PackParser {
 public:
  PackParser(std::string_view bytes, const std::string& what) : bytes_(bytes), what_(what) {}

  Result<PresencePack> Parse() {
    ROLLCALL_TRY(ReadFooter());
    BinaryReader reader(
        bytes_.substr(kPackHeaderBytes, bytes_.size() - kPackHeaderBytes - footer_bytes_));
    ROLLCALL_TRY(ReadSamples(reader));
    ROLLCALL_TRY(ReadTracks(reader));
    ROLLCALL_TRY(ReadSightings(reader));
    if (!reader.is_exhausted()) return Corrupt("it has other parts than it says");
    return std::move(pack_);
  }

 private:
  base::Error Corrupt(std::string_view why) const {
    return domain::MakeError(domain::reason::kArtifactCorrupt, what_ + ": " + std::string(why));
  }

  Result<void> ReadFooter() {
    if (bytes_.size() < kPackHeaderBytes + kPackTailBytes || !bytes_.starts_with(kPackBegins) ||
        !bytes_.ends_with(kPackEnds)) {
      return Corrupt("it is no presence pack, or not a whole one");
    }
    BinaryReader version(bytes_.substr(kPackBegins.size()));
    if (version.Take<std::uint32_t>() != kPackVersion) {
      return Corrupt("it is of a version that this program does not know");
    }
    BinaryReader tail(bytes_.substr(bytes_.size() - kPackTailBytes));
    const std::size_t size = tail.Take<std::uint32_t>();
    if (size > bytes_.size() - kPackHeaderBytes - kPackTailBytes) return Corrupt("its end is cut");
    footer_bytes_ = size + kPackTailBytes;
    const std::string_view text = bytes_.substr(bytes_.size() - footer_bytes_, size);
    try {
      const Json footer = Json::parse(text);
      pack_.facts.tracks_sha256 = footer.at("tracks_sha256").get<std::string>();
      pack_.facts.pictures = IntervalFrom(footer.at("pictures"));
      for (const Json& gap : footer.at("gaps")) pack_.facts.gaps.push_back(IntervalFrom(gap));
      for (const Json& group : footer.at("groups")) {
        pack_.facts.groups.push_back(
            {.id = group.at("id").get<std::int64_t>(),
             .track_ids = group.at("tracks").get<std::vector<std::int64_t>>(),
             .is_low_confidence = group.at("is_low_confidence").get<bool>()});
      }
      samples_ = footer.at("samples").get<std::uint64_t>();
      tracks_ = footer.at("tracks").get<std::uint64_t>();
      sightings_ = footer.at("sightings").get<std::uint64_t>();
    } catch (const Json::exception& failure) {
      return Corrupt(failure.what());
    }
    return {};
  }
  static Interval IntervalFrom(const Json& json) {
    return {.start = MediaTime{json.at(0).get<std::int64_t>()},
            .end = MediaTime{json.at(1).get<std::int64_t>()}};
  }

  Result<void> ReadSamples(BinaryReader& reader) {
    if (samples_ > reader.rest_size() / kSampleBytes) return Corrupt("samples are missing");
    pack_.samples.reserve(samples_);
    for (std::uint64_t i = 0; i < samples_; ++i) {
      Sample sample{.frame_id = reader.Take<std::int64_t>(),
                    .pts = MediaTime{reader.Take<std::int64_t>()},
                    .until = MediaTime{reader.Take<std::int64_t>()},
                    .cut_score = reader.Take<float>()};
      const auto flags = reader.Take<std::uint8_t>();
      sample.is_cut = (flags & kIsCut) != 0;
      sample.with_tiles = (flags & kWithTiles) != 0;
      if (!pack_.samples.empty() && (sample.frame_id <= pack_.samples.back().frame_id ||
                                     sample.pts < pack_.samples.back().pts)) {
        return Corrupt("samples are out of order");
      }
      pack_.samples.push_back(sample);
    }
    return {};
  }

  Result<void> ReadTracks(BinaryReader& reader) {
    if (tracks_ > reader.rest_size() / kTrackBytesMin) return Corrupt("tracks are missing");
    pack_.tracks.reserve(tracks_);
    for (std::uint64_t i = 0; i < tracks_; ++i) {
      TrackSummary track{.id = reader.Take<std::int64_t>(),
                         .shot = reader.Take<std::int64_t>(),
                         .start = MediaTime{reader.Take<std::int64_t>()},
                         .end = MediaTime{reader.Take<std::int64_t>()},
                         .until = MediaTime{reader.Take<std::int64_t>()},
                         .count = reader.Take<std::int64_t>()};
      track.best_frame_id = reader.Take<std::int64_t>();
      track.best_index = reader.Take<std::int32_t>();
      track.mean_confidence = reader.Take<float>();
      track.quality = reader.Take<float>();
      track.embedding_count = reader.Take<std::int64_t>();
      track.needs_tiles = reader.Take<std::uint8_t>() != 0;
      const std::size_t length = reader.Take<std::uint32_t>();
      if (length > reader.rest_size() / sizeof(float)) return Corrupt("a track's vector is cut");
      track.embedding.resize(length);
      for (float& x : track.embedding) x = reader.Take<float>();
      const bool is_other_size =
          !track.embedding.empty() && vector_size_ != 0 && track.embedding.size() != vector_size_;
      if (is_other_size) return Corrupt("its vectors are of several lengths");
      vector_size_ = std::max(vector_size_, track.embedding.size());
      if (!pack_.tracks.empty() && track.id <= pack_.tracks.back().id) {
        return Corrupt("tracks are out of order");
      }
      pack_.tracks.push_back(std::move(track));
    }
    return {};
  }

  Result<void> ReadSightings(BinaryReader& reader) {
    if (sightings_ > reader.rest_size() / kSightingBytes) return Corrupt("sightings are missing");
    pack_.sightings.reserve(sightings_);
    std::uint32_t sample = 0;
    for (std::uint64_t i = 0; i < sightings_; ++i) {
      PresencePack::Seen seen{.track_id = reader.Take<std::int64_t>()};
      const auto frame_id = reader.Take<std::int64_t>();
      seen.score = reader.Take<float>();
      seen.box.x1 = reader.Take<float>();
      seen.box.y1 = reader.Take<float>();
      seen.box.x2 = reader.Take<float>();
      seen.box.y2 = reader.Take<float>();
      while (sample < pack_.samples.size() && pack_.samples[sample].frame_id < frame_id) ++sample;
      const bool is_sampled =
          sample < pack_.samples.size() && pack_.samples[sample].frame_id == frame_id;
      if (!is_sampled) return Corrupt("a face is in a frame that is not among the samples");
      seen.sample = sample;
      pack_.sightings.push_back(seen);
    }
    return {};
  }

  std::string_view bytes_;
  const std::string& what_;
  std::size_t footer_bytes_ = 0;
  std::uint64_t samples_ = 0;
  std::uint64_t tracks_ = 0;
  std::uint64_t sightings_ = 0;
  std::size_t vector_size_ = 0;
  PresencePack pack_;
};

}  // namespace

Result<PresencePackWriter> PresencePackWriter::Create(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(artifacts::OutputFile file, artifacts::OutputFile::Create(path));
  std::string header;
  BinaryWriter writer(header);
  writer.PutBytes(kPackBegins);
  writer.Put(kPackVersion);
  writer.Put(std::uint32_t{0});
  ROLLCALL_TRY(file.Append(header));
  return PresencePackWriter(std::move(file));
}

Result<void> PresencePackWriter::Add(const Sample& sample) {
  std::string bytes;
  BinaryWriter writer(bytes);
  writer.Put(sample.frame_id);
  writer.Put(sample.pts.count());
  writer.Put(sample.until.count());
  writer.Put(sample.cut_score);
  writer.Put(static_cast<std::uint8_t>((sample.is_cut ? kIsCut : 0) |
                                       (sample.with_tiles ? kWithTiles : 0)));
  ++samples_;
  return file_.Append(bytes);
}

Result<void> PresencePackWriter::Add(const TrackSummary& track) {
  std::string bytes;
  BinaryWriter writer(bytes);
  writer.Put(track.id);
  writer.Put(track.shot);
  writer.Put(track.start.count());
  writer.Put(track.end.count());
  writer.Put(track.until.count());
  writer.Put(track.count);
  writer.Put(track.best_frame_id);
  writer.Put(track.best_index);
  writer.Put(track.mean_confidence);
  writer.Put(track.quality);
  writer.Put(track.embedding_count);
  writer.Put(static_cast<std::uint8_t>(track.needs_tiles ? 1 : 0));
  writer.Put(static_cast<std::uint32_t>(track.embedding.size()));
  for (const float x : track.embedding) writer.Put(x);
  ++tracks_;
  return file_.Append(bytes);
}

Result<void> PresencePackWriter::Add(const PresenceSighting& sighting) {
  std::string bytes;
  BinaryWriter writer(bytes);
  writer.Put(sighting.track_id);
  writer.Put(sighting.frame_id);
  writer.Put(sighting.score);
  for (const float corner : {sighting.box.x1, sighting.box.y1, sighting.box.x2, sighting.box.y2}) {
    writer.Put(corner);
  }
  ++sightings_;
  return file_.Append(bytes);
}

Result<void> PresencePackWriter::Finish(const PresenceFacts& facts) {
  const auto pair = [](const Interval& interval) {
    return Json{interval.start.count(), interval.end.count()};
  };
  Json gaps = Json::array();
  for (const Interval& gap : facts.gaps) gaps.push_back(pair(gap));
  Json groups = Json::array();
  for (const people::Group& group : facts.groups) {
    groups.push_back({{"id", group.id},
                      {"tracks", group.track_ids},
                      {"is_low_confidence", group.is_low_confidence}});
  }
  const Json footer{{"tracks_sha256", facts.tracks_sha256},
                    {"pictures", pair(facts.pictures)},
                    {"gaps", std::move(gaps)},
                    {"groups", std::move(groups)},
                    {"samples", samples_},
                    {"tracks", tracks_},
                    {"sightings", sightings_}};
  std::string bytes = footer.dump();
  const auto size = static_cast<std::uint32_t>(bytes.size());
  BinaryWriter writer(bytes);
  writer.Put(size);
  writer.PutBytes(kPackEnds);
  ROLLCALL_TRY(file_.Append(bytes));
  return file_.Close();
}

Result<PresencePack> ParsePresencePack(std::string_view bytes, const std::string& what) {
  return PackParser(bytes, what).Parse();
}

Result<PresencePack> ReadPresencePack(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(const std::string bytes, base::ReadFile(path));
  return ParsePresencePack(bytes, path.string());
}

}  // namespace rollcall::pipeline
