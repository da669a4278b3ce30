#include "oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "base/file.h"
#include "worker/process_table.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;

class Findings {
 public:
  Findings(Row& row, std::string key) : row_(row), key_(std::move(key)) {}
  void Expect(bool holds, const std::string& sentence) {
    if (!holds) row_.violations.push_back(key_ + ": " + sentence);
  }

 private:
  Row& row_;
  const std::string key_;
};

void CheckFiles(Rig& rig, const std::string& key, int segments, Findings& findings) {
  const auto bytes = base::ReadFile(rig.folder() / "harvest" / key / "detect.bin");
  findings.Expect(bytes.ok() && *bytes == ExpectedBytes(segments), "the result's bytes differ");
  const auto rows = rig.store().SegmentList(rig.Run(key).run.work_key);
  findings.Expect(rows.ok() && std::ssize(*rows) == segments, "segments are missing");
  if (!rows.ok()) return;
  for (const domain::Segment& segment : *rows) {
    const auto digest = base::DigestFile(rig.folder() / segment.path);
    findings.Expect(
        digest.ok() && digest->sha256 == segment.sha256 && digest->size_bytes == segment.size_bytes,
        fmt::format("segment {} is not what its row says", segment.number));
  }
}

Json ReadJson(const fs::path& path) {
  const auto text = base::ReadFile(path);
  if (!text.ok()) return nullptr;
  auto json = base::ParseJson(*text, path.string());
  return json.ok() ? std::move(json).value() : Json(nullptr);
}

void CheckProjections(Rig& rig, const std::string& key, const store::Job& job, Findings& findings) {
  // A fault may hit the call itself; the next one must not be kept waiting.
  const bool is_settled =
      rig.Eventually([&] { return rig.engine().Settle(job.id, std::chrono::seconds{10}).ok(); },
                     std::chrono::seconds{30});
  findings.Expect(is_settled, "the projections do not settle");
  const fs::path folder = rig.folder();
  const Json meta = ReadJson(folder / "jobs" / ("detect_" + key) / "meta.json");
  findings.Expect(meta.is_object() && meta["stages"]["detect"]["status"] == "ok",
                  "meta.json does not say ok");
  const Json state = ReadJson(folder / "episodes" / key / "state.json");
  findings.Expect(state.is_object() && state["states"]["detected"] == true,
                  "state.json does not say detected");
  const Json runtime = ReadJson(folder / "episodes" / key / "runtime.json");
  findings.Expect(runtime.is_object() && runtime["active_jobs"].empty(),
                  "runtime.json names an active job");
  findings.Expect(!fs::exists(folder / "jobs" / ("detect_" + key) / ".lock"), "a .lock is left");
}

void CheckEvents(Rig& rig, const store::Job& job, Findings& findings) {
  const auto events = rig.store().EventsAfter(job.id, 0, 100'000);
  findings.Expect(events.ok(), "the events cannot be read");
  if (!events.ok()) return;
  findings.Expect(std::ranges::count(*events, "job_succeeded", &store::Event::kind) == 1,
                  "not exactly one event says that it succeeded");
  std::int64_t seq = 0;
  for (const store::Event& event : *events) {
    findings.Expect(event.seq == ++seq, "the events have a hole");
    seq = event.seq;
  }
}

// Every commit was told, to one of the jobs of this work.
void CheckCommits(Rig& rig, const std::string& key, int segments, Findings& findings) {
  std::set<std::int64_t> told;
  const auto take = [&](store::JobId job) {
    const auto events = rig.store().EventsAfter(job, 0, 100'000);
    if (!events.ok()) return;  // See CheckEvents.
    for (const store::Event& event : *events) {
      if (event.kind != "segment_committed") continue;
      told.insert(Json::parse(event.body_json).at("number").get<std::int64_t>());
    }
  };
  const auto history = rig.store().RunHistory({"episode", key}, "detect");
  findings.Expect(history.ok(), "the runs cannot be read");
  if (!history.ok()) return;
  for (const store::RunView& view : *history) {
    const auto jobs = rig.store().RunJobs(view.run.id);
    findings.Expect(jobs.ok(), "the jobs of a run cannot be read");
    if (!jobs.ok()) return;
    for (const store::Job& job : *jobs) take(job.id);
  }
  findings.Expect(std::ssize(told) == segments,
                  fmt::format("{} of {} commits were told", told.size(), segments));
}

// Which segments an attempt has begun and which are committed by it, of one piece of work.
struct Work {
  std::map<std::int64_t, std::set<std::int64_t>> begun;  // By token.
  std::map<std::int64_t, std::int64_t> committed_by;     // The token, by segment.
};

// From the trace of the fake stage: a line with token and number for each segment begun.
bool ReadTrace(const fs::path& path, Work& work, Findings& findings) {
  std::ifstream trace(path);
  std::int64_t token = 0;
  std::int64_t number = 0;
  while (trace >> token >> number) {
    findings.Expect(work.begun[token].insert(number).second,
                    fmt::format("token {} began segment {} twice", token, number));
  }
  return trace.eof() && !work.begun.empty();
}

// A segment's file is named after its writer: "seg-00003.t17.0a1b2c3d".
std::int64_t TokenOf(const domain::Segment& segment) {
  const std::size_t dot = segment.path.find(".t");
  return dot == std::string::npos ? 0 : std::atoll(segment.path.c_str() + dot + 2);
}

// An attempt that ended costs at most the segment that it was at: of what it had begun, others
// begin at most one again, and none that is committed when they start.
void CheckRepeats(Rig& rig, const std::string& key, Findings& findings) {
  Work work;
  if (!ReadTrace(rig.folder() / ("trace-" + key), work, findings)) {
    return findings.Expect(false, "there is no trace of what was begun");
  }
  const auto segments = rig.store().SegmentList(rig.Run(key).run.work_key);
  for (const auto& segment : segments.ok() ? *segments : std::vector<domain::Segment>{}) {
    work.committed_by[segment.number] = TokenOf(segment);
  }
  std::map<std::int64_t, std::int64_t> last_begun_by;  // The token, by segment.
  std::map<std::int64_t, int> lost;  // Segments, by the token that had begun them.
  for (const auto& [token, numbers] : work.begun) {
    for (const std::int64_t number : numbers) {
      const auto before = last_begun_by.find(number);
      if (before != last_begun_by.end()) ++lost[before->second];
      last_begun_by[number] = token;
      findings.Expect(token <= work.committed_by[number],
                      fmt::format("token {} began segment {} again, which {} had committed", token,
                                  number, work.committed_by[number]));
    }
  }
  for (const auto& [token, count] : lost) {
    findings.Expect(count <= 1, fmt::format("the end of token {} cost {} segments", token, count));
  }
  for (const auto& [number, token] : work.committed_by) {
    findings.Expect(work.begun[token].contains(number),
                    fmt::format("token {} committed segment {} and never began it", token, number));
  }
}

}  // namespace

std::string WhyEnded(Rig& rig, const std::string& key) {
  const auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
  std::string text;
  for (const store::Attempt& attempt : attempts.ok() ? *attempts : std::vector<store::Attempt>{}) {
    text += fmt::format("{}attempt {} {} ({})", text.empty() ? "" : ", ", attempt.number,
                        attempt.error_reason, attempt.exit);
  }
  return text;
}

std::string ExpectedBytes(int segments) {
  std::string bytes;
  for (int i = 0; i < segments; ++i) bytes += "segment " + std::to_string(i) + "\n";
  return bytes;
}

void CheckRound(Rig& rig, const std::string& key, const store::Job& job, int segments, Row& row) {
  ++row.rounds;
  Findings findings(row, key);
  const bool has_ended = rig.Eventually([&] {
    const auto now = rig.store().JobGet(job.id);
    return now.ok() && domain::IsTerminal(now->state);
  });
  findings.Expect(has_ended, "the job did not end within a minute");
  if (!has_ended) return;
  const auto ended = rig.store().JobGet(job.id);
  findings.Expect(ended.ok() && ended->state == domain::JobState::kSucceeded,
                  fmt::format("the job did not succeed: {}", WhyEnded(rig, key)));
  CheckEvents(rig, job, findings);
  CheckCommits(rig, key, segments, findings);
  CheckProjections(rig, key, job, findings);
  CheckFiles(rig, key, segments, findings);
  const auto attempts = rig.store().AttemptList(rig.Run(key).run.id);
  findings.Expect(attempts.ok(), "the attempts cannot be read");
  if (!attempts.ok()) return;
  CheckRepeats(rig, key, findings);
  const bool is_quiet = rig.Eventually(
      [&] {
        return std::ranges::all_of(*attempts, [](const store::Attempt& attempt) {
          return worker::LiveProcessesOfAttempt(0, attempt.fence.attempt_uuid).empty();
        });
      },
      std::chrono::seconds{10});
  findings.Expect(is_quiet, "a process of an ended attempt lives");
  findings.Expect(!fs::exists(rig.folder() / "doubles"), "two workers were at one key at a time");
}

void CheckStore(Rig& rig, Row& row) {
  const auto checked = rig.store().IntegrityCheck();
  if (!checked.ok()) row.violations.push_back("the store: " + checked.error().ToString());
}

}  // namespace rollcall::faults
