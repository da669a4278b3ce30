#include "app/composition.h"

#include <string_view>
#include <utility>

#include "episode/episode_kind.h"
#include "episode/stages/episode_stages.h"
#include "vault/local/local_vault.h"

namespace rollcall::app {

subject::SubjectKinds Kinds() {
  return subject::SubjectKinds::Create({episode::EpisodeKind(episode::EpisodeStages())}).value();
}

std::unique_ptr<vault::Vault> OpenVault(const base::HeldFolder& data_dir, base::Clock& clock) {
  return std::make_unique<vault::LocalVault>(data_dir, clock);
}

worker::WorkerParts WorkerSide(int threads) {
  return {.handlers =
              [kinds = Kinds(), threads](std::string_view stage) {
                return kinds.HandlerOf(stage, {.threads = threads});
              },
          .outside_files = &episode::FilesOutside,
          .rules = worker::SandboxRules::kAll};
}

}  // namespace rollcall::app
