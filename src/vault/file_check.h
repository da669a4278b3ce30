#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::vault {

// Whether `path` stays inside the data directory: relative, and without "..".
bool IsInside(std::string_view path);

// Reads all of the file: base::DigestFile.
base::Result<base::FileDigest> ReadDigest(const std::filesystem::path& path);

// Whether every artefact is there with the size and the hash that it is said to have. kDataLoss /
// ERR_ARTIFACT_CORRUPT names the first that is not; other errors where one cannot be read, which
// says nothing about it. Reads all bytes, as do the next ones, unless `digest` knows better.
base::Result<void> CheckArtifacts(const std::filesystem::path& data_dir,
                                  std::span<const domain::Artifact> artifacts,
                                  const base::DigestFunction& digest = ReadDigest);

// The same without reading: there, and of the right size.
bool HasArtifacts(const std::filesystem::path& data_dir,
                  std::span<const domain::Artifact> artifacts);

// Whether the segment's file, if it has one, is there with its size and hash. kDataLoss /
// ERR_ARTIFACT_CORRUPT; other errors as CheckArtifacts.
base::Result<void> CheckSegment(const std::filesystem::path& data_dir,
                                const domain::Segment& segment,
                                const base::DigestFunction& digest = ReadDigest);

// How many segments from the first on are contiguous, there, and have the size and hash of their
// row. Stops at the first bad one.
struct IntactSegments {
  std::size_t count = 0;
  std::optional<base::Error> unreadable;  // Why it is not known of the next one.
};
IntactSegments CountIntactSegments(const std::filesystem::path& data_dir,
                                   std::span<const domain::Segment> segments,
                                   const base::DigestFunction& digest = ReadDigest);

}  // namespace rollcall::vault
