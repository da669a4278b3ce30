#include "vision/model_pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "vision/testing/temp_folder.h"
#include "vision/testing/tiny_pack.h"

namespace rollcall::vision {
namespace {

using ::testing::HasSubstr;

class ModelPackTest : public ::testing::Test {
 protected:
  ModelPackTest() { WriteTinyPack(folder_.path()); }

  base::Error LoadError() {
    auto pack = ModelPack::Load(folder_.path());
    EXPECT_FALSE(pack.ok());
    return pack.ok() ? base::Error{} : pack.error();
  }
  void Replace(std::string_view from, std::string_view to) {
    std::string text = base::ReadFile(folder_.path() / "pack.toml").value();
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    ASSERT_TRUE(
        base::WriteFileAtomic(folder_.path() / "pack.toml", text.replace(at, from.size(), to))
            .ok());
  }

  TempFolder folder_;
};

TEST_F(ModelPackTest, KnowsItsRolesAndThresholds) {
  const auto pack = ModelPack::Load(folder_.path());
  ASSERT_TRUE(pack.ok()) << pack.error().ToString();
  EXPECT_EQ(pack->name(), "tiny");
  EXPECT_EQ(pack->version(), "1");
  ASSERT_EQ(pack->roles().size(), 1U);
  EXPECT_EQ(pack->Find("detector")->kind, "scrfd");
  EXPECT_EQ(pack->Find("embedder"), nullptr);
  EXPECT_FLOAT_EQ(pack->thresholds().score_whole, 0.5F);
  EXPECT_FALSE(pack->wants_tiles());
  EXPECT_TRUE(pack->Verify().ok());
}

TEST_F(ModelPackTest, WantsTilesWhenItHasAScoreForThem) {
  Replace("score_min = 0.5", "score_min = 0.5\ntile_score_min = 0.7");
  const auto pack = ModelPack::Load(folder_.path());
  ASSERT_TRUE(pack.ok());
  EXPECT_TRUE(pack->wants_tiles());
  EXPECT_FLOAT_EQ(pack->thresholds().score_tiles, 0.7F);
}

TEST_F(ModelPackTest, SaysWhenTheFolderIsMissing) {
  const auto pack = ModelPack::Load(folder_.path() / "none");
  ASSERT_FALSE(pack.ok());
  EXPECT_EQ(pack.error().reason, "ERR_MODEL_MISSING");
}

TEST_F(ModelPackTest, SaysWhenAFileIsMissing) {
  std::filesystem::remove(folder_.path() / "detector.onnx");
  const base::Error error = LoadError();
  EXPECT_EQ(error.reason, "ERR_MODEL_MISSING");
  EXPECT_THAT(error.message, HasSubstr("detector.onnx"));
}

TEST_F(ModelPackTest, SaysWhenAFileIsAltered) {
  const std::filesystem::path file = folder_.path() / "detector.onnx";
  std::string bytes = base::ReadFile(file).value();
  bytes.back() ^= 1;
  ASSERT_TRUE(base::WriteFileAtomic(file, bytes).ok());
  const auto pack = ModelPack::Load(folder_.path());
  ASSERT_TRUE(pack.ok());
  const auto verified = pack->Verify();
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().reason, "ERR_MODEL_ALTERED");
}

TEST_F(ModelPackTest, RefusesUnknownKind) {
  Replace("scrfd", "haar");
  EXPECT_THAT(LoadError().message, HasSubstr("\"haar\""));
}

TEST_F(ModelPackTest, RefusesKindOfAnotherRole) {
  Replace("scrfd", "arcface");
  EXPECT_EQ(LoadError().reason, "ERR_BAD_CONFIG");
}

TEST_F(ModelPackTest, RefusesMissingNumber) {
  Replace("nms_iou = 0.4", "");
  const base::Error error = LoadError();
  EXPECT_EQ(error.reason, "ERR_BAD_CONFIG");
  EXPECT_THAT(error.message, HasSubstr("'nms_iou' is missing"));
}

TEST_F(ModelPackTest, RefusesMisspeltNumber) {
  Replace("nms_iou = 0.4", "nms_iou = 0.4\nscore_flor = 0.2");
  EXPECT_THAT(LoadError().message, HasSubstr("'score_flor'"));
}

TEST_F(ModelPackTest, RefusesInputThatTheKindCannotTake) {
  Replace("input_width = 64", "input_width = 65");
  EXPECT_THAT(LoadError().message, HasSubstr("multiples of 32"));
}

TEST_F(ModelPackTest, RefusesNumbersThatDoNotFitTheNetwork) {
  Replace("input_width = 64", "input_width = 96");
  const auto pack = ModelPack::Load(folder_.path());
  ASSERT_TRUE(pack.ok());
  const auto detector = pack->MakeDetector({});
  ASSERT_FALSE(detector.ok());
  EXPECT_EQ(detector.error().reason, "ERR_BAD_CONFIG");
}

TEST_F(ModelPackTest, RefusesProviderThatIsNotThere) {
  const auto pack = ModelPack::Load(folder_.path());
  ASSERT_TRUE(pack.ok());
  const auto detector = pack->MakeDetector({.provider = "abacus"});
  ASSERT_FALSE(detector.ok());
  EXPECT_EQ(detector.error().reason, "ERR_PROVIDER_MISSING");
}

TEST_F(ModelPackTest, RefusesNetworkThatDoesNotParse) {
  ASSERT_TRUE(base::WriteFileAtomic(folder_.path() / "detector.onnx", "not a network").ok());
  const auto pack = ModelPack::Load(folder_.path());
  ASSERT_TRUE(pack.ok());
  const auto detector = pack->MakeDetector({});
  ASSERT_FALSE(detector.ok());
  EXPECT_EQ(detector.error().reason, "ERR_MODEL_ALTERED");
}

TEST_F(ModelPackTest, SaysWhichRoleItLacks) {
  const auto pack = ModelPack::Load(folder_.path());
  ASSERT_TRUE(pack.ok());
  const auto embedder = pack->MakeEmbedder({});
  ASSERT_FALSE(embedder.ok());
  EXPECT_EQ(embedder.error().reason, "ERR_MODEL_MISSING");
  EXPECT_THAT(embedder.error().message, HasSubstr("embedder"));
  EXPECT_FALSE(pack->MakeLandmarker({}).ok());
  EXPECT_FALSE(pack->MakeExpression({}).ok());
}

}  // namespace
}  // namespace rollcall::vision
