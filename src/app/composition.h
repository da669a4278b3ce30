#pragma once

#include <memory>

#include "base/clock.h"
#include "base/held_folder.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"
#include "worker/worker.h"

namespace rollcall::app {

// What Rollcall is made of: a new kind of subjects, another vault or store is one line here.

subject::SubjectKinds Kinds();

std::unique_ptr<vault::Vault> OpenVault(const base::HeldFolder& data_dir, base::Clock& clock);

// A worker process's side of all kinds, with this many threads for inference.
worker::WorkerParts WorkerSide(int threads);

}  // namespace rollcall::app
