#pragma once

#include <filesystem>

#include "base/result.h"
#include "subject.h"

namespace rollcall::bench {

// The folder of a model pack made of `default_pack` with YuNet as its detector: the same landmarks,
// embedder and thresholds, so that only the detector differs.
// kNotFound if a file is missing, ERR_BAD_CONFIG if the default pack is not written as expected.
base::Result<std::filesystem::path> MakeYunetPack(const Folders& folders,
                                                  const std::filesystem::path& default_pack);

}  // namespace rollcall::bench
