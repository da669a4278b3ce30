#include "vision/pack_catalog.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "base/file.h"
#include "domain/reasons.h"
#include "vision/pack_file.h"

namespace rollcall::vision {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;

constexpr std::array<KnownDetector, 1> kDetectors{{{
    .name = "yunet",
    .version = "2023mar",
    .about = "YuNet: finds more faces than the default detector, with fewer false ones",
    .url = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
           "face_detection_yunet_2023mar.onnx",
    .file = "face_detection_yunet_2023mar.onnx",
    .sha256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    .size_bytes = 232'589,
    .licence = "MIT",
    .source = "OpenCV zoo, models/face_detection_yunet (libfacedetection.train)",
    .table = R"(kind = "yunet"
input = "input"
colour = "bgr"
[params]
input_width = 640
input_height = 640
mean = 0.0
scale = 1.0
score_min = 0.6
nms_iou = 0.3
)",
}}};

base::Error FileError(const std::error_code& error, std::string_view doing, const fs::path& path) {
  return base::ErrnoError(error.value(), doing, path);
}

base::Result<void> CopyInto(const fs::path& file, const fs::path& folder) {
  std::error_code error;
  const fs::path copy = folder / file.filename();
  // Made first, because copy_file would give the copy the modes of the original.
  ROLLCALL_TRY(base::WriteFileAtomic(copy, ""));
  const fs::perms modes = fs::status(copy, error).permissions();
  if (!error) fs::copy_file(file, copy, fs::copy_options::overwrite_existing, error);
  if (!error) fs::permissions(copy, modes, error);
  if (error) return FileError(error, "copy", file);
  return base::SyncFile(copy);
}

// pack.toml, the files that it names, and licence texts.
base::Result<void> CopyPackFiles(const ModelPack& pack, const fs::path& to) {
  ROLLCALL_TRY(base::MakeFolders(to));
  ROLLCALL_TRY(CopyInto(pack.folder() / "pack.toml", to));
  for (const PackRole& role : pack.roles()) {
    ROLLCALL_TRY(CopyInto(pack.folder() / role.file, to));
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(pack.folder(), error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("LICEN") && entry.is_regular_file()) {
      ROLLCALL_TRY(CopyInto(entry.path(), to));
    }
  }
  return {};
}

// Puts `made` in the place of `place`.
base::Result<void> MoveInPlace(const fs::path& made, const fs::path& place) {
  std::error_code error;
  const fs::path old = place.parent_path() / fmt::format(".old-{}", place.filename().string());
  fs::remove_all(old, error);
  if (fs::exists(place)) {
    fs::rename(place, old, error);
    if (error) return FileError(error, "replace", place);
  }
  fs::rename(made, place, error);
  if (error) return FileError(error, "put in place", place);
  fs::remove_all(old, error);
  return base::SyncFolder(place.parent_path());
}

bool IsFolderName(std::string_view name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.size() <= 64 && !name.starts_with('.') &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

// The base pack's pack.toml with another name and detector.
base::Result<std::string> WithDetector(const fs::path& base_toml, const KnownDetector& detector) {
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(base_toml));
  try {
    toml::table pack = toml::parse(text);
    toml::table table = toml::parse(detector.table);
    table.insert_or_assign("file", detector.file);
    table.insert_or_assign("sha256", detector.sha256);
    table.insert_or_assign("licence", detector.licence);
    table.insert_or_assign("source", detector.source);
    pack.insert_or_assign("name", detector.name);
    pack.insert_or_assign("version", detector.version);
    pack.insert_or_assign("detector", std::move(table));
    std::ostringstream made;
    made << pack << '\n';
    return made.str();
  } catch (const toml::parse_error& error) {
    return domain::MakeError(reason::kBadConfig,
                             fmt::format("{}: {}", base_toml.string(), error.description()));
  }
}

base::Result<void> GatherKnown(const KnownDetector& detector, const InstallRequest& request,
                               const fs::path& folder, const DownloadTick& tick) {
  ROLLCALL_TRY_ASSIGN(const ModelPack base_pack, ModelPack::Load(request.base_pack));
  const std::string url =
      request.mirror_url.empty() ? std::string(detector.url) : request.mirror_url;
  ROLLCALL_TRY(Download({.url = url,
                         .target = folder / detector.file,
                         .sha256 = std::string(detector.sha256),
                         .size_max = detector.size_bytes},
                        tick));
  ROLLCALL_TRY(CopyPackFiles(base_pack, folder));
  ROLLCALL_TRY_ASSIGN(const std::string toml,
                      WithDetector(request.base_pack / "pack.toml", detector));
  return base::WriteFileAtomic(folder / "pack.toml", toml);
}

base::Result<void> GatherFromUrl(const std::string& url, const fs::path& folder,
                                 const DownloadTick& tick) {
  constexpr std::int64_t kTomlSizeMax = 1'000'000;
  const fs::path toml = folder / "pack.toml";
  ROLLCALL_TRY(Download({.url = url, .target = toml, .sha256 = {}, .size_max = kTomlSizeMax}));
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(toml));
  ROLLCALL_TRY_ASSIGN(const PackFile pack, ParsePackFile(text, url));
  const std::string beside = url.substr(0, url.rfind('/') + 1);
  for (const PackFile::Role& role : pack.roles) {
    const fs::path target = folder / role.role.file;
    std::error_code ignored;
    if (fs::exists(target, ignored)) {
      ROLLCALL_TRY_ASSIGN(const base::FileDigest digest, base::DigestFile(target));
      if (digest.sha256 == role.role.sha256) continue;
    }
    ROLLCALL_TRY(Download(
        {.url = beside + role.role.file, .target = target, .sha256 = role.role.sha256}, tick));
  }
  return {};
}

}  // namespace

std::span<const KnownDetector> KnownDetectors() { return kDetectors; }

base::Result<ModelPack> PackAdd(const fs::path& folder, const fs::path& models_dir) {
  ROLLCALL_TRY_ASSIGN(const ModelPack pack, ModelPack::Load(folder));
  ROLLCALL_TRY(pack.Verify());
  if (!IsFolderName(pack.name())) {
    return domain::MakeError(reason::kBadConfig,
                             fmt::format("\"{}\" cannot be the name of a pack", pack.name()),
                             "use letters, digits, '-', '_' and '.'");
  }
  const fs::path place = models_dir / pack.name();
  std::error_code ignored;
  if (fs::equivalent(folder, place, ignored)) return pack;
  const fs::path made = models_dir / fmt::format(".new-{}", pack.name());
  fs::remove_all(made, ignored);
  ROLLCALL_TRY(CopyPackFiles(pack, made));
  ROLLCALL_TRY(MoveInPlace(made, place));
  return ModelPack::Load(place);
}

base::Result<ModelPack> PackInstall(const InstallRequest& request, const DownloadTick& tick) {
  const auto known = std::ranges::find(kDetectors, request.name_or_url, &KnownDetector::name);
  const bool is_url = request.name_or_url.find("://") != std::string::npos;
  if (known == kDetectors.end() && !is_url) {
    std::string names;
    for (const KnownDetector& each : kDetectors) names += fmt::format(" {}", each.name);
    return domain::MakeError(reason::kBadParams,
                             fmt::format("no pack is known as '{}'", request.name_or_url),
                             "known are:" + names + "; or give the address of a pack.toml");
  }
  // Named after what is fetched, so that the next call finds what this one leaves unfinished.
  const fs::path folder = request.models_dir /
                          fmt::format(".fetch-{}", base::Sha256(request.name_or_url).substr(0, 16));
  ROLLCALL_TRY(base::MakeFolders(folder));
  ROLLCALL_TRY(is_url ? GatherFromUrl(request.name_or_url, folder, tick)
                      : GatherKnown(*known, request, folder, tick));
  base::Result<ModelPack> pack = PackAdd(folder, request.models_dir);
  std::error_code ignored;
  if (pack.ok()) fs::remove_all(folder, ignored);
  return pack;
}

}  // namespace rollcall::vision
