#pragma once

#include "app/data_directory.h"
#include "base/result.h"
#include "store/job_store.h"

namespace rollcall::app {

// Writes state.json and runtime.json of an episode that was only added, and returns true. False,
// and nothing written, when a stage of it has been asked for: then the projector does. Not while a
// job of it is being submitted.
base::Result<bool> WriteFirstState(store::JobStore& store, const DataDirectory& data,
                                   const store::Episode& episode);

}  // namespace rollcall::app
