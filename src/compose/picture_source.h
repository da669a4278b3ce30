#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "compose/canvas.h"
#include "compose/picture_motion.h"
#include "compose/spec.h"
#include "domain/media_time.h"

namespace rollcall::compose {

// The pixels of a photograph or of a clip while a shot shows it. Holds one picture at a time.
// One thread.
class PictureSource {
 public:
  // Errors as media::Probe.
  static base::Result<std::unique_ptr<PictureSource>> Open(const PictureSpec& picture);
  virtual ~PictureSource() = default;

  PixelSize size() const { return size_; }

  // Call once before Next: the part that will be shown, the largest scale that it will have, and
  // when, since the shot's start, Next will be called. kInvalidArgument / ERR_BAD_PARAMS if a clip
  // ends earlier.
  virtual base::Result<void> Prepare(const Region& region, double scale,
                                     std::span<const domain::MediaTime> times) = 0;
  // The picture at the next of the times; good until the next call.
  virtual base::Result<const SourcePixels*> Next() = 0;

 protected:
  explicit PictureSource(PixelSize size) : size_(size) {}

 private:
  PixelSize size_;
};

}  // namespace rollcall::compose
