#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace rollcall::bench {

// The fixed 1080p H.264 files, made with ffmpeg from the media folder's clips and kept in `folder`.
struct SpeedFiles {
  std::filesystem::path clean;   // 1.5 Mbit/s.
  std::filesystem::path noisy;   // 15 Mbit/s, with film noise.
  std::filesystem::path looped;  // The clean one ten times, by stream copy.
};

// Four minutes each (the looped one forty), or 30 s (five minutes) when `is_quick`.
// kInternal if ffmpeg fails, with what it said.
base::Result<SpeedFiles> MakeSpeedFiles(const std::filesystem::path& media,
                                        const std::filesystem::path& folder, bool is_quick);

}  // namespace rollcall::bench
