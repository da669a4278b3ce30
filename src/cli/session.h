#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http.h"
#include "app/config.h"
#include "app/data_directory.h"
#include "app/engine_link.h"
#include "app/onlooker.h"
#include "cli/console.h"
#include "cli/exit_code.h"

namespace rollcall::cli {

// What every command begins with: configuration, data directory, engine.
//
// Thread-compatible.
class Session {
 public:
  // What a command wants of the data directory that it was told.
  enum class Data {
    kExists,  // A mistyped name makes no folder: ERR_NOT_FOUND.
    kIsMade,  // It puts something there.
  };
  // Reads the configuration and opens the data directory; no engine yet. The default place is made
  // by whatever comes first. ERR_BAD_CONFIG, ERR_BAD_PARAMS, ERR_PERMISSION, ERR_DISK_FULL.
  static base::Result<std::unique_ptr<Session>> Open(const GlobalFlags& flags, Data wanted);

  const app::Config& config() const { return config_; }
  const app::DataDirectory& data() const { return data_; }
  const Console& console() const { return console_; }
  // The umask of whoever typed the command: for what he takes elsewhere.
  mode_t users_umask() const { return users_umask_; }
  // The group that data.group names.
  std::optional<gid_t> group() const { return group_; }
  // A command for a person to type, which finds this data directory again: "rollcall jobs wait x",
  // with --data if this one was told so.
  std::string Typed(std::string_view command) const;
  // The same for every `rollcall …` in backticks of a sentence that the engine wrote.
  std::string AsTyped(std::string_view sentence) const { return console_.AsTyped(sentence); }

  // The store is read by this command itself.
  bool is_looking() const { return onlooker_ != nullptr; }
  // Connects on first use; starts an engine when there is none.
  base::Result<app::EngineLink*> Engine();
  // Engine() and its answer. Where this user may not write, and no engine answers, the store is
  // read instead, which is told once, and what changes something is refused: ERR_PERMISSION.
  // For a person, texts in the answer are as Console::ForReader has them.
  base::Result<base::Json> Ask(const api::Request& request);

 private:
  base::Result<void> BeginToLook();
  Session(app::Config config, app::DataDirectory data, std::optional<gid_t> group,
          const GlobalFlags& flags)
      : config_(std::move(config)),
        data_(std::move(data)),
        group_(group),
        users_umask_(flags.users_umask),
        console_(flags) {}

  app::Config config_;
  app::DataDirectory data_;
  std::optional<gid_t> group_;
  mode_t users_umask_;
  Console console_;
  std::unique_ptr<app::EngineLink> link_;
  std::unique_ptr<app::Onlooker> onlooker_;
};

}  // namespace rollcall::cli
