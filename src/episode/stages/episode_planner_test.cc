#include "episode/stages/episode_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "base/path_text.h"
#include "base/random.h"
#include "domain/reasons.h"
#include "episode/stages/episode_stages.h"
#include "store/memory/memory_store.h"

namespace rollcall::episode {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

EpisodePlanner::FindReusable NothingToReuse() {
  return [](const std::string&) { return std::optional<store::StageRunId>{}; };
}

class EpisodePlannerTest : public ::testing::Test {
 protected:
  EpisodePlannerTest() : folder_(fs::temp_directory_path() / ("rollcall-" + base::RandomId())) {
    fs::create_directories(folder_);
  }
  ~EpisodePlannerTest() override { fs::remove_all(folder_); }

  fs::path Video(const std::string& name, std::string_view bytes) {
    fs::create_directories((folder_ / name).parent_path());
    EXPECT_TRUE(base::WriteFileAtomic(folder_ / name, bytes).ok());
    return folder_ / name;
  }
  StartRequest Analyze(const fs::path& video) {
    StartRequest request;
    request.video = video;
    request.model_pack = folder_ / "pack";
    return request;
  }
  EpisodePlan MustPlan(const StartRequest& request) { return MustPlan(request, NothingToReuse()); }
  EpisodePlan MustPlan(const StartRequest& request, const EpisodePlanner::FindReusable& reuse) {
    auto plan = planner_.Plan(request, reuse);
    EXPECT_TRUE(plan.ok()) << plan.error().ToString();
    return std::move(plan).value();
  }
  base::Error MustFail(const StartRequest& request) {
    auto plan = planner_.Plan(request, NothingToReuse());
    EXPECT_FALSE(plan.ok());
    return plan.ok() ? base::Error{} : plan.error();
  }
  static const store::StageRequest& Stage(const EpisodePlan& plan, std::string_view name) {
    for (const auto& stage : plan.request.stages) {
      if (stage.name == name) return stage;
    }
    ADD_FAILURE() << name;
    return plan.request.stages.front();
  }
  // Claims and finishes every stage of the newest job, so that its runs have succeeded.
  void FinishEverything() {
    const store::AgentIdentity agent{.id = "a", .incarnation = "1", .boot_id = "b"};
    while (true) {
      auto task =
          store_.TaskClaim({.agent = agent, .stages = {}, .lease = std::chrono::seconds{30}});
      ASSERT_TRUE(task.ok()) << task.error().ToString();
      if (!*task) return;
      ASSERT_TRUE(store_.TaskStarted((*task)->fence, 1, 1).ok());
      const bool has_result = (*task)->run.name == "detect";
      ASSERT_TRUE(
          store_.TaskSucceed((*task)->fence, has_result ? detect_result_ : "{}", {}, {}).ok());
    }
  }
  std::vector<std::string> Reused(const EpisodePlan& plan) {
    std::vector<std::string> names;
    for (const auto& stage : plan.request.stages) {
      if (stage.reuse) names.push_back(stage.name);
    }
    return names;
  }
  static std::vector<std::string> FromNothing(const EpisodePlan& plan) {
    std::vector<std::string> names;
    for (const auto& stage : plan.request.stages) {
      if (stage.drops_segments) names.push_back(stage.name);
    }
    return names;
  }
  EpisodePlanner::FindReusable FromStore() {
    return [this](const std::string& work_key) -> base::Result<std::optional<store::StageRunId>> {
      ROLLCALL_TRY_ASSIGN(const auto run, store_.RunSucceeded(work_key));
      return run ? std::optional(run->id) : std::nullopt;
    };
  }

  fs::path folder_;
  std::string detect_result_ = "{}";
  base::FakeClock clock_;
  store::MemoryStore store_{{clock_}};
  EpisodePlanner planner_{store_, clock_, [](const fs::path& video) -> base::Result<std::string> {
                            ROLLCALL_TRY_ASSIGN(const auto digest, base::DigestFile(video));
                            return digest.sha256;
                          }};
};

TEST_F(EpisodePlannerTest, PlansTheWholeWayOfAnEpisode) {
  const auto plan = MustPlan(Analyze(Video("RHOBH_S05_E03_11062025.mp4", "v")));
  EXPECT_EQ(plan.episode.key, "rhobh_s05_e03");
  EXPECT_EQ(plan.episode.display, "RHOBH_S05_E03_11062025");
  EXPECT_EQ(plan.request.kind, "analyze");
  std::vector<std::string> names;
  for (const auto& stage : plan.request.stages) names.push_back(stage.name);
  EXPECT_THAT(names, ElementsAre("validate", "extract", "detect", "track", "stills", "cluster",
                                 "analytics"));
  EXPECT_THAT(Stage(plan, "detect").needs, ElementsAre("extract", "validate"));
  EXPECT_EQ(Stage(plan, "detect").dedupe_key, Stage(plan, "detect").work_key);
  EXPECT_TRUE(store_.JobSubmit(plan.request).ok());
}

TEST_F(EpisodePlannerTest, HandsAStageTheNearestFileOfAName) {
  const auto plan = MustPlan(Analyze(Video("a_s01_e01.mp4", "v")));
  EXPECT_THAT(Stage(plan, "analytics").needs,
              ElementsAre("cluster", "stills", "track", "detect", "extract", "validate"));
}

TEST_F(EpisodePlannerTest, AReportOfAGapIsNotTheReportOfAWholeVideo) {
  const StartRequest analyze = Analyze(Video("a_s01_e01.mp4", "v"));
  StartRequest detect = analyze;
  detect.kind = "detect";
  detect.is_forced = true;
  const std::string with_gap = R"({"gaps":[{"start_ms":0,"end_ms":10000,"reason":"r"}]})";

  detect_result_ = with_gap;
  ASSERT_TRUE(store_.JobSubmit(MustPlan(analyze).request).ok());
  FinishEverything();
  EXPECT_THAT(Reused(MustPlan(analyze, FromStore())), SizeIs(7)) << "the same work, said so";

  detect_result_ = "{}";  // All of the video, this time.
  ASSERT_TRUE(store_.JobSubmit(MustPlan(detect, FromStore()).request).ok());
  FinishEverything();
  EXPECT_THAT(Reused(MustPlan(analyze, FromStore())), ElementsAre("validate", "extract", "detect"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(analyze, FromStore()).request).ok());
  FinishEverything();
  EXPECT_THAT(Reused(MustPlan(analyze, FromStore())), SizeIs(7));

  detect_result_ = with_gap;  // And the other way round.
  ASSERT_TRUE(store_.JobSubmit(MustPlan(detect, FromStore()).request).ok());
  FinishEverything();
  EXPECT_THAT(Reused(MustPlan(analyze, FromStore())), ElementsAre("validate", "extract", "detect"));
}

TEST_F(EpisodePlannerTest, RunningAgainForgetsWhatWasSkipped) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  request.from = "track";
  const auto plan = MustPlan(request);
  EXPECT_EQ(Stage(plan, "detect").skip, store::SkipWish::kAsBefore);
  EXPECT_EQ(Stage(plan, "track").skip, store::SkipWish::kNone);
}

TEST_F(EpisodePlannerTest, PlansOneStageWithWhatItNeeds) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  request.kind = "track";
  const auto plan = MustPlan(request);
  EXPECT_EQ(plan.request.kind, "track");
  EXPECT_THAT(plan.request.stages, SizeIs(4));
}

TEST_F(EpisodePlannerTest, TellsTheHandlersWhatTheyAsk) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  request.effort = "draft";
  const auto params =
      base::ParseJson(Stage(MustPlan(request), "detect").params_json, "params").value();
  EXPECT_EQ(params["video_path"], request.video.string());
  EXPECT_EQ(params["effort"], "draft");
  EXPECT_EQ(params["fingerprint"], base::Sha256("v"));
  EXPECT_EQ(params["model_pack_path"], request.model_pack.string());
  EXPECT_EQ(params["provider"], "cpu");
}

TEST_F(EpisodePlannerTest, KeepsTheWorkOfAVideoThatMoved) {
  const auto before = MustPlan(Analyze(Video("a_s01_e01.mp4", "v")));
  const auto after = MustPlan(Analyze(Video("elsewhere/a_s01_e01.mp4", "v")));
  EXPECT_EQ(Stage(after, "analytics").work_key, Stage(before, "analytics").work_key);
  EXPECT_EQ(store_.EpisodeGet("a_s01_e01")->video_path, folder_ / "elsewhere/a_s01_e01.mp4");
}

TEST_F(EpisodePlannerTest, DoesNotConfuseEffortsButSharesWhatTheyShare) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  const auto normal = MustPlan(request);
  request.effort = "full";
  const auto full = MustPlan(request);
  EXPECT_EQ(Stage(full, "validate").work_key, Stage(normal, "validate").work_key);
  EXPECT_NE(Stage(full, "extract").work_key, Stage(normal, "extract").work_key);
  EXPECT_NE(Stage(full, "analytics").work_key, Stage(normal, "analytics").work_key);
}

TEST_F(EpisodePlannerTest, GivesEveryStageItsOwnWorkKey) {
  std::set<std::string> keys;
  const auto plan = MustPlan(Analyze(Video("a_s01_e01.mp4", "v")));
  for (const auto& stage : plan.request.stages) keys.insert(stage.work_key);
  EXPECT_EQ(keys.size(), plan.request.stages.size());
}

TEST_F(EpisodePlannerTest, ReusesWhatIsFinished) {
  const StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  FinishEverything();
  const auto again = MustPlan(request, FromStore());
  for (const auto& stage : again.request.stages) EXPECT_TRUE(stage.reuse) << stage.name;
  EXPECT_THAT(FromNothing(again), IsEmpty());
}

TEST_F(EpisodePlannerTest, RunsAgainFromTheStageThatIsNamed) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  FinishEverything();
  request.from = "stills";
  const auto again = MustPlan(request, FromStore());
  EXPECT_TRUE(Stage(again, "detect").reuse);
  EXPECT_TRUE(Stage(again, "cluster").reuse);
  EXPECT_FALSE(Stage(again, "stills").reuse);
  EXPECT_FALSE(Stage(again, "analytics").reuse);
  EXPECT_THAT(FromNothing(again), ElementsAre("stills", "analytics"));
}

TEST_F(EpisodePlannerTest, RunsEverythingAgainWhenForced) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  FinishEverything();
  request.is_forced = true;
  const auto again = MustPlan(request, FromStore());
  for (const auto& stage : again.request.stages) EXPECT_FALSE(stage.reuse) << stage.name;
  EXPECT_THAT(FromNothing(again), SizeIs(7));
}

TEST_F(EpisodePlannerTest, ForcesOnlyTheStageThatIsAskedFor) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  FinishEverything();
  request.kind = "track";
  request.is_forced = true;
  const auto again = MustPlan(request, FromStore());
  EXPECT_TRUE(Stage(again, "detect").reuse);
  EXPECT_FALSE(Stage(again, "track").reuse);
}

TEST_F(EpisodePlannerTest, ReusesNothingAfterAStageThatHasToRun) {
  const StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  const auto first = MustPlan(request);
  ASSERT_TRUE(store_.JobSubmit(first.request).ok());
  FinishEverything();
  const std::string lost = Stage(first, "track").work_key;
  const auto plan = MustPlan(
      request, [&](const std::string& work_key) -> base::Result<std::optional<store::StageRunId>> {
        if (work_key == lost) return std::optional<store::StageRunId>{};
        return FromStore()(work_key);
      });
  EXPECT_TRUE(Stage(plan, "detect").reuse);
  EXPECT_FALSE(Stage(plan, "track").reuse);
  EXPECT_FALSE(Stage(plan, "analytics").reuse);
}

// A new stage that nothing needs was planned by nobody: "analyze" went up to the last row.
TEST_F(EpisodePlannerTest, AnalyzesWithEveryStageThatIsInTheTable) {
  std::vector<subject::StageRow> rows = EpisodeStages().rows();
  rows.push_back({.name = "census",
                  .title = "Count heads",
                  .needs = {"track"},
                  .handler = rows.front().handler});
  const subject::StageTable with_leaf(rows);
  EpisodePlanner planner(
      store_, clock_, [](const auto& video) { return base::ReadFile(video); }, with_leaf);
  const auto plan = planner.Plan(Analyze(Video("a_s01_e01.mp4", "v")), FromStore());
  ASSERT_TRUE(plan.ok()) << plan.error().ToString();
  EXPECT_EQ(plan->request.stages.size(), with_leaf.Runnable().size());
  EXPECT_EQ(plan->request.stages.back().name, "census");
  EXPECT_EQ(std::ranges::count(plan->request.stages, "analytics", &store::StageRequest::name), 1);
}

TEST_F(EpisodePlannerTest, DoesNotDropTheWorkOfARunThatIsNotFinished) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  request.is_forced = true;
  const auto again = store_.JobSubmit(MustPlan(request).request);
  ASSERT_FALSE(again.ok()) << "the store is asked, and nobody before it";
  EXPECT_EQ(again.error().reason, reason::kJobAlreadyRunning);
}

TEST_F(EpisodePlannerTest, OffersAFreeKeyWhenAnotherVideoHasIt) {
  MustPlan(Analyze(Video("one/a_s01_e01.mp4", "v")));
  MustPlan([&] {
    auto request = Analyze(Video("two/a_s01_e01.mp4", "w"));
    request.episode = "a_s01_e01-2";
    return request;
  }());
  const auto error = MustFail(Analyze(Video("three/a_s01_e01.mp4", "x")));
  EXPECT_EQ(error.reason, reason::kKeyTaken);
  EXPECT_THAT(error.message, HasSubstr((folder_ / "one/a_s01_e01.mp4").string()));
  EXPECT_THAT(error.hint, HasSubstr("--episode a_s01_e01-3"));
  EXPECT_EQ(store_.EpisodeGet("a_s01_e01")->fingerprint, base::Sha256("v"));
}

TEST_F(EpisodePlannerTest, NamesTheKeyThatTheVideoHasAlready) {
  MustPlan(Analyze(Video("one/a_s01_e01.mp4", "v")));
  auto request = Analyze(Video("two/a_s01_e01.mp4", "w"));
  request.episode = "a_s01_e01-2";
  MustPlan(request);
  request.episode.clear();
  EXPECT_THAT(MustFail(request).hint, HasSubstr("a key of its own: add --episode a_s01_e01-2"));
}

TEST_F(EpisodePlannerTest, TakesABetterCopyAtTheSamePathWhenNothingWasMadeOfTheFirst) {
  MustPlan(Analyze(Video("a_s01_e01.mp4", "half")));
  MustPlan(Analyze(Video("a_s01_e01.mp4", "whole")));
  EXPECT_EQ(store_.EpisodeGet("a_s01_e01")->fingerprint, base::Sha256("whole"));
}

TEST_F(EpisodePlannerTest, ReplacesNoVideoThatIsWorkedOnAndNamesWhatWorks) {
  const auto request = Analyze(Video("a_s01_e01.mp4", "half"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  Video("a_s01_e01.mp4", "whole");
  const base::Error error = MustFail(request);
  EXPECT_EQ(error.reason, reason::kJobAlreadyRunning);
  EXPECT_THAT(error.hint, HasSubstr("rollcall jobs cancel analyze_a_s01_e01"));
  EXPECT_EQ(store_.EpisodeGet("a_s01_e01")->fingerprint, base::Sha256("half"));
}

TEST_F(EpisodePlannerTest, KeepsResultsOfAVideoThatWasReplaced) {
  const auto request = Analyze(Video("a_s01_e01.mp4", "first"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  FinishEverything();
  const auto error = MustFail(Analyze(Video("a_s01_e01.mp4", "second")));
  EXPECT_EQ(error.reason, reason::kKeyTaken);
  EXPECT_THAT(error.hint, HasSubstr("--episode a_s01_e01-2, or"));
  EXPECT_THAT(error.hint, HasSubstr("rollcall episodes remove a_s01_e01"));
}

TEST_F(EpisodePlannerTest, RefusesFilesThatCannotBeVideos) {
  EXPECT_EQ(MustFail(Analyze(folder_ / "missing.mp4")).reason, reason::kVideoNotFound);
  EXPECT_EQ(MustFail(Analyze(folder_)).reason, reason::kVideoUnreadable);
  EXPECT_EQ(MustFail(Analyze(Video("empty.mp4", ""))).reason, reason::kVideoUnreadable);
  EXPECT_THAT(*store_.EpisodeList(), IsEmpty());
}

TEST_F(EpisodePlannerTest, NamesAVideoByItsFingerprintWhereItsNameGivesNoKey) {
  EXPECT_EQ(MustPlan(Analyze(Video("Émission.mp4", "w"))).episode.key, "emission");
  const auto plan = MustPlan(Analyze(Video("Серия.mp4", "v")));
  EXPECT_EQ(plan.episode.key, "video-" + base::Sha256("v").substr(0, 8));
  EXPECT_EQ(plan.episode.display, "Серия");
  auto request = Analyze(Video("Серия.mp4", "v"));
  request.episode = "Серия";
  EXPECT_EQ(MustFail(request).reason, reason::kBadKey) << "what somebody types is not replaced";
}

TEST_F(EpisodePlannerTest, TellsANewVideoFromOneThatHasMoved) {
  const fs::path first = Video("one/a_s01_e01.mp4", "v");
  const fs::path second = Video("two/a_s01_e01.mp4", "v");
  EXPECT_TRUE(planner_.Register(first, "")->is_new);
  const Registration again = planner_.Register(first, "").value();
  EXPECT_FALSE(again.is_new);
  EXPECT_FALSE(again.has_moved());
  const Registration moved = planner_.Register(second, "").value();
  EXPECT_TRUE(moved.has_moved());
  EXPECT_EQ(moved.path_before, first.string());
  EXPECT_EQ(moved.episode.video_path, second.string());
}

// A name in Latin-1 was "not there".
TEST_F(EpisodePlannerTest, KnowsAVideoWhoseNameIsNoUtf8) {
  const fs::path video = Video(
      "Ma\xf1"
      "ana.mp4",
      "bytes");
  const auto request = StartRequest::FromJson(base::Json::parse(Analyze(video).ToJson().dump()));
  ASSERT_TRUE(request.ok()) << request.error().ToString();
  EXPECT_EQ(request->video, video);
  const EpisodePlan plan = MustPlan(*request);
  EXPECT_EQ(plan.episode.key, "ma-ana");
  EXPECT_EQ(plan.episode.display,
            "Ma\\xf1"
            "ana");
  EXPECT_EQ(base::PathFromText(plan.episode.video_path), video);
  const base::Json parameters = base::Json::parse(plan.request.stages.front().params_json);
  EXPECT_EQ(base::PathFromText(parameters.at("video_path").get<std::string>()), video);
  // By its key alone, it is found again.
  StartRequest by_key;
  by_key.episode = plan.episode.key;
  EXPECT_EQ(MustPlan(by_key).episode.video_path, plan.episode.video_path);
}

TEST_F(EpisodePlannerTest, SpeaksOfANameWithoutItsControlCharacters) {
  const base::Error error = MustFail(Analyze(folder_ / "a\x1b[31m\n\xf1.mp4"));
  EXPECT_THAT(error.message, HasSubstr("a\\x1b[31m\\n\\xf1.mp4"));
}

TEST_F(EpisodePlannerTest, RefusesKeysThatLeaveTheDataDirectory) {
  auto request = Analyze(Video("a.mp4", "v"));
  request.episode = "../b";
  EXPECT_EQ(MustFail(request).reason, reason::kBadKey);
}

TEST_F(EpisodePlannerTest, RefusesAnEpisodeThatNobodyRegistered) {
  StartRequest request;
  request.kind = "detect";
  request.episode = "nobody_s01_e01";
  EXPECT_EQ(MustFail(request).reason, reason::kEpisodeNotRegistered);
}

TEST_F(EpisodePlannerTest, MissesAVideoOnlyWhenItIsNeeded) {
  StartRequest request = Analyze(Video("a_s01_e01.mp4", "v"));
  ASSERT_TRUE(store_.JobSubmit(MustPlan(request).request).ok());
  FinishEverything();
  fs::remove(request.video);
  request.video.clear();
  request.episode = "a_s01_e01";
  request.from = "track";
  EXPECT_TRUE(planner_.Plan(request, FromStore()).ok());
  request.from = "detect";
  EXPECT_EQ(planner_.Plan(request, FromStore()).error().reason, reason::kVideoNotFound);
}

TEST_F(EpisodePlannerTest, RefusesStagesThatDoNotExist) {
  StartRequest request = Analyze(Video("a.mp4", "v"));
  request.from = "mood";
  EXPECT_EQ(MustFail(request).reason, reason::kBadParams);
  EXPECT_FALSE(StartRequest::FromJson({{"kind", "paint"}}).ok());
}

TEST_F(EpisodePlannerTest, ReadsTheRequestThatItWrites) {
  StartRequest request = Analyze("/videos/a.mp4");
  request.is_forced = true;
  const auto back = StartRequest::FromJson(request.ToJson());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->ToJson(), request.ToJson());
}

}  // namespace
}  // namespace rollcall::episode
