#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "domain/image.h"
#include "domain/media_time.h"
#include "media/packet_index.h"

namespace rollcall::media {

// One frame that was asked for. Reference-counted decoder memory: cheap to move, keep few. Render
// may be called from any thread, several at once, and after the reader is gone.
class Frame : public domain::Picture {
 public:
  virtual std::int64_t frame_id() const = 0;
  virtual domain::MediaTime pts() const = 0;
  // Whether the decoder had to make up parts of it, for the file is damaged there.
  virtual bool is_damaged() const = 0;
};

// Decodes exactly the frames of a sampling plan, in presentation order, skipping what the decoder
// does not need for them (disposable pictures; with keyframes_only all but keyframes).
// Corrupt packets are skipped and counted; a planned frame that does not decode is left out. Around
// damage decoding goes on one thread until a keyframe's frames are sound again.
//
// One thread uses a reader at a time; decoding runs on `threads` threads of its own.
class FrameReader {
 public:
  struct Options {
    int threads = 2;
    bool keyframes_only = false;  // The plan holds keyframes alone: nothing else is decoded.
    bool is_short = false;  // Of so few frames that what is decoded before the first one counts.
    // Nothing before this frame is given to the decoder: a keyframe, at or before the first planned
    // frame. What comes before may be what ends the process.
    std::int64_t first_frame = 0;
    // Told, on the thread that opens the reader or calls Next, of all bytes that are read and of
    // all that go by on their way to the decoder: before a frame comes there may be many.
    base::OnBytes on_bytes;
  };

  // `index` is the packet index of this same file; `plan` are frame_ids, ascending.
  // Starts at plan.front(): seeks to a keyframe at least one before it. Errors as Probe.
  static base::Result<std::unique_ptr<FrameReader>> Open(const std::filesystem::path& path,
                                                         const PacketIndex& index,
                                                         std::vector<std::int64_t> plan,
                                                         Options options);
  virtual ~FrameReader() = default;

  // The next planned frame; null at the end. The same frames with the same pixels come out
  // wherever in the plan a reader starts.
  virtual base::Result<std::unique_ptr<Frame>> Next() = 0;

  // Packets that the decoder refused, and planned frames that never came.
  virtual std::int64_t failed_reads() const = 0;
};

// A photograph (JPEG, PNG, WebP, …), EXIF orientation applied when libav says it. Errors as Probe.
base::Result<std::unique_ptr<Frame>> OpenPhotograph(const std::filesystem::path& path);

}  // namespace rollcall::media
