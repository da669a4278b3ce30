#include "cli/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "base/unique_fd.h"

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

// A pseudo terminal, as `script` has one.
class PseudoTerminal {
 public:
  PseudoTerminal() : front_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    EXPECT_EQ(::grantpt(front_.get()), 0);
    EXPECT_EQ(::unlockpt(front_.get()), 0);
    back_ = base::UniqueFd(::open(::ptsname(front_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  int fd() const { return back_.get(); }

 private:
  base::UniqueFd front_;
  base::UniqueFd back_;
};

bool TakesEscapeCodes(int fd, std::map<std::string, std::string> variables) {
  return Terminal::Of(fd,
                      [&](const std::string& name) -> std::optional<std::string> {
                        const auto found = variables.find(name);
                        return found == variables.end() ? std::nullopt
                                                        : std::optional(found->second);
                      })
      .is_coloured;
}

TEST(TerminalTest, ADumbTerminalAndOneWithoutColoursTakeNoEscapeCodes) {
  const PseudoTerminal terminal;
  ASSERT_EQ(::isatty(terminal.fd()), 1);
  EXPECT_TRUE(TakesEscapeCodes(terminal.fd(), {{"TERM", "xterm"}}));
  EXPECT_FALSE(TakesEscapeCodes(terminal.fd(), {{"TERM", "dumb"}}));
  EXPECT_FALSE(TakesEscapeCodes(terminal.fd(), {}));
  EXPECT_FALSE(TakesEscapeCodes(terminal.fd(), {{"TERM", "xterm"}, {"NO_COLOR", "1"}}));
  EXPECT_FALSE(TakesEscapeCodes(-1, {{"TERM", "xterm"}}));
}

TEST(TerminalTest, LetsOnlyItsOwnPaintOnTheScreen) {
  const std::string painted = Paint(true).Bad("bad") + "\n" + Paint(true).Bold("bold");
  EXPECT_EQ(OnScreen(painted, true), painted);
  EXPECT_EQ(OnScreen(painted, false), "\\x1b[31mbad\\x1b[0m\n\\x1b[1mbold\\x1b[0m");
  EXPECT_EQ(OnScreen("\x1b]0;title\x07 \x1b[2J\u009b1m\x9b\u202e", true),
            "\\x1b]0;title\\x07 \\x1b[2J\\u{009b}1m\\x9b\\u{202e}");
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
