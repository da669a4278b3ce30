#include "compose/sample.h"

#include <string>

#include "base/file.h"
#include "compose/spec.h"

namespace rollcall::compose {

base::Result<Sample> MakeSample(const std::filesystem::path& photos_folder,
                                const std::filesystem::path& out_folder,
                                const ComposeProgress& progress) {
  Sample sample{.video = out_folder / "sample.mp4", .truth = {}};
  sample.truth = TruthPath(sample.video);
  const std::filesystem::path stamp = out_folder / ".sample.spec";
  const std::string made_of = base::Sha256(SampleSpecText());
  if (auto before = base::ReadFile(stamp); before.ok() && *before == made_of &&
                                           std::filesystem::exists(sample.truth) &&
                                           std::filesystem::exists(sample.video)) {
    return sample;
  }
  ROLLCALL_TRY_ASSIGN(
      const EpisodeSpec spec,
      ParseSpec(SampleSpecText(),
                {.name = "sample.toml", .folder = photos_folder, .media_root = photos_folder}));
  ROLLCALL_TRY(ComposeEpisode(spec, sample.video, progress));
  ROLLCALL_TRY(base::WriteFileAtomic(stamp, made_of));
  return sample;
}

}  // namespace rollcall::compose
