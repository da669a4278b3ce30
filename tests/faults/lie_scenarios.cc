#include "lie_scenarios.h"

#include <signal.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "control/protocol.h"
#include "domain/reasons.h"
#include "jobs/testing/engine_fixture.h"

namespace rollcall::faults {
namespace {

namespace method = control::method;
namespace reason = domain::reason;
using base::Json;
using domain::JobState;

constexpr const char* kKey = "a_s01_e01";

store::JobId JobIdOf(const Json& started) {
  const Json job = started.value("job", Json::object());
  return store::JobId{job.value("job_id", std::int64_t{0})};
}

// Adding a video, another under the same path, one whose name is taken; forgetting one.
void Episodes(ServiceRig& rig) {
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  rig.Call(method::kEpisodeAdd, {{"video", video.string()}});
  rig.Call(method::kEpisodeAdd, {{"video", video.string()}});
  rig.WriteVideo("a_s01_e01.mp4", "another");
  rig.Call(method::kEpisodeAdd, {{"video", video.string()}});
  const auto other = rig.WriteVideo("b/a_s01_e01.mp4", "one more");
  rig.ExpectRefusal(method::kEpisodeAdd, {{"video", other.string()}}, reason::kKeyTaken);
  rig.Call(method::kEpisodeAdd, {{"video", other.string()}, {"episode", "b_s01_e01"}});
  rig.Expect(rig.Call(method::kEpisodeList, Json::object())["episodes"].size() == 2,
             "not two episodes");
  rig.Call(method::kEpisodeShow, {{"episode", kKey}});
  rig.Call(method::kEpisodeRemove, {{"episode", "b_s01_e01"}, {"keep_files", true}},
           {reason::kEpisodeNotRegistered});
  rig.Call(method::kEpisodeRemove, {{"episode", "b_s01_e01"}}, {reason::kEpisodeNotRegistered});
  rig.Expect(rig.Call(method::kEpisodeList, Json::object())["episodes"].size() == 1,
             "not one episode");
}

// A job from its start to its end, once more, and once more from nothing; all questions about it.
void Commands(ServiceRig& rig) {
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  const Json start{{"kind", "detect"}, {"video", video.string()}};
  const auto first = JobIdOf(rig.Call(method::kJobStart, start));
  const auto number = static_cast<std::int64_t>(first);
  rig.Eventually([&] { return rig.engine().Wait(first, std::chrono::seconds{60}).ok(); });
  rig.Call(method::kJobSettle, {{"job_id", number}});
  // Takes over what has finished: its job ends at once.
  rig.Call(method::kJobStart, {{"kind", "detect"}, {"episode", kKey}});
  rig.AwaitEndOfAll();
  rig.Call(method::kJobStart, {{"kind", "detect"}, {"episode", kKey}, {"from", "detect"}},
           {reason::kJobAlreadyRunning});
  rig.Call(method::kJobShow, {{"job", "extract_a_s01_e01"}});
  rig.Get({"api", "episodes", std::string(kKey), "active"});
  rig.AwaitEndOfAll();
  rig.Call(method::kHello, Json::object());
  rig.Call(method::kJobList, {{"limit", 5}});
  rig.Call(method::kJobShow, {{"job", "detect_a_s01_e01"}});
  rig.Call(method::kJobShow, {{"job", std::to_string(number)}});
  rig.Call(method::kJobEvents, {{"job_id", number}, {"after", 1}});
  rig.Call(method::kEpisodeShow, {{"episode", kKey}});
  for (const char* part : {"state", "active", "files", "video"}) {
    rig.Get({"api", "episodes", std::string(kKey), part});
  }
  rig.Get({"api", "jobs", std::to_string(number)});
  rig.Call(method::kStoreCheck, Json::object());
  rig.Call(method::kProjectionCheck, Json::object());
  rig.Call(method::kMetrics, Json::object());
  rig.Call(method::kEpisodeAdd, {{"video", video.string()}});  // With its files and jobs there.
}

// The same start while the first is at work.
void SameStart(ServiceRig& rig) {
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  const Json start{{"kind", "validate"}, {"video", video.string()}};
  const auto first = JobIdOf(rig.Call(method::kJobStart, start));
  std::int64_t pid = 0;
  rig.Eventually([&] {
    const auto run = rig.Run(kKey, "validate");
    const bool is_running = run && run->run.state == JobState::kRunning && run->lease;
    if (is_running) pid = run->lease->pid;
    return is_running;
  });
  const Json again = rig.Call(method::kJobStart, start);
  rig.Expect(JobIdOf(again) == first && again.value("existing", false),
             "the second start made another job");
  if (pid > 0) ::kill(static_cast<pid_t>(pid), SIGKILL);  // It hangs.
}

// Cancelled in mid-run; resumed by its name while another of that name runs.
void CancelAndResume(ServiceRig& rig) {
  rig.StartWorking();
  const auto id = rig.Submit("x", {"detect"}, {{"segments", 12}, {"dwell_ms", 12}});
  rig.Eventually([&] { return rig.SegmentCount("x", "detect") >= 2; });
  rig.Call(method::kJobCancel, {{"job", "detect_x"}});
  rig.AwaitEnd(id);
  rig.Submit("x", {"detect"}, {{"segments", 3}, {"hold_after", 1}});
  rig.Eventually([&] { return std::filesystem::exists(rig.folder() / "held"); });
  rig.Call(method::kJobResume, {{"job", "detect_x"}});
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
  rig.Call(method::kJobResume, {{"job", "detect_p"}}, {reason::kJobAlreadyRunning});
}

// The next owner, who finds how far the projector had come, and files that no row names.
void NextOwner(ServiceRig& rig) {
  namespace fs = std::filesystem;
  const auto video = rig.WriteVideo("a_s01_e01.mp4", "one");
  rig.Call(method::kJobStart, {{"kind", "validate"}, {"video", video.string()}});
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
  rig.Call(method::kEpisodeAdd, {{"video", video.string()}});
  for (const char* key : {kKey, "gone"}) {
    rig.Expect(rig.Eventually([&] {
      store::JobRequest request = jobs::FakeRequest(key, {"validate"}, Json::object());
      request.request_json = Json{{"kind", "validate"}}.dump();
      return rig.store().JobSubmit(request).ok();
    }),
               "an older plan was not accepted");
  }
  rig.Call(method::kWork, Json::object());
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
