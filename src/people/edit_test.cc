#include "people/edit.h"

#include <gtest/gtest.h>

#include <chrono>

#include "domain/reasons.h"

namespace rollcall::people {
namespace {

using base::Json;
using std::chrono::seconds;

std::vector<Anchor> SomeAnchors() {
  return {{.piece = {.track_id = 12, .from = seconds{1}, .to = seconds{3}},
           .sights = {{.at = seconds{2}, .box = {.x1 = 0.5F, .y1 = 2, .x2 = 30.25F, .y2 = 40}}}}};
}

class EditCodecTest : public ::testing::TestWithParam<EditKind> {};

TEST_P(EditCodecTest, ComesBackAsItWas) {
  const Edit edit{.sequence = 3,
                  .kind = GetParam(),
                  .tracks = "key",
                  .subject = SomeAnchors(),
                  .other = SomeAnchors(),
                  .label = 4,
                  .name = "Zo\xc3\xab",
                  .at = seconds{2},
                  .from = seconds{1},
                  .to = seconds{3},
                  .box = {.x1 = 1, .y1 = 2, .x2 = 3, .y2 = 4}};
  const Json body = BodyToJson(edit);
  const auto back = EditFrom(3, EditKindName(edit.kind), body);
  ASSERT_TRUE(back.ok()) << back.error().ToString();
  EXPECT_EQ(back->kind, edit.kind);
  EXPECT_EQ(BodyToJson(*back), body);
  EXPECT_EQ(EditKindFromName(EditKindName(edit.kind)), edit.kind);
}

TEST_P(EditCodecTest, AMissingOrMistypedMemberIsDamage) {
  const Edit edit{.kind = GetParam(),
                  .tracks = "key",
                  .subject = SomeAnchors(),
                  .other = SomeAnchors(),
                  .label = 4};
  const Json body = BodyToJson(edit);
  for (const auto& [name, value] : body.items()) {
    Json without = body;
    without.erase(name);
    const bool may_lack = GetParam() == EditKind::kExclude && name == "other";
    EXPECT_EQ(EditFrom(1, EditKindName(edit.kind), without).ok(), may_lack) << name;
    Json mistyped = body;
    mistyped[name] = Json::object();
    const auto read = EditFrom(1, EditKindName(edit.kind), mistyped);
    ASSERT_FALSE(read.ok()) << name;
    EXPECT_EQ(read.error().reason, domain::reason::kStoreDamaged);
  }
}

INSTANTIATE_TEST_SUITE_P(All, EditCodecTest,
                         ::testing::Values(EditKind::kLabel, EditKind::kName, EditKind::kMerge,
                                           EditKind::kSame, EditKind::kSplit, EditKind::kMove,
                                           EditKind::kCut, EditKind::kNot, EditKind::kIgnore,
                                           EditKind::kFace, EditKind::kExclude));

TEST(EditFromTest, AnUnknownKindIsDamage) { EXPECT_FALSE(EditFrom(1, "rename", {}).ok()); }

}  // namespace
}  // namespace rollcall::people
