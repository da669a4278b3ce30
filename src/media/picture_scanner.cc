#include "media/picture_scanner.h"

#include <algorithm>
#include <cstring>

namespace rollcall::media {
namespace {

using Bytes = std::span<const std::uint8_t>;

// The position after the next 00 00 01, or the end.
std::size_t AfterStartCode(Bytes bytes, std::size_t from) {
  std::size_t at = from;
  while (at + 2 < bytes.size()) {
    const auto* one = static_cast<const std::uint8_t*>(
        std::memchr(bytes.data() + at + 2, 1, bytes.size() - at - 2));
    if (one == nullptr) break;
    const auto where = static_cast<std::size_t>(one - bytes.data());
    if (bytes[where - 1] == 0 && bytes[where - 2] == 0) return where + 1;
    at = where - 1;
  }
  return bytes.size();
}

// MPEG-1 and MPEG-2: every picture header's coding type. B is 3.
void ScanMpeg12(Bytes bytes, ScannedPicture& picture) {
  int pictures = 0;
  int immediate = 0;
  for (std::size_t at = AfterStartCode(bytes, 0); at + 2 < bytes.size();
       at = AfterStartCode(bytes, at)) {
    if (bytes[at] != 0) continue;  // Not picture_start_code.
    ++pictures;
    if (((bytes[at + 2] >> 3) & 7) == 3) ++immediate;
  }
  picture.is_shown = pictures > 0;
  picture.is_immediate = pictures > 0 && immediate == pictures;
  picture.is_disposable = picture.is_immediate;
}

// MPEG-4 part 2: every VOP's coding type, of which 2 is B. "Packed" packets hold several.
void ScanMpeg4(Bytes bytes, ScannedPicture& picture) {
  int pictures = 0;
  int immediate = 0;
  for (std::size_t at = AfterStartCode(bytes, 0); at + 1 < bytes.size();
       at = AfterStartCode(bytes, at)) {
    if (bytes[at] != 0xb6) continue;
    ++pictures;
    if ((bytes[at + 1] >> 6) == 2) ++immediate;
  }
  picture.is_immediate = pictures > 0 && immediate == pictures;
  picture.is_disposable = picture.is_immediate;
}

// RFC 6386, 9.1: bit 4 of the frame tag is show_frame.
void ScanVp8(Bytes bytes, ScannedPicture& picture) {
  if (!bytes.empty()) picture.is_shown = ((bytes[0] >> 4) & 1) != 0;
}

// VP9 bitstream, 6.2. A superframe (annex B) holds one shown frame.
void ScanVp9(Bytes bytes, ScannedPicture& picture) {
  if (bytes.empty() || (bytes.back() & 0xe0) == 0xc0) return;
  const int head = bytes[0];
  if ((head >> 6) != 2) return;
  const int profile = ((head >> 5) & 1) | (((head >> 4) & 1) << 1);
  int bit = profile == 3 ? 2 : 3;  // Profile 3 has a reserved bit.
  const bool shows_existing = ((head >> bit) & 1) != 0;
  bit -= 2;  // Past show_existing_frame and frame_type.
  if (!shows_existing) picture.is_shown = ((head >> bit) & 1) != 0;
}

bool IsLengthPrefixedHevc(Bytes extradata) {
  return extradata.size() > 22 && (extradata[0] != 0 || extradata[1] != 0 || extradata[2] > 1);
}

Bytes ExtradataOf(const AVCodecParameters& parameters) {
  if (parameters.extradata == nullptr || parameters.extradata_size <= 0) return {};
  return {parameters.extradata, static_cast<std::size_t>(parameters.extradata_size)};
}

constexpr int kH264Sei = 6;
constexpr int kH264Slice = 1;
constexpr int kH264Idr = 5;
constexpr int kHevcFirstIrap = 16;
constexpr int kHevcIdrNLp = 20;
constexpr int kHevcLastVcl = 31;
constexpr int kHevcSps = 33;

// A number of SEI messages: 255 as often as it takes, and the rest (H.264, 7.3.2.3.1).
std::size_t TakeSeiNumber(Bytes& bytes) {
  std::size_t number = 0;
  while (!bytes.empty()) {
    const std::uint8_t next = bytes.front();
    bytes = bytes.subspan(1);
    number += next;
    if (next != 0xff) break;
  }
  return number;
}

// Whether an H.264 SEI says that the pictures from here on are right only after some more: intra
// refresh (D.1.8, recovery_frame_cnt, an exp-Golomb number).
bool RecoversLater(Bytes sei) {
  constexpr std::size_t kRecoveryPoint = 6;
  while (sei.size() > 2) {
    const std::size_t type = TakeSeiNumber(sei);
    const std::size_t size = TakeSeiNumber(sei);
    if (size > sei.size()) return false;
    // The number 0 is a single bit 1.
    if (type == kRecoveryPoint) return size > 0 && (sei[0] & 0x80) == 0;
    sei = sei.subspan(size);
  }
  return false;
}

}  // namespace

PictureScanner::PictureScanner(const AVCodecParameters& parameters, Depth depth)
    : parameters_(parameters) {
  const Bytes extradata = ExtradataOf(parameters);
  const bool is_h264 = parameters.codec_id == AV_CODEC_ID_H264;
  const bool is_hevc = parameters.codec_id == AV_CODEC_ID_HEVC;
  if (is_h264 && extradata.size() > 6 && extradata[0] == 1) length_size_ = (extradata[4] & 3) + 1;
  if (is_hevc) ReadHevcExtradata();
  if (depth == Depth::kFlagsAndOrder && (is_h264 || is_hevc)) {
    parser_ = av_parser_init(parameters.codec_id);
    parser_codec_.reset(avcodec_alloc_context3(nullptr));
    if (parser_ != nullptr && parser_codec_ != nullptr &&
        avcodec_parameters_to_context(parser_codec_.get(), &parameters) >= 0) {
      parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    }
  }
}

PictureScanner::~PictureScanner() {
  if (parser_ != nullptr) av_parser_close(parser_);
}

ScannedPicture PictureScanner::Scan(const AVPacket& packet) {
  ScannedPicture picture;
  if (packet.size <= 0 || packet.data == nullptr) {
    picture.is_shown = false;
    return picture;
  }
  const Bytes bytes(packet.data, static_cast<std::size_t>(packet.size));
  switch (parameters_.codec_id) {
    case AV_CODEC_ID_H264:
      ScanH264(bytes, picture);
      break;
    case AV_CODEC_ID_HEVC:
      ScanHevc(bytes, picture);
      break;
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
      ScanMpeg12(bytes, picture);
      break;
    case AV_CODEC_ID_MPEG4:
      ScanMpeg4(bytes, picture);
      break;
    case AV_CODEC_ID_VP8:
      ScanVp8(bytes, picture);
      break;
    case AV_CODEC_ID_VP9:
      ScanVp9(bytes, picture);
      break;
    default:
      break;
  }
  if (parser_ != nullptr) ParseOrder(packet, picture);
  if ((packet.flags & AV_PKT_FLAG_DISPOSABLE) != 0) picture.is_disposable = true;
  if ((packet.flags & AV_PKT_FLAG_KEY) != 0) picture.is_disposable = false;
  return picture;
}

// Calls visit(nal) for each NAL unit, header byte first. Stops at a length that cannot be.
template <typename Visit>
void PictureScanner::VisitNals(Bytes bytes, int length_size, Visit visit) const {
  if (length_size == 0) {
    for (std::size_t at = AfterStartCode(bytes, 0); at < bytes.size();) {
      visit(bytes.subspan(at));  // To the end of the packet: only the first bytes are looked at.
      at = AfterStartCode(bytes, at);
    }
    return;
  }
  const auto prefix = static_cast<std::size_t>(length_size);
  while (bytes.size() > prefix) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < prefix; ++i) length = (length << 8) | bytes[i];
    bytes = bytes.subspan(prefix);
    if (length == 0) continue;
    if (length > bytes.size()) return;
    visit(bytes.first(length));
    bytes = bytes.subspan(length);
  }
}

void PictureScanner::ScanH264(Bytes bytes, ScannedPicture& picture) const {
  bool has_slice = false;
  bool is_reference = false;
  bool has_nal = false;
  VisitNals(bytes, length_size_, [&](Bytes nal) {
    has_nal = true;
    const int type = nal[0] & 31;
    if (type == kH264Sei && RecoversLater(nal.subspan(1))) picture.is_gradual = true;
    if (type < kH264Slice || type > kH264Idr) return;
    has_slice = true;
    if (((nal[0] >> 5) & 3) != 0) is_reference = true;
    if (type == kH264Idr) picture.resets_order = true;
  });
  if (picture.resets_order) picture.is_gradual = false;
  picture.is_shown = has_slice || !has_nal;  // What cannot be read at all is the decoder's affair.
  picture.is_disposable = has_slice && !is_reference;
}

void PictureScanner::ScanHevc(Bytes bytes, ScannedPicture& picture) {
  bool has_slice = false;
  bool is_reference = false;
  bool has_nal = false;
  VisitNals(bytes, length_size_, [&](Bytes nal) {
    if (nal.size() < 3) return;
    has_nal = true;
    const int type = (nal[0] >> 1) & 63;
    const int layer = ((nal[0] & 1) << 5) | (nal[1] >> 3);
    const int temporal_id = (nal[1] & 7) - 1;
    if (layer != 0) return;  // Another view or quality layer: not decoded.
    if (type == kHevcSps) SeeHevcParameterSet(nal);
    if (type > kHevcLastVcl) return;
    has_slice = true;
    if (type >= kHevcFirstIrap && type <= kHevcIdrNLp) picture.resets_order = true;
    // The even types below 16 are not referred to by their own sub-layer; by a higher one they
    // may be, so only the highest is safe.
    const bool is_unreferenced =
        type < kHevcFirstIrap && type % 2 == 0 && temporal_id + 1 == hevc_sub_layers_max_;
    if (!is_unreferenced) is_reference = true;
  });
  picture.is_shown = has_slice || !has_nal;
  picture.is_disposable = has_slice && !is_reference;
}

void PictureScanner::ReadHevcExtradata() {
  Bytes extradata = ExtradataOf(parameters_);
  const auto see = [this](Bytes nal) {
    if (nal.size() >= 3 && ((nal[0] >> 1) & 63) == kHevcSps) SeeHevcParameterSet(nal);
  };
  if (!IsLengthPrefixedHevc(extradata)) {
    VisitNals(extradata, 0, see);
    return;
  }
  length_size_ = (extradata[21] & 3) + 1;
  int arrays = extradata[22];
  extradata = extradata.subspan(23);
  while (arrays-- > 0 && extradata.size() >= 3) {
    int nals = (extradata[1] << 8) | extradata[2];
    extradata = extradata.subspan(3);
    while (nals-- > 0 && extradata.size() >= 2) {
      const std::size_t length = (std::size_t{extradata[0]} << 8) | extradata[1];
      extradata = extradata.subspan(2);
      if (length > extradata.size()) return;
      see(extradata.first(length));
      extradata = extradata.subspan(length);
    }
  }
}

// sps_video_parameter_set_id u(4), sps_max_sub_layers_minus1 u(3).
void PictureScanner::SeeHevcParameterSet(Bytes nal) {
  hevc_sub_layers_max_ = std::max(hevc_sub_layers_max_, ((nal[2] >> 1) & 7) + 1);
}

void PictureScanner::ParseOrder(const AVPacket& packet, ScannedPicture& picture) {
  std::uint8_t* parsed = nullptr;
  int parsed_size = 0;
  av_parser_parse2(parser_, parser_codec_.get(), &parsed, &parsed_size, packet.data, packet.size,
                   packet.pts, packet.dts, packet.pos);
  picture.has_order = true;
  picture.order = parser_->output_picture_number;
  if (parameters_.codec_id != AV_CODEC_ID_H264) return;
  const int structure = parser_->picture_structure;
  const bool is_field =
      structure == AV_PICTURE_STRUCTURE_TOP_FIELD || structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
  if (!is_field) {
    last_structure_ = AV_PICTURE_STRUCTURE_UNKNOWN;
  } else if (last_structure_ != AV_PICTURE_STRUCTURE_UNKNOWN && structure != last_structure_) {
    picture.is_second_field = true;
    last_structure_ = AV_PICTURE_STRUCTURE_UNKNOWN;
  } else {
    last_structure_ = structure;
  }
}

}  // namespace rollcall::media
