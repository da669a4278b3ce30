#include "vision/testing/real_packs.h"

#include <fmt/format.h>

#include "base/file.h"

namespace rollcall::vision {
namespace {

struct RealDetector {
  std::string_view file;
  std::string_view table;
};

constexpr RealDetector kYunet{"face_detection_yunet_2023mar.onnx", R"(kind = "yunet"
colour = "bgr"
[detector.params]
input_width = 640
input_height = 640
mean = 0
scale = 1
score_min = 0.6
nms_iou = 0.4
)"};
constexpr RealDetector kRetinaface{"FaceDetector_mobile0.25.onnx", R"(kind = "retinaface"
outputs = ["output0", "572", "571"]
colour = "bgr"
[detector.params]
input_width = 640
input_height = 640
mean_r = 123
mean_g = 117
mean_b = 104
scale = 1
score_min = 0.5
nms_iou = 0.4
)"};

}  // namespace

base::Result<ModelPack> RealPack(const std::string& name, const std::filesystem::path& deps_dir,
                                 const std::filesystem::path& media,
                                 const std::filesystem::path& folder) {
  const std::filesystem::path own = deps_dir / "models" / "default";
  if (name == "default") return ModelPack::Load(own);
  const RealDetector& detector = name == "yunet" ? kYunet : kRetinaface;
  const std::filesystem::path model = media / "models" / detector.file;
  ROLLCALL_TRY_ASSIGN(const base::FileDigest digest, base::DigestFile(model));
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(own / "pack.toml"));
  for (const auto& entry : std::filesystem::directory_iterator(own)) {
    std::filesystem::create_symlink(entry.path(), folder / entry.path().filename());
  }
  std::filesystem::remove(folder / "pack.toml");
  std::filesystem::create_symlink(model, folder / detector.file);
  const std::string toml = fmt::format(
      "name = \"{}\"\nversion = \"1\"\n[detector]\nfile = \"{}\"\nsha256 = \"{}\"\n"
      "licence = \"MIT\"\nsource = \"test\"\n{}{}",
      name, detector.file, digest.sha256, detector.table, text.substr(text.find("[landmarks]")));
  ROLLCALL_TRY(base::WriteFileAtomic(folder / "pack.toml", toml));
  return ModelPack::Load(folder);
}

}  // namespace rollcall::vision
