#pragma once

#include "subject/subject_kind.h"

namespace rollcall::episode {

inline constexpr const char* kKind = "episode";

// The subject kind "episode": a video under its key. What it is on paper is here (files,
// documents); how it is worked on is in `table`, which must outlive it:
// episode/stages/episode_stages.h, or one of a test.
subject::SubjectKind EpisodeKind(const subject::StageTable& table);

}  // namespace rollcall::episode
