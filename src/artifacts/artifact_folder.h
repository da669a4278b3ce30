#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "domain/stage_handler.h"

namespace rollcall::artifacts {

// Where one attempt of one stage puts its finished files: "<name>.g<token>" in its staging folder,
// from where the runtime moves them to the same place in the data directory. The token keeps an
// older or newer attempt from touching them there.
//
// Thread-compatible.
class ArtifactFolder {
 public:
  // `on_bytes` is told of what is written out and of what is hashed: each byte of a file twice.
  ArtifactFolder(std::filesystem::path staging_dir, std::int64_t token, base::OnBytes on_bytes = {})
      : staging_dir_(std::move(staging_dir)), token_(token), on_bytes_(std::move(on_bytes)) {}

  // Absolute path to write `name` ("harvest/x/tracks.json") at; its folder exists afterwards.
  // kInvalidArgument for a name that leaves it.
  base::Result<std::filesystem::path> PathFor(std::string_view name) const;
  // Makes a file written at PathFor(name) durable and describes it: fdatasync, size, SHA-256,
  // fsync of its folder. A file that cannot be made durable is removed.
  base::Result<domain::Artifact> Seal(std::string_view name, std::int64_t count) const;
  // Both, for bytes in memory. Leaves no file behind when it fails.
  base::Result<domain::Artifact> Write(std::string_view name, std::string_view bytes,
                                       std::int64_t count) const;

 private:
  std::filesystem::path staging_dir_;
  std::int64_t token_;
  base::OnBytes on_bytes_;
};

// The input of that name; where several stages made one, the first of them: the
// nearest stage's come first. kFailedPrecondition / ERR_PREREQ_FAILED when no stage handed it over.
base::Result<domain::Artifact> FindInput(const domain::StageAssignment& assignment,
                                         std::string_view name);

}  // namespace rollcall::artifacts
