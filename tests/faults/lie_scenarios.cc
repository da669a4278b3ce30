#include "lie_scenarios.h"

#include <signal.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "domain/reasons.h"
#include "jobs/testing/engine_fixture.h"
#include "pipeline/presence_pack.h"

namespace rollcall::faults {
namespace {

namespace reason = domain::reason;
using api::Delete;
using api::Get;
using api::Post;
using base::Json;
using domain::JobState;

constexpr const char* kKey = "a_s01_e01";

store::JobId JobIdOf(const Json& started) {
  const Json job = started.value("job", Json::object());
  return store::JobId{job.value("job_id", std::int64_t{0})};
}

api::Request Add(Json body) { return Post({"api", "episodes"}, std::move(body)); }

// Adding a video, another under the same path, one whose name is taken; forgetting one.
void Episodes(ServiceRig& rig) {
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  rig.Ask(Add({{"video", video.string()}}));
  rig.Ask(Add({{"video", video.string()}}));
  rig.WriteVideo("a_s01_e01.mp4", "another");
  rig.Ask(Add({{"video", video.string()}}));
  const auto other = rig.WriteVideo("b/a_s01_e01.mp4", "one more");
  rig.ExpectRefusal(Add({{"video", other.string()}}), reason::kKeyTaken);
  rig.Ask(Add({{"video", other.string()}, {"episode", "b_s01_e01"}}));
  rig.Expect(rig.Ask(Get({"api", "episodes"}))["episodes"].size() == 2, "not two episodes");
  rig.Ask(Get({"api", "episodes", kKey}));
  rig.Ask(Delete({"api", "episodes", "b_s01_e01"}, {{"keep_files", "true"}}),
          {reason::kEpisodeNotRegistered});
  rig.Ask(Delete({"api", "episodes", "b_s01_e01"}), {reason::kEpisodeNotRegistered});
  rig.Expect(rig.Ask(Get({"api", "episodes"}))["episodes"].size() == 1, "not one episode");
}

// A job from its start to its end, once more, and once more from nothing; all questions about it.
void Commands(ServiceRig& rig) {
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  const Json start{{"kind", "detect"}, {"video", video.string()}};
  const auto first = JobIdOf(rig.Ask(Post({"api", "jobs"}, start)));
  const auto number = static_cast<std::int64_t>(first);
  rig.Eventually([&] { return rig.engine().Wait(first, std::chrono::seconds{60}).ok(); });
  rig.Ask(Post({"api", "engine", "settle"}, {{"job_id", number}}));
  // Takes over what has finished: its job ends at once.
  rig.Ask(Post({"api", "jobs"}, {{"kind", "detect"}, {"episode", kKey}}));
  rig.AwaitEndOfAll();
  rig.Ask(Post({"api", "jobs"}, {{"kind", "detect"}, {"episode", kKey}, {"from", "detect"}}),
          {reason::kJobAlreadyRunning});
  rig.Ask(Get({"api", "jobs", "extract_a_s01_e01"}));
  rig.Ask(Get({"api", "episodes", kKey, "active"}));
  rig.AwaitEndOfAll();
  rig.Ask(Get({"api", "engine", "hello"}));
  rig.Ask(Get({"api", "jobs"}, {{"limit", "5"}}));
  rig.Ask(Get({"api", "jobs", "detect_a_s01_e01"}));
  rig.Ask(Get({"api", "jobs", std::to_string(number)}));
  rig.Ask(Get({"api", "jobs", std::to_string(number), "events"}, {{"after", "1"}}));
  rig.Ask(Get({"api", "episodes", kKey}));
  for (const char* part : {"state", "active", "files", "video"}) {
    rig.Fetch(Get({"api", "episodes", kKey, part}));
  }
  rig.Ask(Get({"api", "jobs", std::to_string(number), "diagnosis"}));
  rig.Ask(Get({"api", "jobs", "detect_a_s01_e01", "log"}));
  rig.Follow(Get({"api", "events"}, {{"topics", "jobs"}}));
  const std::string job = "job:" + std::to_string(number);
  const Json told = rig.Ask(Get({"api", "jobs", std::to_string(number), "events"}));
  rig.Follow(Get({"api", "events"},
                 {{"topics", job}, {"after", told.value("epoch", std::string()) + ".0"}}));
  rig.Ask(Get({"api", "engine", "check-store"}));
  rig.Ask(Get({"api", "engine", "check-files"}));
  rig.Ask(Get({"metrics"}));
  rig.Ask(Add({{"video", video.string()}}));  // With its files and jobs there.
}

// What analytics would leave beside its tables: one person.
void WritePresence(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  auto pack = pipeline::PresencePackWriter::Create(folder / "presence.pack");
  ROLLCALL_CHECK(pack.ok());
  for (int i = 0; i < 20; ++i) {
    ROLLCALL_CHECK(pack->Add(pipeline::Sample{.frame_id = i,
                                              .pts = std::chrono::milliseconds{100 * i},
                                              .until = std::chrono::milliseconds{100 * i + 100}})
                       .ok());
  }
  ROLLCALL_CHECK(pack->Add(pipeline::TrackSummary{.id = 1,
                                                  .end = std::chrono::milliseconds{1900},
                                                  .until = std::chrono::milliseconds{2000},
                                                  .count = 20,
                                                  .quality = 0.5F})
                     .ok());
  for (int i = 0; i < 20; ++i) {
    ROLLCALL_CHECK(pack->Add(pipeline::PresenceSighting{.track_id = 1, .frame_id = i}).ok());
  }
  ROLLCALL_CHECK(pack->Finish({.tracks_sha256 = "tracks",
                               .pictures = {.start = std::chrono::milliseconds{0},
                                            .end = std::chrono::milliseconds{2000}},
                               .gaps = {},
                               .groups = {{.id = 1, .track_ids = {1}}}})
                     .ok());
}

// Somebody gets a name, takes it back, gives it again; each is said twice, as by somebody who has
// not heard what came of it.
void People(ServiceRig& rig) {
  WritePresence(rig.folder() / "also" / "analytics");
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  api::Request start = Post({"api", "jobs"}, {{"kind", "analyze"}, {"video", video.string()}});
  start.fields.emplace_back("idempotency-key", "a start");
  const auto first = JobIdOf(rig.Ask(start));
  rig.AwaitEndOfAll();
  const Json again = rig.Ask(start);
  rig.Expect(JobIdOf(again) == first && again.value("repeated", false), "it was started twice");
  for (const char* part : {"people", "edits"}) rig.Ask(Get({"api", "episodes", kKey, part}));
  for (const char* part : {"1", "suggestions"}) {
    rig.Ask(Get({"api", "episodes", kKey, "people", part}));
  }
  rig.Ask(Get({"api", "episodes", kKey, "tracks", "1"}));
  const auto say = [&](std::vector<std::string> path, Json body) {
    path.insert(path.begin(), {"api", "episodes", kKey, "edits"});
    api::Request request = Post(path, std::move(body));
    request.fields.emplace_back("idempotency-key", path.back());
    rig.Ask(request);
    rig.Ask(request);
  };
  say({}, {{"kind", "name"}, {"person", 1}, {"name", "Anna"}});
  say({"undo"}, Json::object());
  say({"redo"}, Json::object());
  const Json log = rig.Ask(Get({"api", "episodes", kKey, "edits"}));
  rig.Expect(log.value("edits", Json::array()).size() == 4, "not label, name, undo and redo");
  rig.AwaitEndOfAll();
  rig.Restart();
  rig.StartWorking();
  rig.Ask(Post({"api", "engine", "work"}));
  const Json people = rig.Ask(Get({"api", "episodes", kKey, "people"}));
  const Json list = people.value("people", Json::array());
  rig.Expect(list.size() == 1 && list.front().value("name", "") == "Anna", "the name is lost");
}

// The same start while the first is at work.
void SameStart(ServiceRig& rig) {
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  const Json start{{"kind", "validate"}, {"video", video.string()}};
  const auto first = JobIdOf(rig.Ask(Post({"api", "jobs"}, start)));
  std::int64_t pid = 0;
  rig.Eventually([&] {
    const auto run = rig.Run(kKey, "validate");
    const bool is_running = run && run->run.state == JobState::kRunning && run->lease;
    if (is_running) pid = run->lease->pid;
    return is_running;
  });
  const Json again = rig.Ask(Post({"api", "jobs"}, start));
  rig.Expect(JobIdOf(again) == first && again.value("existing", false),
             "the second start made another job");
  if (pid > 0) ::kill(static_cast<pid_t>(pid), SIGKILL);  // It hangs.
}

// Cancelled in mid-run; resumed by its name while another of that name runs.
void CancelAndResume(ServiceRig& rig) {
  rig.StartWorking();
  const auto id = rig.Submit("x", {"detect"}, {{"segments", 12}, {"dwell_ms", 12}});
  rig.Eventually([&] { return rig.SegmentCount("x", "detect") >= 2; });
  rig.Ask(Post({"api", "jobs", "detect_x", "cancel"}));
  rig.AwaitEnd(id);
  rig.Submit("x", {"detect"}, {{"segments", 3}, {"hold_after", 1}});
  rig.Eventually([&] { return std::filesystem::exists(rig.folder() / "held"); });
  rig.Ask(Post({"api", "jobs", "detect_x", "resume"}));
  rig.Touch("go");
}

// A failure, a stall and a full disk.
void Troubles(ServiceRig& rig) {
  rig.StartWorking();
  const auto trouble = [](const char* behaviour, int at) {
    return Json{{"behaviour", behaviour}, {"at", at}, {"times", 1}, {"dwell_ms", 2}};
  };
  rig.Submit("t", {"detect"}, trouble("transient", 2));
  rig.Submit("s", {"extract"}, trouble("stall", 1));
  rig.AwaitEndOfAll();
  rig.Submit("f", {"validate"}, trouble("disk_full", 1));
}

// A segment's file is damaged while nobody works.
void DamagedSegment(ServiceRig& rig) {
  rig.StartWorking();
  rig.Submit("x", {"detect"}, {{"segments", 4}, {"hold_after", 3}});
  rig.Eventually([&] { return std::filesystem::exists(rig.folder() / "held"); });
  const auto run = rig.Run("x", "detect");
  rig.Eventually([&] {
    if (!run) return true;
    const auto segments = rig.store().SegmentList(run->run.work_key);
    if (!segments.ok() || segments->size() < 3) return false;
    std::ofstream(rig.folder() / (*segments)[1].path) << "damage";
    return true;
  });
  if (run && run->lease) ::kill(static_cast<pid_t>(run->lease->pid), SIGKILL);
  rig.Touch("go");
}

// A segment that ends its worker twice, and a person who tries it once more.
void Poison(ServiceRig& rig) {
  rig.StartWorking();
  const auto id = rig.Submit("p", {"detect"}, {{"behaviour", "crash"}, {"at", 1}, {"times", 2}});
  rig.AwaitEnd(id);
  rig.Ask(Post({"api", "jobs", "detect_p", "resume"}), {reason::kJobAlreadyRunning});
}

// The next owner, who finds how far the projector had come, and files that no row names.
void NextOwner(ServiceRig& rig) {
  namespace fs = std::filesystem;
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  rig.Ask(Post({"api", "jobs"}, {{"kind", "validate"}, {"video", video.string()}}));
  rig.AwaitEndOfAll();
  const fs::path forgotten =
      rig.folder() / "harvest" / kKey / "segments" / "detect" / "seg-00009.t1.0a1b2c3d";
  fs::create_directories(forgotten.parent_path());
  std::ofstream(forgotten) << "of an attempt that nobody remembers";
  fs::last_write_time(forgotten, fs::file_time_type::clock::now() - std::chrono::hours{48});
  const fs::path output = rig.folder() / "jobs" / "validate_a_s01_e01" / "worker.out";
  fs::last_write_time(output, fs::file_time_type::clock::now() - std::chrono::hours{48});
  rig.Restart();
  rig.StartWorking();
  rig.Expect(rig.Eventually([&] { return !fs::exists(forgotten) && !fs::exists(output); }),
             "what no row names was not removed");
}

// Jobs that an older program planned: of a video that is there, and of one that nobody knows.
void OlderPlans(ServiceRig& rig) {
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  rig.Ask(Add({{"video", video.string()}}));
  for (const char* key : {kKey, "gone"}) {
    rig.Expect(rig.Eventually([&] {
      store::JobRequest request = jobs::FakeRequest(key, {"validate"}, Json::object());
      request.request_json = Json{{"kind", "validate"}}.dump();
      return rig.store().JobSubmit(request).ok();
    }),
               "an older plan was not accepted");
  }
  rig.Ask(Post({"api", "engine", "work"}));
  rig.AwaitEndOfAll();
  const auto anew = rig.Run(kKey, "validate");
  rig.Expect(!anew || anew->run.generation == 2, "it was not planned anew");
}

// An attempt of an owner that died.
void LeaveBehind(store::JobStore& store) {
  ROLLCALL_CHECK(store.JobSubmit(jobs::FakeRequest("x", {"detect"}, Json::object())).ok());
  const auto task =
      store.TaskClaim({.agent = {.id = "owner", .incarnation = "dead", .boot_id = base::BootId()},
                       .stages = {},
                       .lease = std::chrono::minutes{1}});
  ROLLCALL_CHECK(task.ok() && *task);
}

}  // namespace

const std::vector<Scenario>& LieScenarios() {
  static const std::vector<Scenario> scenarios{
      {"episodes", Episodes, {}, "", 0, nullptr},
      {"commands", Commands, {}, "", 0, nullptr},
      {"people", People, {}, "", 0, nullptr},
      {"same start", SameStart, {}, "", 0, "worker.assigned:1:hang"},
      {"cancel and resume", CancelAndResume, {}, "", 0, nullptr},
      {"troubles", Troubles, {}, "", 0, nullptr},
      {"damaged segment", DamagedSegment, {}, "", 0, nullptr},
      {"poison", Poison, {}, "", 0, nullptr},
      {"next owner", NextOwner, {}, "", 0, nullptr},
      {"older plans", OlderPlans, {}, "", 0, nullptr},
      {"left behind", [](ServiceRig& rig) { rig.StartWorking(); }, LeaveBehind, "", 0, nullptr},
      {"segment said twice",
       [](ServiceRig& rig) {
         rig.StartWorking();
         rig.Submit("x", {"detect"}, Json::object());
       },
       {},
       "SegmentCommit",
       1,
       nullptr},
  };
  return scenarios;
}

}  // namespace rollcall::faults
