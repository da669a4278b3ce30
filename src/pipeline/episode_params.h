#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "domain/media_time.h"
#include "domain/stage_handler.h"
#include "people/edit.h"

namespace rollcall::pipeline {

// How much of a video is looked at.
enum class Effort {
  kDraft,   // Keyframes only, whole picture only.
  kNormal,  // Ten samples a second; embedding where it adds something.
  kFull,    // Every frame, every face embedded.
};
std::string_view EffortName(Effort effort);

// What every stage of an episode is told, parsed from StageAssignment::params_json.
struct EpisodeParams {
  std::string episode_key;
  std::filesystem::path video_path;  // Absolute.
  std::string fingerprint;
  Effort effort = Effort::kNormal;
  std::filesystem::path model_pack;  // Folder; empty = the handler's default.
  std::string provider = "cpu";

  base::Json models = base::Json::array();     // [{role, name, kind, sha256}], for reports.
  base::Json settings = base::Json::object();  // The stage's own numbers, all with defaults.
  // Of the edit log: those that stand, in their order, and the greatest label of the log.
  std::vector<people::Edit> edits;
  int last_label = 0;

  // kInvalidArgument / ERR_BAD_PARAMS.
  static base::Result<EpisodeParams> Parse(const domain::StageAssignment& assignment);

  std::string HarvestName(std::string_view file) const;  // "harvest/<key>/<file>"
  std::string OutputName(std::string_view file) const;   // "outputs/<key>/<file>"
};

}  // namespace rollcall::pipeline
