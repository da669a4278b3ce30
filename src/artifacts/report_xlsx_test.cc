#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>

#include "artifacts/binary_codec.h"
#include "artifacts/report_files.h"
#include "artifacts/testing/temporary_folder.h"
#include "base/file.h"
#include "domain/reasons.h"

namespace rollcall::artifacts {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

std::vector<TotalsRow> Totals(const std::string& name) {
  return {{.person_name = name,
           .total = milliseconds(43'200'000),  // Half a day.
           .appearances = 3,
           .first = milliseconds(1000),
           .last = milliseconds(100'000),
           .mean_confidence = 0.9,
           .percent = 61.5,
           .error = milliseconds(250)}};
}

std::vector<TimelineRow> Timeline(const std::string& name) {
  return {{.person_name = name,
           .start = milliseconds(1000),
           .end = milliseconds(2500),
           .confidence = 0.5,
           .frame_count = 7,
           .visible_fraction = 1}};
}

const ReportMetadata kMetadata{{{"Episode", "rhobh_s05_e03"}, {"Duration", "0:01:40"}}};

std::string Inflated(std::string_view deflated, std::size_t size) {
  std::string plain(size, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data()));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  return plain;
}

struct ZipContent {
  std::map<std::string, std::string> members;
  std::set<std::uint32_t> times;  // MS-DOS date and time.
};

// The members of a ZIP file, by its central directory.
ZipContent Unzipped(const fs::path& path) {
  const std::string bytes = base::ReadFile(path).value();
  const std::size_t end = bytes.rfind("PK\5\6");
  EXPECT_NE(end, std::string::npos);
  BinaryReader tail(std::string_view(bytes).substr(end + 10));
  const auto count = tail.Take<std::uint16_t>();
  tail.Take<std::uint32_t>();
  const auto directory = tail.Take<std::uint32_t>();
  BinaryReader entries(std::string_view(bytes).substr(directory));
  ZipContent content;
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(entries.TakeBytes(4), "PK\1\2");
    entries.TakeBytes(8);
    content.times.insert(entries.Take<std::uint32_t>());
    entries.TakeBytes(4);
    const auto packed_size = entries.Take<std::uint32_t>();
    const auto plain_size = entries.Take<std::uint32_t>();
    const auto name_size = entries.Take<std::uint16_t>();
    const auto extra_size = entries.Take<std::uint16_t>();
    entries.TakeBytes(10);
    const auto offset = entries.Take<std::uint32_t>();
    const std::string name(entries.TakeBytes(name_size));
    entries.TakeBytes(extra_size);
    BinaryReader local(std::string_view(bytes).substr(offset + 26));
    const auto local_name_size = local.Take<std::uint16_t>();
    const auto local_extra_size = local.Take<std::uint16_t>();
    local.TakeBytes(std::uint64_t{local_name_size} + local_extra_size);
    content.members[name] = Inflated(local.TakeBytes(packed_size), plain_size);
  }
  EXPECT_TRUE(entries.ok());
  return content;
}

TEST(TotalsXlsxTest, HasTheThreeSheetsWithTheirCells) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "totals.xlsx.g4";
  const auto written = WriteTotalsXlsx(path, Totals("Anna"), Timeline("Anna"), kMetadata);
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  auto members = Unzipped(path).members;
  EXPECT_THAT(members["xl/workbook.xml"],
              AllOf(HasSubstr("<sheet name=\"Summary\""), HasSubstr("<sheet name=\"Timeline\""),
                    HasSubstr("<sheet name=\"Metadata\"")));
  EXPECT_THAT(members["xl/sharedStrings.xml"],
              AllOf(HasSubstr("<t>Screen time</t>"), HasSubstr("<t>Anna</t>"),
                    HasSubstr("<t>rhobh_s05_e03</t>")));
  const std::string& summary = members["xl/worksheets/sheet1.xml"];
  EXPECT_THAT(summary, HasSubstr("<v>0.5</v>"));  // Half a day.
  EXPECT_THAT(summary, HasSubstr("<v>43200000</v>"));
  EXPECT_THAT(summary, HasSubstr("state=\"frozen\""));
  EXPECT_THAT(summary, HasSubstr("dataBar"));
  EXPECT_THAT(members["xl/worksheets/sheet2.xml"], HasSubstr("<v>1500</v>"));
  EXPECT_THAT(members["xl/styles.xml"], HasSubstr("formatCode=\"[h]:mm:ss.0\""));
}

TEST(TotalsXlsxTest, WritesAnyNameAsText) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "totals.xlsx";
  for (const std::string& name :
       {std::string("=1+1"), std::string("<b> & \"x\""), std::string("\xFF\x01"),
        std::string(100'000, 'x'), std::string()}) {
    const auto written = WriteTotalsXlsx(path, Totals(name), Timeline(name), kMetadata);
    ASSERT_TRUE(written.ok()) << written.error().ToString();
    EXPECT_THAT(Unzipped(path).members["xl/worksheets/sheet1.xml"], Not(HasSubstr("<f>")));
  }
}

TEST(TotalsXlsxTest, SameRowsGiveSameBytesWhereverAndWhenever) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "deeper");
  const fs::path first = folder.path() / "totals.xlsx.g1";
  const fs::path second = folder.path() / "deeper" / "t.g2";
  ASSERT_TRUE(WriteTotalsXlsx(first, Totals("Anna"), Timeline("Anna"), kMetadata).ok());
  ASSERT_TRUE(WriteTotalsXlsx(second, Totals("Anna"), Timeline("Anna"), kMetadata).ok());
  EXPECT_EQ(base::ReadFile(first).value(), base::ReadFile(second).value());
  // Nor does any part say when it was written: one fixed time in every entry and in the properties.
  ZipContent content = Unzipped(first);
  EXPECT_EQ(content.times.size(), 1U);
  EXPECT_THAT(content.members["docProps/core.xml"],
              AllOf(HasSubstr(">2020-01-01T00:00:00Z</dcterms:created>"),
                    HasSubstr(">2020-01-01T00:00:00Z</dcterms:modified>")));
  ASSERT_TRUE(WriteTotalsXlsx(second, Totals("Ben"), Timeline("Ben"), kMetadata).ok());
  EXPECT_NE(base::ReadFile(first).value(), base::ReadFile(second).value());
}

TEST(TotalsXlsxTest, TakesNoPeopleAtAll) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "totals.xlsx";
  ASSERT_TRUE(WriteTotalsXlsx(path, {}, {}, {}).ok());
  EXPECT_EQ(Unzipped(path).members.count("xl/worksheets/sheet3.xml"), 1U);
}

TEST(TotalsXlsxTest, LeavesNoOtherFile) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "totals.xlsx";
  ASSERT_TRUE(WriteTotalsXlsx(path, Totals("Anna"), Timeline("Anna"), kMetadata).ok());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(TotalsXlsxTest, SaysDiskFullAndLeavesNoFile) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "totals.xlsx";
  fs::create_symlink("/dev/full", path);
  const auto written = WriteTotalsXlsx(path, Totals("Anna"), Timeline("Anna"), kMetadata);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().reason, domain::reason::kDiskFull) << written.error().ToString();
  EXPECT_GT(written.error().bytes_wanted, 0);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(TotalsXlsxTest, SaysMissingFolder) {
  const TemporaryFolder folder;
  const auto written =
      WriteTotalsXlsx(folder.path() / "no" / "totals.xlsx", Totals("Anna"), {}, kMetadata);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, base::ErrorCode::kNotFound) << written.error().ToString();
}

}  // namespace
}  // namespace rollcall::artifacts
