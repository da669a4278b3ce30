#include "ready_episode.h"

#include <fmt/format.h>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "domain/media_time.h"
#include "domain/reasons.h"
#include "media/packet_index.h"
#include "media/video_probe.h"

namespace rollcall::bench {
namespace {

using base::Json;
using compose::Truth;

constexpr double kFrameSlackMs = 100;  // Two frames that last twice as long.

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

base::Error Corrupt(const std::filesystem::path& path, std::string_view what) {
  return domain::MakeError(domain::reason::kArtifactCorrupt,
                           fmt::format("{}: {}", path.string(), what));
}

std::filesystem::path Beside(const std::filesystem::path& video, std::string_view extension) {
  std::filesystem::path path = video;
  return path.replace_extension(extension);
}

// shot,type,start_frame,end_frame,start_s,end_s,ids,emotion,source
base::Result<void> AddShot(const std::string& line, const media::PacketIndex& index, Truth& truth) {
  const std::vector<std::string> fields = Split(line, ',');
  const auto at_frame = [&index](const std::string& field) {
    const std::size_t frame = std::stoul(field);
    return domain::ToMillis(frame < index.packets.size() ? index.packets[frame].pts : index.end);
  };
  if (fields.size() < 7) return Corrupt("truth.csv", "a shot has seven fields or more: " + line);
  const compose::TruthInterval when{.start_ms = at_frame(fields[2]), .end_ms = at_frame(fields[3])};
  if (when.start_ms > 0) truth.cuts_ms.push_back(when.start_ms);
  if (fields[6] == "-") return {};
  const std::vector<std::string> ids = Split(fields[6], '+');
  const double width = static_cast<double>(truth.width) / static_cast<double>(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const compose::TruthKey key{.t_ms = when.start_ms,
                                .x = width * static_cast<double>(i),
                                .y = 0,
                                .width = width,
                                .height = static_cast<double>(truth.height)};
    truth.AddPlace(ids[i], {.when = when, .keys = {key}});
  }
  return {};
}

}  // namespace

base::Result<Truth> ReadReadyTruth(const std::filesystem::path& video) {
  const std::filesystem::path json_path = Beside(video, ".truth.json");
  ROLLCALL_TRY_ASSIGN(const std::string json_text, base::ReadFile(json_path));
  ROLLCALL_TRY_ASSIGN(const Json json, base::ParseJson(json_text, json_path.string()));
  ROLLCALL_TRY_ASSIGN(const std::string csv, base::ReadFile(Beside(video, ".truth.csv")));
  ROLLCALL_TRY_ASSIGN(const media::VideoProbe probe, media::Probe(video));
  ROLLCALL_TRY_ASSIGN(const media::PacketIndex index, media::IndexPackets(video));
  Truth truth;
  truth.width = probe.width;
  truth.height = probe.height;
  truth.duration_ms = domain::ToMillis(index.length());
  try {
    truth.frames_per_second = json.at("fps").get<double>();
    truth.frames = json.at("frames").get<std::int64_t>();
    const std::vector<std::string> lines = Split(csv, '\n');
    for (std::size_t i = 1; i < lines.size(); ++i) ROLLCALL_TRY(AddShot(lines[i], index, truth));
    if (truth.frames != std::ssize(index.packets)) {
      return Corrupt(json_path, "it is of another number of frames");
    }
    if (truth.people.size() != json.at("screen_time").size()) {
      return Corrupt(json_path, "its people are not those of the shots");
    }
    for (const compose::TruthPerson& person : truth.people) {
      const auto frames = json.at("screen_time").at(person.id).at("frames").get<std::int64_t>();
      const double told_ms = static_cast<double>(frames) * 1000 / truth.frames_per_second;
      if (std::abs(told_ms - static_cast<double>(person.seen_ms)) > kFrameSlackMs) {
        return Corrupt(json_path, person.id + " is seen for another time than in the shots");
      }
    }
  } catch (const std::exception& error) {  // Json's, and std::stod's.
    return Corrupt(json_path, error.what());
  }
  return truth;
}

}  // namespace rollcall::bench
