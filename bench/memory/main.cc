// Measures how much memory `track` and `analytics` need for a short and for a long video: synthetic
// detections, each stage's handler in a process of its own, as a worker runs it.
// Exit code: 0 within the limit, 1 not, 2 could not be measured.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../harness/child_process.h"
#include "artifacts/artifact_folder.h"
#include "base/file.h"
#include "base/json.h"
#include "pipeline/analytics_stage.h"
#include "pipeline/track_stage.h"
#include "synthetic_episode.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr double kGrowthMost = 1.1;

struct Flags {
  std::string stage;  // Of a child; empty: measure.
  std::string scene;  // Of a child.
  fs::path work = fs::temp_directory_path() / "rollcall-memory";
  std::vector<std::int64_t> minutes{40, 360};
  std::vector<std::string> scenes{"talk", "studio"};
  int dimension = 512;
  std::string json_file;
  bool wants_digests = false;
};

// A runtime of nothing but the handler. What stages hand on lies in inputs.json.
class StageContext final : public domain::JobContext {
 public:
  explicit StageContext(domain::StageAssignment assignment) : assignment_(std::move(assignment)) {}

  const domain::StageAssignment& assignment() const override { return assignment_; }
  domain::StopReason stop_reason() const override { return domain::StopReason::kNone; }
  void SetPhase(domain::Phase) override {}
  void ReportProgress(const domain::Progress&) override {}
  void Log(std::string_view) override {}
  void BeginSegment(const domain::SegmentSpan&) override {}
  base::Result<domain::Segment> CommitSegment(domain::Segment segment, std::string_view) override {
    return segment;
  }

 private:
  const domain::StageAssignment assignment_;
};

base::Result<std::vector<domain::Artifact>> ReadInputs(const fs::path& data) {
  std::vector<domain::Artifact> inputs;
  const auto text = base::ReadFile(data / "inputs.json");
  if (!text.ok()) return inputs;  // Nothing has run yet.
  ROLLCALL_TRY_ASSIGN(const Json list, base::ParseJson(*text, "inputs.json"));
  for (const Json& each : list) {
    inputs.push_back({.name = each.at("name"),
                      .path = each.at("path"),
                      .size_bytes = each.at("size_bytes"),
                      .sha256 = each.at("sha256"),
                      .file = data / each.at("path").get<std::string>()});
  }
  return inputs;
}

// The newest first, as the runtime has it.
base::Result<void> AddInputs(const fs::path& data, std::vector<domain::Artifact> added) {
  ROLLCALL_TRY_ASSIGN(const std::vector<domain::Artifact> before, ReadInputs(data));
  added.insert(added.end(), before.begin(), before.end());
  Json list = Json::array();
  for (const domain::Artifact& each : added) {
    list.push_back({{"name", each.name},
                    {"path", each.path},
                    {"size_bytes", each.size_bytes},
                    {"sha256", each.sha256}});
  }
  return base::WriteFileAtomic(data / "inputs.json", list.dump(1));
}

base::Result<void> RunStage(const std::string& stage, const fs::path& data, const Flags& flags) {
  if (stage == "detect") {
    const auto scene =
        flags.scene == "studio" ? SyntheticEpisode::Scene::kStudio : SyntheticEpisode::Scene::kTalk;
    ROLLCALL_TRY_ASSIGN(auto written, WriteDetections({.scene = scene,
                                                       .minutes = flags.minutes.front(),
                                                       .dimension = flags.dimension},
                                                      data));
    return AddInputs(data, std::move(written));
  }
  ROLLCALL_TRY_ASSIGN(const auto inputs, ReadInputs(data));
  if (stage == "cluster") {
    const domain::StageAssignment found{.inputs = inputs};
    ROLLCALL_TRY_ASSIGN(
        const domain::Artifact tracks,
        artifacts::FindInput(found, std::string("harvest/") + kEpisodeKey + "/tracks.parquet"));
    ROLLCALL_TRY_ASSIGN(domain::Artifact clusters, WriteClusters(tracks.file, data));
    return AddInputs(data, {std::move(clusters)});
  }
  std::unique_ptr<domain::StageHandler> handler;
  if (stage == "track") handler = std::make_unique<pipeline::TrackStage>();
  if (stage == "analytics") handler = std::make_unique<pipeline::AnalyticsStage>();
  StageContext context({.subject_kind = "episode",
                        .subject_id = kEpisodeKey,
                        .stage = stage,
                        .job = stage + "_" + kEpisodeKey,
                        .work_key = "w",
                        .token = 2,
                        .params_json = R"({"video_path": "/synthetic.mp4", "effort": "normal"})",
                        .staging_dir = data,
                        .inputs = inputs,
                        .segments = {},
                        .skips = {}});
  ROLLCALL_TRY_ASSIGN(domain::StageOutput output, handler->Run(context));
  return AddInputs(data, std::move(output.artifacts));
}

class MemoryBench {
 public:
  explicit MemoryBench(const Flags& flags) : flags_(flags) {}

  base::Result<bool> Measure(const std::string& program) {
    fmt::print("{:<8}{:<11}", "", "");
    for (const std::int64_t minutes : flags_.minutes) fmt::print("{:>9} min", minutes);
    fmt::print("{:>9}\n", "growth");
    for (const std::string& scene : flags_.scenes) {
      std::map<std::string, std::vector<double>> megabytes;
      for (const std::int64_t minutes : flags_.minutes) {
        ROLLCALL_TRY(RunAll(program, scene, minutes, megabytes));
      }
      for (const char* stage : {"track", "analytics"}) Judge(scene, stage, megabytes[stage]);
    }
    if (!flags_.json_file.empty()) {
      ROLLCALL_TRY(base::WriteFileAtomic(flags_.json_file, results_.dump(1) + "\n"));
    }
    for (const std::string& miss : misses_) fmt::print("missed: {}\n", miss);
    if (misses_.empty()) fmt::print("All within the limit.\n");
    return misses_.empty();
  }

 private:
  base::Result<void> RunAll(const std::string& program, const std::string& scene,
                            std::int64_t minutes,
                            std::map<std::string, std::vector<double>>& megabytes) {
    const fs::path data = flags_.work / fmt::format("{}-{}", scene, minutes);
    std::error_code ignored;
    fs::remove_all(data, ignored);
    ROLLCALL_TRY(base::MakeFolders(data));
    for (const char* name : {"detect", "track", "cluster", "analytics"}) {
      const std::string stage = name;
      const fs::path said = data / (stage + ".txt");
      ROLLCALL_TRY_ASSIGN(
          const ProcessUse use,
          Run({.arguments = {program, "--stage", stage, "--scene", scene, "--minutes",
                             std::to_string(minutes), "--dimension",
                             std::to_string(flags_.dimension), "--work", data.string()},
               .environment = {},
               .output_file = {},
               .error_file = said,
               .time_limit = std::chrono::seconds(3600)}));
      if (use.exit_code != 0) {
        const auto text = base::ReadFile(said);
        return base::Error{
            base::ErrorCode::kInternal, "ERR_INTERNAL",
            fmt::format("{} ended with {}: {}", stage, use.exit_code, text.ok() ? *text : ""), ""};
      }
      megabytes[stage].push_back(static_cast<double>(use.memory_bytes_largest) / 1e6);
      results_.push_back({{"scene", scene},
                          {"minutes", minutes},
                          {"stage", stage},
                          {"memory_bytes", use.memory_bytes_largest},
                          {"wall_s", use.wall_s}});
    }
    if (flags_.wants_digests) ROLLCALL_TRY(PrintDigests(data));
    fs::remove_all(data, ignored);
    return {};
  }

  static base::Result<void> PrintDigests(const fs::path& data) {
    ROLLCALL_TRY_ASSIGN(const auto inputs, ReadInputs(data));
    for (const domain::Artifact& each : inputs) {
      fmt::print("{}  {}/{}\n", each.sha256, data.filename().string(), each.path);
    }
    return {};
  }

  void Judge(const std::string& scene, const std::string& stage,
             const std::vector<double>& megabytes) {
    const double growth = megabytes.back() / megabytes.front();
    fmt::print("{:<8}{:<11}", scene, stage);
    for (const double each : megabytes) fmt::print("{:>10.1f} MB", each);
    fmt::print("{:>9.3f}\n", growth);
    std::fflush(stdout);
    if (growth > kGrowthMost) {
      misses_.push_back(fmt::format("{} {}: memory grows by {:.3f}, limit {:.1f}", scene, stage,
                                    growth, kGrowthMost));
    }
  }

  const Flags& flags_;
  std::vector<std::string> misses_;
  Json results_ = Json::array();
};

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures the memory of track and analytics for a short and a long video");
  app.add_option("--minutes", flags.minutes, "Lengths; the last is compared with the first")
      ->delimiter(',');
  app.add_option("--scenes", flags.scenes, "talk, studio")->delimiter(',');
  app.add_option("--dimension", flags.dimension, "Of an embedding")->check(CLI::Range(12, 4096));
  app.add_option("--work", flags.work, "Where the files are kept meanwhile");
  app.add_option("--json", flags.json_file, "Write the figures here");
  app.add_flag("--digests", flags.wants_digests, "Print the SHA-256 of every result");
  app.add_option("--stage", flags.stage)->group("");
  app.add_option("--scene", flags.scene)->group("");
  CLI11_PARSE(app, argc, argv);
  flags.work = fs::absolute(flags.work);
  if (!flags.stage.empty()) {
    const auto ran = RunStage(flags.stage, flags.work, flags);
    if (ran.ok()) return 0;
    fmt::print(stderr, "{}\n", ran.error().ToString());
    return 2;
  }
  const base::Result<bool> passed =
      MemoryBench(flags).Measure(fs::read_symlink("/proc/self/exe").string());
  if (!passed.ok()) {
    fmt::print(stderr, "memory: {}\n", passed.error().ToString());
    return 2;
  }
  return *passed ? 0 : 1;
}

}  // namespace
}  // namespace rollcall::bench

int main(int argc, char** argv) { return rollcall::bench::Main(argc, argv); }
