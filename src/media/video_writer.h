#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "domain/image.h"
#include "domain/media_time.h"

namespace rollcall::media {

// Encodes pictures to a file; for composed episodes and tests. Deterministic for one libav build.
class VideoWriter {
 public:
  struct Options {
    int width = 1280;
    int height = 720;
    int frames_per_second = 25;     // Time base hint; timestamps rule.
    std::string codec = "libx264";  // Any encoder that libav has: libx265, libvpx-vp9, mpeg2video…
    std::string pixel_format = "yuv420p";
    int keyframe_interval = 250;  // Frames.
    int crf = 20;                 // For codecs with constant quality; else bit_rate.
    std::int64_t bit_rate = 0;
    std::string preset = "veryfast";
    int rotation_degrees = 0;  // Display matrix metadata.
    int sample_aspect_num = 1;
    int sample_aspect_den = 1;
    domain::MediaTime start{};  // Timestamp of the first frame in the container.
  };
  // Container by extension. kInvalidArgument / ERR_BAD_PARAMS for what libav refuses.
  static base::Result<std::unique_ptr<VideoWriter>> Create(const std::filesystem::path& path,
                                                           Options options);
  virtual ~VideoWriter() = default;
  // `pts` ascending from 0. `image` has the size of the options.
  virtual base::Result<void> Write(const domain::Image& image, domain::MediaTime pts) = 0;
  // `end` is where the last frame ends. Call once.
  virtual base::Result<void> Finish(domain::MediaTime end) = 0;
};

}  // namespace rollcall::media
