#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/report_table.h"
#include "cli/truth_comparison.h"

namespace rollcall::cli {
namespace {

using base::Json;
using ::testing::HasSubstr;
using ::testing::Not;

Json Person(const std::string& name, std::int64_t from_ms, std::int64_t to_ms, double share) {
  const Json stretch{{"start_ms", from_ms}, {"end_ms", to_ms}};
  return {{"id", 1},
          {"name", name},
          {"seen_ms", to_ms - from_ms},
          {"total_ms", to_ms - from_ms},
          {"error_ms", 120},
          {"share", share},
          {"seen", {stretch}},
          {"intervals", {stretch}}};
}

Json Report(std::vector<Json> people) {
  return {{"episode", "rhobh_s05_e03"},
          {"time", {{"zero", "file"}}},
          {"warnings", Json::array()},
          {"people", std::move(people)}};
}

TEST(ReportTableTest, ShowsWhoWasOnScreenAndForHowLong) {
  const auto table = ReportTable(
      Report({Person("Person 1", 0, 83'400, 0.5), Person("Ólafur", 90'000, 100'050, 0.06)}),
      {.is_tty = false, .is_coloured = false, .width = 80});
  ASSERT_TRUE(table.ok()) << table.error().ToString();
  EXPECT_EQ(*table,
            "  Person    Screen time     Share  Appearances\n"
            "  Person 1  1:23.4 ± 0.2 s  50.0%            1  ████████████████████████████████\n"
            "  Ólafur    0:10.1 ± 0.2 s   6.0%            1  ███▉\n");
}

TEST(ReportTableTest, FitsEveryWidth) {
  const Json report = Report({Person(std::string(60, 'n'), 0, 5'000'000, 1.0)});
  for (int width = 60; width <= 200; ++width) {
    const auto table = ReportTable(report, {.is_tty = true, .is_coloured = true, .width = width});
    std::size_t begin = 0;
    while (begin < table->size()) {
      const std::size_t end = table->find('\n', begin);
      EXPECT_LE(DisplayWidth(table->substr(begin, end - begin)), width);
      begin = end + 1;
    }
  }
}

TEST(ReportTableTest, SaysThatNobodyWasSeen) {
  EXPECT_EQ(*ReportTable(Report({}), {}), "  Nobody was seen.\n");
}

TEST(ReportTableTest, SaysThatFacesWereFoundThoughNobodyIsCounted) {
  Json report = Report({});
  report["coverage"] = {
      {"faces_detected", 90},
      {"faces_chosen", 10},
      {"embeddings_computed", 4},
      {"not_counted",
       {{{"why", "too short"}, {"tracks", 2}, {"faces", 3}},
        {{"why", "without the features of a face"}, {"tracks", 9}, {"faces", 80}}}}};
  EXPECT_EQ(*ReportTable(report, {}),
            "  90 faces were found, and nobody could be made of them.\n"
            "  faces: 90 found; 10 chosen to tell people apart, 4 of them good enough (40 %)\n"
            "  not counted: 3 faces too short, 80 faces without the features of a face\n");
}

// Where none was worth a vector, why none is counted was not said.
TEST(ReportTableTest, SaysWhyNobodyIsCountedWhereNoFaceWasChosen) {
  Json report = Report({});
  report["coverage"] = {
      {"faces_detected", 4},
      {"faces_chosen", 0},
      {"not_counted", {{{"why", "too unsure to be followed"}, {"tracks", 0}, {"faces", 4}}}}};
  EXPECT_EQ(*ReportTable(report, {}),
            "  4 faces were found, and nobody could be made of them.\n"
            "  not counted: 4 faces too unsure to be followed\n");
}

TEST(ReportTableTest, SaysThatAnOlderProgramMadeIt) {
  Json report = Report({});
  report.erase("time");
  EXPECT_THAT(*ReportTable(report, {}), HasSubstr("made by an older rollcall"));
}

TEST(ReportTableTest, ShowsWarnings) {
  Json report = Report({});
  report["warnings"].push_back("the file ends in the middle");
  EXPECT_THAT(*ReportTable(report, {}), HasSubstr("warning: the file ends in the middle\n"));
}

TEST(ReportTableTest, RefusesWhatIsNoReport) {
  EXPECT_FALSE(ReportTable(Json::object(), {}).ok());
  EXPECT_FALSE(ReportTable(Json(3), {}).ok());
}

compose::Truth TruthOf(std::vector<compose::TruthPerson> people) {
  compose::Truth truth;
  truth.people = std::move(people);
  return truth;
}

compose::TruthPerson TruthPersonOf(const std::string& id, std::int64_t from, std::int64_t to) {
  compose::TruthPerson person;
  person.id = id;
  person.seen_ms = to - from;
  person.intervals = {{from, to}};
  return person;
}

TEST(TruthComparisonTest, PairsPeopleByWhenTheyAreOnScreen) {
  const auto comparison = CompareWithTruth(
      Report({Person("Person 1", 5'000, 9'100, 0.4), Person("Person 2", 0, 4'000, 0.4)}),
      TruthOf({TruthPersonOf("anna", 0, 4'000), TruthPersonOf("bert", 5'000, 9'000)}));
  ASSERT_TRUE(comparison.ok());
  ASSERT_EQ(comparison->rows.size(), 2U);
  EXPECT_EQ(comparison->rows[0].person_name, "Person 2");
  EXPECT_EQ(comparison->rows[1].person_name, "Person 1");
  EXPECT_EQ(comparison->rows[1].error_ms(), 100);
  EXPECT_TRUE(comparison->Holds(100));
  EXPECT_FALSE(comparison->Holds(99));
}

TEST(TruthComparisonTest, DoesNotHoldWhenSomebodyIsMissingOrTooMany) {
  const auto missing = CompareWithTruth(Report({}), TruthOf({TruthPersonOf("anna", 0, 100)}));
  EXPECT_FALSE(missing->Holds(1'000));
  const auto extra =
      CompareWithTruth(Report({Person("Person 1", 0, 100, 0.1), Person("Person 2", 500, 600, 0.1)}),
                       TruthOf({TruthPersonOf("anna", 0, 100)}));
  ASSERT_EQ(extra->rows.size(), 2U);
  EXPECT_EQ(extra->rows[1].truth_id, "");
  EXPECT_FALSE(extra->Holds(1'000));
  EXPECT_THAT(extra->ToString(Paint(false), 1'000), HasSubstr("nobody"));
}

TEST(TruthComparisonTest, RefusesWhatIsNoReport) {
  EXPECT_FALSE(CompareWithTruth(Json::object(), {}).ok());
}

}  // namespace
}  // namespace rollcall::cli
