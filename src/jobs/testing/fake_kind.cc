#include "jobs/testing/fake_kind.h"

#include <string>
#include <utility>
#include <vector>

#include "episode/episode_kind.h"
#include "jobs/testing/fake_stages.h"
#include "vault/local/local_vault.h"

namespace rollcall::jobs {
namespace {

subject::MakeHandler Fake(const char* stage) {
  return [stage](const subject::HandlerOptions&) { return MakeFakeStage(stage); };
}

subject::StageRow Row(const char* name, std::vector<std::string> needs,
                      subject::MakeHandler handler, const char* flag) {
  return {.name = name,
          .title = name,
          .needs = std::move(needs),
          .handler = std::move(handler),
          .flag = flag};
}

}  // namespace

subject::SubjectKinds FakeKinds() {
  // Of an episode's stages, those that nobody can run here are in its registry all the same.
  static const subject::StageTable stages{{
      Row("validate", {}, nullptr, "validated"),
      Row("extract", {}, nullptr, "extracted_frames"),
      Row("detect", {}, Fake("detect"), "detected"),
      Row("track", {"detect"}, Fake("track"), "tracked"),
      Row("stills", {"track"}, Fake("stills"), "stills_generated"),
      Row("cluster", {}, nullptr, "clustered"),
      Row("mood", {}, nullptr, "mood_measured"),
      Row("analytics", {}, nullptr, "analytics_computed"),
      // Its worker is of another program.
      Row("unknown", {}, Fake("unknown"), ""),
  }};
  return subject::SubjectKinds::Create({episode::EpisodeKind(stages)}).value();
}

std::unique_ptr<vault::Vault> OpenLocalVault(const base::HeldFolder& data_dir, base::Clock& clock) {
  return std::make_unique<vault::LocalVault>(data_dir, clock);
}

}  // namespace rollcall::jobs
