#include "vision/runtime/prelu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "vision/runtime/session.h"
#include "vision/runtime/testing/onnx_graph.h"

namespace rollcall::vision::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Slopes below zero, of nothing, above one.
OnnxGraph TwoPRelus() {
  return OnnxGraph()
      .Input("x", {1, 4, 1, 3})
      .Constant("slopes", {4, 1, 1}, {-1.5F, 0, 0.3F, 1.25F})
      .Constant("slope", {1}, {0.7F})
      .Node("PRelu", {"x", "slopes"}, "first")
      .Node("PRelu", {"first", "slope"}, "y")
      .Output("y", {1, 4, 1, 3});
}

class PReluTest : public ::testing::Test {
 protected:
  PReluTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "rollcall-prelu-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PReluTest() override { std::filesystem::remove_all(folder_); }

  std::vector<float> Run(std::string_view bytes, std::vector<float> x) const {
    const auto model = folder_ / "model.onnx";
    EXPECT_TRUE(base::WriteFileAtomic(model, bytes).ok());
    const auto session = Session::Create(model, {});
    EXPECT_TRUE(session.ok()) << session.error().ToString();
    const TensorView view{.name = "x", .shape = {1, 4, 1, 3}, .values = x};
    const auto outputs = (*session)->Run({&view, 1}, {});
    EXPECT_TRUE(outputs.ok()) << outputs.error().ToString();
    return {outputs->front().values.begin(), outputs->front().values.end()};
  }

  std::filesystem::path folder_;
};

TEST_F(PReluTest, GivesTheSameBits) {
  const std::vector<float> slopes{-1.5F, 0, 0.3F, 1.25F};
  const std::vector<float> x{-3, 2, -0.1F, 1e-20F, -1e20F, 0.5F, -7.3F, 11, 1e30F, -2.2F, 0, 3.3F};
  std::vector<float> expected;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float first = x[i] >= 0 ? x[i] : x[i] * slopes[i / 3];
    expected.push_back(first >= 0 ? first : first * 0.7F);
  }
  const auto found = Run(TwoPRelus().Bytes(), x);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(found[i] + 0.0F, expected[i] + 0.0F) << x[i];  // A zero has either sign.
  }
}

TEST_F(PReluTest, IsReplacedWhereItsSlopesAreConstant) {
  const auto replaced = ReplacePRelu(TwoPRelus().Bytes());
  ASSERT_TRUE(replaced);
  EXPECT_THAT(*replaced, Not(HasSubstr("PRelu")));
}

TEST_F(PReluTest, StaysWhereItsSlopesAreComputed) {
  const auto replaced = ReplacePRelu(OnnxGraph()
                                         .Input("x", {1, 4, 1, 3})
                                         .Constant("slope", {1}, {0.7F})
                                         .Node("Mul", {"slope", "slope"}, "computed")
                                         .Node("PRelu", {"x", "slope"}, "z")
                                         .Node("PRelu", {"z", "computed"}, "y")
                                         .Output("y", {1, 4, 1, 3})
                                         .Bytes());
  ASSERT_TRUE(replaced) << "the other one";
  EXPECT_THAT(*replaced, HasSubstr("PRelu"));
  EXPECT_THAT(Run(*replaced, {-1, -1, -1, 1, 1, 1, 0, 0, 0, 2, 2, 2}),
              ElementsAre(-0.7F * (0.7F * 0.7F), -0.7F * (0.7F * 0.7F), -0.7F * (0.7F * 0.7F), 1, 1,
                          1, 0, 0, 0, 2, 2, 2));
}

TEST_F(PReluTest, NothingIsReplacedInWhatHasNoneOrIsNoModel) {
  EXPECT_FALSE(ReplacePRelu(OnnxGraph()
                                .Input("x", {2})
                                .Constant("two", {1}, {2})
                                .Node("Mul", {"x", "two"}, "y")
                                .Output("y", {2})
                                .Bytes()));
  EXPECT_FALSE(ReplacePRelu(""));
  EXPECT_FALSE(ReplacePRelu("PRelu is no network"));
}

// The operators' version first, so that nothing but the cut tells.
TEST_F(PReluTest, NothingIsReplacedInAFileThatIsCutShort) {
  const std::string version("\x42\x04\x0a\x00\x10\x0d", 6);
  const std::string whole = version + TwoPRelus().Bytes();
  const std::size_t graph_end = whole.size() - version.size();
  for (std::size_t size = 0; size < graph_end; ++size) {
    EXPECT_FALSE(ReplacePRelu(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_TRUE(ReplacePRelu(std::string_view(whole).substr(0, graph_end)));
}

TEST_F(PReluTest, StaysWhereOperatorsAreTooOldToExtendTheirOperands) {
  std::string old = TwoPRelus().Bytes();
  ASSERT_EQ(old.back(), 13);
  old.back() = 6;
  EXPECT_FALSE(ReplacePRelu(old));
}

TEST_F(PReluTest, ASessionRunsTheReplacement) {
  const auto model = folder_ / "model.onnx";
  TwoPRelus().Write(model);
  const auto session = Session::Create(model, {});
  ASSERT_TRUE(session.ok()) << session.error().ToString();
  EXPECT_GT((*session)->provider_operators(), 2) << "those of the file";
}

}  // namespace
}  // namespace rollcall::vision::runtime
