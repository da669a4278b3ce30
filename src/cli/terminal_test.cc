#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace rollcall::cli {
namespace {

TEST(TerminalTest, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("✓ é"), 3);
  EXPECT_EQ(DisplayWidth("日本"), 4);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);  // e and a combining accent
  EXPECT_EQ(DisplayWidth("\x1b[32mok\x1b[0m"), 2);
  EXPECT_EQ(DisplayWidth("\xff\xfe"), 2);
}

TEST(TerminalTest, ClipsWithoutCuttingACharacter) {
  EXPECT_EQ(Clip("abcdef", 6), "abcdef");
  EXPECT_EQ(Clip("abcdef", 4), "abc…");
  EXPECT_EQ(Clip("日本語", 4), "日…");
  EXPECT_EQ(Clip("abc", 0), "");
}

TEST(TerminalTest, PadsByColumns) {
  EXPECT_EQ(PadRight("é", 3), "é  ");
  EXPECT_EQ(PadLeft("✓", 2), " ✓");
  EXPECT_EQ(PadLeft("long", 2), "long");
}

TEST(TerminalTest, DrawsBarsToAnEighth) {
  EXPECT_EQ(BlockBar(0, 4), "");
  EXPECT_EQ(BlockBar(0.5, 4), "██");
  EXPECT_EQ(BlockBar(1, 4), "████");
  EXPECT_EQ(BlockBar(1.0 / 32, 4), "▏");
  EXPECT_EQ(BlockBar(2, 4), "████");
}

TEST(TerminalTest, SaysDurationsForPeople) {
  EXPECT_EQ(ShortDuration(0.42), "0.4 s");
  EXPECT_EQ(ShortDuration(9.97), "10 s");
  EXPECT_EQ(ShortDuration(62), "1:02");
  EXPECT_EQ(ShortDuration(3723), "1:02:03");
  EXPECT_EQ(ExactDuration(83.44), "1:23.4");
  EXPECT_EQ(ExactDuration(59.96), "1:00.0");
  EXPECT_EQ(ExactDuration(3661.5), "1:01:01.5");
}

TEST(TerminalTest, GroupsDigits) {
  EXPECT_EQ(Grouped(7), "7");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(12600), "12 600");
  EXPECT_EQ(Grouped(-1234567), "-1 234 567");
}

TEST(TerminalTest, SaysSizes) {
  EXPECT_EQ(Bytes(999), "999 B");
  EXPECT_EQ(Bytes(1'234), "1.2 kB");
  EXPECT_EQ(Bytes(12'971'791), "13 MB");
}

TEST(TerminalTest, PaintsOnlyWhereColoursAreWanted) {
  EXPECT_EQ(Paint(false).Good("ok"), "ok");
  EXPECT_EQ(Paint(true).Good("ok"), "\x1b[32mok\x1b[0m");
}

TEST(TerminalTest, KnowsThatAFileIsNoTerminal) {
  const Terminal terminal =
      Terminal::Of(-1, [](const std::string& name) -> std::optional<std::string> {
        return name == "COLUMNS" ? std::optional<std::string>("120") : std::nullopt;
      });
  EXPECT_FALSE(terminal.is_tty);
  EXPECT_FALSE(terminal.is_coloured);
  EXPECT_EQ(terminal.width, 120);
}

}  // namespace
}  // namespace rollcall::cli
