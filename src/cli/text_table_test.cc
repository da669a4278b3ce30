#include "cli/text_table.h"

#include <gtest/gtest.h>

namespace rollcall::cli {
namespace {

TextTable Jobs() {
  TextTable table({"#", "JOB", ""});
  table.Add({"12", "analyze_a", "detect: 54%, 6804/12600 frames, 8.5x real time"});
  table.Add({"3", "detect_b", ""});
  return table;
}

TEST(TextTableTest, KeepsARowOnOneLineInAFile) {
  EXPECT_EQ(Jobs().ToString(Paint(false)),
            "#   JOB\n"
            "12  analyze_a  detect: 54%, 6804/12600 frames, 8.5x real time\n"
            "3   detect_b\n");
}

TEST(TextTableTest, BreaksTheLastColumnAtSpacesOnATerminal) {
  EXPECT_EQ(Jobs().ToString(Paint(false), 44),
            "#   JOB\n"
            "12  analyze_a  detect: 54%, 6804/12600\n"
            "               frames, 8.5x real time\n"
            "3   detect_b\n");
}

TEST(TextTableTest, LeavesALineToANarrowTerminal) {
  EXPECT_EQ(Jobs().ToString(Paint(false), 30), Jobs().ToString(Paint(false)));
}

TEST(TextTableTest, CountsNoColours) {
  TextTable table({"A", "B"});
  table.Add({"\x1b[31mred\x1b[0m", "x"});
  table.Add({"four", "y"});
  EXPECT_EQ(table.ToString(Paint(false)), "A     B\n\x1b[31mred\x1b[0m   x\nfour  y\n");
}

}  // namespace
}  // namespace rollcall::cli
