#include "artifacts/utf8.h"

#include <gtest/gtest.h>

namespace rollcall::artifacts {
namespace {

TEST(ToUtf8Test, KeepsWellFormedText) {
  for (const char* text :
       {"", "Anna", "Zoë", "李", "😀", "\u0080\u07FF\u0800\uFFFF", "\U0010FFFF"}) {
    EXPECT_EQ(ToUtf8(text), text);
  }
}

TEST(ToUtf8Test, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(ToUtf8("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(ToUtf8("\xC3"), "\uFFFD");                      // Cut short.
  EXPECT_EQ(ToUtf8("\xE2\x82"), "\uFFFD\uFFFD");            // Cut short.
  EXPECT_EQ(ToUtf8("\xC0\xAF"), "\uFFFD\uFFFD");            // Overlong.
  EXPECT_EQ(ToUtf8("\xE0\x9F\xBF"), "\uFFFD\uFFFD\uFFFD");  // Overlong.
  EXPECT_EQ(ToUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // A surrogate.
  EXPECT_EQ(ToUtf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(ToUtf8("\x80x"), "\uFFFDx");
}

}  // namespace
}  // namespace rollcall::artifacts
