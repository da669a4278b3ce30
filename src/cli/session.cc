#include "cli/session.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "app/data_access.h"
#include "cli/interrupt.h"

namespace rollcall::cli {

using base::Result;

Result<std::unique_ptr<Session>> Session::Open(const GlobalFlags& flags, Data wanted) {
  ROLLCALL_TRY_ASSIGN(app::Config config,
                      app::LoadConfig(flags.settings, app::ProcessEnvironment()));
  ROLLCALL_TRY_ASSIGN(const auto group, app::GroupOf(config));
  // Nobody has mistyped the default.
  const bool may_make = wanted == Data::kIsMade || config.origins.at("data") == "default";
  ROLLCALL_TRY_ASSIGN(app::DataDirectory data,
                      may_make ? app::DataDirectory::Open(config.data_dir, group)
                               : app::DataDirectory::OpenExisting(config.data_dir, group));
  ::umask(app::UmaskFor(data, group));
  return std::unique_ptr<Session>(new Session(std::move(config), std::move(data), group, flags));
}

std::string Session::Typed(std::string_view command) const {
  return fmt::format("rollcall {}{}", command, console_.data_flag());
}

Result<app::EngineLink*> Session::Engine() {
  if (onlooker_ != nullptr) return onlooker_->Refusal();
  if (link_ == nullptr) {
    app::EngineLink::Options options;
    const Interrupt interrupt;
    options.is_given_up = [&interrupt] { return interrupt.has_come(); };
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

Result<base::Json> Session::Ask(const api::Request& request) {
  const bool has_begun = link_ != nullptr || onlooker_ != nullptr;
  if (!has_begun && !data_.IsWritable()) ROLLCALL_TRY(BeginToLook());
  if (onlooker_ == nullptr) ROLLCALL_TRY(Engine());
  ROLLCALL_TRY_ASSIGN(base::Json answer,
                      onlooker_ != nullptr ? onlooker_->Ask(request) : link_->Ask(request));
  // The text of Prometheus has lines of its own; Console::Print looks after the rest of it.
  if (request.Path() == "/metrics") return answer;
  return console_.ForReader(std::move(answer));
}

}  // namespace rollcall::cli
