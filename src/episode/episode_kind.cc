#include "episode/episode_kind.h"

#include "episode/episode_files.h"
#include "episode/episode_projection.h"

namespace rollcall::episode {

subject::SubjectKind EpisodeKind(const subject::StageTable& table) {
  static const EpisodeFiles files;
  static const EpisodeProjection projection;
  return {.name = kKind, .stages = table, .files = files, .projection = projection};
}

}  // namespace rollcall::episode
