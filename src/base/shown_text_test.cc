#include "base/shown_text.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace rollcall::base {
namespace {

TEST(ShownTextTest, LeavesWhatIsHarmlessAsItIs) {
  for (const char* text : {"", "Mañana.mp4", "日本語 🎬", "C:\\x1b is six letters", "tab-less"}) {
    EXPECT_EQ(Shown(text), text);
    EXPECT_EQ(ShownBytes(text), text);
  }
}

TEST(ShownTextTest, WritesOutWhatSteersATerminalOrTurnsTheLine) {
  EXPECT_EQ(Shown("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(Shown("a\nb\rc\td"), "a\\nb\\rc\\td");
  EXPECT_EQ(Shown(std::string("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(Shown("\u0085\u009b"), "\\u{0085}\\u{009b}") << "C1, as UTF-8 has it";
  EXPECT_EQ(Shown("\x9b"), "\\x9b") << "C1, as a terminal of one byte has it";
  for (const char* turn : {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067",
                           "\u2068", "\u2069", "\u200e", "\u200f", "\u061c", "\u2028", "\u2029"}) {
    EXPECT_EQ(Shown(turn).substr(0, 3), "\\u{") << turn;
  }
  EXPECT_EQ(Shown("\u202egpj.exe"), "\\u{202e}gpj.exe");
}

TEST(ShownTextTest, WritesOutBytesThatAreNoUtf8) {
  EXPECT_EQ(Shown("Ma\xf1"
                  "ana"),
            "Ma\\xf1ana");
  EXPECT_EQ(ShownBytes("Ma\xf1"
                       "ana\x1b\n"),
            "Ma\\xf1ana\x1b\n");
}

TEST(ShownTextTest, OnceIsEnough) {
  const std::string shown = Shown("a\x1b\n\xf1\u202e");
  EXPECT_EQ(Shown(shown), shown);
}

TEST(ShownTextTest, KeepsTheLinesOfATextOfSeveral) {
  EXPECT_EQ(ShownLines("a\nb\x1b\n"), "a\nb\\x1b\n");
}

TEST(ShownTextTest, ReachesEveryTextOfADocument) {
  const Json shown = ShownValues({{"a\n", {1, "b\x1b", {{"c", "d\u202e"}}}}, {"e", nullptr}});
  EXPECT_EQ(shown, (Json{{"a\\n", {1, "b\\x1b", {{"c", "d\\u{202e}"}}}}, {"e", nullptr}}));
}

TEST(ShownTextTest, ADocumentMeansTheSameAndHoldsNothingRaw) {
  const Json document{{"name", "a\x1b\x7f\u009b\u202e\n"}, {"list", {"ñ"}}};
  const std::string text = ShownDocument(document, 2);
  EXPECT_EQ(Json::parse(text), document);
  EXPECT_EQ(ShownLines(text), text) << "nothing is left to write out";
  EXPECT_NE(text.find("\\u007f\\u009b\\u202e"), std::string::npos) << text;
  EXPECT_NE(text.find("ñ"), std::string::npos) << "the rest stays readable";
}

}  // namespace
}  // namespace rollcall::base
