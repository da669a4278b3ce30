#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "compose/episode_composer.h"

namespace rollcall::compose {

struct Sample {
  std::filesystem::path video;  // sample.mp4
  std::filesystem::path truth;  // sample.truth.json
};

// The sample episode that `./run` without arguments analyses, from the photographs that
// tools/fetch-packages.sh unpacks. Writes into `out_folder`, which must exist; a sample that is
// there already and was made by the same shot list is kept. Errors as ComposeEpisode.
base::Result<Sample> MakeSample(const std::filesystem::path& photos_folder,
                                const std::filesystem::path& out_folder,
                                const ComposeProgress& progress = {});

// The shot list, tools/sample/sample.toml.
std::string_view SampleSpecText();

}  // namespace rollcall::compose
