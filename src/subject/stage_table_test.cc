#include "subject/stage_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "subject/subject_kind.h"

namespace rollcall::subject {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::unique_ptr<domain::StageHandler> NoHandler(const HandlerOptions& /*options*/) {
  return nullptr;
}

StageRow Row(std::string name, std::vector<std::string> needs, int revision = 1) {
  return {.name = name,
          .title = std::move(name),
          .needs = std::move(needs),
          .handler = &NoHandler,
          .revision = revision};
}

std::vector<std::string> Names(const std::vector<const StageRow*>& rows) {
  std::vector<std::string> names;
  for (const StageRow* row : rows) names.push_back(row->name);
  return names;
}

class StageTableTest : public testing::Test {
 protected:
  const StageTable table_{{Row("a", {}, 2),
                           Row("b", {"a"}),
                           Row("c", {"b"}),
                           Row("d", {"b"}, 3),
                           {.name = "later", .title = "Later", .needs = {"d"}, .handler = nullptr},
                           Row("e", {"d", "c"})}};
};

TEST_F(StageTableTest, GoesUpToAStageByWhatItNeeds) {
  EXPECT_THAT(Names(table_.UpTo("d")), ElementsAre("a", "b", "d"));
  EXPECT_THAT(Names(table_.UpTo("e")), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(table_.UpTo("nonsense"), IsEmpty());
}

// A handler is given the files of all that its stage names, and takes the first of a name.
TEST_F(StageTableTest, NamesWhatComesBeforeTheNearestFirst) {
  EXPECT_THAT(table_.Before("e"), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(table_.Before("a"), IsEmpty());
}

TEST_F(StageTableTest, NobodyRunsAStageWithoutAHandler) {
  ASSERT_NE(table_.Find("later"), nullptr);
  EXPECT_THAT(table_.UpTo("later"), IsEmpty());
  EXPECT_THAT(Names(table_.Runnable()), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(StageTableTest, KnowsWhatWasPlannedByAnOlderProgram) {
  base::Json planned{{"effort", "normal"}, {"revisions", table_.Revisions()}};
  EXPECT_FALSE(table_.IsOfOlderRevision(planned.dump()));
  planned["revisions"]["d"] = 2;
  EXPECT_TRUE(table_.IsOfOlderRevision(planned.dump()));
  EXPECT_TRUE(table_.IsOfOlderRevision("{}"));
  EXPECT_TRUE(table_.IsOfOlderRevision("no json"));
}

TEST(StageTableDeathTest, IsWrongWhereAStageNeedsOneThatDoesNotStandBeforeIt) {
  EXPECT_DEATH(StageTable({Row("a", {"b"}), Row("b", {})}), "does not stand before it");
  EXPECT_DEATH(StageTable({Row("a", {}), Row("a", {})}), "one name");
  EXPECT_DEATH(StageTable({Row("a_b", {})}), "has a '_'");
}

// Queues and folders carry the stage's name alone.
TEST(SubjectKindsTest, RefusesTwoKindsWithAStageOfOneName) {
  class Files final : public SubjectFiles {
    std::vector<Area> Areas() const override { return {}; }
    std::filesystem::path SegmentFolder(std::string_view, std::string_view) const override {
      return {};
    }
    base::Result<bool> MaySweep(store::JobStore&, std::string_view) const override { return false; }
  };
  class Projection final : public SubjectProjection {
    base::Result<Labels> LabelsOf(store::JobStore&, const store::Subject&) const override {
      return Labels{};
    }
    bool has_documents() const override { return false; }
    base::Result<Document> Registry(store::JobStore&, const SubjectFacts&) const override {
      return Document{};
    }
    base::Result<Document> Activity(store::JobStore&, const SubjectFacts&,
                                    base::WallTime) const override {
      return Document{};
    }
    base::Result<std::vector<std::string>> Known(store::JobStore&) const override {
      return std::vector<std::string>{};
    }
  };
  const Files files;
  const Projection projection;
  const StageTable one({Row("a", {}), Row("b", {})});
  const StageTable other({Row("b", {})});
  const StageTable third({Row("c", {})});
  const auto kind = [&](const char* name, const StageTable& stages) {
    return SubjectKind{.name = name, .stages = stages, .files = files, .projection = projection};
  };
  EXPECT_FALSE(SubjectKinds::Create({}).ok());
  EXPECT_FALSE(SubjectKinds::Create({kind("x", one), kind("y", other)}).ok());
  EXPECT_FALSE(SubjectKinds::Create({kind("x", one), kind("x", third)}).ok());
  const auto kinds = SubjectKinds::Create({kind("x", one), kind("y", third)});
  ASSERT_TRUE(kinds.ok());
  EXPECT_THAT(kinds->Runnable(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(kinds->OfStage("c").kind->name, "y");
  EXPECT_EQ(kinds->OfStage("nonsense").kind, nullptr);
}

}  // namespace
}  // namespace rollcall::subject
