#include "domain/episode_key.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rollcall::domain {
namespace {

struct Case {
  const char* title;
  const char* key;
};

class EpisodeKeyTest : public testing::TestWithParam<Case> {};

TEST_P(EpisodeKeyTest, NormalisesTitle) {
  const auto key = EpisodeKey::FromTitle(GetParam().title);
  ASSERT_TRUE(key.ok()) << key.error().ToString();
  EXPECT_EQ(key->text(), GetParam().key);
  // A key is its own normal form.
  EXPECT_EQ(EpisodeKey::Parse(key->text()).value().text(), GetParam().key);
}

INSTANTIATE_TEST_SUITE_P(
    Titles, EpisodeKeyTest,
    testing::Values(
        Case{"RHOBH_S05_E03_11062025", "rhobh_s05_e03"}, Case{"RHOSLC_S06_E01", "rhoslc_s06_e01"},
        Case{"ANOTHER_SHOW_S02_E05_99999999", "another_show_s02_e05"},
        Case{"RHOBH-TEST-10-28", "rhobh-test-10-28"}, Case{"Show.S1E2.720p.x264", "show_s01_e02"},
        Case{"CLASS3_SHOW_S02_E05", "class3_show_s02_e05"},
        Case{"S4C_NEWS_S02_E05", "s4c_news_s02_e05"},
        Case{"AREA_S51_STORIES_S02_E05_01012025", "area_s51_stories_s02_e05"},
        Case{"S9_E1_REPRISE_S03_E04", "s9_e1_reprise_s03_e04"}, Case{"ROUTE_S66", "route_s66"},
        Case{"S01E01", "s01_e01"}, Case{"My holiday (2024)", "my-holiday--2024"},
        Case{"show_s05_e103", "show_s05_e103"}, Case{"..hidden", "hidden"},
        Case{"Émission_S01_E02", "emission_s01_e02"},
        Case{"E\u0301mission", "emission"},  // As macOS writes it.
        Case{"STRASSE straße", "strasse-strasse"}, Case{"Smørrebrød", "smorrebrod"},
        Case{"Œuvre Ægir Þór", "oeuvre-aegir-thor"}, Case{"Żółć łódź Čeština", "zolc-lodz-cestina"},
        Case{"İğüş ſ", "igus-s"}, Case{"Soirée × été", "soiree----ete"},
        Case{"Серия s2 e3", "s02_e03"}));

// What was a key before letters lost their accents is one still.
TEST(EpisodeKeyTitleTest, LeavesAsciiAndBrokenBytesAlone) {
  for (char c = ' '; c <= '~'; ++c) {
    const auto key = EpisodeKey::FromTitle(std::string("x") + c + "y");
    ASSERT_TRUE(key.ok());
    EXPECT_EQ(key->text().size(), 3U) << c;
  }
  EXPECT_EQ(EpisodeKey::FromTitle("a\xC3").value().text(), "a");
  EXPECT_EQ(EpisodeKey::FromTitle("a\xE9 b").value().text(), "a--b");
}

TEST(EpisodeKeyTitleTest, NameInAnotherScriptGivesNone) {
  for (const char* title : {"Серия", "日本語", "???"}) {
    const auto key = EpisodeKey::FromTitle(title);
    ASSERT_FALSE(key.ok()) << title;
    EXPECT_EQ(key.error().reason, "ERR_BAD_EPISODE_KEY");
  }
  const EpisodeKey instead = EpisodeKey::OfVideo("1a2b3c4d5e6f");
  EXPECT_EQ(instead.text(), "video-1a2b3c4d");
  EXPECT_EQ(EpisodeKey::Parse(instead.text()).value(), instead);
}

TEST(EpisodeKeyParseTest, TakesAccentsAsTheTitleDoes) {
  EXPECT_EQ(EpisodeKey::Parse("Émission").value().text(), "emission");
  EXPECT_FALSE(EpisodeKey::Parse("a×b").ok());
  EXPECT_FALSE(EpisodeKey::Parse("Серия").ok());
}

TEST(EpisodeKeyParseTest, RefusesWhatCouldLeaveItsFolder) {
  for (const char* text : {"../x", "a/b", "a\\b", "", ".x", "-rf", "a b", "x..y"}) {
    const auto key = EpisodeKey::Parse(text);
    ASSERT_FALSE(key.ok()) << text;
    EXPECT_EQ(key.error().reason, "ERR_BAD_EPISODE_KEY");
  }
}

TEST(EpisodeKeyParseTest, RefusesWhatIsTooLong) {
  EXPECT_FALSE(EpisodeKey::Parse(std::string(101, 'a')).ok());
  EXPECT_TRUE(EpisodeKey::Parse(std::string(100, 'a')).ok());
}

TEST(EpisodeKeySuffixTest, OffersADistinctKey) {
  EXPECT_EQ(EpisodeKey::FromTitle("A_S01_E02").value().WithSuffix(2).text(), "a_s01_e02-2");
  EXPECT_EQ(EpisodeKey::Parse("a_s01_e02-2").value().text(), "a_s01_e02-2");
}

TEST(EpisodeKeySuffixTest, WhatIsMadeIsAlwaysAccepted) {
  const std::vector<std::string> titles{"my..video", "a...b..c", std::string(140, 'x')};
  for (const std::string& title : titles) {
    const auto key = EpisodeKey::FromTitle(title);
    ASSERT_TRUE(key.ok()) << title;
    EXPECT_EQ(EpisodeKey::Parse(key->text())->text(), key->text());
    const EpisodeKey other = key->WithSuffix(12);
    ASSERT_TRUE(EpisodeKey::Parse(other.text()).ok()) << other.text();
    EXPECT_NE(other.text(), key->text());
  }
}

TEST(EpisodeKeySuffixTest, TitleWithoutLetterOrDigitIsRefused) {
  EXPECT_FALSE(EpisodeKey::FromTitle("???").ok());
}

}  // namespace
}  // namespace rollcall::domain
