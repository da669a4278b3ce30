// How fast pictures are rendered and videos read. Videos of one's own: ROLLCALL_BENCH_VIDEO=FILE.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "media/frame_reader.h"
#include "media/packet_index.h"
#include "media/video_writer.h"

namespace rollcall::media {
namespace {

using domain::MediaTime;
using domain::PixelBox;
using domain::PixelFormat;

domain::Image MovingPicture(int width, int height, int number) {
  domain::Image image{
      .width = width, .height = height, .format = PixelFormat::kRgb24, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(width * height * 3));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.pixels.data() + (y * width + x) * 3;
      pixel[0] = static_cast<std::uint8_t>(x + number * 3);
      pixel[1] = static_cast<std::uint8_t>(y - number);
      pixel[2] = static_cast<std::uint8_t>((x ^ y) + number);
    }
  }
  return image;
}

// A 1080p video, made once; gone with the process.
class BenchVideo {
 public:
  BenchVideo() {
    if (const char* own = std::getenv("ROLLCALL_BENCH_VIDEO")) {
      path_ = own;
      return;
    }
    is_made_ = true;
    path_ = std::filesystem::temp_directory_path() / ("bench-" + base::RandomId() + ".mp4");
    VideoWriter::Options options;
    options.width = 1920;
    options.height = 1080;
    auto writer = VideoWriter::Create(path_, options);
    for (int i = 0; i < 200; ++i) {
      (*writer)->Write(MovingPicture(1920, 1080, i), MediaTime{i * 40'000}).ok();
    }
    (*writer)->Finish(MediaTime{8'000'000}).ok();
  }
  ~BenchVideo() {
    std::error_code ignored;
    if (is_made_) std::filesystem::remove(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  bool is_made_ = false;
};

const std::filesystem::path& Video() {
  static const BenchVideo video;
  return video.path();
}

std::unique_ptr<Frame> FirstFrame() {
  const auto index = IndexPackets(Video(), {});
  const auto reader = FrameReader::Open(Video(), *index, {0}, {});
  return (*reader)->Next().value();
}

void BM_RenderWhole(benchmark::State& state) {
  const auto frame = FirstFrame();
  const PixelBox whole{0, 0, static_cast<float>(frame->width()),
                       static_cast<float>(frame->height())};
  for (auto _ : state) {
    benchmark::DoNotOptimize(frame->Render(
        whole,
        {static_cast<int>(state.range(0)), static_cast<int>(state.range(1)), PixelFormat::kRgb24}));
  }
}
BENCHMARK(BM_RenderWhole)->Args({320, 180})->Args({640, 360})->Unit(benchmark::kMicrosecond);

void BM_RenderTile(benchmark::State& state) {
  const auto frame = FirstFrame();
  for (auto _ : state) {
    benchmark::DoNotOptimize(frame->Render({0, 0, 1056, 594}, {320, 180, PixelFormat::kRgb24}));
  }
}
BENCHMARK(BM_RenderTile)->Unit(benchmark::kMicrosecond);

void BM_RenderFace(benchmark::State& state) {
  const auto frame = FirstFrame();
  const auto side = static_cast<float>(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(frame->Render({700.3F, 400.7F, 700.3F + side, 400.7F + side},
                                           {160, 160, PixelFormat::kRgb24}));
  }
}
BENCHMARK(BM_RenderFace)->Arg(80)->Arg(200)->Arg(400)->Unit(benchmark::kMicrosecond);

void BM_RenderGrey(benchmark::State& state) {
  const auto frame = FirstFrame();
  for (auto _ : state) {
    benchmark::DoNotOptimize(frame->Render({0, 0, 1920, 1080}, {160, 90, PixelFormat::kGray8}));
  }
}
BENCHMARK(BM_RenderGrey)->Unit(benchmark::kMicrosecond);

void BM_Index(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(IndexPackets(Video(), {}));
}
BENCHMARK(BM_Index)->Unit(benchmark::kMillisecond);

enum Plan { kEvery, kTenASecond, kReferredTenASecond, kKeyframes };

std::vector<std::int64_t> MakePlan(const PacketIndex& index, Plan kind) {
  std::vector<std::int64_t> plan;
  MediaTime due{0};
  for (std::size_t i = 0; i < index.packets.size(); ++i) {
    const PacketEntry& each = index.packets[i];
    const bool is_due = each.pts >= due && (kind != kReferredTenASecond || !each.is_disposable);
    if (kind == kKeyframes ? !each.is_keyframe : kind != kEvery && !is_due) continue;
    plan.push_back(static_cast<std::int64_t>(i));
    while (due <= each.pts) due += MediaTime{100'000};
  }
  return plan;
}

void BM_Read(benchmark::State& state) {
  const auto index = IndexPackets(Video(), {});
  const auto kind = static_cast<Plan>(state.range(0));
  const auto plan = MakePlan(*index, kind);
  std::int64_t frames = 0;
  for (auto _ : state) {
    auto reader = FrameReader::Open(
        Video(), *index, plan,
        {.threads = static_cast<int>(state.range(1)), .keyframes_only = kind == kKeyframes});
    while (auto frame = (*reader)->Next().value()) ++frames;
  }
  const double seconds = static_cast<double>(index->length().count()) / 1e6;
  state.counters["video_s_per_s"] = benchmark::Counter(
      seconds * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["frames"] = static_cast<double>(frames / state.iterations());
}
BENCHMARK(BM_Read)
    ->ArgNames({"plan", "threads"})
    ->ArgsProduct({{kEvery, kTenASecond, kReferredTenASecond, kKeyframes}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace rollcall::media

BENCHMARK_MAIN();
