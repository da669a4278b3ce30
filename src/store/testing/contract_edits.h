#pragma once

#include <vector>

#include "store/testing/contract_keys.h"

namespace rollcall::store {

inline const Subject kEdited{.kind = "episode", .id = "x"};
inline const EditAuthor kSomebody{.who = "anna"};
inline constexpr std::string_view kOurs = "label";

inline EditAuthor WithEditKey(std::string key) {
  return {.who = "anna", .idempotency_key = std::move(key)};
}
inline NewEdit EditOf(std::string kind, std::string body = "{}") {
  return {.kind = std::move(kind), .body_json = std::move(body)};
}

class EditContract : public JobStoreContract {
 protected:
  std::int64_t Say(std::string kind, const EditAuthor& author = kSomebody) {
    const std::vector<NewEdit> edits{EditOf(std::move(kind))};
    auto lines = store().EditsAppend(kEdited, author, edits);
    EXPECT_TRUE(lines.ok()) << lines.error().ToString();
    return lines.ok() ? lines->back().sequence : 0;
  }
  // "1 name", "2 merge -3", "3 undo": a line that was taken back by line 3 has a minus.
  std::vector<std::string> Log(const Subject& subject = kEdited) {
    std::vector<std::string> log;
    for (const Edit& edit : store().EditList(subject).value()) {
      log.push_back(std::to_string(edit.sequence) + " " + edit.kind +
                    (edit.undone_by ? " -" + std::to_string(*edit.undone_by) : ""));
    }
    return log;
  }
};

TEST_P(EditContract, LinesAreNumberedPerSubjectAndKeepWhatWasSaid) {
  const std::vector<NewEdit> edits{EditOf("name", R"({"name":"Anna"})"), EditOf("merge")};
  const auto lines = store().EditsAppend(kEdited, kSomebody, edits);
  ASSERT_TRUE(lines.ok()) << lines.error().ToString();
  ASSERT_EQ(lines->size(), 2U);
  EXPECT_EQ(Say("cut"), 3);
  const Subject other{.kind = "episode", .id = "y"};
  ASSERT_TRUE(store().EditsAppend(other, kSomebody, edits).ok());
  EXPECT_EQ(Log(other), (std::vector<std::string>{"1 name", "2 merge"}));
  const auto all = store().EditList(kEdited).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].who, "anna");
  EXPECT_EQ(all[0].body_json, R"({"name":"Anna"})");
  EXPECT_EQ(all[0].at, now().wall);
  EXPECT_TRUE(store().EditList({.kind = "episode", .id = "z"}).value().empty());
  EXPECT_TRUE(store().IntegrityCheck().ok());
}

TEST_P(EditContract, NothingOrALineOfTheStoresOwnIsRefused) {
  EXPECT_EQ(store().EditsAppend(kEdited, kSomebody, {}).error().reason, "ERR_BAD_EDIT");
  const std::vector<NewEdit> edits{EditOf("name"), EditOf("undo")};
  EXPECT_EQ(store().EditsAppend(kEdited, kSomebody, edits).error().reason, "ERR_BAD_EDIT");
  EXPECT_TRUE(Log().empty()) << "all or none";
}

TEST_P(EditContract, UndoTakesBackOneAfterTheOtherAndRedoLetsThemStandAgain) {
  Say("name");
  Say("merge");
  EXPECT_EQ(store().EditUndo(kEdited, kSomebody, std::nullopt, kOurs)->sequence, 3);
  EXPECT_EQ(store().EditUndo(kEdited, kSomebody, std::nullopt, kOurs)->sequence, 4);
  EXPECT_EQ(Log(), (std::vector<std::string>{"1 name -4", "2 merge -3", "3 undo", "4 undo"}));
  EXPECT_EQ(store().EditUndo(kEdited, kSomebody, std::nullopt, kOurs).error().reason,
            "ERR_NOTHING_TO_UNDO");
  ASSERT_TRUE(store().EditRedo(kEdited, kSomebody, std::nullopt, kOurs).ok());
  EXPECT_EQ(Log()[0], "1 name");
  ASSERT_TRUE(store().EditRedo(kEdited, kSomebody, std::nullopt, kOurs).ok());
  EXPECT_EQ(Log()[1], "2 merge");
  EXPECT_EQ(store().EditRedo(kEdited, kSomebody, std::nullopt, kOurs).error().reason,
            "ERR_NOTHING_TO_REDO");
  EXPECT_TRUE(store().IntegrityCheck().ok());
}

TEST_P(EditContract, WhoeverSaysSomethingNewHasNothingToRedo) {
  Say("name");
  ASSERT_TRUE(store().EditUndo(kEdited, kSomebody, std::nullopt, kOurs).ok());
  Say("merge");
  EXPECT_EQ(store().EditRedo(kEdited, kSomebody, std::nullopt, kOurs).error().reason,
            "ERR_NOTHING_TO_REDO");
  ASSERT_TRUE(store().EditRedo(kEdited, kSomebody, 1, kOurs).ok()) << "by its number it can";
  EXPECT_EQ(Log()[0], "1 name");
}

TEST_P(EditContract, WhatWeWroteOurselvesIsPassedOver) {
  Say("name");
  Say("label");
  ASSERT_TRUE(store().EditUndo(kEdited, kSomebody, std::nullopt, kOurs).ok());
  Say("label");
  EXPECT_EQ(Log(), (std::vector<std::string>{"1 name -3", "2 label", "3 undo", "4 label"}));
  EXPECT_TRUE(store().EditRedo(kEdited, kSomebody, std::nullopt, kOurs).ok());
  EXPECT_EQ(store().EditUndo(kEdited, kSomebody, 2, kOurs).error().reason, "ERR_NOTHING_TO_UNDO");
}

TEST_P(EditContract, OneOfThemIsTakenBackByItsNumberOnce) {
  Say("name");
  Say("merge");
  ASSERT_TRUE(store().EditUndo(kEdited, kSomebody, 1, kOurs).ok());
  EXPECT_EQ(Log(), (std::vector<std::string>{"1 name -3", "2 merge", "3 undo"}));
  EXPECT_FALSE(store().EditUndo(kEdited, kSomebody, 1, kOurs).ok());
  EXPECT_FALSE(store().EditUndo(kEdited, kSomebody, 3, kOurs).ok()) << "an undo is redone";
  EXPECT_FALSE(store().EditUndo(kEdited, kSomebody, 9, kOurs).ok());
  EXPECT_FALSE(store().EditRedo(kEdited, kSomebody, 2, kOurs).ok());
}

TEST_P(EditContract, ARepeatedKeyGivesTheLinesOfTheFirstTime) {
  const std::vector<NewEdit> edits{EditOf("name"), EditOf("merge")};
  const auto first = store().EditsAppend(kEdited, WithEditKey("k"), edits).value();
  Say("cut");
  const auto again = store().EditsAppend(kEdited, WithEditKey("k"), edits);
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  ASSERT_EQ(again->size(), 2U);
  EXPECT_EQ((*again)[1].sequence, first[1].sequence);
  EXPECT_EQ(Log().size(), 3U);
  const std::vector<NewEdit> others{EditOf("name")};
  EXPECT_EQ(store().EditsAppend(kEdited, WithEditKey("k"), others).error().reason,
            "ERR_IDEMPOTENCY_KEY_REUSED");
  EXPECT_FALSE(store().EditsAppend(kEdited, WithEditKey(""), others).ok());
  EXPECT_FALSE(store().EditsAppend(kEdited, WithEditKey(std::string(201, 'k')), others).ok());
}

TEST_P(EditContract, WhatWasAskedInWordsIsComparedNotWhatCameOfIt) {
  EditAuthor author = WithEditKey("k");
  EXPECT_TRUE(store().EditsOfKey(kEdited, author).value().empty());
  author.asked = "name 3 Anna";
  const std::vector<NewEdit> first{EditOf("name", R"({"then":1})")};
  const std::vector<NewEdit> now{EditOf("name", R"({"then":2})")};
  ASSERT_TRUE(store().EditsAppend(kEdited, author, first).ok());
  EXPECT_EQ(store().EditsAppend(kEdited, author, now)->front().sequence, 1);
  EXPECT_EQ(store().EditsOfKey(kEdited, author)->front().sequence, 1);
  EXPECT_TRUE(store().EditsOfKey(kEdited, kSomebody)->empty());
  author.asked = "name 3 Bea";
  EXPECT_EQ(ReasonOf(store().EditsOfKey(kEdited, author)), "ERR_IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(store().EditSubjects().value(), std::vector<Subject>{kEdited});
}

TEST_P(EditContract, ARepeatedUndoTakesBackOneEditOnly) {
  Say("name");
  Say("merge");
  const auto first = store().EditUndo(kEdited, WithEditKey("u"), std::nullopt, kOurs).value();
  const auto again = store().EditUndo(kEdited, WithEditKey("u"), std::nullopt, kOurs).value();
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_EQ(Log()[0], "1 name");
  const auto redo = store().EditRedo(kEdited, WithEditKey("r"), std::nullopt, kOurs).value();
  EXPECT_EQ(store().EditRedo(kEdited, WithEditKey("r"), std::nullopt, kOurs)->sequence,
            redo.sequence);
  EXPECT_EQ(Log().size(), 4U);
}

TEST_P(EditContract, AKeyMeansNothingAfterADay) {
  Say("name", WithEditKey("k"));
  clock_.Advance(kIdempotencyKeyAge);
  EXPECT_EQ(Say("name", WithEditKey("k")), 2);
}

TEST_P(EditContract, EditsGoWithTheirSubject) {
  Say("name");
  ASSERT_TRUE(store().SubjectErase(kEdited).ok());
  EXPECT_TRUE(Log().empty());
  EXPECT_EQ(Say("name"), 1);
}

TEST_P(EditContract, WhatASubmissionWithAKeyWasAnsweredWithIsKnown) {
  EXPECT_FALSE(store().JobOfKey("batch", "k").value());
  const Submission first = Submit(WithKey(MakeBatch("b1"), "k"));
  EXPECT_FALSE(first.is_repeated);
  ASSERT_TRUE(store().JobOfKey("batch", "k").value());
  EXPECT_EQ(store().JobOfKey("batch", "k").value()->id, first.job.id);
  EXPECT_FALSE(store().JobOfKey("episode", "k").value());
  EXPECT_TRUE(Submit(WithKey(MakeBatch("b2"), "k")).is_repeated);
  clock_.Advance(kIdempotencyKeyAge);
  EXPECT_FALSE(store().JobOfKey("batch", "k").value());
}

}  // namespace rollcall::store
