#include <gtest/gtest.h>

#include <chrono>

#include "artifacts/parquet.h"
#include "artifacts/report_files.h"
#include "artifacts/testing/temporary_folder.h"
#include "base/file.h"

namespace rollcall::artifacts {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::TemporaryFolder;

TimelineRow Seen(const std::string& name, int start_ms, int end_ms) {
  return {.person_name = name,
          .start = milliseconds(start_ms),
          .end = milliseconds(end_ms),
          .confidence = 0.98765,
          .frame_count = 12,
          .visible_fraction = 1};
}

TEST(TimelineCsvTest, HasTheNamedColumns) {
  EXPECT_EQ(TimelineCsv({Seen("Anna", 1000, 2500)}),
            "person_name,start_ms,end_ms,duration_ms,source,confidence,frame_count,"
            "visible_fraction\n"
            "Anna,1000,2500,1500,face,0.9877,12,1.0000\n");
}

TEST(TimelineCsvTest, DurationIsTheDifferenceOfTheRoundedTimes) {
  TimelineRow row = Seen("Anna", 0, 0);
  row.start = microseconds(1'499);  // 1 ms
  row.end = microseconds(3'500);    // 4 ms
  EXPECT_NE(TimelineCsv({row}).find("Anna,1,4,3,"), std::string::npos);
}

TEST(TimelineCsvTest, QuotesNamesAsRfc4180Says) {
  const auto name_field = [](const std::string& name) {
    const std::string csv = TimelineCsv({Seen(name, 0, 1)});
    const std::size_t begin = csv.find('\n') + 1;
    return csv.substr(begin, csv.rfind(",0,1,1,face") - begin);
  };
  EXPECT_EQ(name_field("Anna"), "Anna");
  EXPECT_EQ(name_field("O'Hara; Zoë"), "O'Hara; Zoë");
  EXPECT_EQ(name_field("Smith, John"), "\"Smith, John\"");
  EXPECT_EQ(name_field("the \"boss\""), "\"the \"\"boss\"\"\"");
  EXPECT_EQ(name_field("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(name_field("cr\rlf"), "\"cr\rlf\"");
  EXPECT_EQ(name_field(" x"), "\" x\"");
  for (const char* formula : {"=1+1", "+1", "-1", "@SUM(1)"}) {
    EXPECT_EQ(name_field(formula), std::string("'") + formula) << "no spreadsheet computes it";
  }
  EXPECT_EQ(name_field("a=1"), "a=1");
}

TotalsRow Anna() {
  return {.person_name = "Anna",
          .total = milliseconds(61'500),
          .appearances = 3,
          .first = milliseconds(1000),
          .last = milliseconds(100'000),
          .mean_confidence = 0.9,
          .percent = 61.5,
          .error = milliseconds(250)};
}

TEST(TotalsCsvTest, HasTheNamedColumns) {
  EXPECT_EQ(TotalsCsv({Anna()}),
            "person_name,total_ms,total_sec,appearances,first_ms,last_ms,mean_confidence,percent,"
            "error_ms\n"
            "Anna,61500,61.500,3,1000,100000,0.9000,61.50,250\n");
}

TEST(TotalsParquetTest, HasTheColumnsOfTheCsv) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "totals.parquet.g3";
  ASSERT_TRUE(WriteTotalsParquet(path, {Anna()}).ok());
  int rows = 0;
  const auto read = ReadParquet(path,
                                {{"person_name", ColumnType::kText},
                                 {"total_ms", ColumnType::kInt64},
                                 {"total_sec", ColumnType::kDouble},
                                 {"appearances", ColumnType::kInt64},
                                 {"first_ms", ColumnType::kInt64},
                                 {"last_ms", ColumnType::kInt64},
                                 {"mean_confidence", ColumnType::kDouble},
                                 {"percent", ColumnType::kDouble},
                                 {"error_ms", ColumnType::kInt64}},
                                [&](const ParquetRow& row) -> base::Result<void> {
                                  ++rows;
                                  EXPECT_EQ(row.Text(0), "Anna");
                                  EXPECT_EQ(row.Int(1), 61'500);
                                  EXPECT_EQ(row.Double(2), 61.5);
                                  EXPECT_EQ(row.Int(3), 3);
                                  EXPECT_EQ(row.Int(5), 100'000);
                                  EXPECT_EQ(row.Double(7), 61.5);
                                  EXPECT_EQ(row.Int(8), 250);
                                  return {};
                                });
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(rows, 1);
}

TEST(TimelineVttTest, HasACueForEachSetOfPeople) {
  EXPECT_EQ(TimelineVtt({Seen("Anna", 0, 5000), Seen("Person 2", 2000, 3500),
                         Seen("Anna", 3'661'000, 3'661'250)}),
            "WEBVTT\n"
            "\n00:00:00.000 --> 00:00:02.000\nAnna\n"
            "\n00:00:02.000 --> 00:00:03.500\nAnna, Person 2\n"
            "\n00:00:03.500 --> 00:00:05.000\nAnna\n"
            "\n01:01:01.000 --> 01:01:01.250\nAnna\n");
}

TEST(TimelineVttTest, JoinsStretchesThatMeetWithTheSamePeople) {
  EXPECT_EQ(TimelineVtt({Seen("Anna", 1000, 2000), Seen("Anna", 2000, 3000)}),
            "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nAnna\n");
  EXPECT_EQ(TimelineVtt({Seen("Anna", 1000, 2000), Seen("Ben", 2000, 3000)}),
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nAnna\n"
            "\n00:00:02.000 --> 00:00:03.000\nBen\n");
}

TEST(TimelineVttTest, CountsAPersonOnceWhoseRowsOverlap) {
  EXPECT_EQ(TimelineVtt({Seen("Anna", 0, 3000), Seen("Anna", 1000, 2000)}),
            "WEBVTT\n\n00:00:00.000 --> 00:00:03.000\nAnna\n");
}

TEST(TimelineVttTest, LeavesOutWhatHasNoLength) {
  EXPECT_EQ(TimelineVtt({Seen("Anna", 1000, 1000), Seen("Ben", 2000, 1000)}), "WEBVTT\n");
  EXPECT_EQ(TimelineVtt({}), "WEBVTT\n");
}

TEST(TimelineVttTest, KeepsNamesFromBreakingTheCue) {
  EXPECT_EQ(TimelineVtt({Seen("<b>A & B</b> -->\n\nx", 0, 1000)}),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n"
            "&lt;b&gt;A &amp; B&lt;/b&gt; --&gt;  x\n");
}

}  // namespace
}  // namespace rollcall::artifacts
