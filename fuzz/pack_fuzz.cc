// faces.pack, its pictures and the segments of detect, as hostile bytes. The first byte chooses
// what the rest is: 'P' a whole pack, 'R' the records and index of a pack that gets a header and a
// footer with a right checksum, 'J' a JPEG, 'S' a segment.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "artifacts/faces_pack.h"
#include "artifacts/faces_pack_format.h"
#include "base/check.h"
#include "base/unique_fd.h"

namespace {

namespace artifacts = rollcall::artifacts;
namespace format = artifacts::faces_pack_format;

void ReadPack(std::string_view bytes) {
  const rollcall::base::UniqueFd file(::memfd_create("pack", MFD_CLOEXEC));
  ROLLCALL_CHECK(file.is_open());
  ROLLCALL_CHECK(::write(file.get(), bytes.data(), bytes.size()) ==
                 static_cast<ssize_t>(bytes.size()));
  auto reader = artifacts::FacesPackReader::Open("/proc/self/fd/" + std::to_string(file.get()));
  if (!reader.ok()) return;
  for (const artifacts::FacesPackEntry& entry : (*reader)->entries()) {
    const auto crop = (*reader)->Read(entry);
    if (crop.ok()) static_cast<void>(artifacts::DecodeJpeg(crop->jpeg));
  }
}

// The last byte says how many of the bytes before it are an index.
std::string Repaired(std::string_view bytes) {
  if (bytes.empty()) return {};
  const std::size_t wanted = static_cast<std::uint8_t>(bytes.back());
  bytes.remove_suffix(1);
  const std::size_t count = std::min(wanted, bytes.size() / format::kIndexEntryBytes);
  const std::string_view index = bytes.substr(bytes.size() - count * format::kIndexEntryBytes);
  const std::uint64_t index_offset = format::kHeaderBytes + bytes.size() - index.size();
  return format::EncodeHeader() + std::string(bytes) +
         format::EncodeFooter(index, index_offset, count);
}

void ReadSegment(std::string_view bytes) {
  const auto segment = artifacts::DecodeDetectSegment(bytes);
  if (segment.ok()) ROLLCALL_CHECK(artifacts::EncodeDetectSegment(*segment) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'P') ReadPack(bytes);
  if (data[0] == 'R') ReadPack(Repaired(bytes));
  if (data[0] == 'J') static_cast<void>(artifacts::DecodeJpeg(bytes));
  if (data[0] == 'S') ReadSegment(bytes);
  return 0;
}
