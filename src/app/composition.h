#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/held_folder.h"
#include "subject/subject_kind.h"
#include "vault/vault.h"
#include "worker/worker.h"

namespace rollcall::app {

// What Rollcall is made of: a new kind of subjects, another vault or store is one line here.

subject::SubjectKinds Kinds();

std::unique_ptr<vault::Vault> OpenVault(const base::HeldFolder& data_dir, base::Clock& clock);

// The vault of a data directory for somebody who only reads, beside its owner perhaps.
class OwnVault {
 public:
  // Errors of HeldFolder::Open.
  static base::Result<std::unique_ptr<OwnVault>> Open(const std::filesystem::path& data_dir);
  vault::Vault& vault() { return *vault_; }

 private:
  explicit OwnVault(base::HeldFolder folder)
      : folder_(std::move(folder)), vault_(OpenVault(folder_, clock_)) {}

  const base::HeldFolder folder_;
  base::SystemClock clock_;
  const std::unique_ptr<vault::Vault> vault_;
};

// A worker process's side of all kinds, with this many threads for inference.
worker::WorkerParts WorkerSide(int threads);

}  // namespace rollcall::app
