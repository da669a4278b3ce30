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

base::Result<std::unique_ptr<OwnVault>> OwnVault::Open(const std::filesystem::path& data_dir) {
  ROLLCALL_TRY_ASSIGN(auto folder, base::HeldFolder::Open(data_dir));
  return std::unique_ptr<OwnVault>(new OwnVault(std::move(folder)));
}

worker::WorkerParts WorkerSide(int threads) {
  return {.handlers =
              [kinds = Kinds(), threads](std::string_view stage) {
                return kinds.HandlerOf(stage, {.threads = threads});
              },
          .outside_files =
              [](const domain::StageAssignment& assignment) {
                return assignment.subject_kind == episode::kKind ? episode::FilesOutside(assignment)
                                                                 : worker::OutsideFiles{};
              },
          .rules = worker::SandboxRules::kAll};
}

}  // namespace rollcall::app
