#include "cli/console.h"

#include <gtest/gtest.h>

namespace rollcall::cli {
namespace {

GlobalFlags WithData(const std::string& folder) { return {.settings = {{"data", folder}}}; }

TEST(ConsoleTest, QuotedCommandsFindTheDataDirectoryThatWasTold) {
  const Console console(WithData("/srv/my shows"));
  EXPECT_EQ(console.AsTyped("`rollcall jobs resume x` goes on; `rollcall inspect x` shows it"),
            "`rollcall jobs resume x --data '/srv/my shows'` goes on; "
            "`rollcall inspect x --data '/srv/my shows'` shows it");
  EXPECT_EQ(console.AsTyped("free some space"), "free some space");
  EXPECT_EQ(console.AsTyped("`rollcall jobs"), "`rollcall jobs") << "not closed";
  const std::string typed = console.AsTyped("`rollcall jobs list`");
  EXPECT_EQ(console.AsTyped(typed), typed) << "once is enough";
}

TEST(ConsoleTest, ADirectoryOfAnyNameIsOneWordOfTheShellAndHarmless) {
  const auto typed = [](const std::string& folder) {
    return Console(WithData(folder)).AsTyped("`rollcall doctor`");
  };
  EXPECT_EQ(typed("/Ma\xf1"
                  "ana"),
            "`rollcall doctor --data $'/Ma\\xf1ana'`");
  EXPECT_EQ(typed("/it's \\ \x1b\n"), "`rollcall doctor --data $'/it\\'s \\\\ \\x1b\\x0a'`");
}

TEST(ConsoleTest, WhatIsForAPersonIsWrittenOutAndWhatIsForAProgramIsNot) {
  const base::Json answer{{"video", "a\x1b\n"}};
  EXPECT_EQ(Console(GlobalFlags{}).ForReader(answer)["video"], "a\\x1b\\n");
  EXPECT_EQ(Console(GlobalFlags{.settings = {}, .is_json = true}).ForReader(answer), answer);
}

TEST(ConsoleTest, QuotedCommandsStayAsTheyAreWhereNothingWasTold) {
  EXPECT_EQ(Console(GlobalFlags{}).AsTyped("`rollcall jobs list`"), "`rollcall jobs list`");
  EXPECT_EQ(Console(WithData("")).AsTyped("`rollcall jobs list`"), "`rollcall jobs list`");
}

}  // namespace
}  // namespace rollcall::cli
