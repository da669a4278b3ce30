#include "vision/model_pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/json.h"
#include "domain/reasons.h"
#include "vision/arcface_embedder.h"
#include "vision/network_detector.h"
#include "vision/pack_file.h"
#include "vision/pts68_landmarker.h"
#include "vision/retinaface_detector.h"
#include "vision/scrfd_detector.h"
#include "vision/softmax_expression.h"
#include "vision/ulfg_detector.h"
#include "vision/yunet_detector.h"

namespace rollcall::vision {

struct ModelPack::Tables {
  std::optional<DetectorPlan> detector;
  std::optional<Pts68Plan> landmarks;
  std::optional<ArcfacePlan> embedder;
  std::optional<SoftmaxPlan> expression;
};

namespace {

struct DetectorKind {
  std::string_view name;
  DetectorPlan (*read)(ParamReader& params);
};
constexpr std::array<DetectorKind, 4> kDetectorKinds{{{"ulfg", ReadUlfgPlan},
                                                      {"retinaface", ReadRetinafacePlan},
                                                      {"scrfd", ReadScrfdPlan},
                                                      {"yunet", ReadYunetPlan}}};
constexpr ParamRange kShare{0.01, 0.999};

base::Result<void> RejectKind(ParamReader& params, const PackRole& role) {
  params.Reject(fmt::format("nothing is known of kind \"{}\" as {}", role.kind, role.role));
  return params.Finish();
}

base::Error NoSuchRole(const ModelPack& pack, std::string_view role) {
  return domain::MakeError(domain::reason::kModelMissing,
                           fmt::format("model pack {} has no {}", pack.name(), role),
                           "choose a pack that has one: `rollcall models list`");
}

// The role's session, and the name that stands in reports.
struct LoadedRole {
  std::string name;
  std::unique_ptr<runtime::Session> session;
};
base::Result<LoadedRole> LoadRole(const ModelPack& pack, std::string_view role_name,
                                  const ModelPack::RuntimeOptions& options) {
  const PackRole* role = pack.Find(role_name);
  if (role == nullptr) return NoSuchRole(pack, role_name);
  ROLLCALL_TRY_ASSIGN(auto session, runtime::Session::Create(pack.folder() / role->file,
                                                             {.provider = options.provider,
                                                              .threads = options.threads}));
  return LoadedRole{.name = pack.ModelName(*role), .session = std::move(session)};
}

// The same for the same numbers, in whatever order the file has them.
std::string DigestOf(const PackFile::Role& role) {
  base::Json table{{"kind", role.role.kind}};
  for (const auto& [key, value] : role.params) {
    std::visit([&, &key = key](const auto& each) { table[key] = each; }, value);
  }
  return base::Sha256(table.dump());
}

}  // namespace

base::Result<ModelPack> ModelPack::Load(const std::filesystem::path& folder) {
  const std::filesystem::path toml = folder / "pack.toml";
  base::Result<std::string> text = base::ReadFile(toml);
  if (!text.ok()) {
    return domain::MakeError(
        domain::reason::kModelMissing,
        fmt::format("there is no model pack in {}: {}", folder.string(), text.error().message));
  }
  ROLLCALL_TRY_ASSIGN(const PackFile file, ParsePackFile(*text, toml.string()));
  ModelPack pack;
  pack.name_ = file.name;
  pack.version_ = file.version;
  pack.folder_ = folder;
  Tables tables;
  for (const PackFile::Role& role : file.roles) {
    ROLLCALL_TRY(pack.ReadRole(role.role, role.params, toml, tables));
    pack.roles_.push_back(role.role);
    pack.roles_.back().table_sha256 = DigestOf(role);
  }
  pack.tables_ = std::make_shared<const Tables>(std::move(tables));
  return pack;
}

base::Result<void> ModelPack::ReadRole(const PackRole& role, const ParamTable& params,
                                       const std::filesystem::path& toml, Tables& tables) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(folder_ / role.file, ignored)) {
    return domain::MakeError(
        domain::reason::kModelMissing,
        fmt::format("model pack {} lacks its file {}", name_, (folder_ / role.file).string()));
  }
  ParamReader reader(params, fmt::format("{}, [{}]", toml.string(), role.role));
  if (role.role == "detector") {
    const auto* kind = std::ranges::find(kDetectorKinds, role.kind, &DetectorKind::name);
    if (kind == kDetectorKinds.end()) return RejectKind(reader, role);
    tables.detector = kind->read(reader);
    thresholds_.score_whole = reader.Number("score_min", kShare);
    wants_tiles_ = reader.Has("tile_score_min");
    thresholds_.score_tiles = reader.NumberOr("tile_score_min", kShare, thresholds_.score_whole);
    thresholds_.second_look.below = reader.NumberOr("second_look_below", {0, 1}, 0);
    thresholds_.second_look.min =
        reader.NumberOr("second_look_min", kShare, thresholds_.second_look.min);
  } else if (role.role == "landmarks" && role.kind == "pts68") {
    tables.landmarks = ReadPts68Plan(reader);
  } else if (role.role == "embedder" && role.kind == "arcface") {
    tables.embedder = ReadArcfacePlan(reader);
    thresholds_.same_person = reader.Number("same_person_min", kShare);
    thresholds_.raw_norm_min = reader.NumberOr("raw_norm_min", {0, 1000}, 0);
    thresholds_.raw_norm_typical =
        reader.NumberOr("raw_norm_typical", {0.001, 1000}, thresholds_.raw_norm_typical);
  } else if (role.role == "expression" && role.kind == "softmax") {
    tables.expression = ReadSoftmaxPlan(reader);
  } else {
    return RejectKind(reader, role);
  }
  return reader.Finish();
}

base::Result<void> ModelPack::Verify() const {
  for (const PackRole& role : roles_) ROLLCALL_TRY(Verify(role));
  return {};
}

base::Result<void> ModelPack::Verify(const PackRole& role, const base::OnBytes& on_bytes) const {
  const std::filesystem::path file = folder_ / role.file;
  base::Result<base::FileDigest> digest = base::DigestFile(file, on_bytes);
  if (!digest.ok() && digest.error().code == base::ErrorCode::kCancelled) {
    return std::move(digest).error();
  }
  if (!digest.ok()) {
    return domain::MakeError(domain::reason::kModelMissing,
                             fmt::format("the {} of model pack {} cannot be read: {}", role.role,
                                         name_, digest.error().message));
  }
  if (digest->sha256 == role.sha256) return {};
  return domain::MakeError(domain::reason::kModelAltered,
                           fmt::format("{} has SHA-256 {}, the pack names {}", file.string(),
                                       digest->sha256, role.sha256));
}

std::string ModelPack::ModelName(const PackRole& role) const {
  return fmt::format("{}/{}", name_, role.file);
}

const PackRole* ModelPack::Find(std::string_view role) const {
  const auto found = std::ranges::find(roles_, role, &PackRole::role);
  return found == roles_.end() ? nullptr : &*found;
}

base::Result<std::unique_ptr<FaceDetector>> ModelPack::MakeDetector(
    const RuntimeOptions& options) const {
  ROLLCALL_TRY_ASSIGN(LoadedRole loaded, LoadRole(*this, "detector", options));
  return NetworkDetector::Create(std::move(loaded.name), std::move(loaded.session),
                                 *tables_->detector);
}

base::Result<std::unique_ptr<FaceLandmarker>> ModelPack::MakeLandmarker(
    const RuntimeOptions& options) const {
  ROLLCALL_TRY_ASSIGN(LoadedRole loaded, LoadRole(*this, "landmarks", options));
  return Pts68Landmarker::Create(std::move(loaded.name), std::move(loaded.session),
                                 *tables_->landmarks);
}

base::Result<std::unique_ptr<FaceEmbedder>> ModelPack::MakeEmbedder(
    const RuntimeOptions& options) const {
  ROLLCALL_TRY_ASSIGN(LoadedRole loaded, LoadRole(*this, "embedder", options));
  return ArcfaceEmbedder::Create(std::move(loaded.name), std::move(loaded.session),
                                 *tables_->embedder);
}

base::Result<std::unique_ptr<ExpressionClassifier>> ModelPack::MakeExpression(
    const RuntimeOptions& options) const {
  ROLLCALL_TRY_ASSIGN(LoadedRole loaded, LoadRole(*this, "expression", options));
  return SoftmaxExpression::Create(std::move(loaded.name), std::move(loaded.session),
                                   *tables_->expression);
}

}  // namespace rollcall::vision
