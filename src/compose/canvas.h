#pragma once

#include <cstdint>
#include <opencv2/core.hpp>

#include "compose/picture_motion.h"
#include "compose/spec.h"

// Drawing on a frame (CV_8UC3, RGB).
namespace rollcall::compose {

// Pixels of a part of a source.
struct SourcePixels {
  Region region;   // Of the source.
  cv::Mat pixels;  // CV_8UC3, RGB; the region scaled to this size.
};

// Draws the part of the source that `view` names, to a fraction of a pixel: slow movement does not
// jump, edges included. `view.source` lies inside `source.region`.
void Draw(const SourcePixels& source, const View& view, cv::Mat& frame);

// The same photograph with the head turned about its upright axis: what a cylinder around the face
// shows after a turn by `degrees`, shoulders and background as they are. Not more than a drawing,
// but detector and recogniser take it for what it shows: half a face, seen obliquely.
SourcePixels TurnedHead(const SourcePixels& source, const Region& face, double degrees);

// Vertical, from the first colour to the second.
void FillGradient(const std::array<std::array<std::uint8_t, 3>, 2>& colours, cv::Mat& frame);

// Multiplies every pixel, as a longer or shorter exposure would; what gets too bright is white.
void Expose(double light, cv::Mat& frame);

// Gaussian noise, another one for every frame, the same for the same seed.
class FilmNoise {
 public:
  FilmNoise(PixelSize frame, double sigma, std::uint64_t seed);
  void AddTo(cv::Mat& frame, std::int64_t frame_index) const;

 private:
  std::uint64_t seed_;
  cv::Mat grain_;  // CV_16SC3, larger than a frame; each frame takes another part of it.
};

}  // namespace rollcall::compose
