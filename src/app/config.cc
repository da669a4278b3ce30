#include "app/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/path_text.h"
#include "base/shown_text.h"
#include "domain/reasons.h"

namespace rollcall::app {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::Result;
namespace reason = domain::reason;

using Setter = Result<void> (*)(Config&, const std::string&);

// One thing that can be set. `toml_key` is dotted.
struct Setting {
  std::string_view name;
  const char* variable;
  std::string_view toml_key;
  Setter set;
  Json (*get)(const Config&);
};

base::Error Bad(std::string message) {
  return domain::MakeError(reason::kBadParams, std::move(message));
}

Result<int> Integer(const std::string& text, int least, int most) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || stop != end || number < least || number > most) {
    return Bad(fmt::format("\"{}\" is not a whole number from {} to {}", text, least, most));
  }
  return number;
}

Result<void> NonEmpty(std::string& target, const std::string& text) {
  if (text.empty()) return Bad("the value is empty");
  target = text;
  return {};
}

Result<void> SetEffort(Config& config, const std::string& text) {
  for (const std::string_view known : {"draft", "normal", "full"}) {
    if (text == known) {
      config.effort = text;
      return {};
    }
  }
  return Bad("\"" + text + "\" is not draft, normal or full");
}

Result<void> SetModelsDir(Config& config, const std::string& text) {
  if (text.empty()) return Bad("the value is empty");
  config.models_dir = fs::absolute(base::PathFromText(text)).lexically_normal();
  return {};
}

Result<void> SetThreads(Config& config, const std::string& text) {
  ROLLCALL_TRY_ASSIGN(config.threads, Integer(text, 0, 256));
  return {};
}

Result<void> SetSlots(Config& config, const std::string& text) {
  ROLLCALL_TRY_ASSIGN(config.slots, Integer(text, 1, 64));
  return {};
}

// Less than the least is too little for anything, and meant otherwise.
Result<void> SetWorkerMemory(Config& config, const std::string& text) {
  constexpr int kLeastMb = 64;
  ROLLCALL_TRY_ASSIGN(const int megabytes, Integer(text, 0, 1 << 24));
  if (megabytes != 0 && megabytes < kLeastMb) {
    return Bad(fmt::format("{} MB is too little for a worker; 0 means no limit", megabytes));
  }
  config.worker_memory_mb = megabytes;
  return {};
}

Result<void> SetDiskFree(Config& config, const std::string& text) {
  ROLLCALL_TRY_ASSIGN(config.disk_free_mb, Integer(text, 1, 1 << 24));
  return {};
}

constexpr std::array<Setting, 9> kSettings{{
    {"data_group", "ROLLCALL_DATA_GROUP", "data.group",
     [](Config& config, const std::string& text) {
       config.data_group = text;
       return Result<void>{};
     },
     [](const Config& config) { return Json(config.data_group); }},
    {"models_dir", "ROLLCALL_MODELS", "models.folder", SetModelsDir,
     [](const Config& config) { return Json(base::PathToText(config.models_dir)); }},
    {"model_pack", "ROLLCALL_MODEL_PACK", "models.pack",
     [](Config& config, const std::string& text) { return NonEmpty(config.model_pack, text); },
     [](const Config& config) { return Json(base::ShownBytes(config.model_pack)); }},
    {"effort", "ROLLCALL_EFFORT", "analysis.effort", SetEffort,
     [](const Config& config) { return Json(config.effort); }},
    {"provider", "ROLLCALL_PROVIDER", "models.provider",
     [](Config& config, const std::string& text) { return NonEmpty(config.provider, text); },
     [](const Config& config) { return Json(config.provider); }},
    {"threads", "ROLLCALL_THREADS", "models.threads", SetThreads,
     [](const Config& config) { return Json(config.threads); }},
    {"slots", "ROLLCALL_SLOTS", "jobs.slots", SetSlots,
     [](const Config& config) { return Json(config.slots); }},
    {"worker_memory_mb", "ROLLCALL_WORKER_MEMORY_MB", "jobs.worker_memory_mb", SetWorkerMemory,
     [](const Config& config) { return Json(config.worker_memory_mb); }},
    {"disk_free_mb", "ROLLCALL_DISK_FREE_MB", "jobs.disk_free_mb", SetDiskFree,
     [](const Config& config) { return Json(config.disk_free_mb); }},
}};

base::Error InFile(const fs::path& file, const toml::source_region& at, std::string_view message) {
  return domain::MakeError(reason::kBadConfig,
                           fmt::format("{}, line {}: {}", file.string(), at.begin.line, message));
}

const Setting* SettingOfKey(std::string_view toml_key) {
  const auto found = std::find_if(kSettings.begin(), kSettings.end(), [&](const Setting& setting) {
    return setting.toml_key == toml_key;
  });
  return found == kSettings.end() ? nullptr : &*found;
}

Result<std::string> TextOf(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  return Bad("a text or a whole number is wanted here");
}

constexpr std::string_view kRuntimePrefix = "runtime.";

// A day: whoever wants a longer lease has mistaken the unit.
constexpr int kRuntimeMsMax = 86'400'000;

// `dotted` as a time constant of the runtime; false if it is none.
Result<bool> ApplyRuntime(Config& config, std::string_view dotted, const std::string& text) {
  for (const jobs::RuntimeTimeField& field : jobs::kRuntimeTimeFields) {
    if (!dotted.starts_with(kRuntimePrefix) || dotted.substr(kRuntimePrefix.size()) != field.name) {
      continue;
    }
    ROLLCALL_TRY_ASSIGN(const int ms, Integer(text, 1, kRuntimeMsMax));
    config.runtime.*field.member = std::chrono::milliseconds{ms};
    return true;
  }
  return false;
}

// Sets what the file says at one place; false if there is no such setting.
Result<bool> ApplyEntry(Config& config, std::string_view dotted, const std::string& text) {
  const Setting* setting = SettingOfKey(dotted);
  if (setting == nullptr) return ApplyRuntime(config, dotted, text);
  ROLLCALL_TRY(setting->set(config, text));
  return true;
}

// The name under which a setting's origin is kept.
std::string OriginName(std::string_view dotted) {
  const Setting* setting = SettingOfKey(dotted);
  return std::string(setting == nullptr ? dotted : setting->name);
}

// All keys of the file must be known: a typing mistake that is silently ignored costs an evening.
Result<void> ApplyTable(Config& config, const fs::path& file, const toml::table& table,
                        const std::string& prefix) {
  for (const auto& [key, node] : table) {
    const std::string dotted = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      ROLLCALL_TRY(ApplyTable(config, file, *inner, dotted + "."));
      continue;
    }
    const auto text = TextOf(node);
    const auto applied = text.ok() ? ApplyEntry(config, dotted, *text) : text.error();
    if (!applied.ok()) return InFile(file, node.source(), dotted + ": " + applied.error().message);
    if (!*applied) return InFile(file, key.source(), "there is no setting \"" + dotted + "\"");
    config.origins[OriginName(dotted)] = fmt::format("rollcall.toml:{}", node.source().begin.line);
  }
  return {};
}

Result<void> ApplyFile(Config& config) {
  const fs::path file = config.data_dir / "rollcall.toml";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  ROLLCALL_TRY_ASSIGN(const std::string text, base::ReadFile(file));
  try {
    const toml::table table = toml::parse(text);
    ROLLCALL_TRY(ApplyTable(config, file, table, ""));
    if (const auto checked = config.runtime.Check(); !checked.ok()) {
      const toml::node* runtime = table.get("runtime");
      return InFile(file, runtime == nullptr ? table.source() : runtime->source(),
                    checked.error().message);
    }
    return {};
  } catch (const toml::parse_error& error) {
    return InFile(file, error.source(), error.description());
  }
}

Result<void> ApplyEnvironment(Config& config, const Environment& environment) {
  for (const Setting& setting : kSettings) {
    const auto value = environment(setting.variable);
    if (!value) continue;
    if (const auto set = setting.set(config, *value); !set.ok()) {
      return Bad(fmt::format("{}: {}", setting.variable, set.error().message));
    }
    config.origins[std::string(setting.name)] = setting.variable;
  }
  return {};
}

Result<void> ApplyFlags(Config& config, const SettingValues& flags) {
  for (const Setting& setting : kSettings) {
    const auto value = flags.find(setting.name);
    if (value == flags.end()) continue;
    if (const auto set = setting.set(config, value->second); !set.ok()) {
      std::string flag(setting.name);
      std::replace(flag.begin(), flag.end(), '_', '-');
      return Bad(fmt::format("--{}: {}", flag, set.error().message));
    }
    config.origins[std::string(setting.name)] = "flag";
  }
  return {};
}

Result<void> ChooseDataDirectory(Config& config, const SettingValues& flags,
                                 const Environment& environment) {
  std::string chosen;
  if (const auto flag = flags.find("data"); flag != flags.end()) {
    chosen = flag->second;
    config.origins["data"] = "flag";
  } else if (const auto variable = environment("ROLLCALL_DATA")) {
    chosen = *variable;
    config.origins["data"] = "ROLLCALL_DATA";
  } else {
    const auto home = environment("HOME");
    if (!home || home->empty()) {
      return domain::MakeError(reason::kBadParams, "there is no home directory to keep data in",
                               "name a folder with --data");
    }
    chosen = *home + "/.local/share/rollcall";
    config.origins["data"] = "default";
  }
  if (chosen.empty()) return Bad("the data directory's name is empty");
  config.data_dir = fs::absolute(chosen).lexically_normal();
  return {};
}

}  // namespace

int Config::inference_threads() const {
  // ONNX Runtime gains nothing from more on pictures of this size.
  constexpr int kUsefulThreads = 8;
  if (threads > 0) return threads;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kUsefulThreads);
}

fs::path Config::ModelPackFolder() const {
  if (model_pack.find('/') != std::string::npos) return fs::absolute(model_pack).lexically_normal();
  std::error_code ignored;
  const fs::path own = data_dir / "models" / model_pack;
  return fs::exists(own / "pack.toml", ignored) ? own : models_dir / model_pack;
}

Json Config::ToJson() const {
  Json json = Json::object();
  const auto add = [&](std::string_view shown, std::string_view name, Json value) {
    const auto origin = origins.find(name);
    json[std::string(shown)] = {{"value", std::move(value)},
                                {"origin", origin == origins.end() ? "default" : origin->second}};
  };
  add("data", "data", base::PathToText(data_dir));
  for (const Setting& setting : kSettings) add(setting.toml_key, setting.name, setting.get(*this));
  for (const jobs::RuntimeTimeField& field : jobs::kRuntimeTimeFields) {
    const std::string name = fmt::format("{}{}", kRuntimePrefix, field.name);
    add(name, name, (runtime.*field.member).count());
  }
  return json;
}

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Result<Config> LoadConfig(const SettingValues& flags, const Environment& environment) {
  Config config;
  config.models_dir = ROLLCALL_MODELS_DIR;
  ROLLCALL_TRY(ChooseDataDirectory(config, flags, environment));
  ROLLCALL_TRY(ApplyFile(config));
  ROLLCALL_TRY(ApplyEnvironment(config, environment));
  ROLLCALL_TRY(ApplyFlags(config, flags));
  return config;
}

}  // namespace rollcall::app
