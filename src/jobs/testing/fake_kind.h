#pragma once

#include <memory>

#include "base/clock.h"
#include "base/held_folder.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"

namespace rollcall::jobs {

// Episodes whose stages are fake ones: detect, and track and stills, which need what comes before.
subject::SubjectKinds FakeKinds();

std::unique_ptr<vault::Vault> OpenLocalVault(const base::HeldFolder& data_dir, base::Clock& clock);

}  // namespace rollcall::jobs
