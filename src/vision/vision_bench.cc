// What one picture, one face cost. Without real media the benchmarks that need them say so.
#include <benchmark/benchmark.h>

#include "vision/model_pack.h"
#include "vision/testing/image_picture.h"
#include "vision/testing/media_folder.h"

namespace rollcall::vision {
namespace {

// Five faces of 100 pixels on a field of 1080p, and the default pack.
struct Scene {
  static std::unique_ptr<Scene> Make(benchmark::State& state) {
    const std::filesystem::path media = MediaFolder(ROLLCALL_SOURCE_DIR);
    auto pack = ModelPack::Load(ROLLCALL_DEPS_DIR "/models/default");
    if (media.empty() || !pack.ok()) {
      state.SkipWithError("no real media or no default pack");
      return nullptr;
    }
    return std::unique_ptr<Scene>(new Scene{
        std::move(pack).value(),
        ImagePicture(OnField(LoadJpeg(media / "groups/000_5.jpg").value(), 1, 1920, 1080))});
  }

  std::vector<FaceCandidate> Faces() const {
    const auto detector = pack.MakeDetector({}).value();
    return FindFaces(*detector, picture, Search::kWhole, 0.6F, 0).value();
  }

  ModelPack pack;
  ImagePicture picture;
};

void BM_Find(benchmark::State& state, Search search) {
  const auto scene = Scene::Make(state);
  if (!scene) return;
  const auto detector = scene->pack.MakeDetector({}).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(FindFaces(*detector, scene->picture, search, 0.6F, 0).value());
  }
}
BENCHMARK_CAPTURE(BM_Find, whole, Search::kWhole)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Find, whole_and_tiles, Search::kWholeAndTiles)->Unit(benchmark::kMillisecond);

void BM_RenderForDetector(benchmark::State& state) {
  const auto scene = Scene::Make(state);
  if (!scene) return;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        scene->picture.Render({0, 0, 1920, 1080}, {.width = 320, .height = 180}).value());
  }
}
BENCHMARK(BM_RenderForDetector)->Unit(benchmark::kMillisecond);

void BM_Landmarks(benchmark::State& state) {
  const auto scene = Scene::Make(state);
  if (!scene) return;
  const domain::PixelBox box = scene->Faces().front().box;
  const auto landmarker = scene->pack.MakeLandmarker({}).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(landmarker->Locate(scene->picture, box).value());
  }
}
BENCHMARK(BM_Landmarks)->Unit(benchmark::kMillisecond);

void BM_Align(benchmark::State& state) {
  const auto scene = Scene::Make(state);
  if (!scene) return;
  const auto landmarker = scene->pack.MakeLandmarker({}).value();
  const auto located = landmarker->Locate(scene->picture, scene->Faces().front().box).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(AlignFace(scene->picture, located.points).value());
  }
}
BENCHMARK(BM_Align)->Unit(benchmark::kMillisecond);

void BM_Embed(benchmark::State& state) {
  const auto scene = Scene::Make(state);
  if (!scene) return;
  const auto embedder = scene->pack.MakeEmbedder({}).value();
  const auto landmarker = scene->pack.MakeLandmarker({}).value();
  const auto located = landmarker->Locate(scene->picture, scene->Faces().front().box).value();
  const std::vector<domain::Image> faces(static_cast<std::size_t>(state.range(0)),
                                         AlignFace(scene->picture, located.points).value());
  for (auto _ : state) benchmark::DoNotOptimize(embedder->Embed(faces).value());
}
BENCHMARK(BM_Embed)->Arg(1)->Arg(4)->Arg(8)->Unit(benchmark::kMillisecond);

void BM_Expression(benchmark::State& state) {
  const auto scene = Scene::Make(state);
  if (!scene) return;
  const domain::PixelBox box = scene->Faces().front().box;
  const auto classifier = scene->pack.MakeExpression({}).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(classifier->Classify(scene->picture, box).value());
  }
}
BENCHMARK(BM_Expression)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rollcall::vision

BENCHMARK_MAIN();
