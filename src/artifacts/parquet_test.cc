#include "artifacts/parquet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>

#include "artifacts/testing/temporary_folder.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

const std::vector<Column> kColumns{
    {"flag", ColumnType::kBool},          {"index", ColumnType::kInt32},
    {"pts_us", ColumnType::kInt64},       {"score", ColumnType::kFloat},
    {"mean", ColumnType::kDouble},        {"name", ColumnType::kText},
    {"embedding", ColumnType::kFloatList}};

std::vector<float> SomeEmbedding(int row) {
  std::vector<float> values(16);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sin(static_cast<float>(row) * 0.37F + static_cast<float>(i));
  }
  return values;
}

base::Result<void> AddRow(ParquetWriter& writer, int row) {
  writer.Bool(row % 3 == 0);
  writer.Int32(-row);
  writer.Int64(std::int64_t{40'000} * row);
  writer.Float(std::sqrt(static_cast<float>(row)));
  writer.Double(1.0 / (row + 1));
  if (row % 5 == 0) {
    writer.Null();
  } else {
    writer.Text("Person " + std::to_string(row % 7));
  }
  if (row % 2 == 0) {
    writer.FloatList(SomeEmbedding(row));
  } else {
    writer.Null();
  }
  return writer.EndRow();
}

base::Result<void> WriteRows(const fs::path& path, int rows) {
  ROLLCALL_TRY_ASSIGN(auto writer, ParquetWriter::Create(path, kColumns));
  for (int row = 0; row < rows; ++row) ROLLCALL_TRY(AddRow(*writer, row));
  return writer->Finish();
}

std::string FileHash(const fs::path& path) { return base::DigestFile(path).value().sha256; }

TEST(ParquetTest, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  ASSERT_TRUE(WriteRows(path, 20'000).ok());
  int row = 0;
  const auto read = ReadParquet(path, kColumns, [&](const ParquetRow& cells) -> base::Result<void> {
    EXPECT_EQ(cells.Bool(0), row % 3 == 0);
    EXPECT_EQ(cells.Int(1), -row);
    EXPECT_EQ(cells.Int(2), std::int64_t{40'000} * row);
    EXPECT_EQ(cells.Double(3), static_cast<double>(std::sqrt(static_cast<float>(row))));
    EXPECT_EQ(cells.Double(4), 1.0 / (row + 1));
    EXPECT_EQ(cells.IsNull(5), row % 5 == 0);
    EXPECT_EQ(cells.Text(5), row % 5 == 0 ? "" : "Person " + std::to_string(row % 7));
    EXPECT_EQ(cells.IsNull(6), row % 2 != 0);
    EXPECT_EQ(cells.FloatList(6), row % 2 == 0 ? SomeEmbedding(row) : std::vector<float>{});
    ++row;
    return {};
  });
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(row, 20'000);
  EXPECT_EQ(CountParquetRows(path).value(), 20'000);
}

TEST(ParquetTest, ReadsTheNamedColumnsOnlyInTheOrderAsked) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  ASSERT_TRUE(WriteRows(path, 3).ok());
  std::vector<std::pair<std::string, std::int64_t>> rows;
  const auto read = ReadParquet(path, {{"name", ColumnType::kText}, {"index", ColumnType::kInt32}},
                                [&](const ParquetRow& row) -> base::Result<void> {
                                  rows.emplace_back(row.Text(0), row.Int(1));
                                  return {};
                                });
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_THAT(rows, ::testing::ElementsAre(::testing::Pair("", 0), ::testing::Pair("Person 1", -1),
                                           ::testing::Pair("Person 2", -2)));
}

TEST(ParquetReaderTest, TwoFilesCanBeReadSideBySide) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteRows(folder.path() / "a.parquet", 5'000).ok());
  ASSERT_TRUE(WriteRows(folder.path() / "b.parquet", 5'000).ok());
  const std::vector<Column> columns{{"index", ColumnType::kInt32}};
  const auto first = ParquetReader::Open(folder.path() / "a.parquet", columns).value();
  const auto second = ParquetReader::Open(folder.path() / "b.parquet", columns).value();
  EXPECT_EQ(first->row_count(), 5'000);
  for (int row = 0; row < 5'000; ++row) {
    ASSERT_EQ(first->Next().value()->Int(0), -row);
    if (row % 2 != 0) continue;
    ASSERT_EQ(second->Next().value()->Int(0), -row / 2);
  }
}

TEST(ParquetReaderTest, BehindTheLastRowItStaysAtTheEnd) {
  const TemporaryFolder folder;
  for (const int rows : {0, 1, 3'000}) {
    ASSERT_TRUE(WriteRows(folder.path() / "a.parquet", rows).ok());
    const auto reader =
        ParquetReader::Open(folder.path() / "a.parquet", {{"name", ColumnType::kText}}).value();
    for (int row = 0; row < rows; ++row) ASSERT_NE(reader->Next().value(), nullptr);
    EXPECT_EQ(reader->Next().value(), nullptr) << rows;
    EXPECT_EQ(reader->Next().value(), nullptr) << rows;
  }
}

TEST(ParquetTest, KeepsFloatsBitForBit) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  const std::vector<float> values{-0.0F, std::numeric_limits<float>::denorm_min(),
                                  std::numeric_limits<float>::infinity(), 0.1F,
                                  std::numeric_limits<float>::quiet_NaN()};
  auto writer = ParquetWriter::Create(path, {{"values", ColumnType::kFloatList}}).value();
  writer->FloatList(values);
  ASSERT_TRUE(writer->EndRow().ok());
  writer->FloatList({});
  ASSERT_TRUE(writer->EndRow().ok());
  ASSERT_TRUE(writer->Finish().ok());
  std::vector<std::vector<float>> rows;
  ASSERT_TRUE(ReadParquet(path, {{"values", ColumnType::kFloatList}},
                          [&](const ParquetRow& row) -> base::Result<void> {
                            EXPECT_FALSE(row.IsNull(0));
                            rows.push_back(row.FloatList(0));
                            return {};
                          })
                  .ok());
  ASSERT_EQ(rows.size(), 2U);
  ASSERT_EQ(rows[0].size(), values.size());
  EXPECT_EQ(std::memcmp(rows[0].data(), values.data(), sizeof(float) * values.size()), 0);
  EXPECT_TRUE(rows[1].empty());
}

TEST(ParquetTest, WritesAFileWithoutRows) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "empty.parquet";
  ASSERT_TRUE(WriteRows(path, 0).ok());
  EXPECT_EQ(CountParquetRows(path).value(), 0);
  int rows = 0;
  const auto read = ReadParquet(path, kColumns, [&](const ParquetRow&) -> base::Result<void> {
    ++rows;
    return {};
  });
  EXPECT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(rows, 0);
}

TEST(ParquetTest, SameRowsGiveSameBytesWhateverThePath) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "deeper");
  const fs::path first = folder.path() / "first.parquet.g1";
  const fs::path second = folder.path() / "deeper" / "second.parquet.g22";
  ASSERT_TRUE(WriteRows(first, 30'000).ok());
  ASSERT_TRUE(WriteRows(second, 30'000).ok());
  EXPECT_EQ(FileHash(first), FileHash(second));
}

TEST(ParquetTest, SameRowsGiveSameBytesInAnotherProcess) {
  constexpr const char* kOtherProcess = "ROLLCALL_PARQUET_PATH";
  if (const char* path = std::getenv(kOtherProcess)) {
    ASSERT_TRUE(WriteRows(path, 30'000).ok());
    return;
  }
  const TemporaryFolder folder;
  const fs::path ours = folder.path() / "ours.parquet";
  const fs::path theirs = folder.path() / "theirs.parquet";
  std::string program = fs::read_symlink("/proc/self/exe").string();
  // This very test, which there writes the other file.
  std::string filter = "--gtest_filter=ParquetTest.SameRowsGiveSameBytesInAnotherProcess";
  std::array<char*, 3> arguments{program.data(), filter.data(), nullptr};
  ASSERT_EQ(::setenv(kOtherProcess, theirs.c_str(), 1), 0);
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ), 0);
  ASSERT_TRUE(WriteRows(ours, 30'000).ok());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(::unsetenv(kOtherProcess), 0);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(FileHash(ours), FileHash(theirs));
}

TEST(ParquetTest, OneOtherCellGivesOtherBytes) {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& name, double last) {
    const fs::path path = folder.path() / name;
    auto writer = ParquetWriter::Create(path, {{"value", ColumnType::kDouble}}).value();
    for (int i = 0; i < 100; ++i) {
      writer->Double(i == 99 ? last : i);
      EXPECT_TRUE(writer->EndRow().ok());
    }
    EXPECT_TRUE(writer->Finish().ok());
    return FileHash(path);
  };
  EXPECT_NE(write("a", 99), write("b", 99.5));
}

TEST(ParquetTest, TakesAFolderWhoseNameIsNoUtf8) {
  const TemporaryFolder folder;
  const fs::path odd = folder.path() /
                       "Ma\xf1"
                       "ana";
  fs::create_directories(odd);
  const auto written = WriteRows(odd / "a.parquet", 3);
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  const auto count = CountParquetRows(odd / "a.parquet");
  ASSERT_TRUE(count.ok()) << count.error().ToString();
  EXPECT_EQ(*count, 3);
}

TEST(ParquetTest, TakesAnyCharacterInAPath) {
  const TemporaryFolder folder;
  const fs::path odd = folder.path() / "it's [x] a*b? k=v \"q\" \\ %20 ~";
  fs::create_directories(odd);
  const fs::path path = odd / "s3:[*].parquet";
  const auto written = WriteRows(path, 3);
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  // As a pattern, the path names this one too.
  ASSERT_TRUE(WriteRows(odd / "s3:*.parquet", 5).ok());
  const auto count = CountParquetRows(path);
  ASSERT_TRUE(count.ok()) << count.error().ToString();
  EXPECT_EQ(*count, 3);
  EXPECT_EQ(CountParquetRows(odd / "s3:*.parquet").value(), 5);
  EXPECT_EQ(std::distance(fs::directory_iterator(odd), fs::directory_iterator()), 2);
}

TEST(ParquetTest, WritesAnyTextAsUtf8) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  auto writer = ParquetWriter::Create(path, {{"name", ColumnType::kText}}).value();
  for (const std::string& text : {std::string("Zoë, \"x\"\n'=1"), std::string("a\0b", 3),
                                  std::string("\xFF\xC0z"), std::string(100'000, 'x')}) {
    writer->Text(text);
    ASSERT_TRUE(writer->EndRow().ok());
  }
  const auto finished = writer->Finish();
  ASSERT_TRUE(finished.ok()) << finished.error().ToString();
  std::vector<std::string> texts;
  ASSERT_TRUE(ReadParquet(path, {{"name", ColumnType::kText}},
                          [&](const ParquetRow& row) -> base::Result<void> {
                            texts.push_back(row.Text(0));
                            return {};
                          })
                  .ok());
  EXPECT_THAT(texts, ::testing::ElementsAre("Zoë, \"x\"\n'=1", std::string("a\0b", 3),
                                            "\uFFFD\uFFFDz", std::string(100'000, 'x')));
}

TEST(ParquetTest, LeavesNoFileWhenAbandoned) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  {
    auto writer = ParquetWriter::Create(path, kColumns).value();
    for (int row = 0; row < 20'000; ++row) ASSERT_TRUE(AddRow(*writer, row).ok());
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(ParquetTest, SaysDiskFull) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "full.parquet";
  fs::create_symlink("/dev/full", path);
  const auto written = WriteRows(path, 100'000);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().reason, domain::reason::kDiskFull) << written.error().ToString();
  EXPECT_GT(written.error().bytes_wanted, 0);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(ParquetTest, SaysPermissionOrMissingFolder) {
  const TemporaryFolder folder;
  const auto missing = ParquetWriter::Create(folder.path() / "no" / "a.parquet", kColumns);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, base::ErrorCode::kNotFound);
}

TEST(ParquetTest, SaysNotFound) {
  const TemporaryFolder folder;
  const auto count = CountParquetRows(folder.path() / "none.parquet");
  ASSERT_FALSE(count.ok());
  EXPECT_EQ(count.error().code, base::ErrorCode::kNotFound);
}

// Reads everything; the reason of the error, "" without one.
std::string ReadReason(const fs::path& path, const std::vector<Column>& columns) {
  const auto read = ReadParquet(path, columns, [](const ParquetRow& row) -> base::Result<void> {
    row.IsNull(0);
    return {};
  });
  return read.ok() ? "" : read.error().reason;
}

TEST(ParquetTest, RefusesWhatIsNotParquet) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  ASSERT_TRUE(base::WriteFileAtomic(path, "this is text").ok());
  EXPECT_EQ(ReadReason(path, kColumns), domain::reason::kArtifactCorrupt);
  ASSERT_TRUE(base::WriteFileAtomic(path, "").ok());
  EXPECT_EQ(ReadReason(path, kColumns), domain::reason::kArtifactCorrupt);
  EXPECT_EQ(CountParquetRows(path).error().reason, domain::reason::kArtifactCorrupt);
}

TEST(ParquetTest, RefusesMissingColumnAndOtherType) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  ASSERT_TRUE(WriteRows(path, 10).ok());
  EXPECT_EQ(ReadReason(path, {{"nothing", ColumnType::kInt32}}), domain::reason::kArtifactCorrupt);
  EXPECT_EQ(ReadReason(path, {{"name", ColumnType::kInt32}}), domain::reason::kArtifactCorrupt);
  EXPECT_EQ(ReadReason(path, {{"score", ColumnType::kFloatList}}),
            domain::reason::kArtifactCorrupt);
  EXPECT_EQ(ReadReason(path, {{"pts_us", ColumnType::kInt32}}), "");
}

TEST(ParquetTest, RefusesFileThatIsCutOrDamagedInTheMiddle) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  ASSERT_TRUE(WriteRows(path, 40'000).ok());
  const std::string whole = base::ReadFile(path).value();
  for (const std::size_t keep : {whole.size() - 1, whole.size() / 2, std::size_t{4}}) {
    ASSERT_TRUE(base::WriteFileAtomic(path, whole.substr(0, keep)).ok());
    EXPECT_EQ(ReadReason(path, kColumns), domain::reason::kArtifactCorrupt) << keep;
  }
  std::string damaged = whole;
  for (std::size_t i = damaged.size() / 2; i < damaged.size() / 2 + 4096; ++i) damaged[i] = '\x55';
  ASSERT_TRUE(base::WriteFileAtomic(path, damaged).ok());
  EXPECT_EQ(ReadReason(path, kColumns), domain::reason::kArtifactCorrupt);
}

TEST(ParquetTest, StopsAtTheErrorOfTheCaller) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a.parquet";
  ASSERT_TRUE(WriteRows(path, 100).ok());
  int rows = 0;
  const auto read = ReadParquet(path, kColumns, [&](const ParquetRow&) -> base::Result<void> {
    if (++rows == 7) return domain::MakeError(domain::reason::kCancelled, "enough");
    return {};
  });
  EXPECT_EQ(read.error().reason, domain::reason::kCancelled);
  EXPECT_EQ(rows, 7);
}

}  // namespace
}  // namespace rollcall::artifacts
