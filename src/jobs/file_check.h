#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::jobs {

// Whether `path` stays inside the data directory: relative, and without "..".
bool IsInside(std::string_view path);

// Whether every artefact is there with the size and the hash that it is said to have. kDataLoss /
// ERR_ARTIFACT_CORRUPT names the first that is not. Reads all bytes.
base::Result<void> CheckArtifacts(const std::filesystem::path& data_dir,
                                  std::span<const domain::Artifact> artifacts);

// The same without reading: there, and of the right size.
bool HasArtifacts(const std::filesystem::path& data_dir,
                  std::span<const domain::Artifact> artifacts);

// How many segments from the first on are contiguous, there, and have the size and hash of their
// row. Reads all bytes up to the first bad one.
std::size_t CountIntactSegments(const std::filesystem::path& data_dir,
                                std::span<const domain::Segment> segments);

}  // namespace rollcall::jobs
