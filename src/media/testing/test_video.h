#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domain/image.h"
#include "media/frame_reader.h"
#include "media/packet_index.h"
#include "media/video_writer.h"

namespace rollcall::media::testing {

// A folder of the test's own, gone with the object.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A picture that says its number: 12 black and white squares along the top, and below them
// something that moves. At least 96×64.
domain::Image NumberedPicture(int width, int height, int number);

// The number in a picture made by NumberedPicture, after coding; nullopt if it is not readable.
std::optional<int> NumberOf(const domain::Picture& picture);

// Writes `frames` numbered pictures; `pts` says when each is shown (default: at the rate).
void WriteNumberedVideo(const std::filesystem::path& path, int frames, VideoWriter::Options options,
                        const std::function<domain::MediaTime(int)>& pts = {});

// The whole picture at its own size.
domain::Image RenderWhole(const domain::Picture& picture,
                          domain::PixelFormat format = domain::PixelFormat::kRgb24);
std::uint64_t HashOf(const domain::Image& image);

struct ReadFrame {
  std::int64_t frame_id = 0;
  domain::MediaTime pts{};
  std::uint64_t hash = 0;
  std::optional<int> number;
};
// Everything a reader gives for the plan; fails the test on an error.
std::vector<ReadFrame> ReadAll(const std::filesystem::path& path, const PacketIndex& index,
                               std::vector<std::int64_t> plan, FrameReader::Options options = {});

// frame_ids from, from + step, …
std::vector<std::int64_t> EveryFrame(const PacketIndex& index, std::int64_t from = 0,
                                     std::int64_t step = 1);

enum class Harm {
  kNoise,   // A byte in 37: the decoder conceals it, more or less.
  kZeroed,  // Nothing is left of a packet: the decoder refuses it.
};
// Harms the packets of the pictures that are shown in [from, to), in a timed container.
void DamageFrames(const std::filesystem::path& path, domain::MediaTime from, domain::MediaTime to,
                  Harm harm);

// Runs the ffmpeg program with these arguments; false if it is not there or fails.
bool RunFfmpeg(const std::string& arguments);

// ROLLCALL_MEDIA, or shared/media beside the project; nullopt if it is not there. Inline because
// only test executables know where the project is.
inline std::optional<std::filesystem::path> SharedMedia() {
  const char* set = std::getenv("ROLLCALL_MEDIA");
  const std::filesystem::path folder =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(ROLLCALL_SOURCE_DIR) / ".." / "shared" / "media";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

}  // namespace rollcall::media::testing
