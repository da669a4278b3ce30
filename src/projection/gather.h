#pragma once

#include "base/result.h"
#include "store/job_store.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::projection {

// What the documents of a subject are made of, as store and vault say it now. Their errors; an
// artefact that is not there is none.
base::Result<subject::SubjectFacts> GatherSubject(store::JobStore& store, vault::Vault& vault,
                                                  const subject::SubjectKind& kind,
                                                  std::string_view id);

}  // namespace rollcall::projection
