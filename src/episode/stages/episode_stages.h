#pragma once

#include "domain/stage_handler.h"
#include "subject/stage_table.h"
#include "worker/worker.h"

namespace rollcall::episode {

// The stages of an episode: the one table of them. A new one is a row there and a handler in
// pipeline/.
const subject::StageTable& EpisodeStages();

// What a stage reads beside results: its video and its model pack, behind links too. A provider
// other than the processor needs devices and drivers that nobody can list, so that its stage is not
// limited.
worker::OutsideFiles FilesOutside(const domain::StageAssignment& assignment);

}  // namespace rollcall::episode
