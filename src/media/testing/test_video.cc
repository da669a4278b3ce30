#include "media/testing/test_video.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <numeric>

#include "base/random.h"
#include "media/container.h"

namespace rollcall::media::testing {
namespace {

constexpr int kBits = 12;

void Fill(domain::Image& image, int x1, int y1, int x2, int y2, std::uint8_t value) {
  for (int y = std::max(0, y1); y < std::min(image.height, y2); ++y) {
    for (int x = std::max(0, x1); x < std::min(image.width, x2); ++x) {
      const auto at = static_cast<std::size_t>((y * image.width + x) * 3);
      for (std::size_t c = 0; c < 3; ++c) image.pixels[at + c] = value;
    }
  }
}

}  // namespace

TestFolder::TestFolder()
    : path_(std::filesystem::temp_directory_path() / ("rollcall-media-" + base::RandomId())) {
  std::filesystem::create_directories(path_);
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

domain::Image NumberedPicture(int width, int height, int number) {
  domain::Image image{
      .width = width, .height = height, .format = domain::PixelFormat::kRgb24, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto at = static_cast<std::size_t>((y * width + x) * 3);
      image.pixels[at] = static_cast<std::uint8_t>((x + number * 3) % 256);
      image.pixels[at + 1] = static_cast<std::uint8_t>((y * 2 + number) % 256);
      image.pixels[at + 2] = static_cast<std::uint8_t>((x + y) / 2 % 256);
    }
  }
  const int side = width / kBits;
  for (int bit = 0; bit < kBits; ++bit) {
    const bool is_set = ((number >> bit) & 1) != 0;
    Fill(image, bit * side, 0, (bit + 1) * side, height / 4, is_set ? 235 : 20);
  }
  const int at = number * 7 % width;
  Fill(image, at, height / 2, at + width / 8, height * 3 / 4, 200);
  return image;
}

std::optional<int> NumberOf(const domain::Picture& picture) {
  const float side = static_cast<float>(picture.width() / kBits);
  const float height = static_cast<float>(picture.height()) / 4;
  int number = 0;
  for (int bit = 0; bit < kBits; ++bit) {
    const float x = static_cast<float>(bit) * side;
    const auto image = picture.Render(
        {.x1 = x + side / 4, .y1 = height / 4, .x2 = x + side * 3 / 4, .y2 = height * 3 / 4},
        {.width = 1, .height = 1, .format = domain::PixelFormat::kGray8});
    if (!image.ok()) return std::nullopt;
    const int value = image->pixels[0];
    if (value > 90 && value < 165) return std::nullopt;
    if (value >= 165) number |= 1 << bit;
  }
  return number;
}

void WriteNumberedVideo(const std::filesystem::path& path, int frames, VideoWriter::Options options,
                        const std::function<domain::MediaTime(int)>& pts) {
  const auto time = [&](int i) {
    return pts ? pts(i)
               : domain::MediaTime(std::int64_t{1'000'000} * i / options.frames_per_second);
  };
  auto writer = VideoWriter::Create(path, options);
  ASSERT_TRUE(writer.ok()) << writer.error().ToString();
  for (int i = 0; i < frames; ++i) {
    const auto written =
        (*writer)->Write(NumberedPicture(options.width, options.height, i), time(i));
    ASSERT_TRUE(written.ok()) << written.error().ToString();
  }
  const auto finished = (*writer)->Finish(time(frames));
  ASSERT_TRUE(finished.ok()) << finished.error().ToString();
}

domain::Image RenderWhole(const domain::Picture& picture, domain::PixelFormat format) {
  auto image =
      picture.Render({.x1 = 0,
                      .y1 = 0,
                      .x2 = static_cast<float>(picture.width()),
                      .y2 = static_cast<float>(picture.height())},
                     {.width = picture.width(), .height = picture.height(), .format = format});
  EXPECT_TRUE(image.ok());
  return image.ok() ? *std::move(image) : domain::Image{};
}

std::uint64_t HashOf(const domain::Image& image) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const std::uint8_t each : image.pixels) hash = (hash ^ each) * 0x100000001b3;
  return hash;
}

std::vector<ReadFrame> ReadAll(const std::filesystem::path& path, const PacketIndex& index,
                               std::vector<std::int64_t> plan, FrameReader::Options options) {
  std::vector<ReadFrame> frames;
  auto reader = FrameReader::Open(path, index, std::move(plan), options);
  EXPECT_TRUE(reader.ok()) << reader.error().ToString();
  while (reader.ok()) {
    auto frame = (*reader)->Next();
    EXPECT_TRUE(frame.ok()) << frame.error().ToString();
    if (!frame.ok() || *frame == nullptr) break;
    frames.push_back({.frame_id = (*frame)->frame_id(),
                      .pts = (*frame)->pts(),
                      .hash = HashOf(RenderWhole(**frame)),
                      .number = NumberOf(**frame)});
  }
  return frames;
}

void DamageFrames(const std::filesystem::path& path, domain::MediaTime from, domain::MediaTime to,
                  Harm harm) {
  struct Place {
    std::int64_t offset = 0;
    std::int64_t size = 0;
  };
  std::vector<Place> places;
  {
    const auto container = Container::Open(path);
    ASSERT_TRUE(container.ok()) << container.error().ToString();
    const domain::MediaTime origin = (*container)->Origin().value();
    while (true) {
      const auto read = (*container)->Read();
      ASSERT_TRUE(read.ok()) << read.error().ToString();
      if (!*read) break;
      const AVPacket& packet = *(*read)->packet;
      const auto time = (*container)->TimeOf(packet);
      const bool is_meant = time && *time - origin >= from && *time - origin < to;
      if (is_meant) places.push_back({.offset = packet.pos, .size = packet.size});
    }
  }
  ASSERT_FALSE(places.empty());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  unsigned noise = 12345;
  for (const Place& place : places) {
    for (std::int64_t at = 0; at < place.size; at += harm == Harm::kNoise ? 37 : 1) {
      noise = noise * 1664525 + 1013904223;
      file.seekp(place.offset + at);
      file.put(harm == Harm::kNoise ? static_cast<char>(noise >> 24) : '\0');
    }
  }
}

std::vector<std::int64_t> EveryFrame(const PacketIndex& index, std::int64_t from,
                                     std::int64_t step) {
  std::vector<std::int64_t> plan;
  for (auto id = from; id < static_cast<std::int64_t>(index.packets.size()); id += step) {
    plan.push_back(id);
  }
  return plan;
}

bool RunFfmpeg(const std::string& arguments) {
  const std::string command = "timeout 100 ffmpeg -nostdin -hide_banner -loglevel quiet -y " +
                              arguments + " > /dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

}  // namespace rollcall::media::testing
