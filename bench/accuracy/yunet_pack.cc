#include "yunet_pack.h"

#include <system_error>

#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::bench {

namespace fs = std::filesystem;

base::Result<fs::path> MakeYunetPack(const Folders& folders, const fs::path& default_pack) {
  ROLLCALL_TRY_ASSIGN(std::string pack, base::ReadFile(default_pack / "pack.toml"));
  ROLLCALL_TRY_ASSIGN(const std::string detector,
                      base::ReadFile(folders.source / "bench/accuracy/yunet_detector.toml"));
  const std::size_t from = pack.find("[detector]");
  const std::size_t to = pack.find("[landmarks]");
  const std::string name = "name = \"default\"";
  const std::size_t name_at = pack.find(name);
  if (from == std::string::npos || to == std::string::npos || to < from || name_at > from) {
    return domain::MakeError(domain::reason::kBadConfig,
                             (default_pack / "pack.toml").string() +
                                 ": no name, [detector] and [landmarks] in this order");
  }
  pack.replace(from, to - from, detector + "\n");
  pack.replace(name_at, name.size(), "name = \"yunet\"");

  const fs::path folder = folders.work / "packs" / "yunet";
  std::error_code failed;
  fs::remove_all(folder, failed);
  ROLLCALL_TRY(base::MakeFolders(folder));
  for (const auto& entry : fs::directory_iterator(default_pack, failed)) {
    if (entry.path().extension() != ".onnx" || entry.path().filename() == "detector.onnx") continue;
    fs::copy_file(fs::canonical(entry.path()), folder / entry.path().filename(), failed);
  }
  const char* file = "face_detection_yunet_2023mar.onnx";
  if (!failed) fs::copy_file(folders.media / "models" / file, folder / file, failed);
  if (failed) return base::ErrnoError(failed.value(), "making the pack", folder);
  ROLLCALL_TRY(base::WriteFileAtomic(folder / "pack.toml", pack));
  return folder;
}

}  // namespace rollcall::bench
