#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "../e2e/command.h"
#include "../e2e/results.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "trials.h"

namespace rollcall::faults {
namespace {

namespace fs = std::filesystem;
using base::Json;
using e2e::Command;

constexpr const char* kKey = "open_ep1";

fs::path RealClip() {
  const char* named = std::getenv("ROLLCALL_MEDIA");
  const fs::path media =
      named != nullptr ? fs::path(named) : fs::path(ROLLCALL_SOURCE_DIR) / "../shared/media";
  return media / "episodes/open_ep1.mp4";
}

Json ReadJson(const fs::path& path) {
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

std::vector<std::string> Analyze(const fs::path& clip, const fs::path& data) {
  return {"analyze", clip.string(), "--data", data.string()};
}

// Kills detect's worker up to four times in one run of the shipped program.
int KillInOneRun(const fs::path& clip, const fs::path& data, std::mt19937& random, Row& row) {
  Command command(Analyze(clip, data), {});
  std::int64_t last_pid = 0;
  int next_segments = static_cast<int>(random() % 2);
  for (int kill = 0; kill < 4; ++kill) {
    std::int64_t pid = 0;
    const fs::path lock = data / "jobs" / fmt::format("detect_{}", kKey) / ".lock";
    const bool is_due = e2e::WaitUntil(
        [&] {
          if (fs::exists(data / "jobs" / fmt::format("track_{}", kKey) / ".lock")) return true;
          const Json json = ReadJson(lock);
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
  const e2e::Ended ended = command.Wait();
  if (ended.exit != 0) row.violations.push_back("analyze ended with " + ended.out + ended.err);
  const e2e::Ended shown = e2e::RunCommand(
      {"jobs", "show", fmt::format("detect_{}", kKey), "--data", data.string(), "--json"}, {});
  const auto json = base::ParseJson(shown.out, "jobs show");
  if (!json.ok()) return 0;
  for (const Json& stage : json->at("job").at("stages")) {
    if (stage.at("name") == "detect") return stage.at("attempt").get<int>() - 1;
  }
  return 0;
}

}  // namespace

Row ShippedKills(int kills) {
  Row row{.name = "shipped worker killed"};
  const fs::path clip = RealClip();
  if (!fs::exists(clip)) {
    row.name += " (SKIPPED: no media folder)";
    return row;
  }
  std::mt19937 random(3);
  const fs::path folder =
      fs::temp_directory_path() / ("rollcall-faults-" + base::RandomId().substr(0, 12));
  const fs::path whole = folder / "undisturbed";
  if (e2e::RunCommand(Analyze(clip, whole), {}).exit != 0) {
    row.violations.push_back("the undisturbed run failed");
    return row;
  }
  const auto expected = e2e::DigestResults(whole, kKey);
  if (expected.size() < 10) row.violations.push_back("the undisturbed run left no results");
  for (int round = 0; row.hit_count() < kills && round < kills + 10; ++round) {
    const fs::path data = folder / std::to_string(round);
    ++row.rounds;
    row.hits["detect"] += KillInOneRun(clip, data, random, row);
    const auto got = e2e::DigestResults(data, kKey);
    for (const auto& [file, digest] : expected) {
      const auto found = got.find(file);
      if (found != got.end() && found->second == digest) continue;
      row.violations.push_back(fmt::format("round {}: {} {}", round, file,
                                           found == got.end() ? "is missing" : "differs"));
    }
    if (got.size() > expected.size()) {
      row.violations.push_back(fmt::format("round {}: there are more files", round));
    }
    if (!e2e::WaitUntil([&] { return e2e::ProcessesAbout(data).empty(); },
                        std::chrono::seconds{15})) {
      row.violations.push_back(fmt::format("round {}: a process lives on", round));
    }
    if (row.violations.empty()) fs::remove_all(data);
  }
  if (row.violations.empty()) fs::remove_all(folder);
  if (row.hit_count() < kills) row.violations.push_back("too few kills hit");
  return row;
}

}  // namespace rollcall::faults
