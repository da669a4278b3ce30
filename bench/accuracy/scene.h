#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "scoring.h"

// Real clips of several shots and many people, labelled by hand (scenes/*.toml; README.md says
// how).
namespace rollcall::bench {

// Seen: the face is clear. Maybe: it turns away, is half covered or blurred; then whether it is
// found and as whom says nothing. The places of both are in the truth, those of maybe hidden. Who
// lies in an `ignore` area is nobody of the truth anyway: the areas only tell a reader what was
// left out.
struct SceneTruth {
  std::string video;  // File name in the media folder's scenes/.
  compose::Truth truth;
  std::vector<std::vector<compose::TruthInterval>> maybe;  // Of each person of the truth.
};

// kInvalidArgument / ERR_BAD_PARAMS for what is not such a file.
base::Result<SceneTruth> ReadScene(const std::filesystem::path& path);

struct ScenePersonScore {
  std::string name;
  std::int64_t least_ms = 0;  // Seen,
  std::int64_t most_ms = 0;   // and with maybe.
  std::int64_t found_ms = 0;  // By all who are most of all this one, together.

  // How far that is outside.
  std::int64_t error_ms() const;
};

struct SceneScore {
  std::vector<ScenePersonScore> people;  // Who is seen at all.
  std::size_t found = 0;                 // People, of the labels or not.
  GroupScore groups;
};

SceneScore ScoreScene(const SceneTruth& scene, const Findings& findings);

// Who is mixed and whose time is off. Splits are counted over all scenes.
std::vector<std::string> SceneFailuresOf(const SceneScore& score, const Limits& limits);

}  // namespace rollcall::bench
