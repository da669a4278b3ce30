// The seven scenarios of the design (origin.md, chapter 13) and what the issue adds to them, with
// the real program on a real video. A check that the scenario names stands under a comment.

#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <set>

#include "base/clock.h"
#include "base/file.h"
#include "fixture.h"
#include "jobs/runtime_times.h"
#include "vision/testing/media_folder.h"

namespace rollcall::e2e {
namespace {

namespace fs = std::filesystem;
using base::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kKey = "a_s01_e01";
constexpr const char* kJob = "analyze_a_s01_e01";
constexpr const char* kDetect = "jobs/detect_a_s01_e01";

double SecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

// A zombie that nobody has reaped is no process any more.
bool IsAlive(pid_t pid) {
  const auto stat = base::ReadFile("/proc/" + std::to_string(pid) + "/stat");
  return stat.ok() && stat->find(") Z ") == std::string::npos;
}

class ScenarioTest : public RollcallTest {
 protected:
  // An episode of filmed people where the shared media are, else the sample.
  fs::path Video(const std::string& name) {
    const fs::path media = vision::MediaFolder(ROLLCALL_SOURCE_DIR);
    if (media.empty()) {
      std::cout << "no shared media: on the composed sample instead of filmed people\n";
      return RollcallTest::Video(name);
    }
    // Three segments of it.
    const fs::path video = folder_ / name;
    const fs::path whole = FewPictures(media / "episodes/open_ep4_ccby.mp4");
    EXPECT_TRUE(Ffmpeg("-i '" + whole.string() + "' -c copy -t 30 '" + video.string() + "'"));
    return video;
  }

  // Long enough to be met in the middle; `full` where more than one thing is to be seen there.
  std::vector<std::string> Analyze(const fs::path& video, const std::string& effort = "normal") {
    return {"analyze", video.string(), "--effort", effort};
  }

  // Sets the runtime's times in rollcall.toml: the product's own, divided, then changed by
  // `adjust`.
  void SetTimes(int divisor, const std::function<void(jobs::RuntimeTimes&)>& adjust = {}) {
    jobs::RuntimeTimes times = jobs::RuntimeTimes{}.DividedBy(divisor);
    if (adjust) adjust(times);
    std::string toml = "[runtime]\n";
    for (const jobs::RuntimeTimeField& field : jobs::kRuntimeTimeFields) {
      toml +=
          std::string(field.name) + " = " + std::to_string((times.*field.member).count()) + "\n";
    }
    fs::create_directories(data_);
    ASSERT_TRUE(base::WriteFileAtomic(data_ / "rollcall.toml", toml).ok());
  }

  // The worker that is the `nth` to begin a segment pulses on and gets nowhere, once.
  void HangAtSegment(int nth) {
    env_["ROLLCALL_FAIL"] = "segment.created:" + std::to_string(nth) + ":hang";
    env_["ROLLCALL_FAIL_COUNT"] = (folder_ / "segments-begun").string();
  }
  // No worker hangs; segments are counted all the same.
  void CountSegments() {
    env_["ROLLCALL_FAIL"] = "segment.created:0:count";
    env_["ROLLCALL_FAIL_COUNT"] = (folder_ / "segments-begun").string();
  }
  // How many segments have been begun, by all attempts together.
  std::int64_t SegmentsBegun() const {
    std::error_code error;
    const auto size = fs::file_size(folder_ / "segments-begun", error);
    return error ? 0 : static_cast<std::int64_t>(size);
  }

  // The job as another terminal sees it.
  Json Job() {
    const Ended shown = Rollcall({"jobs", "show", kJob, "--json"});
    auto json = base::ParseJson(shown.out, "jobs show");
    EXPECT_TRUE(json.ok()) << shown.out << shown.err;
    return json.ok() ? json->at("job") : Json::object();
  }
  Json Stage(const std::string& name = "detect") {
    const Json job = Job();
    for (const Json& stage : job.at("stages")) {
      if (stage.at("name") == name) return stage;
    }
    return Json::object();
  }
  // How many commits the newest job tells of.
  std::int64_t CommitsTold() {
    const Ended shown = Rollcall({"jobs", "show", kJob, "--json"});
    const auto json = base::ParseJson(shown.out, "jobs show");
    EXPECT_TRUE(json.ok()) << shown.out << shown.err;
    if (!json.ok()) return 0;
    return std::ranges::count_if(json->at("events"), [](const Json& event) {
      return event.at("kind") == "segment_committed";
    });
  }
  std::string Shown() { return Rollcall({"jobs", "show", kJob}).out; }

  // Of detect, as its lock file says; 0 while it has none.
  pid_t WorkerPid() {
    const auto text = base::ReadFile(data_ / kDetect / ".lock");
    const auto lock = text.ok() ? base::ParseJson(*text, ".lock") : Json::object();
    return lock.ok() && lock->contains("pid") ? lock->at("pid").get<pid_t>() : 0;
  }
  std::string LogText() {
    return HasFile("logs/worker.log") ? ReadText("logs/worker.log") : std::string();
  }
  bool WaitForLog(const std::string& text, seconds limit = seconds{60}) {
    return WaitUntil([&] { return LogText().find(text) != std::string::npos; }, limit);
  }
  // Nothing of detect is marked as active.
  void ExpectCleared() {
    EXPECT_TRUE(ReadJson("episodes/a_s01_e01/runtime.json")["active_jobs"].empty());
    EXPECT_FALSE(HasFile(std::string(kDetect) + "/.lock"));
  }
  void KillEverything(Command& command) {
    command.Signal(SIGKILL);
    EXPECT_EQ(command.Wait().signal, SIGKILL);
    ASSERT_TRUE(WaitUntil([&] { return ProcessesAbout(data_).empty(); }, seconds{10}));
  }
  // How many processes of each kind there are: "serve", "engine", "worker".
  int Processes(const std::string& kind) {
    int count = 0;
    for (const std::string& process : ProcessesAbout(data_)) {
      count += process.find("rollcall " + kind) != std::string::npos ||
                       process.find(" " + kind + " ") != std::string::npos
                   ? 1
                   : 0;
    }
    return count;
  }
};

// Watches the heartbeats of detect while it runs: those in the log, which has no times, as they
// come, and those in meta.json by what they say.
class HeartbeatWatch {
 public:
  explicit HeartbeatWatch(fs::path data) : data_(std::move(data)) {}

  void Look() {
    const auto log = base::ReadFile(data_ / kDetect / "log");
    if (log.ok()) TakeLog(*log);
    const auto meta = base::ReadFile(data_ / kDetect / "meta.json");
    const auto json = meta.ok() ? base::ParseJson(*meta, "meta.json") : Json::object();
    if (json.ok() && json->contains("stages")) TakeMeta(json->at("stages").at("detect"));
  }
  int heartbeats() const { return heartbeats_; }
  int updates() const { return updates_; }
  double longest_log_gap_s() const { return log_gap_s_; }
  double longest_meta_age_s() const { return meta_age_s_; }

 private:
  void TakeLog(const std::string& log) {
    int now = 0;
    for (std::size_t at = log.find(" hb seq="); at != std::string::npos;
         at = log.find(" hb seq=", at + 1)) {
      ++now;
    }
    const bool has_started = log.find("stage=start") != std::string::npos;
    const bool has_ended = log.find("stage=end") != std::string::npos;
    if (!has_started) return;
    if (!last_) last_ = steady_clock::now();
    if (!has_ended) log_gap_s_ = std::max(log_gap_s_, SecondsSince(*last_));
    if (now == heartbeats_) return;
    heartbeats_ = now;
    last_ = steady_clock::now();
  }
  void TakeMeta(const Json& stage) {
    if (stage.at("status") != "running" || !stage.at("result").contains("updated_at")) return;
    const std::string updated = stage.at("result").at("updated_at");
    if (updated != updated_) {
      updated_ = updated;
      updated_at_ = steady_clock::now();
      ++updates_;
    }
    meta_age_s_ = std::max(meta_age_s_, SecondsSince(updated_at_));
  }

  const fs::path data_;
  std::optional<steady_clock::time_point> last_;
  int heartbeats_ = 0;
  double log_gap_s_ = 0;
  std::string updated_;
  steady_clock::time_point updated_at_;
  int updates_ = 0;
  double meta_age_s_ = 0;
};

// The lines of detect without heartbeats, without "[DETECT] a_s01_e01 ".
std::vector<std::string> DetectLines(const std::string& log) {
  const std::string mark = std::string("[DETECT] ") + kKey + " ";
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < log.size();) {
    const std::size_t end = std::min(log.find('\n', begin), log.size());
    const std::string line = log.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with(mark)) continue;
    const std::string rest = line.substr(mark.size());
    if (!rest.starts_with("hb seq=")) lines.push_back(rest);
  }
  return lines;
}

TEST_F(ScenarioTest, NormalRun) {
  const fs::path video = Video("a_s01_e01.mp4");
  // Long enough for several heartbeats at the product's own times.
  const fs::path once = folder_ / "once.mp4";
  fs::rename(video, once);
  ASSERT_TRUE(Ffmpeg("-stream_loop 4 -i '" + once.string() + "' -c copy '" + video.string() + "'"));

  Command command(Analyze(video, "full"), env_);
  // runtime.json and .lock are created.
  ASSERT_TRUE(WaitUntil([&] { return WorkerPid() > 0; }));
  ASSERT_TRUE(WaitUntil([&] {
    return ReadJson("episodes/a_s01_e01/runtime.json")["active_jobs"].contains("detect");
  }));
  const Json runtime = ReadJson("episodes/a_s01_e01/runtime.json");
  EXPECT_EQ(runtime["active_jobs"]["detect"], "detect_a_s01_e01");
  EXPECT_EQ(ReadJson(std::string(kDetect) + "/.lock")["job_id"], "detect_a_s01_e01");
  // The envelope runs, the registry says that it is not done.
  ASSERT_TRUE(WaitUntil([&] {
    return HasFile(std::string(kDetect) + "/meta.json") &&
           ReadJson(std::string(kDetect) + "/meta.json")["stages"]["detect"]["status"] == "running";
  }));
  EXPECT_FALSE(ReadJson("episodes/a_s01_e01/state.json")["states"]["detected"].get<bool>());

  // Heartbeats come at most 10 s apart, in the log and in the envelope.
  HeartbeatWatch watch(data_);
  const auto started = steady_clock::now();
  ASSERT_TRUE(WaitUntil(
      [&] {
        watch.Look();
        return LogText().find("[DETECT] a_s01_e01 stage=end") != std::string::npos;
      },
      seconds{240}));
  const auto due = static_cast<int>(SecondsSince(started) / 10);
  EXPECT_GE(watch.heartbeats(), std::max(due, 1));
  EXPECT_GE(watch.updates(), std::max(due, 1));
  EXPECT_LE(watch.longest_log_gap_s(), 10);
  EXPECT_LE(watch.longest_meta_age_s(), 10);

  const Ended ended = command.Wait();
  ASSERT_EQ(ended.exit, 0) << ended.out << ended.err;
  // Both are cleared at the end.
  ExpectCleared();
  EXPECT_TRUE(ReadJson("episodes/a_s01_e01/state.json")["states"]["detected"].get<bool>());
  // The log lines stand in the order of the design, in the common log and in the job's own.
  const std::vector<std::string> wanted{
      "^stage=start job_id=detect_a_s01_e01$",
      "^Registered as active job: detect_a_s01_e01$",
      "^Created lock file$",
      "^envelope stage=running$",
      "^registry detected=false$",
      "^model=default/detector.onnx loading\\.\\.\\.$",
      "^model=default/detector.onnx loaded in [0-9.]+s provider=cpu$",
      "^model=default/embedder.onnx loading\\.\\.\\.$",
      "^model=default/embedder.onnx loaded in [0-9.]+s provider=cpu$",
      "^model=default/landmarks.onnx loading\\.\\.\\.$",
      "^model=default/landmarks.onnx loaded in [0-9.]+s provider=cpu$",
      "^stage=end status=ok frames=[0-9]+ faces=[0-9]+$",
      "^envelope stage=ok$",
      "^registry detected=true$",
      "^Cleared active job from runtime$"};
  for (const std::string log : {"logs/worker.log", "jobs/detect_a_s01_e01/log"}) {
    const auto lines = DetectLines(ReadText(log));
    ASSERT_EQ(lines.size(), wanted.size()) << ReadText(log);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_THAT(lines[i], ContainsRegex(wanted[i])) << log;
    }
  }
  // Afterwards people see how it went.
  const Json detect = Stage();
  ASSERT_EQ(detect["attempts"].size(), 1U);
  EXPECT_EQ(detect["attempts"][0]["outcome"], "succeeded");
  EXPECT_GT(detect["attempts"][0]["rss_peak_bytes"].get<std::int64_t>(), 10'000'000);
}

TEST_F(ScenarioTest, ObserverLostAndBack) {
  Command server({"serve"}, env_);
  ASSERT_TRUE(server.WaitForOutput("serving"));
  const fs::path video = Video("a_s01_e01.mp4");
  Json before;
  {
    Command first(Analyze(video), env_);
    ASSERT_TRUE(WaitForSegments(kKey, 1));
    before = Stage();
    first.Signal(SIGKILL);
    EXPECT_EQ(first.Wait().signal, SIGKILL);
  }
  // Another terminal sees the job active, and its progress has not begun anew.
  const Json after = Stage();
  EXPECT_EQ(after["status"], "running");
  EXPECT_EQ(after["attempt"], 1);
  EXPECT_GT(before["done"].get<std::int64_t>(), 0);
  EXPECT_GE(after["done"].get<std::int64_t>(), before["done"].get<std::int64_t>());
  EXPECT_LE(after["pulse_age_s"].get<double>(), 15);
  // A start is refused while it runs.
  const Ended refused = Rollcall(Analyze(video));
  EXPECT_EQ(refused.exit, 6) << refused.out << refused.err;
  EXPECT_THAT(refused.out, HasSubstr("already running: detect_a_s01_e01"));
  // Progress goes on, without anybody who looks.
  EXPECT_TRUE(WaitUntil([&] {
    const Json now = Stage();
    return now["status"] == "ok" ||
           now["done"].get<std::int64_t>() > after["done"].get<std::int64_t>();
  }));
  // Another terminal stays with it to its end.
  const Ended waited = Rollcall({"jobs", "wait", kJob});
  EXPECT_EQ(waited.exit, 0) << waited.out << waited.err;
  EXPECT_EQ(Stage()["attempts"].size(), 1U);
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait().exit, 0);
}

TEST_F(ScenarioTest, WorkerKilled) {
  Command command(Analyze(Video("a_s01_e01.mp4")), env_);
  int kills = 0;
  double visible_s = 0;
  do {
    ASSERT_TRUE(WaitForSegments(kKey, kills + 1));
    const pid_t worker = WorkerPid();
    ASSERT_GT(worker, 0);
    ::kill(worker, SIGKILL);
    const auto killed = steady_clock::now();
    ++kills;
    // It is visible to whoever follows …
    const std::string next = "restarted, attempt " + std::to_string(kills + 1);
    ASSERT_TRUE(command.WaitForOutput("detect: " + next));
    visible_s = SecondsSince(killed);
    // … and to another terminal, with the reason.
    const std::string ended = "attempt " + std::to_string(kills);
    EXPECT_THAT(Shown(), HasSubstr(next + " (" + ended + ": ERR_WORKER_CRASHED, signal 9)"));
    EXPECT_THAT(LogText(), HasSubstr(ended + " interrupted: ERR_WORKER_CRASHED: "));
    // Within a second; a busy machine may be late once.
  } while (visible_s > 1.0 && kills < 3);
  EXPECT_LE(visible_s, 1.0);
  // It completes.
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  const Json attempts = Stage()["attempts"];
  ASSERT_EQ(attempts.size(), kills + 1U);
  EXPECT_EQ(attempts[0]["outcome"], "interrupted");
  EXPECT_EQ(attempts[0]["exit"], "signal 9");
  EXPECT_EQ(attempts.back()["outcome"], "succeeded");
}

// Also: one that stops pulsing is fenced.
TEST_F(ScenarioTest, WorkerStopped) {
  SetTimes(10);  // Stalled after a silence of 1.5 s, replaced after 3 s.
  Command command(Analyze(Video("a_s01_e01.mp4")), env_);
  ASSERT_TRUE(WaitForSegments(kKey, 1));
  const pid_t worker = WorkerPid();
  ASSERT_GT(worker, 0);
  const auto stopped = steady_clock::now();
  ::kill(worker, SIGSTOP);
  // "stalled" is visible after the rule's time, before the worker is replaced.
  ASSERT_TRUE(command.WaitForOutput("detect: running, stalled", seconds{10}));
  EXPECT_GE(SecondsSince(stopped), 1.0);
  EXPECT_THAT(Shown(), HasSubstr("no sign of life for ")) << "the reason, typed";
  EXPECT_THAT(Shown(), HasSubstr("(ERR_STALLED)"));
  EXPECT_THAT(LogText(), HasSubstr("stalled: ERR_STALLED: no sign of life for "));
  // It recovers by itself: the silent one is fenced off and ended, another goes on.
  ASSERT_TRUE(command.WaitForOutput("detect: restarted, attempt 2", seconds{10}));
  EXPECT_FALSE(IsAlive(worker));
  EXPECT_THAT(Shown(), HasSubstr("attempt 1: ERR_STALLED, signal 9"));
  EXPECT_THAT(LogText(), HasSubstr("attempt 1 expired: ERR_STALLED: no sign of life for "));
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
}

// A worker that pulses and makes no progress is flagged after the rule's time, killed and resumed.
TEST_F(ScenarioTest, WorkerThatPulsesButGetsNowhere) {
  SetTimes(10, [](jobs::RuntimeTimes& times) { times.stall_grace = seconds{2}; });
  HangAtSegment(2);
  Command command(Analyze(Video("a_s01_e01.mp4")), env_);
  ASSERT_TRUE(command.WaitForOutput("detect: running, stalled"));
  const Json flagged = Stage();
  EXPECT_TRUE(flagged["stalled"].get<bool>());
  EXPECT_EQ(flagged["error"]["reason"], "ERR_STALLED");
  EXPECT_TRUE(flagged["eta_p50_s"].is_null()) << "nobody can say it";
  // It lives, and does not get on: the budget of its phase is used up.
  const auto used_s = flagged["phase_budget_used_s"].get<double>();
  EXPECT_LT(flagged["pulse_age_s"].get<double>(), used_s);
  EXPECT_GE(used_s, flagged["phase_budget_s"].get<double>());
  EXPECT_THAT(LogText(), HasSubstr("stalled: ERR_STALLED: no change of done="));
  EXPECT_THAT(LogText(), HasSubstr("stack: "));
  const Ended diagnosis = Rollcall({"jobs", "diagnose", kJob});
  EXPECT_THAT(diagnosis.out, HasSubstr("it is stalled (ERR_STALLED). 2.0 s after the flag"));
  // Killed and resumed, with the reason.
  ASSERT_TRUE(command.WaitForOutput("detect: restarted, attempt 2"));
  EXPECT_THAT(Shown(), HasSubstr("attempt 1: ERR_STALLED, signal 9"));
  EXPECT_THAT(LogText(), HasSubstr("attempt 1 stalled: ERR_STALLED: no change of done="));
  const Ended ended = command.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
  EXPECT_EQ(Stage()["attempts"][0]["error"], "ERR_STALLED");
}

TEST_F(ScenarioTest, ResumeAfterEverythingWasKilled) {
  Command command(Analyze(Video("a_s01_e01.mp4")), env_);
  ASSERT_TRUE(WaitForSegments(kKey, 2));
  KillEverything(command);
  // Nothing pretends to be alive.
  const Ended inspected = Rollcall({"inspect", kKey});
  EXPECT_THAT(inspected.out, HasSubstr("detect_a_s01_e01: interrupted"));
  EXPECT_THAT(inspected.out,
              HasSubstr("nothing works on analyze_a_s01_e01 now; `rollcall jobs wait 1` "
                        "goes on with it"));
  const Json left = Stage();
  const auto segments = left["segments"].get<int>();
  EXPECT_GE(segments, 2);
  EXPECT_FALSE(Job()["worked_on"].get<bool>());
  EXPECT_THAT(Rollcall({"jobs", "diagnose", kJob}).out, HasSubstr("No engine works"));

  // Resuming goes on with the segments that are there.
  Command resumed({"jobs", "resume", kJob}, env_);
  ASSERT_TRUE(
      resumed.WaitForOutput("resuming detect_a_s01_e01 from segment " + std::to_string(segments)));
  // Progress goes on from where it was: the first that is said is what the segments hold. The
  // worker stands still while it is looked at: it could have ended before the next look.
  Json first;
  ASSERT_TRUE(WaitUntil([&] {
    const pid_t worker = WorkerPid();
    if (worker == 0 || ::kill(worker, SIGSTOP) != 0) return false;
    first = Stage();
    ::kill(worker, SIGCONT);
    return first["attempt"] == 2 && first.value("total", Json()) > 0;
  }));
  EXPECT_GT(first["done"].get<std::int64_t>(), first["total"].get<std::int64_t>() / 3);
  const Ended ended = resumed.Wait();
  EXPECT_EQ(ended.exit, 0) << ended.out << ended.err;
}

TEST_F(ScenarioTest, ResumeAfterAFailure) {
  CountSegments();
  const fs::path video = Video("a_s01_e01.mp4");
  Command command(Analyze(video), env_);
  ASSERT_TRUE(WaitForSegments(kKey, 1));
  // The next attempt does not find its video: a failure for good.
  fs::rename(video, folder_ / "elsewhere.mp4");
  ::kill(WorkerPid(), SIGKILL);
  const Ended failed = command.Wait();
  EXPECT_EQ(failed.exit, 3) << failed.out << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("error: ERR_VIDEO_NOT_FOUND: "));
  EXPECT_EQ(Stage()["error"]["reason"], "ERR_VIDEO_NOT_FOUND");
  ExpectCleared();

  fs::rename(folder_ / "elsewhere.mp4", video);
  const std::int64_t begun_before = SegmentsBegun();
  EXPECT_GE(begun_before, 1);
  const Ended resumed = Rollcall({"jobs", "resume", kJob});
  EXPECT_EQ(resumed.exit, 0) << resumed.out << resumed.err;
  EXPECT_THAT(resumed.out, ContainsRegex("resuming detect_a_s01_e01 from segment [1-9]"));
  EXPECT_EQ(SegmentsBegun() - begun_before, CommitsTold()) << "what is done was done again";
}

TEST_F(ScenarioTest, Cancel) {
  CountSegments();
  const fs::path video = Video("a_s01_e01.mp4");
  Command command(Analyze(video), env_);
  ASSERT_TRUE(WaitForSegments(kKey, 1));
  EXPECT_EQ(Rollcall({"jobs", "cancel", kJob}).exit, 0);
  EXPECT_EQ(command.Wait().exit, 4);
  // Runtime and lock are cleared, the envelope is marked.
  ExpectCleared();
  EXPECT_EQ(ReadJson(std::string(kDetect) + "/meta.json")["stages"]["detect"]["status"],
            "canceled");
  EXPECT_THAT(LogText(), HasSubstr("[DETECT] a_s01_e01 stage=end status=canceled"));
  EXPECT_EQ(Processes("worker"), 0);
  // A new start may run, and goes on with what is done.
  const std::int64_t begun_before = SegmentsBegun();
  EXPECT_GE(begun_before, 1);
  const Ended again = Rollcall(Analyze(video));
  EXPECT_EQ(again.exit, 0) << again.out << again.err;
  EXPECT_THAT(again.out, ContainsRegex("resuming detect_a_s01_e01 from segment [1-9]"));
  EXPECT_EQ(SegmentsBegun() - begun_before, CommitsTold()) << "what is done was done again";
}

TEST_F(ScenarioTest, DuplicateStart) {
  const fs::path video = Video("a_s01_e01.mp4");
  Command first(Analyze(video), env_);
  ASSERT_TRUE(first.WaitForOutput("detect: running"));
  const Ended second = Rollcall(Analyze(video));
  EXPECT_EQ(second.exit, 6) << second.out << second.err;
  EXPECT_THAT(second.out, HasSubstr("already running: detect_a_s01_e01"));
  // Nothing was added, nothing was disturbed.
  const auto list = base::ParseJson(Rollcall({"jobs", "list", "--json"}).out, "jobs");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->at("jobs").size(), 1U);
  EXPECT_EQ(Stage()["attempt"], 1);
  EXPECT_EQ(Rollcall({"jobs", "cancel", kJob}).exit, 0);
  EXPECT_EQ(first.Wait().exit, 4);
}

// Whose files the plain names will show is told while it can still be changed.
TEST_F(ScenarioTest, StartOfAnotherEffortBesideARunningOne) {
  SetTimes(10, [](jobs::RuntimeTimes& times) { times.stall_grace = std::chrono::hours{1}; });
  HangAtSegment(1);
  const fs::path video = Video("a_s01_e01.mp4");
  Command first(Analyze(video, "full"), env_);
  ASSERT_TRUE(WaitUntil([&] { return SegmentsBegun() == 1; }));
  const Ended second =
      Rollcall({"jobs", "start", "analyze", kKey, "--effort", "draft", "--detach", "--json"});
  EXPECT_EQ(second.exit, 0) << second.err;
  EXPECT_THAT(second.err, HasSubstr("warning: job 1 (effort full, "));
  const auto document = base::ParseJson(second.out, "stdout");
  ASSERT_TRUE(document.ok()) << second.out;
  ASSERT_EQ(document->at("warnings").size(), 1U);
  EXPECT_THAT(document->at("warnings")[0].get<std::string>(),
              HasSubstr("those of the job that ends last. `rollcall jobs cancel 1` ends it"));
  EXPECT_EQ(Rollcall({"jobs", "cancel", "1"}).exit, 0);
  EXPECT_EQ(first.Wait().exit, 4);
  EXPECT_EQ(Rollcall({"jobs", "wait", "2"}).exit, 0);
}

TEST_F(ScenarioTest, StartOverAStalledRun) {
  // By itself it would not be ended within this test.
  SetTimes(10, [](jobs::RuntimeTimes& times) { times.stall_grace = std::chrono::hours{1}; });
  HangAtSegment(2);
  const fs::path video = Video("a_s01_e01.mp4");
  Command first(Analyze(video), env_);
  ASSERT_TRUE(first.WaitForOutput("detect: running, stalled"));
  const pid_t worker = WorkerPid();
  Command second(Analyze(video), env_);
  // Its attempt is ended at once, and it goes on from its checkpoint.
  ASSERT_TRUE(second.WaitForOutput("resuming detect_a_s01_e01 from segment 1"));
  ASSERT_TRUE(first.WaitForOutput("detect: restarted, attempt 2"));
  EXPECT_FALSE(IsAlive(worker));
  EXPECT_THAT(Shown(), HasSubstr("attempt 1: ERR_STALLED, signal 9"));
  const Ended one = first.Wait();
  EXPECT_EQ(one.exit, 0) << one.out << one.err;
  const Ended two = second.Wait();
  EXPECT_EQ(two.exit, 0) << two.out << two.err;
}

TEST_F(ScenarioTest, BadVideoPath) {
  const fs::path video = Video("a_s01_e01.mp4");
  ASSERT_EQ(Rollcall({"episodes", "add", video.string()}).exit, 0);
  fs::rename(video, folder_ / "elsewhere.mp4");
  // A typed error …
  const Ended failed = Rollcall({"jobs", "start", "analyze", kKey, "--effort", "draft"});
  EXPECT_EQ(failed.exit, 3) << failed.out << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("error: ERR_VIDEO_NOT_FOUND: "));
  EXPECT_THAT(failed.err, HasSubstr("hint: "));
  // … and nothing is left that looks active.
  EXPECT_TRUE(ReadJson("episodes/a_s01_e01/runtime.json")["active_jobs"].empty());
  for (const char* stage : {"validate", "extract", "detect"}) {
    EXPECT_FALSE(HasFile(fs::path("jobs") / (std::string(stage) + "_" + kKey) / ".lock"));
  }
  EXPECT_TRUE(ProcessesAbout(data_).empty());
  // It works once the path is good.
  fs::rename(folder_ / "elsewhere.mp4", video);
  const Ended retried = Rollcall({"jobs", "start", "analyze", kKey, "--effort", "draft"});
  EXPECT_EQ(retried.exit, 0) << retried.out << retried.err;
}

// kill -9 of the owner with a worker in the middle of a segment.
TEST_F(ScenarioTest, OwnerKilledInTheMiddleOfASegment) {
  HangAtSegment(2);
  Command first({"serve"}, env_);
  ASSERT_TRUE(first.WaitForOutput("serving"));
  ASSERT_EQ(Rollcall({"episodes", "add", Video("a_s01_e01.mp4").string()}).exit, 0);
  ASSERT_EQ(Rollcall({"jobs", "start", "analyze", kKey, "--detach"}).exit, 0);
  ASSERT_TRUE(WaitUntil([&] { return SegmentsBegun() == 2; }));
  const pid_t worker = WorkerPid();
  ASSERT_GT(worker, 0);
  first.Signal(SIGKILL);
  EXPECT_EQ(first.Wait().signal, SIGKILL);

  // Serving again within two seconds, and at work again.
  const auto killed = steady_clock::now();
  Command next({"serve"}, env_);
  ASSERT_TRUE(next.WaitForOutput("serving"));
  EXPECT_LE(SecondsSince(killed), 2.0);
  ASSERT_TRUE(WaitUntil([&] { return Stage()["attempt"] == 2; }));
  // No orphan: the worker of the one that was killed is gone.
  EXPECT_FALSE(IsAlive(worker));
  const Ended waited = Rollcall({"jobs", "wait", kJob});
  EXPECT_EQ(waited.exit, 0) << waited.out << waited.err;
  // At most the segment that it was in was done again.
  const Json detect = Stage();
  ASSERT_EQ(detect["attempts"].size(), 2U);
  std::set<std::int64_t> committed;
  const auto shown = base::ParseJson(Rollcall({"jobs", "show", kJob, "--json"}).out, "jobs show");
  for (const Json& event : shown->at("events")) {
    if (event.at("kind") != "segment_committed") continue;
    EXPECT_TRUE(committed.insert(event.at("body").at("number").get<std::int64_t>()).second);
  }
  EXPECT_GE(committed.size(), 2U);
  EXPECT_LE(SegmentsBegun(), static_cast<std::int64_t>(committed.size()) + 1);
  next.Signal(SIGTERM);
  EXPECT_EQ(next.Wait().exit, 0);
}

}  // namespace
}  // namespace rollcall::e2e
