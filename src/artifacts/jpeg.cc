#include <turbojpeg.h>

#include <memory>
#include <utility>

#include "artifacts/faces_pack.h"
#include "base/check.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace reason = domain::reason;

// Above this, colour is kept at full resolution too.
constexpr int kFullColourQuality = 90;
// Of a picture to decode: 256 MB as RGB.
constexpr std::int64_t kPixelsMax = std::int64_t{1} << 26;

struct HandleDeleter {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, HandleDeleter>;

struct BufferDeleter {
  void operator()(unsigned char* buffer) const { tjFree(buffer); }
};

int TurboFormat(domain::PixelFormat format) {
  switch (format) {
    case domain::PixelFormat::kRgb24:
      return TJPF_RGB;
    case domain::PixelFormat::kBgr24:
      return TJPF_BGR;
    case domain::PixelFormat::kGray8:
      return TJPF_GRAY;
  }
  return TJPF_RGB;
}

base::Error Failed(const std::string& doing, void* handle) {
  return domain::MakeError(reason::kInternal, doing + ": " + tjGetErrorStr2(handle));
}

}  // namespace

base::Result<std::string> EncodeJpeg(const domain::Image& image, int quality) {
  ROLLCALL_CHECK(quality >= 1 && quality <= 100, "a JPEG quality outside 1…100");
  const std::int64_t size = std::int64_t{image.width} * image.height * image.channels();
  ROLLCALL_CHECK(
      image.width > 0 && image.height > 0 && image.pixels.size() == static_cast<std::size_t>(size),
      "an image whose pixels do not fit its size");
  const Handle handle(tjInitCompress());
  if (handle == nullptr) return Failed("cannot start a JPEG encoder", nullptr);
  const bool is_grey = image.format == domain::PixelFormat::kGray8;
  const int subsampling = is_grey                         ? TJSAMP_GRAY
                          : quality >= kFullColourQuality ? TJSAMP_444
                                                          : TJSAMP_420;
  unsigned char* raw = nullptr;
  unsigned long length = 0;  // NOLINT(google-runtime-int): TurboJPEG's own.
  const int status = tjCompress2(handle.get(), image.pixels.data(), image.width, 0, image.height,
                                 TurboFormat(image.format), &raw, &length, subsampling, quality,
                                 TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, BufferDeleter> buffer(raw);
  if (status != 0) return Failed("cannot encode a JPEG", handle.get());
  return std::string(reinterpret_cast<const char*>(buffer.get()), length);
}

base::Result<domain::Image> DecodeJpeg(std::string_view bytes) {
  const Handle handle(tjInitDecompress());
  if (handle == nullptr) return Failed("cannot start a JPEG decoder", nullptr);
  const auto corrupt = [&] {
    return domain::MakeError(reason::kArtifactCorrupt,
                             std::string("not a whole JPEG: ") + tjGetErrorStr2(handle.get()));
  };
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  domain::Image image;
  int subsampling = 0;
  int colour_space = 0;
  if (tjDecompressHeader3(handle.get(), data, bytes.size(), &image.width, &image.height,
                          &subsampling, &colour_space) != 0) {
    return corrupt();
  }
  const std::int64_t pixels = std::int64_t{image.width} * image.height;
  if (pixels <= 0 || pixels > kPixelsMax) {
    return domain::MakeError(reason::kArtifactCorrupt, "a JPEG of " + std::to_string(image.width) +
                                                           " × " + std::to_string(image.height) +
                                                           " pixels");
  }
  image.pixels.resize(static_cast<std::size_t>(pixels) * 3);
  // A truncated JPEG is a warning to TurboJPEG, which paints the rest grey.
  if (tjDecompress2(handle.get(), data, bytes.size(), image.pixels.data(), image.width, 0,
                    image.height, TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING) != 0) {
    return corrupt();
  }
  return image;
}

}  // namespace rollcall::artifacts
