#include <fmt/format.h>

#include <cstdlib>

#include "domain/reasons.h"
#include "media/container.h"
#include "media/decoded_frame.h"
#include "media/decoder.h"
#include "media/frame_reader.h"

namespace rollcall::media {
namespace {

namespace reason = domain::reason;

constexpr int kPacketsToRead = 16;

// The JPEG decoder makes a matrix of EXIF's orientation, others leave it among the tags.
Orientation OrientationOf(const AVFrame& frame) {
  const AVFrameSideData* matrix = av_frame_get_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX);
  if (matrix != nullptr && matrix->size >= 9 * sizeof(std::int32_t)) {
    return OrientationOfMatrix(reinterpret_cast<const std::int32_t*>(matrix->data));
  }
  const AVDictionaryEntry* tag = av_dict_get(frame.metadata, "Orientation", nullptr, 0);
  return tag != nullptr ? OrientationOfExif(std::atoi(tag->value)) : Orientation{};
}

}  // namespace

base::Result<std::unique_ptr<Frame>> OpenPhotograph(const std::filesystem::path& path) {
  ROLLCALL_TRY_ASSIGN(auto container, Container::Open(path));
  ROLLCALL_TRY_ASSIGN(auto decoder, Decoder::Create(*container, {}));
  FramePtr frame;
  for (int packets = 0; packets < kPacketsToRead && frame == nullptr; ++packets) {
    ROLLCALL_TRY_ASSIGN(auto video, container->Read());
    if (!video) decoder->Drain();
    if (video && video->packet->size > 0) decoder->Send(*video->packet, packets);
    frame = decoder->Receive();
    if (!video) break;
  }
  if (frame != nullptr) {
    ROLLCALL_TRY(CheckSize(frame->width, frame->height, path));
    const Orientation orientation = OrientationOf(*frame);
    // Aspects in photographs are print densities; viewers pass them over.
    const DisplayGeometry geometry =
        MakeDisplayGeometry(frame->width, frame->height, AVRational{1, 1}, orientation);
    frame = MakeRenderable(std::move(frame));
    if (frame != nullptr) {
      return std::unique_ptr<Frame>(
          std::make_unique<DecodedFrame>(std::move(frame), geometry, DecodedFrame::Place{}));
    }
  }
  return domain::MakeError(reason::kVideoUnreadable,
                           path.string() + " cannot be read as a picture");
}

}  // namespace rollcall::media
