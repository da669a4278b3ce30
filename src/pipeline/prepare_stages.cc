#include "pipeline/prepare_stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "artifacts/artifact_folder.h"
#include "base/file.h"
#include "base/shown_text.h"
#include "domain/reasons.h"
#include "media/packet_index.h"
#include "media/video_probe.h"
#include "pipeline/episode_params.h"
#include "pipeline/manifest.h"
#include "pipeline/sampling_plan.h"
#include "pipeline/work_meter.h"

namespace rollcall::pipeline {
namespace {

base::Json ProbeJson(const EpisodeParams& params, const media::VideoProbe& probe,
                     const base::FileDigest& digest) {
  return {{"episode_id", params.episode_key},
          {"file", base::ShownBytes(params.video_path.filename().native())},
          {"size_bytes", digest.size_bytes},
          {"sha256", digest.sha256},
          {"fingerprint", params.fingerprint},
          {"container", probe.container},
          {"codec", probe.codec},
          {"pixel_format", probe.pixel_format},
          {"bit_depth", probe.bit_depth},
          {"width_px", probe.width},
          {"height_px", probe.height},
          {"coded_width_px", probe.coded_width},
          {"coded_height_px", probe.coded_height},
          {"rotation_degrees", probe.rotation_degrees},
          {"sample_aspect", {probe.sample_aspect_num, probe.sample_aspect_den}},
          {"zero_us", probe.zero.count()},
          {"start_us", probe.start.count()},
          {"duration_us", probe.duration.count()},
          {"frames_per_second", probe.frames_per_second},
          {"has_audio", probe.has_audio}};
}

// What a draft cannot know: who comes and goes between two keyframes that are far apart.
void WarnOfFewKeyframes(Manifest& manifest) {
  constexpr domain::MediaTime kFar = std::chrono::seconds{5};
  const media::PacketIndex& index = manifest.index;
  domain::MediaTime longest{0};
  domain::MediaTime last = index.start();
  for (const std::int64_t sample : manifest.plan) {
    const domain::MediaTime pts = index.packets[static_cast<std::size_t>(sample)].pts;
    longest = std::max(longest, pts - last);
    last = pts;
  }
  longest = std::max(longest, index.end - last);
  if (longest <= kFar && manifest.plan.size() > 1) return;
  manifest.index.warnings.push_back(fmt::format(
      "a draft looks at whole keyframes only, and there {} of them in {:.1f} s, up to {:.1f} s "
      "apart: who comes and goes in between is not seen; `--effort normal` sees it",
      manifest.plan.size() == 1 ? "is 1" : fmt::format("are {}", manifest.plan.size()),
      static_cast<double>(index.length().count()) / 1e6,
      static_cast<double>(longest.count()) / 1e6));
}

}  // namespace

base::Result<domain::StageOutput> ValidateStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  context.SetPhase(domain::Phase::kWork);
  WorkMeter bytes(context, "bytes");
  ROLLCALL_TRY_ASSIGN(const media::VideoProbe probe,
                      media::Probe(params.video_path, bytes.OnBytes()));
  ROLLCALL_TRY(media::CheckDecodable(params.video_path, bytes.OnBytes()));
  ROLLCALL_TRY_ASSIGN(const std::string fingerprint,
                      media::Fingerprint(params.video_path, bytes.OnBytes()));
  if (!params.fingerprint.empty() && fingerprint != params.fingerprint) {
    return domain::MakeError(domain::reason::kVideoChanged,
                             params.video_path.string() + " has changed since it was added");
  }
  bytes.Begin(probe.size_bytes);
  ROLLCALL_TRY_ASSIGN(const base::FileDigest digest,
                      base::DigestFile(params.video_path, bytes.OnBytes()));
  context.SetPhase(domain::Phase::kFinalise);
  const base::Json document = ProbeJson(params, probe, digest);
  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token, bytes.OnBytes());
  domain::StageOutput output;
  ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                      folder.Write(params.HarvestName("probe.json"), document.dump(1) + "\n", 1));
  bytes.Report();  // However short it was.
  output.result = {{"codec", probe.codec},
                   {"width_px", probe.width},
                   {"height_px", probe.height},
                   {"duration_ms", domain::ToMillis(probe.duration)},
                   {"size_bytes", digest.size_bytes}};
  return output;
}

base::Result<domain::StageOutput> ExtractStage::Run(domain::JobContext& context) {
  const domain::StageAssignment& assignment = context.assignment();
  ROLLCALL_TRY_ASSIGN(const EpisodeParams params, EpisodeParams::Parse(assignment));
  context.SetPhase(domain::Phase::kWork);
  WorkMeter bytes(context, "bytes");
  std::error_code ignored;  // What is wrong with the file is said by who opens it.
  bytes.Begin(static_cast<std::int64_t>(std::filesystem::file_size(params.video_path, ignored)));
  Manifest manifest;
  ROLLCALL_TRY_ASSIGN(manifest.index, media::IndexPackets(params.video_path, bytes.OnBytes()));
  bytes.Begin();
  if (manifest.index.packets.empty()) {
    return domain::MakeError(domain::reason::kVideoNoPicture,
                             params.video_path.string() + ": its video stream holds no picture");
  }
  if (manifest.index.packets.size() == 1) {
    return domain::MakeError(
        domain::reason::kVideoUnreadable,
        params.video_path.string() + " is a single picture: nobody is in it for any time",
        "give a video");
  }
  manifest.plan = PlanSamples(manifest.index, params.effort, SamplingOptions{});
  const auto frames = static_cast<std::int64_t>(manifest.index.packets.size());
  const auto samples = static_cast<std::int64_t>(manifest.plan.size());
  const auto keyframes =
      std::count_if(manifest.index.packets.begin(), manifest.index.packets.end(),
                    [](const media::PacketEntry& packet) { return packet.is_keyframe; });

  if (params.effort == Effort::kDraft) WarnOfFewKeyframes(manifest);

  context.SetPhase(domain::Phase::kFinalise);
  const artifacts::ArtifactFolder folder(assignment.staging_dir, assignment.token, bytes.OnBytes());
  ROLLCALL_TRY_ASSIGN(const auto path, folder.PathFor(params.HarvestName("manifest.parquet")));
  WorkMeter rows(context, "rows", kRowsPerLook);
  rows.Begin(frames);
  ROLLCALL_TRY(WriteManifest(path, params.episode_key, manifest, [&] { return rows.Advance(); }));
  domain::StageOutput output;
  bytes.Begin();
  ROLLCALL_TRY_ASSIGN(output.artifacts.emplace_back(),
                      folder.Seal(params.HarvestName("manifest.parquet"), frames));
  const base::Json document{{"frames", frames},
                            {"keyframes", keyframes},
                            {"samples", samples},
                            {"first_picture_us", manifest.index.start().count()},
                            {"end_us", manifest.index.end.count()},
                            {"duration_us", manifest.index.length().count()},
                            {"effort", EffortName(params.effort)},
                            {"warnings", manifest.index.warnings}};
  ROLLCALL_TRY_ASSIGN(
      output.artifacts.emplace_back(),
      folder.Write(params.HarvestName("extract.json"), document.dump(1) + "\n", frames));
  bytes.Report();  // The last word is in the stage's own unit.
  output.result = {{"frames", frames}, {"samples", samples}};
  return output;
}

}  // namespace rollcall::pipeline
