#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "jobs/runtime_times.h"

namespace rollcall::app {

// Everything that can be set: flags over environment (ROLLCALL_*) over rollcall.toml in the data
// directory over defaults. Valid when it exists; `rollcall doctor` prints it.
struct Config {
  std::filesystem::path data_dir;    // Absolute.
  std::string data_group;            // Whose members may read it; empty: its owner alone.
  std::filesystem::path models_dir;  // Packs made at set-up; those in the data directory go first.
  std::string model_pack = "default";
  std::string effort = "normal";  // draft normal full
  std::string provider = "cpu";
  int threads = 0;  // For inference in one worker; 0: as many as the machine has cores.
  int slots = 2;    // Workers at once.
  // What one worker may have of memory of its own; 0: no limit. See docs/decisions.md.
  int worker_memory_mb = 4096;
  // After the disk was full, where the write that failed did not say how much it needed: work goes
  // on when this much is free, or a sixteenth of a smaller disk.
  int disk_free_mb = 64;
  // The runtime's time constants: table [runtime] of the file, `lease_ms = 30000` and so on.
  jobs::RuntimeTimes runtime;

  // Which source gave each setting, by its name there: "flag", "ROLLCALL_EFFORT",
  // "rollcall.toml:3", "default".
  std::map<std::string, std::string, std::less<>> origins;

  // What `threads` comes to.
  int inference_threads() const;
  // Where the pack `model_pack` is: itself if it is a path, else its folder below the data
  // directory's models/ or else below models_dir. Need not exist.
  std::filesystem::path ModelPackFolder() const;
  // Every setting by the name that rollcall.toml has for it, and "data", which no file can say:
  // {"analysis.effort": {"value": "normal", "origin": "default"}, …}
  base::Json ToJson() const;
};

// Values by setting name, as typed: {"effort", "draft"}. Names: data data_group models_dir
// model_pack effort provider threads slots worker_memory_mb disk_free_mb. (The runtime's times are
// set in the file only.)
using SettingValues = std::map<std::string, std::string, std::less<>>;
// The value of an environment variable, if it is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

// kInvalidArgument / ERR_BAD_PARAMS for a flag or variable, ERR_BAD_CONFIG for the file, with the
// line. A setting that is not known is refused in the file and passed over in the environment.
base::Result<Config> LoadConfig(const SettingValues& flags, const Environment& environment);

}  // namespace rollcall::app
