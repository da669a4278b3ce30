#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace rollcall::domain {

// The steps of an episode, in order. `mood` has its place and comes later.
enum class Stage { kValidate, kExtract, kDetect, kTrack, kStills, kCluster, kMood, kAnalytics };

inline constexpr std::array kStages{Stage::kValidate, Stage::kExtract,  Stage::kDetect,
                                    Stage::kTrack,    Stage::kStills,   Stage::kCluster,
                                    Stage::kMood,     Stage::kAnalytics};

// "detect"
std::string_view StageName(Stage stage);
std::optional<Stage> StageFromName(std::string_view name);
// "DETECT", as the log lines have it.
std::string_view StageLogName(Stage stage);
// "detected": the registry's flag for a finished stage (state.json, origin.md §8).
std::string_view StageFlag(Stage stage);

}  // namespace rollcall::domain
