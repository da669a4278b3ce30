#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/media_time.h"

// A composed episode: a video made from photographs and clips, whose truth (who is on screen, when
// and where) is known because we put them there.
//
//   spec.toml ──ParseSpec──► EpisodeSpec ──ComposeEpisode──► X.mp4 and X.truth.json
//
// The format, with every key, stands in docs/composed-episodes.md.
namespace rollcall::compose {

// A rectangle; whether in pixels of a source or in fractions of the frame, the field says.
struct Region {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;

  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

struct VideoSpec {
  int width = 1280;
  int height = 720;
  double frames_per_second = 25;
  std::string container = "mp4";  // The extension of a file that is named for us.
  std::string codec = "libx264";
  std::string pixel_format = "yuv420p";
  std::string preset = "veryfast";
  int crf = 20;
  std::int64_t bit_rate = 0;    // Per second; 0: constant quality by `crf`.
  int keyframe_interval = 250;  // Frames.
  double noise_sigma = 0;       // Gaussian, of 255; new in every frame.
  std::uint64_t seed = 1;       // Of the noise and of the frame durations.
  // Frame durations are drawn from this range in whole milliseconds; without it they are constant.
  std::optional<std::array<int, 2>> frame_ms;
};

// One person in a picture.
struct PersonInPicture {
  std::string id;
  // The face, in pixels of the source. It must stay inside the frame for the whole shot; without
  // it the whole picture must.
  std::optional<Region> face;
};

// Where a picture lies in the frame. Fractions: x and width of the frame's width, y and height of
// its height.
struct Placement {
  double centre_x = 0.5;
  double centre_y = 0.5;
  double height = 1;  // The width follows from the picture's own proportions.
};

// A photograph or a clip, or a part of it, shown for a whole shot. It moves linearly from its first
// place to its last: over the frame (`from` to `to`), or inside a window that stands still while
// the part that is shown moves (`window`, `crop` to `crop_to`).
struct PictureSpec {
  std::filesystem::path source;
  bool is_clip = false;
  domain::MediaTime clip_start{};
  std::vector<PersonInPicture> people;  // Empty: scenery.
  std::optional<Region> crop;           // Pixels of the source; the whole of it without.
  std::optional<Region> crop_to;
  std::optional<Region> window;  // Fractions of the frame.
  Placement from;
  Placement to;
  std::array<double, 2> opacity{1, 1};  // At the shot's start and end; linear between.
  // Degrees by which the one marked head is turned about its own axis, at the start and the end.
  std::array<double, 2> turn{0, 0};
  bool may_cover = false;  // Whether it may lie over people, who are not seen while it does.
  int line = 0;            // In the spec, for messages.
};

// Light that goes off and on again.
struct Flicker {
  int bright_frames = 1;
  int dark_frames = 1;
  double light = 0;  // Factor of every pixel in the dark.
};

struct ShotSpec {
  std::optional<std::int64_t> frames;  // One of the two; a duration ends with the first frame
  domain::MediaTime duration{};        // that would start at or after it.
  std::array<std::array<std::uint8_t, 3>, 2> colours{};  // RGB at the top and at the bottom.
  double light = 1;                                      // Factor of every pixel, before the noise,
  double light_to = 1;  // and at the end of the shot; linear between.
  std::optional<Flicker> flicker;
  std::vector<PictureSpec> pictures;  // Back to front.
  int line = 0;
};

struct EpisodeSpec {
  std::string name;  // Of the spec, for messages.
  std::vector<std::filesystem::path> portrait_files;
  VideoSpec video;
  std::vector<ShotSpec> shots;
};

struct SpecSource {
  std::string name;                  // For messages: "specs/four_walls.toml".
  std::filesystem::path folder;      // Relative paths start here.
  std::filesystem::path media_root;  // What `$ROLLCALL_MEDIA` stands for; empty: it is refused.
};

// kInvalidArgument / ERR_BAD_PARAMS with name and line for what is not TOML, unknown, missing or
// out of range. Opens no source.
base::Result<EpisodeSpec> ParseSpec(std::string_view text, const SpecSource& source);

// The same for a file, whose folder relative paths start from. kNotFound if it is missing.
base::Result<EpisodeSpec> LoadSpec(const std::filesystem::path& path,
                                   const std::filesystem::path& media_root);

}  // namespace rollcall::compose
