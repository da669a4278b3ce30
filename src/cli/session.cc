#include "cli/session.h"

#include <fmt/format.h>

#include <utility>

namespace rollcall::cli {

using base::Result;

Result<std::unique_ptr<Session>> Session::Open(const GlobalFlags& flags) {
  ROLLCALL_TRY_ASSIGN(app::Config config,
                      app::LoadConfig(flags.settings, app::ProcessEnvironment()));
  ROLLCALL_TRY_ASSIGN(app::DataDirectory data, app::DataDirectory::Open(config.data_dir));
  return std::unique_ptr<Session>(new Session(std::move(config), std::move(data), flags));
}

std::string Session::Typed(std::string_view command) const {
  return fmt::format("rollcall {}{}", command, console_.data_flag());
}

Result<app::EngineLink*> Session::Engine() {
  if (link_ == nullptr) {
    app::EngineLink::Options options;
    options.engine_argv = {"rollcall", "engine", "--data", data_.root().string()};
    ROLLCALL_TRY_ASSIGN(link_, app::EngineLink::Open(data_, std::move(options)));
  }
  return link_.get();
}

Result<base::Json> Session::Call(std::string_view method, const base::Json& params) {
  ROLLCALL_TRY_ASSIGN(app::EngineLink * link, Engine());
  return link->Call(method, params);
}

}  // namespace rollcall::cli
