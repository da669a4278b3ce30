// Videos as hostile bytes: probe, packet index, and the reader with three kinds of plan.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"
#include "media/frame_reader.h"
#include "media/packet_index.h"
#include "media/video_probe.h"

namespace {

namespace media = rollcall::media;

constexpr std::size_t kFramesMax = 64;

void ReadFrames(const std::string& path, const media::PacketIndex& index,
                std::vector<std::int64_t> plan, media::FrameReader::Options options) {
  if (plan.size() > kFramesMax) plan.resize(kFramesMax);
  auto reader = media::FrameReader::Open(path, index, plan, options);
  if (!reader.ok()) return;
  std::int64_t last = -1;
  for (std::size_t frames = 0;; ++frames) {
    auto frame = (*reader)->Next();
    if (!frame.ok() || *frame == nullptr) return;
    ROLLCALL_CHECK((*frame)->frame_id() > last);
    ROLLCALL_CHECK(frames < plan.size());
    last = (*frame)->frame_id();
    const auto width = static_cast<float>((*frame)->width());
    const auto height = static_cast<float>((*frame)->height());
    const auto image = (*frame)->Render({-width / 3, height / 5, width / 2, height * 1.1F},
                                        {.width = 31, .height = 17});
    ROLLCALL_CHECK(image.ok());
  }
}

void ReadVideo(const std::string& path) {
  static_cast<void>(media::Probe(path));
  const auto index = media::IndexPackets(path, {});
  if (!index.ok()) return;
  std::vector<std::int64_t> all;
  std::vector<std::int64_t> sparse;
  std::vector<std::int64_t> keyframes;
  for (std::size_t i = 0; i < index->packets.size(); ++i) {
    ROLLCALL_CHECK(index->packets[i].pts >= rollcall::domain::MediaTime{0});
    ROLLCALL_CHECK(i == 0 || index->packets[i - 1].pts < index->packets[i].pts);
    const auto frame_id = static_cast<std::int64_t>(i);
    all.push_back(frame_id);
    if (i % 5 == 3) sparse.push_back(frame_id);
    if (index->packets[i].is_keyframe) keyframes.push_back(frame_id);
  }
  ReadFrames(path, *index, all, {.threads = 2});
  ReadFrames(path, *index, sparse, {.threads = 1});
  ReadFrames(path, *index, keyframes, {.threads = 2, .keyframes_only = true});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const rollcall::base::UniqueFd file(::memfd_create("video", MFD_CLOEXEC));
  ROLLCALL_CHECK(file.is_open());
  ROLLCALL_CHECK(::write(file.get(), data, size) == static_cast<ssize_t>(size));
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  ReadVideo(path);
  static_cast<void>(media::OpenPhotograph(path));
  return 0;
}
