#include "vision/pack_catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "vision/testing/file_server.h"
#include "vision/testing/media_folder.h"
#include "vision/testing/temp_folder.h"
#include "vision/testing/tiny_pack.h"

namespace rollcall::vision {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PackCatalogTest : public ::testing::Test {
 protected:
  PackCatalogTest() {
    fs::create_directory(given_);
    WriteTinyPack(given_);
  }
  std::vector<std::string> Installed() const {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(models_, none)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  TempFolder folder_;
  fs::path given_ = folder_.path() / "given";
  fs::path models_ = folder_.path() / "models";
};

TEST_F(PackCatalogTest, AddsAPackUnderItsName) {
  const auto pack = PackAdd(given_, models_);
  ASSERT_TRUE(pack.ok()) << pack.error().ToString();
  EXPECT_EQ(pack->folder(), models_ / "tiny");
  EXPECT_TRUE(pack->Verify().ok());
  EXPECT_THAT(Installed(), testing::ElementsAre("tiny"));
}

TEST_F(PackCatalogTest, CopiesOnlyWhatThePackNames) {
  ASSERT_TRUE(base::WriteFileAtomic(given_ / "LICENSE", "MIT").ok());
  ASSERT_TRUE(base::WriteFileAtomic(given_ / "holiday.jpg", "").ok());
  ASSERT_TRUE(PackAdd(given_, models_).ok());
  EXPECT_TRUE(fs::exists(models_ / "tiny" / "LICENSE"));
  EXPECT_FALSE(fs::exists(models_ / "tiny" / "holiday.jpg"));
}

TEST_F(PackCatalogTest, ReplacesAnOlderPackOfTheSameName) {
  ASSERT_TRUE(PackAdd(given_, models_).ok());
  std::string text = base::ReadFile(given_ / "pack.toml").value();
  text.replace(text.find("version = \"1\""), 13, "version = \"2\"");
  ASSERT_TRUE(base::WriteFileAtomic(given_ / "pack.toml", text).ok());
  const auto pack = PackAdd(given_, models_);
  ASSERT_TRUE(pack.ok());
  EXPECT_EQ(pack->version(), "2");
  EXPECT_THAT(Installed(), testing::ElementsAre("tiny"));
}

TEST_F(PackCatalogTest, RefusesAlteredPackAndLeavesNothing) {
  ASSERT_TRUE(base::WriteFileAtomic(given_ / "detector.onnx", "other").ok());
  const auto pack = PackAdd(given_, models_);
  ASSERT_FALSE(pack.ok());
  EXPECT_EQ(pack.error().reason, "ERR_MODEL_ALTERED");
  EXPECT_TRUE(Installed().empty());
}

TEST_F(PackCatalogTest, RefusesNameThatLeadsOutside) {
  std::string text = base::ReadFile(given_ / "pack.toml").value();
  text.replace(text.find("\"tiny\""), 6, "\"../x\"");
  ASSERT_TRUE(base::WriteFileAtomic(given_ / "pack.toml", text).ok());
  EXPECT_FALSE(PackAdd(given_, models_).ok());
}

TEST_F(PackCatalogTest, InstallsFromAnAddress) {
  FileServer server;
  server.Put("packs/pack.toml", base::ReadFile(given_ / "pack.toml").value());
  server.Put("packs/detector.onnx", base::ReadFile(given_ / "detector.onnx").value());
  const auto pack = PackInstall({.name_or_url = server.Url("packs/pack.toml"),
                                 .models_dir = models_,
                                 .base_pack = {},
                                 .mirror_url = {}});
  ASSERT_TRUE(pack.ok()) << pack.error().ToString();
  EXPECT_TRUE(pack->Verify().ok());
  EXPECT_THAT(Installed(), testing::ElementsAre("tiny"));
}

TEST_F(PackCatalogTest, GoesOnWithAnInstallationThatBrokeOff) {
  FileServer server;
  const std::string model = base::ReadFile(given_ / "detector.onnx").value();
  server.Put("pack.toml", base::ReadFile(given_ / "pack.toml").value());
  const InstallRequest request{.name_or_url = server.Url("pack.toml"),
                               .models_dir = models_,
                               .base_pack = {},
                               .mirror_url = {}};
  const auto missing = PackInstall(request);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().reason, "ERR_DOWNLOAD_FAILED");
  server.Put("detector.onnx", model);
  EXPECT_TRUE(PackInstall(request).ok());
  EXPECT_THAT(Installed(), testing::ElementsAre("tiny"));
}

TEST_F(PackCatalogTest, RefusesUnknownNameAndSaysWhichAreKnown) {
  const auto pack = PackInstall(
      {.name_or_url = "haar", .models_dir = models_, .base_pack = given_, .mirror_url = {}});
  ASSERT_FALSE(pack.ok());
  EXPECT_EQ(pack.error().reason, "ERR_BAD_PARAMS");
  EXPECT_THAT(pack.error().hint, HasSubstr("yunet"));
}

TEST_F(PackCatalogTest, RefusesKnownDetectorThatIsNotTheOne) {
  FileServer server;
  server.Put("yunet.onnx", "not the one");
  const auto pack = PackInstall({.name_or_url = "yunet",
                                 .models_dir = models_,
                                 .base_pack = given_,
                                 .mirror_url = server.Url("yunet.onnx")});
  ASSERT_FALSE(pack.ok());
  EXPECT_EQ(pack.error().reason, "ERR_MODEL_ALTERED");
}

// With the real file, from a mirror on this machine, on top of the real default pack.
TEST_F(PackCatalogTest, MakesAPackOfAKnownDetectorAndTheBase) {
  const fs::path media = MediaFolder(ROLLCALL_SOURCE_DIR);
  if (media.empty()) GTEST_SKIP() << "no shared media: installing a known detector is not checked";
  const KnownDetector& known = KnownDetectors().front();
  FileServer server;
  server.Put("mirror", base::ReadFile(media / "models" / known.file).value());
  const fs::path base_pack = fs::path(ROLLCALL_DEPS_DIR) / "models" / "default";
  const auto pack = PackInstall({.name_or_url = std::string(known.name),
                                 .models_dir = models_,
                                 .base_pack = base_pack,
                                 .mirror_url = server.Url("mirror")});
  ASSERT_TRUE(pack.ok()) << pack.error().ToString();
  EXPECT_EQ(pack->name(), "yunet");
  EXPECT_EQ(pack->Find("detector")->kind, "yunet");
  const auto base = ModelPack::Load(base_pack);
  ASSERT_TRUE(base.ok());
  EXPECT_EQ(pack->Find("embedder")->sha256, base->Find("embedder")->sha256);
  EXPECT_FLOAT_EQ(pack->thresholds().raw_norm_min, base->thresholds().raw_norm_min);
  EXPECT_TRUE(pack->Verify().ok());
  EXPECT_TRUE(pack->MakeDetector({}).ok());
  EXPECT_THAT(Installed(), testing::ElementsAre("yunet"));
}

}  // namespace
}  // namespace rollcall::vision
