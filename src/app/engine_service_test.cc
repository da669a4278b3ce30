#include "app/engine_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "app/testing/owner.h"
#include "base/file.h"
#include "base/random.h"
#include "client/api_client.h"
#include "domain/reasons.h"
#include "server/http_server.h"
#include "store/memory/memory_store.h"
#include "store/testing/faulty_store.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
namespace reason = domain::reason;
using api::Delete;
using api::Get;
using api::Post;
using base::Json;
using ::testing::HasSubstr;
using testing::Owner;

class EngineServiceTest : public ::testing::Test {
 protected:
  ~EngineServiceTest() override {
    owner_.reset();
    fs::remove_all(folder_);
  }
  void Restart() {
    owner_.reset();
    owner_ = std::make_unique<Owner>(store_, data_);
  }
  Json MustCall(const api::Request& request) {
    auto answer = owner_->Ask(request);
    EXPECT_TRUE(answer.ok()) << answer.error().ToString();
    return answer.ok() ? std::move(*answer) : Json::object();
  }
  static api::Request Start(const Json& params) { return Post({"api", "jobs"}, params); }
  static api::Request OfJob(const Json& id, const char* verb) {
    return Post({"api", "jobs", id.dump(), verb});
  }
  std::string Refusal(const api::Request& request) {
    const auto answer = owner_->Ask(request);
    return answer.ok() ? "" : answer.error().reason;
  }
  Json StartParams() {
    const fs::path video = folder_ / "a_s01_e01.mp4";
    EXPECT_TRUE(base::WriteFileAtomic(video, "v").ok());
    return {{"kind", "analyze"}, {"video", video.string()}};
  }

  fs::path folder_ = fs::temp_directory_path() / ("rollcall-" + base::RandomId());
  DataDirectory data_ = DataDirectory::Open(folder_).value();
  std::atomic<bool> takes_nothing_new_{false};  // No job, no episode.
  base::SystemClock clock_;
  store::FaultyStore store_{
      std::make_unique<store::MemoryStore>(store::StoreClock{clock_}),
      [this](std::string_view method, store::FaultyStore::When when) {
        const bool is_new =
            method == "JobSubmit" || method == "EpisodePut" || method == "EpisodeReplace";
        const bool fails =
            takes_nothing_new_ && is_new && when == store::FaultyStore::When::kBefore;
        const base::Error error{base::ErrorCode::kUnavailable, "ERR_IO", "on purpose", ""};
        return fails ? std::optional(error) : std::nullopt;
      }};
  std::unique_ptr<Owner> owner_ = std::make_unique<Owner>(store_, data_);
};

TEST_F(EngineServiceTest, ReadsWithoutStartingWork) {
  MustCall(Get({"api", "jobs"}));
  MustCall(Get({"api", "episodes"}));
  MustCall(Get({"api", "engine", "check-store"}));
  EXPECT_FALSE(MustCall(Get({"api", "engine", "hello"}))["is_working"].get<bool>());
}

TEST_F(EngineServiceTest, SkipsNothingOfAJobThatHasNotFailedOfPoison) {
  MustCall(Start(StartParams()));
  const Json skip{{"skip_poison", true}};
  EXPECT_EQ(Refusal(Post({"api", "jobs", "analyze_a_s01_e01", "resume"}, skip)),
            reason::kNothingToSkip);
  const Json nonsense{{"skip_poison", "yes"}};
  EXPECT_EQ(Refusal(Post({"api", "jobs", "analyze_a_s01_e01", "resume"}, nonsense)),
            reason::kBadRequest);
}

TEST_F(EngineServiceTest, StartsAJobOnce) {
  const Json first = MustCall(Start(StartParams()));
  EXPECT_FALSE(first["existing"].get<bool>());
  EXPECT_EQ(first["job"]["job"], "analyze_a_s01_e01");
  EXPECT_TRUE(MustCall(Get({"api", "engine", "hello"}))["is_working"].get<bool>());
  const Json second = MustCall(Start(StartParams()));
  EXPECT_TRUE(second["existing"].get<bool>());
  EXPECT_FALSE(second["resumed"].get<bool>());
  EXPECT_EQ(second["job"]["job_id"], first["job"]["job_id"]);
}

TEST_F(EngineServiceTest, TellsOfOpenJobsWhoseResultsTakeTheSameNames) {
  Json params = StartParams();
  const Json normal = MustCall(Start(params));
  EXPECT_EQ(normal["open_beside"], Json::array());
  params["effort"] = "full";
  const Json full = MustCall(Start(params));
  ASSERT_EQ(full["open_beside"].size(), 1U);
  EXPECT_EQ(full["open_beside"][0]["job_id"], normal["job"]["job_id"]);
  EXPECT_EQ(full["open_beside"][0]["request"]["effort"], "normal");
  // The same validate serves both: it makes no other files.
  params["kind"] = "validate";
  EXPECT_EQ(MustCall(Start(params))["open_beside"], Json::array());

  MustCall(OfJob(normal["job"]["job_id"], "cancel"));
  const auto id = normal["job"]["job_id"].get<std::int64_t>();
  while (owner_->queries().View(id)->is_open()) std::this_thread::yield();
  const Json resumed = MustCall(OfJob(id, "resume"));
  ASSERT_EQ(resumed["open_beside"].size(), 1U);
  EXPECT_EQ(resumed["open_beside"][0]["job_id"], full["job"]["job_id"]);
}

TEST_F(EngineServiceTest, TakesUpWorkThatWasInterrupted) {
  const Json first = MustCall(Start(StartParams()));
  Restart();
  const Json again = MustCall(Start(StartParams()));
  EXPECT_TRUE(again["resumed"].get<bool>());
  EXPECT_EQ(again["job"]["job_id"], first["job"]["job_id"]);
}

TEST_F(EngineServiceTest, CancelsByPublicIdAndResumes) {
  MustCall(Start(StartParams()));
  MustCall(Post({"api", "jobs", "analyze_a_s01_e01", "cancel"}));
  const auto id = MustCall(Get({"api", "jobs", "analyze_a_s01_e01"}))["job"]["job_id"];
  // Deaf workers are killed; the test's own time limit ends a wait in vain.
  while (owner_->queries().View(id.get<std::int64_t>())->is_open()) std::this_thread::yield();
  EXPECT_EQ(MustCall(Get({"api", "jobs", id.dump()}))["job"]["status"], "canceled");
  EXPECT_TRUE(MustCall(OfJob(id, "cancel"))["had_finished"].get<bool>());
  const Json resumed = MustCall(OfJob(id, "resume"));
  EXPECT_NE(resumed["job"]["job_id"], id);
  EXPECT_EQ(resumed["job"]["job"], "analyze_a_s01_e01");
}

// What was detected in an hour went, and the start that it went for was refused.
TEST_F(EngineServiceTest, AForcedStartThatFailsLeavesTheCheckpoint) {
  Json params = StartParams();
  params["kind"] = "validate";
  const auto id = MustCall(Start(params))["job"]["job_id"].get<std::int64_t>();
  std::vector<store::Lease> leases;
  while (leases.empty()) leases = store_.LeaseList().value();
  const store::StageRun run = store_.JobRuns(store::JobId{id})->front().run;
  const domain::Segment segment{.number = 0, .sha256 = "hash"};
  ASSERT_TRUE(store_.SegmentCommit(leases.front().fence, segment).ok());
  MustCall(OfJob(id, "cancel"));
  while (owner_->queries().View(id)->is_open()) std::this_thread::yield();

  params["force"] = true;
  params.erase("video");
  params["episode"] = "a_s01_e01";
  takes_nothing_new_ = true;
  EXPECT_EQ(Refusal(Start(params)), "ERR_IO");
  EXPECT_EQ(store_.SegmentList(run.work_key)->size(), 1U);
  takes_nothing_new_ = false;
  MustCall(Start(params));
  EXPECT_TRUE(store_.SegmentList(run.work_key)->empty());
}

TEST_F(EngineServiceTest, ForgetsNoVideoForOneThatCannotBePut) {
  const std::string video = StartParams()["video"];
  MustCall(Post({"api", "episodes"}, {{"video", video}}));
  ASSERT_TRUE(base::WriteFileAtomic(video, "better").ok());
  takes_nothing_new_ = true;
  EXPECT_EQ(Refusal(Post({"api", "episodes"}, {{"video", video}})), "ERR_IO");
  EXPECT_EQ(store_.EpisodeGet("a_s01_e01")->fingerprint, base::Sha256("v"));
  takes_nothing_new_ = false;
  MustCall(Post({"api", "episodes"}, {{"video", video}}));
  EXPECT_EQ(store_.EpisodeGet("a_s01_e01")->fingerprint, base::Sha256("better"));
}

// One thread read, the other waited for it, and there were two.
TEST_F(EngineServiceTest, ACancelIsAnsweredWhileTwoStartsReadTheirFiles) {
  const Json id = MustCall(Start(StartParams()))["job"]["job_id"];
  const fs::path socket = folder_ / "test.sock";
  std::atomic<int> begun = 0;
  std::vector<server::Route> routes = owner_->router().routes();
  for (server::Route& route : routes) {
    route.run = [run = route.run, &begun](const auto& parts, const api::Request& request) {
      ++begun;
      return run(parts, request);
    };
  }
  const server::Router router(std::move(routes));
  const auto server = server::HttpServer::Create(router, {.unix_socket = socket}).value();
  const auto ask = [&](const api::Request& request) {
    const auto client = client::ApiClient::Connect(socket).value();
    return client->Ask(request, std::chrono::seconds{20});
  };
  owner_->reading().Hold();
  std::vector<std::future<base::Result<Json>>> starts;
  for (const std::string key : {"b_s01_e01", "c_s01_e01"}) {
    const fs::path video = folder_ / (key + ".mp4");
    EXPECT_TRUE(base::WriteFileAtomic(video, key).ok());
    const api::Request start = Start({{"kind", "analyze"}, {"video", video.string()}});
    starts.push_back(std::async(std::launch::async, [&, start] { return ask(start); }));
  }
  while (begun != 2) std::this_thread::yield();
  // As a command does: it asks who is there first.
  EXPECT_TRUE(ask(Get({"api", "engine", "hello"})).ok());
  EXPECT_TRUE(ask(OfJob(id, "cancel")).ok());
  EXPECT_TRUE(owner_->reading().is_held());
  owner_->reading().Release();
  for (auto& start : starts) EXPECT_TRUE(start.get().ok());
}

TEST_F(EngineServiceTest, ShowsAnEpisodeWithAllItsFlags) {
  Json params = StartParams();
  const Json added = MustCall(Post({"api", "episodes"}, {{"video", params["video"]}}));
  EXPECT_EQ(added["episode_key"], "a_s01_e01");
  EXPECT_EQ(added["states"].size(), 8U);
  EXPECT_FALSE(added["states"]["detected"].get<bool>());
  EXPECT_EQ(MustCall(Get({"api", "episodes", "A_S01_E01"}))["stages"].size(), 8U);
}

TEST_F(EngineServiceTest, TellsWhenAVideoIsKnownAndWhenItHasMoved) {
  const std::string video = StartParams()["video"];
  const Json first = MustCall(Post({"api", "episodes"}, {{"video", video}}));
  EXPECT_TRUE(first["is_new"].get<bool>());
  EXPECT_TRUE(first["video_path_before"].is_null());
  EXPECT_FALSE(MustCall(Post({"api", "episodes"}, {{"video", video}}))["is_new"].get<bool>());
  const fs::path copy = folder_ / "copy" / "a_s01_e01.mp4";
  fs::create_directories(copy.parent_path());
  fs::copy_file(video, copy);
  const Json moved = MustCall(Post({"api", "episodes"}, {{"video", copy.string()}}));
  EXPECT_FALSE(moved["is_new"].get<bool>());
  EXPECT_EQ(moved["video_path_before"], video);
  EXPECT_EQ(moved["video_path"], copy.string());
}

TEST_F(EngineServiceTest, RemovesAnEpisodeAndItsFilesButNotItsVideo) {
  const Json params = StartParams();
  MustCall(Post({"api", "episodes"}, {{"video", params["video"]}}));
  fs::create_directories(data_.outputs("a_s01_e01"));
  fs::create_directories(data_.job("detect_a_s01_e01"));
  MustCall(Delete({"api", "episodes", "a_s01_e01"}));
  EXPECT_FALSE(fs::exists(data_.outputs("a_s01_e01")));
  EXPECT_FALSE(fs::exists(data_.job("detect_a_s01_e01")));
  EXPECT_TRUE(fs::exists(params["video"].get<std::string>()));
  EXPECT_EQ(Refusal(Get({"api", "episodes", "a_s01_e01"})), reason::kEpisodeNotRegistered);
}

// It was forgotten, could not be named any more, and its files stayed for ever.
TEST_F(EngineServiceTest, RemovesTheFilesOfAnEpisodeThatWasForgottenBefore) {
  MustCall(Post({"api", "episodes"}, {{"video", StartParams()["video"]}}));
  fs::create_directories(data_.outputs("a_s01_e01"));
  const api::Request remove = Delete({"api", "episodes", "a_s01_e01"});
  MustCall(Delete({"api", "episodes", "a_s01_e01"}, {{"keep_files", "true"}}));
  EXPECT_TRUE(fs::exists(data_.outputs("a_s01_e01")));
  MustCall(remove);
  EXPECT_FALSE(fs::exists(data_.outputs("a_s01_e01")));
  EXPECT_EQ(Refusal(remove), reason::kEpisodeNotRegistered);
}

TEST_F(EngineServiceTest, DoesNotRemoveAnEpisodeThatIsWorkedOn) {
  MustCall(Start(StartParams()));
  EXPECT_EQ(Refusal(Delete({"api", "episodes", "a_s01_e01"})), reason::kJobAlreadyRunning);
}

TEST_F(EngineServiceTest, ComparesTheFilesWithTheStore) {
  EXPECT_EQ(MustCall(Get({"api", "engine", "check-files"}))["compared"], 0);
  MustCall(Post({"api", "episodes"}, {{"video", StartParams()["video"]}}));
  const Json whole = MustCall(Get({"api", "engine", "check-files"}));
  EXPECT_EQ(whole["compared"], 2);
  EXPECT_EQ(whole["problems"], Json::array());

  fs::remove(data_.episode("a_s01_e01") / "runtime.json");
  const fs::path state = data_.episode("a_s01_e01") / "state.json";
  Json altered = Json::parse(base::ReadFile(state).value());
  altered["states"]["detected"] = true;
  ASSERT_TRUE(base::WriteFileAtomic(state, altered.dump()).ok());
  EXPECT_EQ(MustCall(Get({"api", "engine", "check-files"}))["problems"], Json::parse(R"([
              {"path": "episodes/a_s01_e01/state.json", "kind": "differs",
               "detail": "states/detected is true, the store says false"},
              {"path": "episodes/a_s01_e01/runtime.json", "kind": "missing", "detail": ""}])"));
}

TEST_F(EngineServiceTest, TellsTheTimesThatItWorksBy) {
  const Json runtime = MustCall(Get({"api", "engine", "hello"}))["runtime"];
  EXPECT_EQ(runtime["lease_ms"], 1500);  // A twentieth of the product's.
  EXPECT_EQ(runtime.size(), jobs::kRuntimeTimeFields.size());
}

TEST_F(EngineServiceTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Refusal(Post({"api", "jobs", "1", "paint"})), reason::kNoSuchResource);
  EXPECT_EQ(Refusal(Get({"api", "jobs", "detect_nobody"})), reason::kJobNotFound);
  EXPECT_EQ(Refusal(Get({"api", "jobs", "99"})), reason::kJobNotFound);
  EXPECT_EQ(Refusal(Start({{"kind", 7}})), reason::kBadRequest);
  EXPECT_EQ(Refusal(Get({"api", "episodes", "../etc"})), reason::kBadKey);
}

}  // namespace
}  // namespace rollcall::app
