#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::vault {

// A file, or a folder of files, that is or will be in a vault, as a row describes it. Size and hash
// are those of base::DigestFile, for a folder too.
struct StoredFile {
  std::string path;  // Relative to the vault: "harvest/x/embeddings.parquet.g7".
  std::int64_t size_bytes = 0;
  std::string sha256;
};

// The file of a row; of a segment that has one.
StoredFile FileOf(const domain::Artifact& artifact);
StoredFile FileOf(const domain::Segment& segment);

// Whether `path` can be one in a vault: relative, and of names of which none is empty, "." or "..",
// so that a file has one path only; and without the zero that ends it for a system call.
bool IsInside(std::string_view path);

// kDataLoss / ERR_ARTIFACT_CORRUPT: "<path> <what>", as in "a.g7 is not there".
base::Error NotAsDescribed(std::string_view path, std::string_view what);

// What a vault says of a path that is not inside it, and of a file that is not as it is described:
// NotAsDescribed.
base::Result<void> CheckInside(std::string_view path);
base::Result<void> CompareSize(const StoredFile& file, std::int64_t size_bytes);
base::Result<void> CompareDigest(const StoredFile& file, const base::FileDigest& digest);

}  // namespace rollcall::vault
