// Scores `rollcall analyze` on composed episodes and real clips whose truth is known.
// Exit code: 0 all passed, 1 not, 2 could not be measured, 77 no media folder.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "../harness/child_process.h"
#include "base/file.h"
#include "base/json.h"
#include "findings.h"
#include "scene.h"
#include "scoring.h"
#include "subject.h"
#include "yunet_pack.h"

namespace rollcall::bench {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr int kSkipped = 77;
constexpr std::int64_t kClipErrorMs = 1000;

struct Flags {
  std::string program = "rollcall";
  std::string pack = "default";
  std::string default_pack = std::string(ROLLCALL_DEPS_DIR) + "/models/default";
  std::string effort = "normal";
  std::vector<std::string> only;
  std::string json_file;
  std::string part = "all";
  std::size_t every = 1;
};

class AccuracyBench {
 public:
  AccuracyBench(Flags flags, Folders folders)
      : flags_(std::move(flags)),
        folders_(std::move(folders)),
        data_(folders_.work / ("data-" + fs::path(flags_.pack).filename().string())) {}

  base::Result<bool> Run() {
    std::error_code failed;
    fs::remove_all(data_, failed);
    ROLLCALL_TRY(base::MakeFolders(data_));
    if (flags_.pack == "yunet") {
      ROLLCALL_TRY_ASSIGN(const fs::path pack, MakeYunetPack(folders_, flags_.default_pack));
      flags_.pack = pack.string();
    }
    const auto is_part = [this](std::string_view part) {
      return flags_.part == part || flags_.part == "all";
    };
    if (is_part("episodes")) ROLLCALL_TRY(RunEpisodes(EpisodeSet::kScored, "episode", episodes_));
    if (is_part("heldout")) {
      ROLLCALL_TRY(RunEpisodes(EpisodeSet::kHeldOut, "held-out episode", held_out_));
    }
    if (is_part("hard")) ROLLCALL_TRY(RunEpisodes(EpisodeSet::kHard, "hard episode", hard_));
    if (is_part("scenes") && flags_.only.empty()) ROLLCALL_TRY(RunScenes());
    if (is_part("clips") && flags_.only.empty()) ROLLCALL_TRY(RunClips());
    EndChildren();
    if (!flags_.json_file.empty()) {
      const Json document{{"pack", flags_.pack},  {"effort", flags_.effort},
                          {"passed", is_passed_}, {"episodes", episodes_},
                          {"heldout", held_out_}, {"hard", hard_},
                          {"scenes", scenes_},    {"clips", clips_}};
      ROLLCALL_TRY(base::WriteFileAtomic(flags_.json_file, document.dump(1) + "\n"));
    }
    return is_passed_;
  }

 private:
  base::Result<Findings> Analyze(const fs::path& video, const std::string& key) {
    const fs::path out = folders_.work / "out.json";
    const fs::path err = folders_.work / "err.txt";
    ROLLCALL_TRY_ASSIGN(
        const ProcessUse use,
        RunKeepingServers({.arguments = {flags_.program, "analyze", video.string(), "--episode",
                                         key, "--data", data_.string(), "--effort", flags_.effort,
                                         "--models", flags_.pack, "--json"},
                           .environment = {},
                           .output_file = out,
                           .error_file = err}));
    wall_s_ = use.wall_s;
    if (use.exit_code != 0) {
      const auto text = base::ReadFile(err);
      std::string said = text.ok() ? *text : "";
      said = said.substr(std::min(said.size(), said.rfind("error: ")));  // Progress stands before.
      return base::Error{base::ErrorCode::kInternal, "ERR_ANALYZE",
                         fmt::format("exit code {}: {}", use.exit_code, said), ""};
    }
    return ReadFindings(data_, key);
  }

  void Note(const std::vector<std::string>& failures) {
    for (const std::string& failure : failures) fmt::print("    {}\n", failure);
    if (!failures.empty()) is_passed_ = false;
    std::fflush(stdout);
  }

  base::Result<void> RunEpisodes(EpisodeSet set, std::string_view title, Json& rows) {
    ROLLCALL_TRY_ASSIGN(const auto subjects, PrepareEpisodes(folders_, set, flags_.only));
    fmt::print("\n{:<20}{:>8}{:>9}{:>10}{:>10}{:>10}{:>8}{:>8}  {}\n", title, "length s", "people",
               "worst s", "mean s", "edge s", "F", "wall s", flags_.pack);
    for (const EpisodeSubject& subject : subjects) {
      const auto findings = Analyze(subject.video, subject.key);
      if (!findings.ok()) {
        fmt::print("{:<20} FAILED\n", subject.key);
        Note({findings.error().ToString()});
        rows.push_back({{"key", subject.key}, {"error", findings.error().ToString()}});
        continue;
      }
      const EpisodeScore score = ScoreEpisode(subject.truth, *findings);
      const std::vector<std::string> failures =
          set == EpisodeSet::kHard ? GroupFailuresOf(score, {}) : FailuresOf(score, {});
      fmt::print("{:<20}{:>8.1f}{:>9}{:>10.2f}{:>10.3f}{:>10.2f}{:>8.3f}{:>8.1f}  {}\n",
                 subject.key, static_cast<double>(score.duration_ms) / 1000,
                 fmt::format("{}/{}", score.people_found, score.people_truth),
                 static_cast<double>(score.WorstErrorMs()) / 1000, score.MeanErrorMs() / 1000,
                 static_cast<double>(score.WorstEdgeMs()) / 1000, score.pairs.f(), wall_s_,
                 failures.empty() ? "pass" : "FAIL");
      Note(failures);
      rows.push_back(ToJson(subject.key, score, failures));
    }
    return {};
  }

  Json ToJson(const std::string& key, const EpisodeScore& score,
              const std::vector<std::string>& failures) const {
    Json people = Json::array();
    for (const PersonScore& person : score.people) {
      people.push_back({{"id", person.truth_id},
                        {"person", person.found_id ? Json(*person.found_id) : Json(nullptr)},
                        {"truth_ms", person.truth_ms},
                        {"seen_ms", person.seen_ms},
                        {"error_ms", person.error_ms()},
                        {"worst_edge_ms", person.worst_edge_ms}});
    }
    return {{"key", key},
            {"duration_ms", score.duration_ms},
            {"people_truth", score.people_truth},
            {"people_found", score.people_found},
            {"worst_error_ms", score.WorstErrorMs()},
            {"mean_error_ms", score.MeanErrorMs()},
            {"worst_edge_ms", score.WorstEdgeMs()},
            {"mixed", score.groups.mixed.size()},
            {"split", score.groups.split.size()},
            {"pairwise_f", score.pairs.f()},
            {"pairwise_precision", score.pairs.precision},
            {"pairwise_recall", score.pairs.recall},
            {"faces", score.pairs.faces},
            {"wall_s", wall_s_},
            {"failures", failures},
            {"people", people}};
  }

  base::Result<void> RunScenes() {
    std::set<fs::path> labels;
    for (const auto& entry : fs::directory_iterator(folders_.source / "bench/accuracy/scenes")) {
      labels.insert(entry.path());
    }
    fmt::print("\n{:<28}{:>9}{:>7}{:>7}{:>7}{:>9}{:>8}\n", "scene", "labelled", "found", "mixed",
               "split", "worst s", "wall s");
    std::size_t splits = 0;
    for (const fs::path& each : labels) {
      ROLLCALL_TRY_ASSIGN(const SceneTruth scene, ReadScene(each));
      ROLLCALL_TRY_ASSIGN(const Findings findings, Analyze(folders_.media / "scenes" / scene.video,
                                                           "scene-" + each.stem().string()));
      splits += PrintScene(each.stem().string(), ScoreScene(scene, findings));
    }
    if (splits > Limits{}.splits) Note({fmt::format("{} splits in all scenes", splits)});
    return {};
  }

  // How many splits it has.
  std::size_t PrintScene(const std::string& name, const SceneScore& score) {
    const std::vector<std::string> failures = SceneFailuresOf(score, {});
    std::int64_t worst = 0;
    Json people = Json::array();
    for (const ScenePersonScore& person : score.people) {
      worst = std::max(worst, std::abs(person.error_ms()));
      people.push_back({{"name", person.name},
                        {"least_ms", person.least_ms},
                        {"most_ms", person.most_ms},
                        {"found_ms", person.found_ms}});
    }
    fmt::print("{:<28}{:>9}{:>7}{:>7}{:>7}{:>9.2f}{:>8.1f}  {}\n", name, score.people.size(),
               score.found, score.groups.mixed.size(), score.groups.split.size(),
               static_cast<double>(worst) / 1000, wall_s_, failures.empty() ? "pass" : "FAIL");
    Note(failures);
    for (const std::string& who : score.groups.split) fmt::print("    split: {}\n", who);
    scenes_.push_back({{"name", name},
                       {"mixed", score.groups.mixed.size()},
                       {"split", score.groups.split},
                       {"worst_error_ms", worst},
                       {"people", people},
                       {"failures", failures}});
    return score.groups.split.size();
  }

  base::Result<void> RunClips() {
    ROLLCALL_TRY_ASSIGN(const auto clips, ListClips(folders_));
    fmt::print("\n{:<46}{:>9}{:>9}{:>10}{:>8}\n", "clip", "length s", "people", "error s",
               "wall s");
    for (std::size_t i = 0; i < clips.size(); i += flags_.every) {
      const ClipSubject& clip = clips[i];
      const auto findings = Analyze(clip.video, clip.key);
      if (!findings.ok()) {
        fmt::print("{:<46} FAILED\n", clip.name);
        Note({findings.error().ToString()});
        clips_.push_back({{"name", clip.name}, {"error", findings.error().ToString()}});
        continue;
      }
      std::int64_t error_ms = 0;
      const std::vector<std::string> failures = ClipFailures(clip, *findings, error_ms);
      fmt::print("{:<46}{:>9.2f}{:>9}{:>10.2f}{:>8.1f}  {}\n", clip.name,
                 static_cast<double>(findings->duration_ms) / 1000, findings->people.size(),
                 static_cast<double>(error_ms) / 1000, wall_s_, failures.empty() ? "pass" : "FAIL");
      Note(failures);
      clips_.push_back({{"name", clip.name},
                        {"duration_ms", findings->duration_ms},
                        {"people_found", findings->people.size()},
                        {"error_ms", error_ms},
                        {"wall_s", wall_s_},
                        {"failures", failures}});
    }
    return {};
  }

  static std::vector<std::string> ClipFailures(const ClipSubject& clip, const Findings& findings,
                                               std::int64_t& error_ms) {
    if (!clip.people) return {};
    std::vector<std::string> failures;
    const int found = static_cast<int>(findings.people.size());
    if (found < *clip.people || found > *clip.people + clip.bystanders_most) {
      failures.push_back(fmt::format("{} people found, there is {}", found, *clip.people));
    }
    if (*clip.people == 0 || findings.people.empty()) return failures;
    const auto longest = std::max_element(
        findings.people.begin(), findings.people.end(),
        [](const FoundPerson& a, const FoundPerson& b) { return a.seen_ms < b.seen_ms; });
    const std::int64_t truth_ms = clip.seen ? clip.seen->length_ms() : findings.duration_ms;
    error_ms = longest->seen_ms - truth_ms;
    if (std::abs(error_ms) > kClipErrorMs) {
      failures.push_back(fmt::format("{} ms seen, truth {} ms", longest->seen_ms, truth_ms));
    }
    return failures;
  }

  Flags flags_;
  Folders folders_;
  fs::path data_;
  Json episodes_ = Json::array();
  Json held_out_ = Json::array();
  Json hard_ = Json::array();
  Json scenes_ = Json::array();
  Json clips_ = Json::array();
  double wall_s_ = 0;
  bool is_passed_ = true;
};

int Main(int argc, char** argv) {
  Flags flags;
  Folders folders{.source = ROLLCALL_SOURCE_DIR,
                  .media = fs::path(ROLLCALL_SOURCE_DIR) / ".." / "shared" / "media",
                  .work = fs::temp_directory_path() / "rollcall-accuracy"};
  CLI::App app("Scores rollcall on episodes and clips whose truth is known");
  app.add_option("--rollcall", flags.program, "The program");
  app.add_option("--media", folders.media, "The media folder")->envname("ROLLCALL_MEDIA");
  app.add_option("--work", folders.work, "Where composed videos and data directories are kept");
  app.add_option("--pack", flags.pack, "Model pack: a name, a folder, or yunet")
      ->envname("ROLLCALL_MODEL_PACK");
  app.add_option("--default-pack", flags.default_pack, "What --pack yunet is made of");
  app.add_option("--effort", flags.effort, "draft, normal or full");
  app.add_option("--only", flags.only, "Episodes by key")->delimiter(',');
  app.add_option("--every", flags.every, "Of the clips only each N-th")->check(CLI::PositiveNumber);
  app.add_option("--json", flags.json_file, "Write the figures here");
  app.add_option("--part", flags.part, "episodes, heldout, hard, scenes, clips or all")
      ->check(CLI::IsMember({"episodes", "heldout", "hard", "scenes", "clips", "all"}));
  CLI11_PARSE(app, argc, argv);
  if (!fs::exists(folders.media / "episodes")) {
    fmt::print("SKIPPED: accuracy is NOT measured, no shared media at {} (ROLLCALL_MEDIA)\n",
               folders.media.string());
    return kSkipped;
  }
  folders.work = fs::absolute(folders.work);
  const base::Result<bool> passed = AccuracyBench(flags, folders).Run();
  if (!passed.ok()) {
    EndChildren();
    fmt::print(stderr, "accuracy: {}\n", passed.error().ToString());
    return 2;
  }
  fmt::print("\n{}\n", *passed ? "All within the limits." : "Not within the limits.");
  return *passed ? 0 : 1;
}

}  // namespace
}  // namespace rollcall::bench

int main(int argc, char** argv) { return rollcall::bench::Main(argc, argv); }
