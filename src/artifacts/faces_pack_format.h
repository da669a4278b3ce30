#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "artifacts/faces_pack.h"

// The bytes of faces.pack, as docs/faces-pack.md says: header, records, index, footer.
namespace rollcall::artifacts::faces_pack_format {

inline constexpr std::string_view kHeaderMagic = "RCFACES\n";
inline constexpr std::string_view kFooterMagic = "RCFACEND";
inline constexpr std::uint32_t kVersion = 1;

inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kIndexEntryBytes = 20;
inline constexpr std::size_t kFooterBytes = 40;
inline constexpr std::size_t kRecordBytesWithoutJpeg = 88;
inline constexpr std::size_t kJpegBytesMax = 1 << 20;

struct Footer {
  std::uint64_t index_offset = 0;
  std::uint64_t entry_count = 0;
  std::uint64_t index_checksum = 0;  // Of the index and of the two numbers above.
};

std::string EncodeHeader();
bool IsHeader(std::string_view bytes, std::uint32_t& version);

std::string EncodeRecord(const domain::FaceCrop& crop);
// kDataLoss / ERR_ARTIFACT_CORRUPT with `what` at the front of the message.
base::Result<domain::FaceCrop> DecodeRecord(std::string_view bytes, const std::string& what);

std::string EncodeIndex(const std::vector<FacesPackEntry>& entries);
std::string EncodeFooter(std::string_view index, std::uint64_t index_offset,
                         std::uint64_t entry_count);
// kDataLoss / ERR_ARTIFACT_CORRUPT.
base::Result<Footer> DecodeFooter(std::string_view bytes, std::uint64_t file_size,
                                  const std::string& what);
base::Result<std::vector<FacesPackEntry>> DecodeIndex(std::string_view bytes, const Footer& footer,
                                                      const std::string& what);

}  // namespace rollcall::artifacts::faces_pack_format
