#include "vision/testing/tiny_pack.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "base/file.h"
#include "vision/runtime/testing/onnx_graph.h"

namespace rollcall::vision {
namespace {

struct Level {
  int stride;
  std::int64_t anchors;  // Two in every cell of 64×64 pixels.
};
constexpr std::array<Level, 3> kLevels{{{8, 128}, {16, 32}, {32, 8}}};

// constant + 0 · mean(picture): what the picture does not change.
void AddFixedOutput(runtime::OnnxGraph& graph, const std::string& name, std::int64_t rows,
                    std::int64_t width, const std::vector<float>& values) {
  graph.Constant(name + "_values", {rows, width}, values);
  graph.Node("Add", {name + "_values", "nothing"}, name);
  graph.Output(name, {rows, width});
}

runtime::OnnxGraph TinyScrfd() {
  runtime::OnnxGraph graph;
  graph.Input("picture", {1, 3, 64, 64}).MeanOfAll("picture", "mean");
  graph.Constant("zero", {}, {0}).Node("Mul", {"mean", "zero"}, "nothing");
  // Brightness 0…255 comes as (x − 127.5) / 128: black is −1, anything else is more.
  graph.Constant("one", {}, {1}).Node("Add", {"mean", "one"}, "light");
  graph.Constant("gain", {}, {10}).Node("Mul", {"light", "gain"}, "much_light");
  graph.Constant("score", {}, {0.9F}).Node("Min", {"much_light", "score"}, "face_score");
  constexpr std::size_t kMiddle = 2 * (4 * 8 + 4);  // Stride 8, row 4, column 4: (32, 32).
  for (const Level& level : kLevels) {
    std::vector<float> mask(static_cast<std::size_t>(level.anchors), 0);
    if (level.stride == 8) mask[kMiddle] = 1;
    const std::string name = fmt::format("score_{}", level.stride);
    graph.Constant(name + "_mask", {level.anchors, 1}, mask);
    graph.Node("Mul", {name + "_mask", "face_score"}, name);
    graph.Output(name, {level.anchors, 1});
  }
  for (const Level& level : kLevels) {
    AddFixedOutput(graph, fmt::format("box_{}", level.stride), level.anchors, 4,
                   std::vector<float>(static_cast<std::size_t>(level.anchors * 4), 1));
  }
  for (const Level& level : kLevels) {
    std::vector<float> points;
    for (std::int64_t i = 0; i < level.anchors; ++i) {
      points.insert(points.end(), {-0.4F, -0.3F, 0.4F, -0.3F, 0, 0.1F, -0.3F, 0.5F, 0.3F, 0.5F});
    }
    AddFixedOutput(graph, fmt::format("points_{}", level.stride), level.anchors, 10, points);
  }
  return graph;
}

}  // namespace

std::string TinyPackToml(const std::string& sha256) {
  return fmt::format(R"(name = "tiny"
version = "1"
[detector]
kind = "scrfd"
file = "detector.onnx"
sha256 = "{}"
licence = "MIT"
source = "made by a test"
colour = "rgb"
[detector.params]
input_width = 64
input_height = 64
mean = 127.5
scale = 0.0078125
score_min = 0.5
nms_iou = 0.4
)",
                     sha256);
}

void WriteTinyPack(const std::filesystem::path& folder) {
  const std::string bytes = TinyScrfd().Bytes();
  ASSERT_TRUE(base::WriteFileAtomic(folder / "detector.onnx", bytes).ok());
  ASSERT_TRUE(base::WriteFileAtomic(folder / "pack.toml", TinyPackToml(base::Sha256(bytes))).ok());
}

}  // namespace rollcall::vision
