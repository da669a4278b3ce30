#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "episode/people/people_snapshot.h"

namespace rollcall::episode {

// What is said of an episode's people: docs/people.md, Routes.

// {episode_key, people, video_ms, tracks_unidentified, tracks_ignored, edit_sequence, unattached,
//  files_are_current}.
base::Json PeopleJson(const PeopleSnapshot& snapshot);
// One of them, with its intervals and pieces. ERR_NO_SUCH_PERSON.
base::Result<base::Json> PersonJson(const PeopleSnapshot& snapshot, std::int64_t label);
// {episode_key, suggestions}.
base::Json SuggestionsJson(const PeopleSnapshot& snapshot);
// {episode_key, track, …, pieces, nearest, why}. ERR_NO_SUCH_PIECE.
base::Result<base::Json> TrackJson(const PeopleSnapshot& snapshot, std::int64_t track);
// A line of the log, and all of them: {episode_key, edits}.
base::Json EditLineJson(const store::Edit& line);
base::Json HistoryJson(std::string_view key, const std::vector<store::Edit>& log);

}  // namespace rollcall::episode
