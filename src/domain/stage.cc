#include "domain/stage.h"

#include "base/check.h"

namespace rollcall::domain {
namespace {

struct StageWords {
  Stage stage;
  std::string_view name;
  std::string_view log_name;
  std::string_view flag;
};

constexpr std::array<StageWords, 8> kWords{{
    {Stage::kValidate, "validate", "VALIDATE", "validated"},
    {Stage::kExtract, "extract", "EXTRACT", "extracted_frames"},
    {Stage::kDetect, "detect", "DETECT", "detected"},
    {Stage::kTrack, "track", "TRACK", "tracked"},
    {Stage::kStills, "stills", "STILLS", "stills_generated"},
    {Stage::kCluster, "cluster", "CLUSTER", "clustered"},
    {Stage::kMood, "mood", "MOOD", "mood_measured"},
    {Stage::kAnalytics, "analytics", "ANALYTICS", "analytics_computed"},
}};

const StageWords& Words(Stage stage) {
  for (const StageWords& words : kWords) {
    if (words.stage == stage) return words;
  }
  ROLLCALL_CHECK(false, "unknown stage");
}

}  // namespace

std::string_view StageName(Stage stage) { return Words(stage).name; }
std::string_view StageLogName(Stage stage) { return Words(stage).log_name; }
std::string_view StageFlag(Stage stage) { return Words(stage).flag; }

std::optional<Stage> StageFromName(std::string_view name) {
  for (const StageWords& words : kWords) {
    if (words.name == name) return words.stage;
  }
  return std::nullopt;
}

}  // namespace rollcall::domain
