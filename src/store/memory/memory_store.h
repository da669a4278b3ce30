#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "store/ledger_store.h"

namespace rollcall::store {

class MemoryLedger;

// A JobStore in maps, for tests and simulations: the rules of every store, durable only as long as
// the object lives.
//
// Thread-safe: one mutex around each transaction.
class MemoryStore final : public LedgerStore {
 public:
  explicit MemoryStore(StoreClock clock);
  ~MemoryStore() override;

  // As if the host had booted and the store had been opened again, with all its rows.
  void Reboot(std::string boot_id);

 protected:
  base::Result<void> Transact(Access access, const Body& body) override;
  base::Result<void> CheckFile() override { return {}; }

 private:
  base::Mutex mutex_;
  std::unique_ptr<MemoryLedger> ledger_ ROLLCALL_GUARDED_BY(mutex_);
};

}  // namespace rollcall::store
