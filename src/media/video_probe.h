#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "domain/media_time.h"

namespace rollcall::media {

// What a container says of its video, read without decoding more than a few frames.
struct VideoProbe {
  std::string container;  // "mov,mp4,…" as libav names it
  std::string codec;      // "h264"
  std::string pixel_format;
  int bit_depth = 8;
  int coded_width = 0;
  int coded_height = 0;
  int width = 0;  // As displayed: rotated upright, square pixels.
  int height = 0;
  int rotation_degrees = 0;  // 0, 90, 180, 270, clockwise to show upright.
  std::int64_t sample_aspect_num = 1;
  std::int64_t sample_aspect_den = 1;
  domain::MediaTime zero{};      // The file's zero on the container's own clock.
  domain::MediaTime start{};     // The first picture, on the same clock.
  domain::MediaTime duration{};  // Of the video stream; 0 if the container does not say.
  double frames_per_second = 0;  // Average; 0 if unknown.
  bool has_audio = false;
  std::int64_t size_bytes = 0;
};

// kNotFound / ERR_VIDEO_NOT_FOUND (missing), ERR_PERMISSION, ERR_VIDEO_UNREADABLE (directory,
// empty, not a video, damaged beyond opening), ERR_VIDEO_NO_PICTURE (audio only, no decoder for
// it), ERR_VIDEO_TOO_LARGE (either side above 8192 pixels). `on_bytes`, here and below, is told of
// all that is read.
base::Result<VideoProbe> Probe(const std::filesystem::path& path, base::OnBytes on_bytes = {});

// SHA-256 over the size and up to 64 blocks of 64 KiB spread over the file, first and last among
// them: tells videos apart without reading gigabytes. Hex. Errors as Probe for missing/unreadable.
base::Result<std::string> Fingerprint(const std::filesystem::path& path,
                                      const base::OnBytes& on_bytes = {});

// Reads the first frames for real: kOk says that a decoder gets a picture out of it.
// ERR_VIDEO_UNREADABLE if none comes in the first seconds.
base::Result<void> CheckDecodable(const std::filesystem::path& path, base::OnBytes on_bytes = {});

}  // namespace rollcall::media
