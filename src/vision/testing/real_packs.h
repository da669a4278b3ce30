#pragma once

#include <filesystem>
#include <string>

#include "vision/model_pack.h"

namespace rollcall::vision {

// The default pack with its detector replaced by one of the real files of the media folder
// ("yunet", "retinaface"), or as it is ("default"); written into `folder`.
base::Result<ModelPack> RealPack(const std::string& name, const std::filesystem::path& deps_dir,
                                 const std::filesystem::path& media,
                                 const std::filesystem::path& folder);

}  // namespace rollcall::vision
