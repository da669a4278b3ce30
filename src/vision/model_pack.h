#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "vision/face_analyzer.h"
#include "vision/face_detector.h"
#include "vision/pack_params.h"

namespace rollcall::vision {

// One model file of a pack and all numbers that go with it.
struct PackRole {
  std::string role;  // detector landmarks embedder expression pose
  std::string kind;  // ulfg retinaface scrfd yunet pts68 arcface softmax
  std::string file;  // Relative to the pack.
  std::string sha256;
  std::string licence;
  std::string source;
  // Of all that its table says besides file, licence and source: what its numbers do.
  std::string table_sha256;
};

// A folder with pack.toml and model files. Code knows decoder kinds, never particular files.
class ModelPack {
 public:
  struct RuntimeOptions {
    std::string provider = "cpu";  // Missing → ERR_PROVIDER_MISSING, never a silent fall-back.
    int threads = 1;               // Intra-op.
  };

  // Reads pack.toml. ERR_MODEL_MISSING (no folder, no file), ERR_BAD_CONFIG (bad TOML, unknown
  // kind, missing number). Does not hash the files: see Verify.
  static base::Result<ModelPack> Load(const std::filesystem::path& folder);

  // Hashes every file, or that of one of roles(). ERR_MODEL_MISSING, ERR_MODEL_ALTERED.
  base::Result<void> Verify() const;
  base::Result<void> Verify(const PackRole& role, const base::OnBytes& on_bytes = {}) const;

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::filesystem::path& folder() const { return folder_; }
  const std::vector<PackRole>& roles() const { return roles_; }
  const PackRole* Find(std::string_view role) const;
  // As logs and reports have it: "default/detector.onnx".
  std::string ModelName(const PackRole& role) const;
  // Recommended thresholds of this pack: detector score at whole-picture and tiled search, the
  // cosine from which two faces are one person, the raw norm below which a crop is bad.
  struct Thresholds {
    float score_whole = 0.6F;
    float score_tiles = 0.7F;
    float same_person = 0.40F;
    float raw_norm_min = 2.4F;
    float raw_norm_typical = 3.7F;  // Median of good crops.
    SecondLookRule second_look;     // For ConfirmFaces.
  };
  const Thresholds& thresholds() const { return thresholds_; }
  // Whether detect should search tiles at all (small fixed input) for this detector.
  bool wants_tiles() const { return wants_tiles_; }

  // ERR_MODEL_MISSING when the pack has no such role. Loading takes 0.05 to 3 s.
  base::Result<std::unique_ptr<FaceDetector>> MakeDetector(const RuntimeOptions& options) const;
  base::Result<std::unique_ptr<FaceLandmarker>> MakeLandmarker(const RuntimeOptions& options) const;
  base::Result<std::unique_ptr<FaceEmbedder>> MakeEmbedder(const RuntimeOptions& options) const;
  base::Result<std::unique_ptr<ExpressionClassifier>> MakeExpression(
      const RuntimeOptions& options) const;

 private:
  ModelPack() = default;
  std::string name_;
  std::string version_;
  std::filesystem::path folder_;
  std::vector<PackRole> roles_;
  Thresholds thresholds_;
  bool wants_tiles_ = false;
  struct Tables;  // The parsed numbers.
  base::Result<void> ReadRole(const PackRole& role, const ParamTable& params,
                              const std::filesystem::path& toml, Tables& tables);
  std::shared_ptr<const Tables> tables_;  // Shared by copies of the pack; immutable.
};

}  // namespace rollcall::vision
