#include "store/memory/memory_store.h"

#include "store/memory/memory_ledger.h"

namespace rollcall::store {

MemoryStore::MemoryStore() : ledger_(std::make_unique<MemoryLedger>()) {}
MemoryStore::~MemoryStore() = default;

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
