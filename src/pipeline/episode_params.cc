#include "pipeline/episode_params.h"

#include "base/path_text.h"
#include "domain/reasons.h"

namespace rollcall::pipeline {
namespace {

base::Result<Effort> ParseEffort(std::string_view name) {
  for (const Effort effort : {Effort::kDraft, Effort::kNormal, Effort::kFull}) {
    if (EffortName(effort) == name) return effort;
  }
  return domain::MakeError(domain::reason::kBadParams,
                           "effort \"" + std::string(name) + "\" is not draft, normal or full");
}

}  // namespace

std::string_view EffortName(Effort effort) {
  switch (effort) {
    case Effort::kDraft:
      return "draft";
    case Effort::kNormal:
      return "normal";
    case Effort::kFull:
      return "full";
  }
  return "normal";
}

base::Result<EpisodeParams> EpisodeParams::Parse(const domain::StageAssignment& assignment) {
  ROLLCALL_TRY_ASSIGN(const base::Json json,
                      base::ParseJson(assignment.params_json, "stage parameters"));
  EpisodeParams params;
  try {
    params.episode_key = assignment.subject_id;
    params.video_path = base::PathFromText(json.at("video_path").get<std::string>());
    params.fingerprint = json.value("fingerprint", "");
    ROLLCALL_TRY_ASSIGN(params.effort, ParseEffort(json.value("effort", "normal")));
    params.model_pack = base::PathFromText(json.value("model_pack_path", ""));
    params.provider = json.value("provider", "cpu");
    if (json.contains("models")) params.models = json.at("models");
    if (json.contains("settings")) params.settings = json.at("settings");
    params.last_label = json.value("last_label", 0);
    const base::Json edits = json.value("edits", base::Json::array());
    for (const base::Json& edit : edits) {
      ROLLCALL_TRY_ASSIGN(params.edits.emplace_back(),
                          people::EditFrom(edit.at("sequence"), edit.at("kind").get<std::string>(),
                                           edit.at("body")));
    }
  } catch (const base::Json::exception& failure) {
    return domain::MakeError(domain::reason::kBadParams,
                             std::string("the stage's parameters: ") + failure.what());
  }
  if (params.video_path.is_relative()) {
    return domain::MakeError(domain::reason::kBadParams,
                             "the stage's parameters: the video's path is not absolute");
  }
  return params;
}

std::string EpisodeParams::HarvestName(std::string_view file) const {
  return "harvest/" + episode_key + "/" + std::string(file);
}

std::string EpisodeParams::OutputName(std::string_view file) const {
  return "outputs/" + episode_key + "/" + std::string(file);
}

}  // namespace rollcall::pipeline
