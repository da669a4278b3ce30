#pragma once

#include <cstdint>
#include <span>

#include "media/libav.h"

namespace rollcall::media {

// What a packet's first bytes say of its picture, without decoding.
struct ScannedPicture {
  bool is_shown = true;          // False for VP8's hidden reference frames, headers alone, …
  bool is_disposable = false;    // No other picture refers to it.
  bool is_second_field = false;  // The other half of the picture before it.
  bool is_immediate = false;     // A B picture: shown as soon as it is decoded.
  bool resets_order = false;     // Display order starts anew: an IDR picture.
  bool is_gradual = false;       // Decoding may begin here, but is right only some pictures later.
  bool has_order = false;
  std::int32_t order = 0;  // H.264 and HEVC picture order count, since the last reset.
};

// Reads slice and picture headers. Keeps what it needs of parameter sets, so packets must come in
// decode order; after a seek it carries on.
//
// Not thread-safe. Borrows `parameters`.
class PictureScanner {
 public:
  // Picture order counts cost a parser; only streams without timestamps need them.
  enum class Depth { kFlags, kFlagsAndOrder };
  PictureScanner(const AVCodecParameters& parameters, Depth depth);
  ~PictureScanner();
  PictureScanner(const PictureScanner&) = delete;
  PictureScanner& operator=(const PictureScanner&) = delete;

  ScannedPicture Scan(const AVPacket& packet);

 private:
  using Bytes = std::span<const std::uint8_t>;

  template <typename Visit>
  void VisitNals(Bytes bytes, int length_size, Visit visit) const;
  void ReadHevcExtradata();
  void SeeHevcParameterSet(Bytes nal);
  void ScanH264(Bytes bytes, ScannedPicture& picture) const;
  void ScanHevc(Bytes bytes, ScannedPicture& picture);
  void ParseOrder(const AVPacket& packet, ScannedPicture& picture);

  const AVCodecParameters& parameters_;
  int length_size_ = 0;          // Of NAL units; 0 is Annex B start codes.
  int hevc_sub_layers_max_ = 0;  // 0 is unknown.
  AVCodecParserContext* parser_ = nullptr;
  CodecPtr parser_codec_;
  int last_structure_ = AV_PICTURE_STRUCTURE_UNKNOWN;  // Of an unpaired first field.
};

}  // namespace rollcall::media
