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
  if (onlooker_ != nullptr) return onlooker_->Refusal();
  if (link_ == nullptr) {
    app::EngineLink::Options options;
    options.engine_argv = {"rollcall", "engine", "--data", data_.root().string()};
    ROLLCALL_TRY_ASSIGN(link_, app::EngineLink::Open(data_, std::move(options)));
  }
  return link_.get();
}

Result<void> Session::BeginToLook() {
  auto link = app::EngineLink::Open(data_, {.when_none = app::EngineLink::WhenNone::kRefuse});
  if (link.ok()) {
    link_ = std::move(*link);
    return {};
  }
  ROLLCALL_TRY_ASSIGN(onlooker_, app::Onlooker::Open(config_, data_));
  console_.PrintWarning(onlooker_->notice());
  return {};
}

Result<base::Json> Session::Call(std::string_view method, const base::Json& params) {
  const bool has_begun = link_ != nullptr || onlooker_ != nullptr;
  if (!has_begun && !data_.IsWritable()) ROLLCALL_TRY(BeginToLook());
  if (onlooker_ != nullptr) return onlooker_->Call(method, params);
  ROLLCALL_TRY_ASSIGN(app::EngineLink * link, Engine());
  return link->Call(method, params);
}

}  // namespace rollcall::cli
