#pragma once

#include <string_view>

#include "base/result.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::housekeeping {

// What the stages have left of a subject: its areas and the folders of its jobs. What it was made
// from (a video) lies elsewhere and is never touched.
bool HasSubjectFiles(vault::Vault& vault, const subject::SubjectKind& kind, std::string_view id);
// ERR_PERMISSION names the first that cannot be removed.
base::Result<void> RemoveSubjectFiles(vault::Vault& vault, const subject::SubjectKind& kind,
                                      std::string_view id);

}  // namespace rollcall::housekeeping
