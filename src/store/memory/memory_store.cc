#include "store/memory/memory_store.h"

#include <utility>

#include "store/memory/memory_ledger.h"

namespace rollcall::store {

MemoryStore::MemoryStore(StoreClock clock)
    : LedgerStore(std::move(clock)), ledger_(std::make_unique<MemoryLedger>()) {}
MemoryStore::~MemoryStore() = default;

void MemoryStore::Reboot(std::string boot_id) {
  base::MutexLock lock(mutex_);
  SetBoot(std::move(boot_id));
}

base::Result<void> MemoryStore::Transact(Access, const Body& body) {
  base::MutexLock lock(mutex_);
  auto result = body(*ledger_);
  if (result.ok()) {
    ledger_->Commit();
  } else {
    ledger_->RollBack();
  }
  return result;
}

}  // namespace rollcall::store
