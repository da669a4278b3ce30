#include "artifacts/faces_pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "artifacts/faces_pack_format.h"
#include "artifacts/testing/temporary_folder.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
namespace format = faces_pack_format;
namespace reason = domain::reason;
using testing::TemporaryFolder;

domain::FaceCrop SomeCrop(std::int64_t frame_id, std::int32_t index, std::size_t jpeg_bytes) {
  domain::FaceCrop crop{.frame_id = frame_id,
                        .pts = domain::MediaTime(frame_id * 40'000),
                        .index = index,
                        .region = {.x1 = -1.5F, .y1 = 2, .x2 = 160.1F, .y2 = 163},
                        .landmarks = {},
                        .jpeg = std::string(jpeg_bytes, static_cast<char>('a' + index))};
  for (std::size_t i = 0; i < crop.landmarks.size(); ++i) {
    crop.landmarks[i] = {.x = 0.1F * static_cast<float>(i), .y = -0.7F};
  }
  return crop;
}

void ExpectSame(const domain::FaceCrop& a, const domain::FaceCrop& b) {
  EXPECT_EQ(format::EncodeRecord(a), format::EncodeRecord(b));
}

const std::vector<domain::FaceCrop> kThree{SomeCrop(3, 0, 40), SomeCrop(3, 2, 0),
                                           SomeCrop(120, 1, 25)};

base::Result<void> WritePack(const fs::path& path, const std::vector<domain::FaceCrop>& crops) {
  ROLLCALL_TRY_ASSIGN(auto writer, FacesPackWriter::Create(path));
  for (const domain::FaceCrop& crop : crops) ROLLCALL_TRY(writer->Add(crop));
  return writer->Finish();
}

// Opens and reads everything; the reason of the first error, "" without one.
std::string ReadAllReason(const fs::path& path) {
  auto reader = FacesPackReader::Open(path);
  if (!reader.ok()) return reader.error().reason;
  for (const FacesPackEntry& entry : (*reader)->entries()) {
    const auto crop = (*reader)->Read(entry);
    if (!crop.ok()) return crop.error().reason;
  }
  return "";
}

TEST(FacesPackTest, GivesBackWhatWasWrittenInAnyOrder) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  ASSERT_TRUE(WritePack(path, kThree).ok());
  auto reader = FacesPackReader::Open(path).value();
  ASSERT_EQ(reader->entries().size(), 3U);
  for (const std::size_t i : {2U, 0U, 1U}) {
    const FacesPackEntry& entry = reader->entries()[i];
    EXPECT_EQ(entry.frame_id, kThree[i].frame_id);
    EXPECT_EQ(entry.index, kThree[i].index);
    ExpectSame(reader->Read(entry).value(), kThree[i]);
  }
}

TEST(FacesPackTest, HoldsNoFacesToo) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  ASSERT_TRUE(WritePack(path, {}).ok());
  EXPECT_TRUE(FacesPackReader::Open(path).value()->entries().empty());
}

TEST(FacesPackTest, SameCropsGiveSameBytes) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WritePack(folder.path() / "a", kThree).ok());
  ASSERT_TRUE(WritePack(folder.path() / "b", kThree).ok());
  EXPECT_EQ(base::ReadFile(folder.path() / "a").value(),
            base::ReadFile(folder.path() / "b").value());
}

TEST(FacesPackTest, KeepsTheBytesThatTheFormatDocumentNames) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  ASSERT_TRUE(WritePack(path, kThree).ok());
  // A change here makes old packs unreadable: raise the version then.
  EXPECT_EQ(base::DigestFile(path).value().sha256,
            "a753446610a6e2a6fbcd735d7d9db03e47be2d74e3c07163cbf6a47c91bdb2a9");
}

TEST(FacesPackTest, RefusesCropsOutOfOrder) {
  const TemporaryFolder folder;
  auto writer = FacesPackWriter::Create(folder.path() / "faces.pack").value();
  ASSERT_TRUE(writer->Add(SomeCrop(5, 1, 10)).ok());
  for (const auto& crop : {SomeCrop(5, 1, 10), SomeCrop(5, 0, 10), SomeCrop(4, 9, 10)}) {
    EXPECT_EQ(writer->Add(crop).error().code, base::ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(writer->Add(SomeCrop(5, 2, 10)).ok());
}

TEST(FacesPackTest, TakesTheLargestJpegAndNoLarger) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  const auto largest = SomeCrop(1, 0, format::kJpegBytesMax);
  ASSERT_TRUE(WritePack(path, {SomeCrop(0, 0, 1), largest, SomeCrop(2, 0, 1)}).ok());
  EXPECT_EQ(ReadAllReason(path), "");
  auto writer = FacesPackWriter::Create(path).value();
  EXPECT_EQ(writer->Add(SomeCrop(1, 0, format::kJpegBytesMax + 1)).error().code,
            base::ErrorCode::kInvalidArgument);
}

TEST(FacesPackTest, LeavesNoFileWhenAbandoned) {
  const TemporaryFolder folder;
  {
    auto writer = FacesPackWriter::Create(folder.path() / "faces.pack").value();
    ASSERT_TRUE(writer->Add(SomeCrop(5, 1, 10)).ok());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(FacesPackTest, SaysDiskFullAndLeavesNoFile) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  fs::create_symlink("/dev/full", path);
  const auto written = WritePack(path, kThree);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().reason, reason::kDiskFull);
  EXPECT_GT(written.error().bytes_wanted, 0);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(FacesPackTest, SaysNotFound) {
  const TemporaryFolder folder;
  EXPECT_EQ(FacesPackReader::Open(folder.path() / "none").error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(FacesPackReader::Open(folder.path()).error().reason, reason::kArtifactCorrupt);
}

TEST(FacesPackTest, RefusesTruncationAtEveryByte) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  ASSERT_TRUE(WritePack(path, kThree).ok());
  const auto size = fs::file_size(path);
  for (auto keep = size; keep-- > 0;) {
    fs::resize_file(path, keep);
    const auto reader = FacesPackReader::Open(path);
    ASSERT_FALSE(reader.ok()) << keep;
    EXPECT_EQ(reader.error().reason, reason::kArtifactCorrupt) << keep;
  }
}

TEST(FacesPackTest, RefusesEveryFlippedBitAndEveryAddedByte) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  ASSERT_TRUE(WritePack(path, kThree).ok());
  const std::string whole = base::ReadFile(path).value();
  const auto rewrite = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    rewrite(damaged);
    EXPECT_EQ(ReadAllReason(path), reason::kArtifactCorrupt) << "byte " << i;
  }
  for (std::size_t i = 0; i <= whole.size(); ++i) {
    rewrite(whole.substr(0, i) + "x" + whole.substr(i));
    EXPECT_EQ(ReadAllReason(path), reason::kArtifactCorrupt) << "before " << i;
  }
}

// A pack whose checksums are right, but whose index was made up.
std::string PackWithIndex(const std::vector<FacesPackEntry>& entries) {
  std::string bytes = format::EncodeHeader();
  for (const auto& crop : kThree) bytes += format::EncodeRecord(crop);
  const std::uint64_t index_offset = bytes.size();
  const std::string index = format::EncodeIndex(entries);
  return bytes + index + format::EncodeFooter(index, index_offset, entries.size());
}

TEST(FacesPackTest, RefusesAnIndexThatLies) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  const auto size = [&](std::size_t i) { return format::EncodeRecord(kThree[i]).size(); };
  const std::vector<FacesPackEntry> truth{
      {.frame_id = 3, .index = 0, .offset_bytes = 16},
      {.frame_id = 3, .index = 2, .offset_bytes = 16 + size(0)},
      {.frame_id = 120, .index = 1, .offset_bytes = 16 + size(0) + size(1)}};
  const auto reason_with = [&](const auto& change) {
    std::vector<FacesPackEntry> entries = truth;
    change(entries);
    EXPECT_TRUE(base::WriteFileAtomic(path, PackWithIndex(entries)).ok());
    return ReadAllReason(path);
  };
  using Entries = std::vector<FacesPackEntry>;
  EXPECT_EQ(reason_with([](Entries&) {}), "");
  const std::vector<std::function<void(Entries&)>> lies{
      [](Entries& e) { e[0].offset_bytes = 0; },
      [](Entries& e) { e[1].offset_bytes += 1; },
      [](Entries& e) { e[1].offset_bytes = e[0].offset_bytes; },
      [](Entries& e) { std::swap(e[1].offset_bytes, e[2].offset_bytes); },
      [](Entries& e) { e[2].offset_bytes = ~std::uint64_t{0}; },
      [](Entries& e) { e[2].offset_bytes = ~std::uint64_t{0} - 50; },
      [](Entries& e) { e[2].frame_id = 121; },
      [](Entries& e) { e[2].frame_id = -1; },
      [](Entries& e) { e[1].index = 0; },
      [](Entries& e) { e.pop_back(); },
      [](Entries& e) { e.clear(); },
      [](Entries& e) { e.erase(e.begin()); },
      [](Entries& e) { e.push_back({.frame_id = 121, .index = 0, .offset_bytes = 400}); }};
  for (std::size_t i = 0; i < lies.size(); ++i) {
    EXPECT_EQ(reason_with(lies[i]), reason::kArtifactCorrupt) << "lie " << i;
  }
}

TEST(FacesPackTest, RefusesAnEntryCountThatOverflows) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0},
                                    (~std::uint64_t{0}) / format::kIndexEntryBytes + 1}) {
    for (const std::uint64_t offset : {std::uint64_t{16}, std::uint64_t{0}, ~std::uint64_t{0}}) {
      const std::string bytes = format::EncodeHeader() + format::EncodeFooter("", offset, count);
      ASSERT_TRUE(base::WriteFileAtomic(path, bytes).ok());
      EXPECT_EQ(ReadAllReason(path), reason::kArtifactCorrupt) << count << " at " << offset;
    }
  }
}

TEST(FacesPackTest, RefusesAnotherVersionByName) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "faces.pack";
  ASSERT_TRUE(WritePack(path, kThree).ok());
  std::string bytes = base::ReadFile(path).value();
  bytes[8] = 2;
  ASSERT_TRUE(base::WriteFileAtomic(path, bytes).ok());
  const auto reader = FacesPackReader::Open(path);
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().reason, reason::kArtifactCorrupt);
  EXPECT_NE(reader.error().message.find("version 2"), std::string::npos);
}

}  // namespace
}  // namespace rollcall::artifacts
