#pragma once

#include <filesystem>
#include <optional>

#include "projection/projection.h"
#include "store/job_store.h"

namespace rollcall::projection {

// What the projections of a subject are made of, as the store says it now. Errors of the store.

// nullopt if the subject is no episode, or one that is not registered.
base::Result<std::optional<store::Episode>> GatherEpisode(store::JobStore& store,
                                                          const store::Subject& subject);
base::Result<SubjectFacts> GatherSubject(store::JobStore& store,
                                         const std::filesystem::path& data_dir,
                                         const store::Subject& subject);

}  // namespace rollcall::projection
