#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "vision/model_pack.h"
#include "vision/pack_params.h"

namespace rollcall::vision {

// pack.toml as it stands there, before anybody looks at what the numbers mean:
//
//   name = "default"
//   version = "1"
//   [detector]                    # or landmarks, embedder, expression, pose
//   kind = "ulfg"                 # the decoder
//   file = "detector.onnx"        # beside pack.toml
//   sha256 = "…"
//   licence = "MIT"
//   source = "where it comes from"
//   input = "input"               # what else the kind wants, here or …
//   [detector.params]
//   input_width = 320             # … here
struct PackFile {
  struct Role {
    PackRole role;
    ParamTable params;
  };
  std::string name;
  std::string version;
  std::vector<Role> roles;  // Detector, landmarks, embedder, expression, pose.
};

// ERR_BAD_CONFIG: not TOML (with line and column), a role that is not known, a key that is missing
// or of the wrong type, a file outside the pack, a hash that is none. `where` names the text.
base::Result<PackFile> ParsePackFile(std::string_view text, std::string_view where);

}  // namespace rollcall::vision
