// What a new kind of subjects and a new stage cost: three interfaces, a row and a handler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "episode/episode_kind.h"
#include "housekeeping/subject_removal.h"
#include "housekeeping/sweeper.h"
#include "jobs/testing/batch_kind.h"
#include "jobs/testing/engine_fixture.h"
#include "jobs/testing/fake_kind.h"
#include "jobs/testing/fake_stages.h"
#include "projection/files_check.h"

namespace rollcall::jobs {
namespace {

using base::Json;
using domain::JobState;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

subject::SubjectKinds TwoKinds() {
  static const subject::SubjectKinds first = FakeKinds();
  return subject::SubjectKinds::Create({first.kinds().front(), BatchKind()}).value();
}

store::JobRequest Batch(const std::string& id) {
  return {.subject = {"batch", id},
          .kind = "predict",
          .stages = {{.name = "predict", .work_key = base::Sha256(id)}}};
}

class SecondKindTest : public EngineTest {
 protected:
  void StartWithTwoKinds() {
    StartEngine([](Engine::Options& options) { options.kinds = TwoKinds(); });
  }
  std::vector<projection::ProjectionProblem> Problems() {
    return projection::CheckProjections({.store = *store_,
                                         .vault = engine_->vault(),
                                         .kinds = engine_->kinds(),
                                         .data_dir = data_dir_})
        .value()
        .problems;
  }
};

TEST_F(SecondKindTest, WorksBesideTheFirstWithFilesAndDocumentsOfItsOwn) {
  StartWithTwoKinds();
  const store::Job batch = SubmitOk(Batch("b1"));
  const store::Job episode = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  EXPECT_EQ(WaitForEnd(batch.id).state, JobState::kSucceeded);
  EXPECT_EQ(WaitForEnd(episode.id).state, JobState::kSucceeded);
  for (const store::Job& job : {batch, episode}) ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
  EXPECT_EQ(ReadText("batches/b1/predictions.txt"), "predicted");
  EXPECT_EQ(ReadJson("batches/b1/batch.json")["predicted"], true);
  EXPECT_EQ(ReadJson("batches/b1/active.json")["is_active"], false);
  EXPECT_EQ(ReadJson("jobs/predict_b1/meta.json")["batch_id"], "b1");
  EXPECT_FALSE(ReadJson("jobs/predict_b1/meta.json").contains("episode_key"));
  EXPECT_THAT(LogLines("predict_b1"), Contains(HasSubstr("[PREDICT] b1 registry predicted=true")));
  EXPECT_FALSE(Exists("episodes/b1"));
  EXPECT_EQ(ReadJson("episodes/x/state.json")["states"]["detected"], true);
  EXPECT_THAT(Problems(), IsEmpty());
}

// A program that asks twice wants two answers, unless it says that it asks again.
TEST_F(SecondKindTest, EqualSubmissionsAreSeparateWorkUnlessTheyHaveOneKey) {
  StartWithTwoKinds();
  const store::Job one = SubmitOk(Batch("b1"));
  const store::Job two = SubmitOk(Batch("b2"));
  store::JobRequest keyed = Batch("b3");
  keyed.idempotency_key = "k";
  const store::Job three = SubmitOk(keyed);
  keyed.subject.id = "b4";
  const auto again = engine_->Submit(keyed);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->is_existing);
  EXPECT_EQ(again->job.id, three.id);
  for (const store::Job& job : {one, two, three}) {
    EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  }
  EXPECT_FALSE(Exists("batches/b4"));
}

TEST_F(SecondKindTest, IsSweptAndErasedByItsInterfacesAlone) {
  StartWithTwoKinds();
  EXPECT_EQ(WaitForEnd(SubmitOk(Batch("b1")).id).state, JobState::kSucceeded);
  const store::Job other = SubmitOk(FakeRequest("x", {"detect"}, Json::object()));
  EXPECT_EQ(WaitForEnd(other.id).state, JobState::kSucceeded);
  Touch("batches/b1/predictions.txt.g999");  // Of an attempt that was killed.
  Touch("batches/b1/notes");
  std::filesystem::create_directories(data_dir_ / "batches/unknown");
  Touch("batches/unknown/predictions.txt.g999");
  projection::WorkerLog log(data_dir_);
  housekeeping::Sweeper sweeper({.store = *store_,
                                 .vault = engine_->vault(),
                                 .kinds = engine_->kinds(),
                                 .clock = clock_,
                                 .log = log},
                                std::chrono::milliseconds{0});
  EXPECT_THAT(sweeper.Sweep([] { return false; })->examples,
              Contains("batches/b1/predictions.txt.g999"));
  EXPECT_FALSE(Exists("batches/b1/predictions.txt.g999"));
  EXPECT_TRUE(Exists("batches/b1/notes"));
  EXPECT_TRUE(Exists("batches/b1/predictions.txt"));
  EXPECT_TRUE(Exists("batches/unknown/predictions.txt.g999")) << "of nobody that is known";

  const subject::SubjectKind& kind = *engine_->kinds().Find("batch");
  ASSERT_TRUE(store_->SubjectErase({"batch", "b1"}).ok());
  ASSERT_TRUE(housekeeping::RemoveSubjectFiles(engine_->vault(), kind, "b1").ok());
  EXPECT_FALSE(housekeeping::HasSubjectFiles(engine_->vault(), kind, "b1"));
  EXPECT_FALSE(Exists("jobs/predict_b1"));
  EXPECT_TRUE(Exists("harvest/x/detect.bin")) << "another's";
}

class NewStageTest : public EngineTest {};

TEST_F(NewStageTest, IsARowAndAHandler) {
  static const subject::StageTable stages{
      {{.name = "detect",
        .title = "Detect",
        .needs = {},
        .handler = [](const subject::HandlerOptions&) { return MakeFakeStage("detect"); },
        .flag = "detected"},
       {.name = "census",
        .title = "Count heads",
        .needs = {"detect"},
        .handler = [](const subject::HandlerOptions&) { return MakeFakeStage("census"); },
        .flag = "counted"}}};
  StartEngine([](Engine::Options& options) {
    options.kinds = subject::SubjectKinds::Create({episode::EpisodeKind(stages)}).value();
  });
  const store::Job job = SubmitOk(FakeRequest("x", {"detect", "census"}, Json::object()));
  EXPECT_EQ(WaitForEnd(job.id).state, JobState::kSucceeded);
  ASSERT_TRUE(engine_->Settle(job.id, kLong).ok());
  EXPECT_EQ(ReadText("harvest/x/census.bin"), kBytes);
  EXPECT_EQ(ReadJson("episodes/x/state.json")["states"],
            Json({{"detected", true}, {"counted", true}}));
  EXPECT_THAT(LogLines("census_x"), Contains(HasSubstr("[CENSUS] x stage=end status=ok")));
}

}  // namespace
}  // namespace rollcall::jobs
