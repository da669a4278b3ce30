#include "episode/episode_files.h"

namespace rollcall::episode {

std::vector<subject::Area> EpisodeFiles::Areas() const {
  return {{.name = "harvest"}, {.name = "outputs", .is_shared = true}, {.name = "episodes"}};
}

std::filesystem::path EpisodeFiles::SegmentFolder(std::string_view id,
                                                  std::string_view stage) const {
  return std::filesystem::path("harvest") / id / "segments" / stage;
}

base::Result<bool> EpisodeFiles::MaySweep(store::JobStore& store, std::string_view id) const {
  const auto episode = store.EpisodeGet(id);
  if (episode.ok()) return true;
  if (episode.error().code == base::ErrorCode::kNotFound) return false;
  return episode.error();
}

}  // namespace rollcall::episode
