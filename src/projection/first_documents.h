#pragma once

#include <filesystem>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::projection {

struct NewSubject {
  const subject::SubjectKind& kind;
  std::string_view id;
  base::WallTime created_at{};
};

// Writes the documents of a subject that was only added, and returns true. False, and nothing
// written, when a stage of it has been asked for: then the projector does. Not while a job of it is
// being submitted.
base::Result<bool> WriteFirstDocuments(store::JobStore& store, vault::Vault& vault,
                                       const std::filesystem::path& data_dir,
                                       const NewSubject& subject);

}  // namespace rollcall::projection
