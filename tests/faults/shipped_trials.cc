#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <random>

#include "../e2e/command.h"
#include "../e2e/results.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "failpoints.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;
using e2e::Command;

constexpr const char* kKey = "open_ep1";

fs::path SharedMedia() { return fs::path(ROLLCALL_SOURCE_DIR) / "../shared/media"; }

fs::path RealClip() {
  const char* named = std::getenv("ROLLCALL_MEDIA");
  const fs::path media = named != nullptr ? fs::path(named) : SharedMedia();
  return media / "episodes/open_ep1.mp4";
}

Json ReadShipped(const fs::path& path) {
  const auto text = base::ReadFile(path);
  if (!text.ok()) return nullptr;
  auto json = base::ParseJson(*text, path.string());
  return json.ok() ? std::move(json).value() : Json(nullptr);
}

int SegmentFiles(const fs::path& data) {
  std::error_code none_yet;
  int found = 0;
  for (const auto& entry :
       fs::directory_iterator(data / "harvest" / kKey / "segments/detect", none_yet)) {
    found += entry.path().extension() != ".tmp" ? 1 : 0;
  }
  return found;
}

// One video, analysed with one effort into one folder.
struct Analysis {
  fs::path clip;
  std::string effort;
  fs::path data;

  std::vector<std::string> Arguments() const {
    return {"analyze", clip.string(), "--effort", effort, "--data", data.string()};
  }
};

// How many attempts of a stage ended before the last one, or of all stages.
int LostAttempts(const fs::path& data, std::string_view wanted) {
  const e2e::Ended shown = e2e::RunCommand(
      {"jobs", "show", fmt::format("detect_{}", kKey), "--data", data.string(), "--json"}, {});
  const auto json = base::ParseJson(shown.out, "jobs show");
  if (!json.ok()) return 0;
  int lost = 0;
  for (const Json& stage : json->at("job").at("stages")) {
    const bool is_wanted = wanted.empty() || stage.at("name") == wanted;
    if (is_wanted) lost += std::max(0, stage.at("attempt").get<int>() - 1);
  }
  return lost;
}

void ExpectEnd(Command& command, Row& row) {
  const e2e::Ended ended = command.Wait();
  if (ended.exit != 0) row.violations.push_back("analyze ended with " + ended.out + ended.err);
}

// Kills detect's worker up to four times in one run of the shipped program.
void KillInOneRun(const Analysis& analysis, std::mt19937& random, Row& row) {
  const fs::path& data = analysis.data;
  Command command(analysis.Arguments(), {});
  std::int64_t last_pid = 0;
  int next_segments = static_cast<int>(random() % 2);
  for (int kill = 0; kill < 4; ++kill) {
    std::int64_t pid = 0;
    const fs::path lock = data / "jobs" / fmt::format("detect_{}", kKey) / ".lock";
    const bool is_due = e2e::WaitUntil(
        [&] {
          if (fs::exists(data / "jobs" / fmt::format("track_{}", kKey) / ".lock")) return true;
          const Json json = ReadShipped(lock);
          pid = json.is_object() ? json.value("pid", std::int64_t{0}) : 0;
          return pid > 0 && pid != last_pid && SegmentFiles(data) >= next_segments;
        },
        std::chrono::seconds{30});
    if (!is_due || pid == 0 || pid == last_pid) break;
    ::poll(nullptr, 0, static_cast<int>(random() % 300));
    if (::kill(static_cast<pid_t>(pid), SIGKILL) != 0) break;
    last_pid = pid;
    next_segments = SegmentFiles(data) + 1;
  }
  ExpectEnd(command, row);
  row.hits["detect"] += LostAttempts(data, "detect");
}

// One run in which a worker ends itself at the failpoint that belongs to the round.
void FailInOneRun(const Analysis& analysis, int round, Row& row) {
  constexpr auto kCount = static_cast<int>(kShippedFailpoints.size());
  const std::string listed = kShippedFailpoints[static_cast<std::size_t>(round % kCount)];
  // Of a segment's own failpoint the number changes, of others how often they were passed before.
  const int turn = round / kCount % 4;
  const std::string name = fmt::format(fmt::runtime(listed), turn);
  const int nth = name == listed ? 1 + turn : 1;
  Command command(analysis.Arguments(),
                  {{"ROLLCALL_FAIL", fmt::format("{}:{}:kill-self", name, nth)},
                   {"ROLLCALL_FAIL_COUNT", analysis.data.string() + ".hits"}});
  ExpectEnd(command, row);
  if (LostAttempts(analysis.data, "") == 1) {
    ++row.hits[name];
  } else {
    row.violations.push_back(fmt::format("{} did not hit once", name));
  }
}

// What an undisturbed run leaves, and where the others go.
class Comparison {
 public:
  Comparison(fs::path clip, std::string effort, Row& row)
      : clip_(std::move(clip)), effort_(std::move(effort)) {
    const Analysis whole{clip_, effort_, folder_ / "undisturbed"};
    const bool is_done = e2e::RunCommand(whole.Arguments(), {}).exit == 0;
    expected_ = e2e::DigestResults(whole.data, kKey);
    if (!is_done || expected_.size() < 10) {
      row.violations.push_back("the undisturbed run left no results");
    }
  }

  // Does a round in a folder of its own, and compares.
  void Round(Row& row, const std::function<void(const Analysis&)>& live) const {
    const fs::path data = folder_ / std::to_string(row.rounds++);
    live({clip_, effort_, data});
    const auto expect = [&](bool holds, const std::string& sentence) {
      if (!holds) row.violations.push_back(fmt::format("{}: {}", data.string(), sentence));
    };
    const auto got = e2e::DigestResults(data, kKey);
    for (const auto& [file, digest] : expected_) {
      const auto found = got.find(file);
      expect(found != got.end(), file + " is missing");
      expect(found == got.end() || found->second == digest, file + " differs");
    }
    expect(got.size() <= expected_.size(), "there are more files");
    expect(
        e2e::WaitUntil([&] { return e2e::ProcessesAbout(data).empty(); }, std::chrono::seconds{15}),
        "a process lives on");
    if (row.violations.empty()) fs::remove_all(data);
  }
  // What went wrong is left for a person to look at.
  void Clean(const Row& row) const {
    if (row.violations.empty()) fs::remove_all(folder_);
  }

 private:
  const fs::path clip_;
  const std::string effort_;
  const fs::path folder_ =
      fs::temp_directory_path() / ("rollcall-faults-" + base::RandomId().substr(0, 12));
  std::map<std::string, std::string> expected_;
};

// Without its clip nothing can be done, which is right only where nobody has it.
bool IsSkipped(const fs::path& clip, Row& row) {
  if (fs::exists(clip)) return false;
  row.skipped = clip.filename().string() + " is not here";
  if (fs::exists(SharedMedia())) {
    row.violations.emplace_back("it was skipped, and the media folder is there");
  }
  return true;
}

}  // namespace

Row ShippedKills(int kills) {
  Row row{.name = "shipped worker killed"};
  const fs::path clip = RealClip();
  if (IsSkipped(clip, row)) return row;
  std::mt19937 random(3);
  const Comparison comparison(clip, "normal", row);
  while (row.hit_count() < kills && row.rounds < kills + 10) {
    comparison.Round(row, [&](const Analysis& analysis) { KillInOneRun(analysis, random, row); });
  }
  comparison.Clean(row);
  if (row.hit_count() < kills) row.violations.emplace_back("too few kills hit");
  return row;
}

Row ShippedFailpoints(int rounds) {
  Row row{.name = "shipped failpoints"};
  const fs::path clip = RealClip();
  if (IsSkipped(clip, row)) return row;
  const Comparison comparison(clip, "draft", row);
  for (int round = 0; round < rounds; ++round) {
    comparison.Round(row, [&](const Analysis& analysis) { FailInOneRun(analysis, round, row); });
  }
  comparison.Clean(row);
  return row;
}

}  // namespace rollcall::faults
