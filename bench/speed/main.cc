// Measures `rollcall analyze` against ffmpeg's decoding of the same file, in the same run: wall and
// CPU time and memory of the whole process tree, per effort, and the stages' wall times.
// Exit code: 0 within the limits, 1 not, 2 could not be measured, 77 no media folder.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "../harness/child_process.h"
#include "base/file.h"
#include "base/json.h"
#include "test_files.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr int kSkipped = 77;
constexpr const char* kKey = "speed";
constexpr const char* kStages[] = {"validate", "extract", "detect", "track",
                                   "stills",   "cluster", "mood",   "analytics"};
constexpr std::int64_t kMemoryBytesMost = 700'000'000;
constexpr double kMemoryGrowthMost = 1.1;

struct Flags {
  std::string program = "rollcall";
  std::string pack = "default";
  std::string json_file;
  std::vector<std::string> efforts{"draft", "normal", "full"};
  int rounds = 3;
  bool is_quick = false;
  bool wants_looped = true;
};

// The runs of one command on one file.
struct Runs {
  std::vector<ProcessUse> uses;
  std::map<std::string, std::vector<double>> stage_s;

  static double Median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
  }
  double wall_s() const {
    return Of([](const ProcessUse& use) { return use.wall_s; });
  }
  double cpu_s() const {
    return Of([](const ProcessUse& use) { return use.cpu_s; });
  }
  std::int64_t memory_largest() const {
    std::int64_t most = 0;
    for (const ProcessUse& use : uses) most = std::max(most, use.memory_bytes_largest);
    return most;
  }
  std::int64_t memory_sum() const {
    std::int64_t most = 0;
    for (const ProcessUse& use : uses) most = std::max(most, use.memory_bytes_sum);
    return most;
  }

 private:
  template <typename Field>
  double Of(Field field) const {
    std::vector<double> values;
    for (const ProcessUse& use : uses) values.push_back(field(use));
    return Median(std::move(values));
  }
};

// "2025-11-22T03:04:05.678Z" in seconds; 0 for anything else.
double FromIso(const Json& value) {
  if (!value.is_string()) return 0;
  const std::string text = value.get<std::string>();
  std::tm time{};
  double seconds = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%lf", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &seconds) != 6) {
    return 0;
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return static_cast<double>(timegm(&time)) + seconds;
}

class SpeedBench {
 public:
  SpeedBench(Flags flags, fs::path media, fs::path work)
      : flags_(std::move(flags)), media_(std::move(media)), work_(std::move(work)) {}

  base::Result<bool> Measure() {
    ROLLCALL_TRY_ASSIGN(const SpeedFiles files,
                        MakeSpeedFiles(media_, work_ / "files", flags_.is_quick));
    ROLLCALL_TRY(MeasureFile("clean", files.clean, flags_.rounds, flags_.efforts));
    ROLLCALL_TRY(MeasureFile("noisy", files.noisy, flags_.rounds, flags_.efforts));
    if (flags_.wants_looped) {
      ROLLCALL_TRY(MeasureFile("looped", files.looped, 1, {"normal"}));
      CompareMemory();
    }
    if (!flags_.json_file.empty()) {
      const Json document{{"pack", flags_.pack},
                          {"is_quick", flags_.is_quick},
                          {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
                          {"passed", misses_.empty()},
                          {"misses", misses_},
                          {"files", results_}};
      ROLLCALL_TRY(base::WriteFileAtomic(flags_.json_file, document.dump(1) + "\n"));
    }
    fmt::print("\n");
    for (const std::string& miss : misses_) fmt::print("missed: {}\n", miss);
    if (misses_.empty()) fmt::print("All within the limits.\n");
    return misses_.empty();
  }

 private:
  base::Result<void> MeasureFile(const std::string& name, const fs::path& file, int rounds,
                                 const std::vector<std::string>& efforts) {
    Runs decoding;
    std::map<std::string, Runs> runs;
    for (int round = 0; round < rounds; ++round) {  // By turns, so that a busy minute hits all.
      ROLLCALL_TRY_ASSIGN(const ProcessUse use, Decode(file));
      decoding.uses.push_back(use);
      for (const std::string& effort : efforts) ROLLCALL_TRY(Analyze(file, effort, runs[effort]));
    }
    fmt::print("\n{} ({}), {} round{}\n", name, file.filename().string(), rounds,
               rounds == 1 ? "" : "s");
    fmt::print("{:<8}{:>9}{:>10}{:>9}{:>12}{:>9}", "", "wall s", "× ffmpeg", "CPU s", "largest MB",
               "sum MB");
    for (const char* stage : kStages) fmt::print("{:>10}", stage);
    Print("ffmpeg", decoding, decoding);
    Json result{{"name", name}, {"file", file.filename().string()}, {"ffmpeg", ToJson(decoding)}};
    for (const std::string& effort : efforts) {
      Print(effort, runs[effort], decoding);
      result[effort] = ToJson(runs[effort]);
      result[effort]["ratio"] = runs[effort].wall_s() / decoding.wall_s();
      if (name != "looped") CheckLimits(name, effort, runs[effort], decoding);
    }
    fmt::print("\n");
    std::fflush(stdout);
    if (runs.contains("normal")) normal_memory_[name] = runs["normal"].memory_largest();
    results_.push_back(std::move(result));
    return {};
  }

  base::Result<ProcessUse> Decode(const fs::path& file) {
    ROLLCALL_TRY_ASSIGN(const ProcessUse use,
                        Run({.arguments = {"ffmpeg", "-nostdin", "-v", "error", "-i", file.string(),
                                           "-f", "null", "-"},
                             .environment = {},
                             .output_file = {},
                             .error_file = {},
                             .time_limit = std::chrono::seconds(3600)}));
    if (use.exit_code != 0) return Failed("ffmpeg", use, {});
    return use;
  }

  base::Result<void> Analyze(const fs::path& file, const std::string& effort, Runs& runs) {
    const fs::path data = work_ / "data";
    std::error_code failed;
    fs::remove_all(data, failed);
    ROLLCALL_TRY(base::MakeFolders(data));
    const fs::path said = work_ / "analyze.txt";
    ROLLCALL_TRY_ASSIGN(
        const ProcessUse use,
        Run({.arguments = {flags_.program, "analyze", file.string(), "--episode", kKey, "--data",
                           data.string(), "--effort", effort, "--models", flags_.pack},
             .environment = {},
             .output_file = {},
             .error_file = said,
             .time_limit = std::chrono::seconds(7200)}));
    if (use.exit_code != 0) return Failed("analyze " + effort, use, said);
    runs.uses.push_back(use);
    for (const char* stage : kStages) {
      const fs::path meta = data / "jobs" / (std::string(stage) + "_" + kKey) / "meta.json";
      const auto text = base::ReadFile(meta);
      if (!text.ok()) continue;  // `mood` does not exist yet.
      ROLLCALL_TRY_ASSIGN(const Json json, base::ParseJson(*text, meta.string()));
      const double took =
          FromIso(json.value("completed_at", Json())) - FromIso(json.value("started_at", Json()));
      runs.stage_s[stage].push_back(took);
    }
    return {};
  }

  static base::Error Failed(const std::string& what, const ProcessUse& use, const fs::path& said) {
    const auto text = base::ReadFile(said);
    return base::Error{
        base::ErrorCode::kInternal, "ERR_INTERNAL",
        fmt::format("{} ended with {}: {}", what, use.exit_code, text.ok() ? *text : ""), ""};
  }

  static void Print(const std::string& name, const Runs& runs, const Runs& decoding) {
    fmt::print("\n{:<8}{:>9.2f}{:>10.2f}{:>9.2f}{:>12.0f}{:>9.0f}", name, runs.wall_s(),
               runs.wall_s() / decoding.wall_s(), runs.cpu_s(),
               static_cast<double>(runs.memory_largest()) / 1e6,
               static_cast<double>(runs.memory_sum()) / 1e6);
    for (const char* stage : kStages) {
      const auto found = runs.stage_s.find(stage);
      fmt::print("{:>10}", found == runs.stage_s.end()
                               ? std::string()
                               : fmt::format("{:.2f}", Runs::Median(found->second)));
    }
  }

  static Json ToJson(const Runs& runs) {
    Json stages = Json::object();
    for (const auto& [stage, seconds] : runs.stage_s) stages[stage] = Runs::Median(seconds);
    return {{"wall_s", runs.wall_s()},
            {"cpu_s", runs.cpu_s()},
            {"memory_bytes_largest", runs.memory_largest()},
            {"memory_bytes_sum", runs.memory_sum()},
            {"stage_wall_s", stages}};
  }

  void CheckLimits(const std::string& name, const std::string& effort, const Runs& runs,
                   const Runs& decoding) {
    const std::map<std::string, double> most{{"draft", 0.2}, {"normal", 1.5}};
    const double ratio = runs.wall_s() / decoding.wall_s();
    if (const auto limit = most.find(effort); limit != most.end() && ratio > limit->second) {
      misses_.push_back(
          fmt::format("{} {}: {:.2f} × ffmpeg, limit {:.1f}", name, effort, ratio, limit->second));
    }
    if (runs.memory_largest() > kMemoryBytesMost) {
      misses_.push_back(fmt::format("{} {}: {:.0f} MB in one process, limit {:.0f}", name, effort,
                                    static_cast<double>(runs.memory_largest()) / 1e6,
                                    static_cast<double>(kMemoryBytesMost) / 1e6));
    }
  }

  void CompareMemory() {
    const auto shorter = static_cast<double>(normal_memory_["clean"]);
    const auto longer = static_cast<double>(normal_memory_["looped"]);
    fmt::print("\nmemory at normal: {:.0f} MB; of the ten times longer file: {:.0f} MB\n",
               shorter / 1e6, longer / 1e6);
    if (longer > shorter * kMemoryGrowthMost) {
      misses_.push_back(fmt::format("memory grows with the length: {:.0f} MB to {:.0f} MB",
                                    shorter / 1e6, longer / 1e6));
    }
  }

  Flags flags_;
  fs::path media_;
  fs::path work_;
  std::map<std::string, std::int64_t> normal_memory_;
  std::vector<std::string> misses_;
  Json results_ = Json::array();
};

int Main(int argc, char** argv) {
  Flags flags;
  fs::path media = fs::path(ROLLCALL_SOURCE_DIR) / ".." / "shared" / "media";
  fs::path work = fs::temp_directory_path() / "rollcall-speed";
  CLI::App app("Measures rollcall against ffmpeg's decoding of the same file");
  app.add_option("--rollcall", flags.program, "The program");
  app.add_option("--media", media, "The media folder")->envname("ROLLCALL_MEDIA");
  app.add_option("--work", work, "Where the files and data directories are kept");
  app.add_option("--pack", flags.pack, "Model pack: a name or a folder");
  app.add_option("--efforts", flags.efforts, "Which efforts")->delimiter(',');
  app.add_option("--rounds", flags.rounds, "How often each")->check(CLI::Range(1, 20));
  app.add_option("--json", flags.json_file, "Write the figures here");
  app.add_flag("--quick", flags.is_quick, "Files of 30 s instead of 4 minutes");
  app.add_flag("!--no-looped", flags.wants_looped, "Leave out the file that is ten times longer");
  CLI11_PARSE(app, argc, argv);
  if (!fs::exists(media / "clips")) {
    fmt::print("SKIPPED: speed is NOT measured, there is no media folder at {} (ROLLCALL_MEDIA)\n",
               media.string());
    return kSkipped;
  }
  const base::Result<bool> passed = SpeedBench(flags, media, fs::absolute(work)).Measure();
  if (!passed.ok()) {
    fmt::print(stderr, "speed: {}\n", passed.error().ToString());
    return 2;
  }
  return *passed ? 0 : 1;
}

}  // namespace
}  // namespace rollcall::bench

int main(int argc, char** argv) { return rollcall::bench::Main(argc, argv); }
