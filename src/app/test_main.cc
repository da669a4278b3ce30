// The tests' main. EngineLink starts its engine from the running program, so this one can be that
// engine as well:
//   app_test engine --data DIR    the real engine, as a command's child
//   app_test refuse               one that says why it cannot serve
//   app_test die                  one that ends without a word
//   app_test worker …             a worker that never answers
//   app_test talk DIR             a command: says a word when an engine answers, stays until its
//                                 input ends
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "app/engine_link.h"
#include "app/engine_process.h"
#include "domain/reasons.h"

namespace {

int Engine(const char* data_dir) {
  rollcall::app::Config config;
  config.data_dir = data_dir;
  config.models_dir = data_dir;
  return rollcall::app::RunEngineProcess(config, {}).ok() ? 0 : 1;
}

int Refuse() {
  std::puts(rollcall::app::EngineRefusal(
                rollcall::domain::MakeError(rollcall::domain::reason::kStoreTooNew, "schema 99"))
                .c_str());
  return 1;
}

int Talk(const char* data_dir) {
  using rollcall::app::EngineLink;
  const auto link = EngineLink::Open(rollcall::app::DataDirectory::Open(data_dir).value(),
                                     {.when_none = EngineLink::WhenNone::kRefuse});
  if (!link.ok()) return 1;
  std::puts("here");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "engine" && argc == 4) return Engine(argv[3]);
  if (role == "refuse") return Refuse();
  if (role == "die") return 1;
  if (role == "talk" && argc == 3) return Talk(argv[2]);
  if (role == "worker") {
    while (true) ::pause();
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
