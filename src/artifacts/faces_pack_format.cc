#include "artifacts/faces_pack_format.h"

#include <utility>

#include "artifacts/binary_codec.h"
#include "base/check.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::artifacts::faces_pack_format {
namespace {

base::Error Corrupt(const std::string& what, const std::string& how) {
  return domain::MakeError(domain::reason::kArtifactCorrupt, what + " " + how);
}

// The first 64 bits of SHA-256: against damage, not against a forger.
std::uint64_t Checksum(std::string_view bytes) {
  const std::string hex = base::Sha256(bytes).substr(0, 16);
  return std::stoull(hex, nullptr, 16);
}

std::uint64_t IndexChecksum(std::string_view index, std::uint64_t index_offset,
                            std::uint64_t entry_count) {
  std::string bytes(index);
  BinaryWriter writer(bytes);
  writer.Put(index_offset);
  writer.Put(entry_count);
  return Checksum(bytes);
}

bool IsBefore(const FacesPackEntry& a, const FacesPackEntry& b) {
  return std::pair(a.frame_id, a.index) < std::pair(b.frame_id, b.index);
}

}  // namespace

std::string EncodeHeader() {
  std::string bytes(kHeaderMagic);
  BinaryWriter writer(bytes);
  writer.Put(kVersion);
  writer.Put(std::uint32_t{0});
  return bytes;
}

bool IsHeader(std::string_view bytes, std::uint32_t& version) {
  BinaryReader reader(bytes);
  const bool has_magic = reader.TakeBytes(kHeaderMagic.size()) == kHeaderMagic;
  version = reader.Take<std::uint32_t>();
  const auto reserved = reader.Take<std::uint32_t>();
  return has_magic && reserved == 0 && reader.is_exhausted();
}

std::string EncodeRecord(const domain::FaceCrop& crop) {
  std::string bytes;
  bytes.reserve(kRecordBytesWithoutJpeg + crop.jpeg.size());
  BinaryWriter writer(bytes);
  writer.Put(crop.frame_id);
  writer.Put(std::int64_t{crop.pts.count()});
  writer.Put(crop.index);
  for (const float edge : {crop.region.x1, crop.region.y1, crop.region.x2, crop.region.y2}) {
    writer.Put(edge);
  }
  for (const domain::PixelPoint& point : crop.landmarks) {
    writer.Put(point.x);
    writer.Put(point.y);
  }
  writer.Put(static_cast<std::uint32_t>(crop.jpeg.size()));
  writer.Put(Checksum(bytes + crop.jpeg));
  writer.PutBytes(crop.jpeg);
  ROLLCALL_CHECK(bytes.size() == kRecordBytesWithoutJpeg + crop.jpeg.size());
  return bytes;
}

base::Result<domain::FaceCrop> DecodeRecord(std::string_view bytes, const std::string& what) {
  BinaryReader reader(bytes);
  domain::FaceCrop crop;
  crop.frame_id = reader.Take<std::int64_t>();
  crop.pts = domain::MediaTime(reader.Take<std::int64_t>());
  crop.index = reader.Take<std::int32_t>();
  for (float* edge : {&crop.region.x1, &crop.region.y1, &crop.region.x2, &crop.region.y2}) {
    *edge = reader.Take<float>();
  }
  for (domain::PixelPoint& point : crop.landmarks) {
    point.x = reader.Take<float>();
    point.y = reader.Take<float>();
  }
  const auto jpeg_size = reader.Take<std::uint32_t>();
  const std::size_t summed_size = bytes.size() - reader.rest_size();
  const auto checksum = reader.Take<std::uint64_t>();
  crop.jpeg = reader.TakeBytes(jpeg_size);
  if (!reader.is_exhausted()) return Corrupt(what, "has a record of a wrong length");
  if (Checksum(std::string(bytes.substr(0, summed_size)) + crop.jpeg) != checksum) {
    return Corrupt(what, "has a damaged record");
  }
  return crop;
}

std::string EncodeIndex(const std::vector<FacesPackEntry>& entries) {
  std::string bytes;
  bytes.reserve(entries.size() * kIndexEntryBytes);
  BinaryWriter writer(bytes);
  for (const FacesPackEntry& entry : entries) {
    writer.Put(entry.frame_id);
    writer.Put(entry.index);
    writer.Put(entry.offset_bytes);
  }
  return bytes;
}

std::string EncodeFooter(std::string_view index, std::uint64_t index_offset,
                         std::uint64_t entry_count) {
  std::string bytes;
  BinaryWriter writer(bytes);
  writer.Put(index_offset);
  writer.Put(entry_count);
  writer.Put(IndexChecksum(index, index_offset, entry_count));
  writer.Put(std::uint64_t{0});
  writer.PutBytes(kFooterMagic);
  return bytes;
}

base::Result<Footer> DecodeFooter(std::string_view bytes, std::uint64_t file_size,
                                  const std::string& what) {
  BinaryReader reader(bytes);
  Footer footer;
  footer.index_offset = reader.Take<std::uint64_t>();
  footer.entry_count = reader.Take<std::uint64_t>();
  footer.index_checksum = reader.Take<std::uint64_t>();
  const auto reserved = reader.Take<std::uint64_t>();
  const bool has_magic = reader.TakeBytes(kFooterMagic.size()) == kFooterMagic;
  if (!has_magic || reserved != 0 || !reader.is_exhausted()) {
    return Corrupt(what, "breaks off: it has no footer");
  }
  // The parts fill the file without a gap. Divided, because a product could overflow.
  const std::uint64_t between = file_size - kHeaderBytes - kFooterBytes;
  const bool is_whole =
      footer.entry_count <= between / (kIndexEntryBytes + kRecordBytesWithoutJpeg) &&
      footer.index_offset == file_size - kFooterBytes - footer.entry_count * kIndexEntryBytes &&
      (footer.entry_count > 0 || footer.index_offset == kHeaderBytes);
  if (!is_whole) return Corrupt(what, "has an index that does not fit its length");
  return footer;
}

base::Result<std::vector<FacesPackEntry>> DecodeIndex(std::string_view bytes, const Footer& footer,
                                                      const std::string& what) {
  if (IndexChecksum(bytes, footer.index_offset, footer.entry_count) != footer.index_checksum) {
    return Corrupt(what, "has a damaged index");
  }
  std::vector<FacesPackEntry> entries(footer.entry_count);
  BinaryReader reader(bytes);
  std::uint64_t begin = kHeaderBytes;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    FacesPackEntry& entry = entries[i];
    entry.frame_id = reader.Take<std::int64_t>();
    entry.index = reader.Take<std::int32_t>();
    entry.offset_bytes = reader.Take<std::uint64_t>();
    if (i == 0 ? entry.offset_bytes != begin
               : entry.offset_bytes < begin || entry.offset_bytes - begin > kJpegBytesMax) {
      return Corrupt(what, "has an index entry that leads to no record");
    }
    if (i > 0 && !IsBefore(entries[i - 1], entry)) {
      return Corrupt(what, "has an index that is not in order");
    }
    if (entry.offset_bytes > footer.index_offset) {
      return Corrupt(what, "has an index entry beyond its records");
    }
    begin = entry.offset_bytes + kRecordBytesWithoutJpeg;
  }
  if (footer.index_offset < begin || footer.index_offset - begin > kJpegBytesMax) {
    return Corrupt(what, "has a last record of a wrong length");
  }
  return entries;
}

}  // namespace rollcall::artifacts::faces_pack_format
