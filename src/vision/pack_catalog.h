#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "vision/download.h"
#include "vision/model_pack.h"

namespace rollcall::vision {

// A detector that may be fetched from where its makers publish it, and everything that pack.toml
// must say of it. The other roles come from the pack that is already there.
struct KnownDetector {
  std::string_view name;  // Of the pack that it becomes: "yunet".
  std::string_view version;
  std::string_view about;  // One line for a person.
  std::string_view url;
  std::string_view file;
  std::string_view sha256;
  std::int64_t size_bytes;
  std::string_view licence;
  std::string_view source;
  std::string_view table;  // kind, colour, [params] … as TOML.
};
std::span<const KnownDetector> KnownDetectors();

// Checks the pack in `folder` (it loads, every hash is right) and copies its files into
// `models_dir`/<its name>: there whole or not at all. One of the same name is replaced.
// Errors as ModelPack::Load and Verify; what ErrnoError says.
base::Result<ModelPack> PackAdd(const std::filesystem::path& folder,
                                const std::filesystem::path& models_dir);

struct InstallRequest {
  std::string name_or_url;           // A KnownDetector, or the address of a pack.toml.
  std::filesystem::path models_dir;  // Where packs live; made if need be.
  std::filesystem::path base_pack;   // Gives a known detector its other roles.
  std::string mirror_url;            // Instead of the known detector's own address.
};
// Fetches a pack and adds it. What was fetched before an interruption is kept and gone on with. For
// an address, the files of the pack are fetched from beside its pack.toml and must have the hashes
// that it names. ERR_BAD_PARAMS for an unknown name; else as Download, PackAdd.
base::Result<ModelPack> PackInstall(const InstallRequest& request, const DownloadTick& tick = {});

}  // namespace rollcall::vision
